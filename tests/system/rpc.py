"""A naive client of the wire, in plain Python over a MessagePack library, as docs/protocol.md describes it;
and a daemon of the test's own, in a folder of its own. For the tests of this folder."""
import collections
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

import msgpack


class Refused(Exception):
    """An error reply: [code, message, {path, hint, retryable, violations}]."""

    def __init__(self, error):
        self.code, self.message, details = error
        self.path, self.hint = details["path"], details["hint"]
        self.retryable, self.violations = details["retryable"], details["violations"]
        super().__init__(f"{self.code}: {self.message} (at {self.path!r}; hint: {self.hint!r})")


class Connection:
    """One connection. `call` waits for its reply; `send` and `reply` are its two halves, for pipelining."""

    def __init__(self, path, timeout=60):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.pushes = collections.deque()
        self._replies = {}
        self._next = 0
        self._unpacker = msgpack.Unpacker(raw=False, timestamp=3, strict_map_key=False,
                                          max_buffer_size=1 << 28)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, method, *params):
        """Sends a request without waiting; its id is what `reply` takes."""
        self._next += 1
        self.send_bytes(msgpack.packb([0, self._next, method, list(params)], datetime=True))
        return self._next

    def send_passing(self, descriptor, method, *params):
        """The same, with a descriptor beside it."""
        self._next += 1
        socket.send_fds(self.socket, [msgpack.packb([0, self._next, method, list(params)])], [descriptor])
        return self._next

    def message(self):
        """The next message, or None when the daemon has closed the connection."""
        while True:
            try:
                return next(self._unpacker)
            except StopIteration:
                pass
            try:
                data = self.socket.recv(1 << 20)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._unpacker.feed(data)

    def raw_reply(self, request):
        """[1, id, error, result] of that request; pushes and other replies are kept for who asks."""
        while request not in self._replies:
            message = self.message()
            if message is None:
                told = self._replies.get(None)  # An error that belongs to no request.
                raise ConnectionError(f"the daemon closed the connection: {told[2][:2] if told else 'no reason given'}")
            if message[0] == 2:
                self.pushes.append(message)
            else:
                self._replies[message[1]] = message
        return self._replies.pop(request)

    def reply(self, request):
        _, _, error, result = self.raw_reply(request)
        if error is not None:
            raise Refused(error)
        return result

    def call(self, method, *params):
        try:
            self.send(method, *params)
        except BrokenPipeError:
            pass  # What the daemon said before it closed is still to be read.
        return self.reply(self._next)

    def upload(self, data):
        """The blob's address of those bytes, sent in pieces with several in flight."""
        begun = self.call("blob.begin", {"size": len(data)})
        chunk = begun["chunk"]
        pieces = [self.send("blob.write", begun["token"], place, data[place:place + chunk])
                  for place in range(0, len(data), chunk)]
        for piece in pieces:
            self.reply(piece)
        return self.call("blob.commit", begun["token"])["blob"]

    def verify(self):
        """The result of a whole verify job."""
        return self.job("verify")

    def job(self, method):
        """The result of a whole job."""
        job = self.call(method)["job"]
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            found = self.call("job.get", job)
            if found["state"] not in ("waiting", "running"):
                if found["state"] != "done":
                    raise AssertionError(found)
                return found["result"]
            time.sleep(0.01)  # Between two questions; what is waited for is the answer.
        raise AssertionError(f"{method} did not end")


def environment(**variables):
    """This process's environment without what would change the programs under test."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("EMSTORE_")}
    return kept | variables


class Daemon:
    """A daemon on a fresh folder, or on the folder given; `data`: where its store is, if not there."""

    def __init__(self, *flags, folder=None, data=None):
        self._folder = None if folder else tempfile.TemporaryDirectory(prefix="emstore-")
        self.path = pathlib.Path(folder or self._folder.name)
        self.data, self.socket = pathlib.Path(data or self.path / "data"), str(self.path / "sock")
        self._flags = flags
        self.start()

    def start(self, *flags, **variables):
        """With flags and variables for this time, too."""
        self._log = open(self.path / "log", "a")
        self.process = subprocess.Popen(
            [os.environ["EMSTORED"], "--data", self.data, "--socket", self.socket,
             "--set", "store.allow_memory=true", *self._flags, *flags],
            stdout=subprocess.PIPE, stderr=self._log, env=environment(**variables), text=True)
        ready = self.process.stdout.readline()
        if " ready in " not in ready:
            raise AssertionError((ready, self.log()))

    def log(self):
        return (self.path / "log").read_text(errors="replace")

    def open_names(self):
        """What the descriptors it holds lead to."""
        names = []
        for descriptor in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                names.append(os.readlink(descriptor))
            except FileNotFoundError:
                pass  # Closed meanwhile.
        return names

    def open_files(self):
        """How many it holds, but for the files of its database, which come and go as it pleases."""
        return sum(not name.startswith(f"{self.data}/db") for name in self.open_names())

    def open_files_of_one(self):
        """The same, once the listener and one connection are the only sockets left: it learns only by and by that a peer
        has gone, and until then it may take what that peer passed."""
        deadline = time.monotonic() + 30
        while len({name for name in self.open_names() if name.startswith("socket:")}) != 2:
            if time.monotonic() > deadline:
                raise AssertionError(self.open_names())
        return self.open_files()

    def peak(self):
        """The most memory it has held, in bytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) << 10

    def connect(self, **options):
        return Connection(self.socket, **options)

    def end(self, by=signal.SIGTERM):
        """Ends the process; its exit code."""
        self.process.send_signal(by)
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        self._log.close()
        return code

    def stop(self):
        code = self.end()
        if self._folder:
            self._folder.cleanup()
        return code
