#!/usr/bin/env python3
"""Descriptors over the socket: files that are passed and given, and peers that pass anything else, in any way they like.

EMSTORE_PUTS: how often a file is passed while it is written to (150).
"""
import array
import collections
import hashlib
import os
import pathlib
import random
import re
import socket
import tempfile
import threading
import time
import unittest

import msgpack

import fuse
import mounts
import proof
import rpc

SEED = 20261122
LARGE = 3_000_000
PUTS = int(os.environ.get("EMSTORE_PUTS", "150"))


def put(wire, descriptor, method="blob.put_fd"):
    """The id of a request that brings a descriptor."""
    return wire.send_passing(descriptor, method)


def get(wire, address):
    """(result, descriptor or None) of blob.get_fd."""
    request = wire.send("blob.get_fd", address)
    data, descriptors = b"", []
    while True:
        piece, more, _flags, _peer = socket.recv_fds(wire.socket, 1 << 16, 16)
        data, descriptors = data + piece, descriptors + list(more)
        try:
            _, found, error, result = msgpack.unpackb(data, raw=False)
        except ValueError:
            continue
        assert found == request
        if error is not None:
            raise rpc.Refused(error)
        return result, descriptors[0] if descriptors else None


class Served(unittest.TestCase):
    def setUp(self):
        self.daemon = proof.daemon(self.addCleanup)
        with self.daemon.connect() as wire:
            wire.call("schema.apply", proof.shop_schema())
            self.assertIn("descriptors", wire.call("hello")["capabilities"])

    def file(self, data):
        path = self.daemon.path / "source"
        path.write_bytes(data)
        return open(path, "rb")

    def until(self, ask, wanted):
        deadline = time.monotonic() + 30
        while ask() != wanted:
            self.assertLess(time.monotonic(), deadline)


class Descriptors(Served):
    def test_a_file_goes_in_and_comes_out(self):
        with self.daemon.connect() as wire:
            for size in (0, 100, 65_536, 65_537, LARGE):
                data = random.Random(size).randbytes(size)
                with self.file(data) as source:
                    stored = wire.reply(put(wire, source.fileno()))
                self.assertEqual((stored["size"], stored["sha256"], stored["existed"]),
                                 (size, hashlib.sha256(data).hexdigest(), False))
                made = wire.call("media.upload", {"blob": stored["blob"]})
                found, descriptor = get(wire, made["data"]["blob"])
                self.assertEqual(found["size"], size)
                if size <= 65_536:
                    self.assertEqual((found["bytes"], descriptor), (data, None))
                    continue
                self.assertIs(found["descriptor"], True)
                with open(descriptor, "rb") as given:
                    self.assertEqual(given.read(), data)
                    with self.assertRaises(OSError):
                        os.pwrite(descriptor, b"x", 0)
                with self.file(data) as source:
                    again = wire.reply(put(wire, source.fileno()))
                self.assertEqual((again["blob"], again["existed"]), (stored["blob"], True))
        self.assertEqual(self.daemon.end(), 0)
        _, report, _ = proof.check(self.daemon)
        self.assertEqual(report.differences, [])

    def test_many_files_go_in_together_each_with_its_request(self):
        with self.daemon.connect() as wire:
            contents = [random.Random(n).randbytes(70_000 + n) for n in range(40)]
            requests = []
            for data in contents:
                with self.file(data) as source:
                    requests.append(put(wire, source.fileno()))
                requests.append(wire.send("ping"))
                # The file is another one next time.
                os.unlink(self.daemon.path / "source")
            for n, data in enumerate(contents):
                self.assertEqual(wire.reply(requests[2 * n])["sha256"], hashlib.sha256(data).hexdigest())
                wire.reply(requests[2 * n + 1])

    def wrong_kinds(self):
        """What the message says of it → a descriptor that is no file to be read from."""
        reading, writing = os.pipe()
        ends = socket.socketpair()
        path, fifo = self.daemon.path / "some", self.daemon.path / "fifo"
        path.write_bytes(b"x" * LARGE)
        os.mkfifo(fifo)
        kinds = {"is a pipe": reading, "a pipe": os.open(fifo, os.O_RDWR), "a socket": os.dup(ends[0].fileno()),
                 "a device": os.open("/dev/zero", os.O_RDONLY), "a directory": os.open(self.daemon.path, os.O_RDONLY),
                 "a mere path": os.open(path, os.O_PATH), "writing only": os.open(path, os.O_WRONLY),
                 "not read from": os.open("/proc/self/environ", os.O_RDONLY)}
        for descriptor in [*kinds.values(), writing]:
            self.addCleanup(os.close, descriptor)
        for end in ends:
            self.addCleanup(end.close)
        return kinds

    def leaked(self, wire, before, patience):
        """How many more it still holds when there was time to close them: threads come to it by and by."""
        deadline = time.monotonic() + patience
        while self.daemon.open_files() > before and time.monotonic() < deadline:
            wire.call("ping")
        return self.daemon.open_files() - before

    def test_what_is_no_readable_file_is_refused_and_the_connection_goes_on(self):
        kinds = self.wrong_kinds()
        with self.daemon.connect() as wire:
            wire.call("ping")  # The connection has been accepted.
            before = self.daemon.open_files_of_one()
            for what, descriptor in kinds.items():
                with self.assertRaises(rpc.Refused) as refused:
                    wire.reply(put(wire, descriptor))
                self.assertEqual((refused.exception.code, refused.exception.path), ("invalid_request", "descriptor"))
                self.assertIn(what, refused.exception.message)
            with self.assertRaises(rpc.Refused) as refused:
                wire.call("blob.put_fd")
            self.assertIn("no descriptor came", refused.exception.message)
            # One that no request takes is closed.
            wire.reply(put(wire, kinds["is a pipe"], "ping"))
            self.assertLessEqual(self.leaked(wire, before, patience=20), 0)

    def test_a_hole_of_tebibytes_is_refused_unread(self):
        path = self.daemon.path / "hole"
        for size in (8 << 40, 4 << 40, 1 << 40, 6 << 30):  # What the file system takes; the limit is 5 GiB.
            try:
                path.touch()
                os.truncate(path, size)
                break
            except OSError:
                continue
        with self.daemon.connect() as wire, open(path, "rb") as hole:
            wire.call("ping")
            before = self.bytes_read()
            with self.assertRaises(rpc.Refused) as refused:
                wire.reply(put(wire, hole.fileno()))
            self.assertEqual(refused.exception.code, "blob_too_large")
            self.assertLess(self.bytes_read() - before, 1 << 20)
            with self.file(b"x" * LARGE) as source:  # Control: what is read is seen.
                wire.reply(put(wire, source.fileno()))
            self.assertGreaterEqual(self.bytes_read() - before, LARGE)

    def bytes_read(self):
        """By all of its threads, from whatever is no socket."""
        figures = pathlib.Path(f"/proc/{self.daemon.process.pid}/io").read_text()
        return int(re.search(r"rchar: (\d+)", figures)[1])

    def test_ten_thousand_hostile_messages_leak_nothing(self):
        chance = random.Random(SEED)
        good = self.file(b"x" * 70_000)
        self.addCleanup(good.close)
        memory = os.memfd_create("hostile")
        self.addCleanup(os.close, memory)
        os.write(memory, b"m" * 70_000)
        kinds = [*self.wrong_kinds().values(), good.fileno(), memory]
        with self.daemon.connect() as wire:
            wire.call("ping")
            before = self.daemon.open_files_of_one()
        sent = collections.Counter()
        while sent["messages"] < 10_000:
            with self.daemon.connect() as wire:
                for _ in range(chance.randrange(1, 60)):
                    # Its own end, too: the daemon then holds what it waits for to be closed.
                    if not self.send_hostile(wire, chance, [*kinds, wire.socket.fileno()], sent):
                        break
        with self.daemon.connect() as wire:
            self.daemon.open_files_of_one()
            leaked = self.leaked(wire, before, patience=60)  # Until they are closed no more are taken.
            print(f"hostile messages {sent['messages']} with {sent['descriptors']} descriptors, not taken "
                  f"{sent['not taken']}, leaked {leaked}")
            self.assertLessEqual(leaked, 0)
            with self.file(b"z" * 70_000) as source:
                self.assertEqual(wire.reply(put(wire, source.fileno()))["size"], 70_000)

    def send_hostile(self, wire, chance, kinds, sent):
        """Whether the daemon took it, and may take more."""
        request = msgpack.packb([0, 1, "blob.put_fd", []])
        data = chance.choice([request, request, b"\xc1", b"\x94", request[:3], request * 20,
                              msgpack.packb([0, 2, "ping", []]), b"\xdd\xff\xff\xff\xff"])
        count = chance.choice([1, 1, 1, 2, 16, 17, 100, 253])
        passed = [chance.choice(kinds) for _ in range(count)]
        wire.socket.settimeout(0.05)
        try:
            wire.socket.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", passed))])
        except OSError:  # It has hung up, or too many are on their way: the kernel's own bound.
            sent["not taken"] += 1
            return False
        sent["messages"] += 1
        sent["descriptors"] += count
        return True

    def test_one_that_is_held_is_noticed(self):
        """Control: what the daemon holds on purpose, a file and what a request brought that does not come to its end."""
        kinds = self.wrong_kinds()
        with self.daemon.connect() as wire:
            wire.call("ping")
            before = self.daemon.open_files_of_one()
            wire.call("blob.begin", {})
            self.assertEqual(self.leaked(wire, before, patience=1), 1)
            for what, descriptor in kinds.items():
                with self.subTest(what), self.daemon.connect() as other:
                    socket.send_fds(other.socket, [b"\x94"], [descriptor])
                    self.until(lambda: self.daemon.open_files() - before, 3)  # The upload, the connection, and that.
                self.assertEqual(self.leaked(wire, before + 1, patience=20), 0)

    def test_more_than_all_may_hold_are_refused_one_by_one(self):
        self.daemon.end()
        self.daemon = rpc.Daemon("--set", "limits.descriptors=1", folder=self.daemon.path)
        self.addCleanup(lambda: self.daemon.process.poll() is None and self.daemon.end())

        def answer(wire, source):
            try:
                return wire.reply(put(wire, source.fileno()))["size"]
            except rpc.Refused as refused:
                return refused.code

        with self.daemon.connect() as wire, self.file(b"x" * 70_000) as source:
            with self.daemon.connect() as other:
                # A request that does not come to its end holds what it brought.
                socket.send_fds(other.socket, [b"\x94"], [source.fileno()])
                self.until(lambda: answer(wire, source), "busy")
                self.assertTrue(wire.upload(b"y" * 70_000))
            self.until(lambda: answer(wire, source), 70_000)

    def test_a_peer_that_reads_no_descriptors_is_told_to_wait(self):
        with self.daemon.connect() as wire:
            address = wire.upload(b"x" * 70_000)
            requests = [wire.send("blob.get_fd", address) for _ in range(200)]
            answers = [wire.raw_reply(request) for request in requests]
            self.assertTrue(all(error is None or error[0] == "busy" for _, _, error, _ in answers))
            self.assertTrue(any(error is None for _, _, error, _ in answers))

    def test_a_file_that_moves_is_stored_as_it_was_read_or_not_at_all(self):
        path = self.daemon.path / "moving"
        path.write_bytes(b"a" * LARGE)
        over = threading.Event()

        def write():
            with open(path, "r+b") as file:
                while not over.is_set():
                    for letter, size in ((b"b", LARGE // 3), (b"a", LARGE)):
                        file.truncate(size)
                        os.pwrite(file.fileno(), letter * size, 0)

        with self.daemon.connect() as wire:
            wire.call("ping")
            before = self.daemon.open_files_of_one()
            writer = threading.Thread(target=write)
            writer.start()
            try:
                outcomes = collections.Counter(self.put_moving(wire, path) for _ in range(PUTS))
            finally:
                over.set()
                writer.join()
            leaked = self.daemon.open_files_of_one() - before
            leaked += len(list((self.daemon.data / "media" / "uploads").iterdir()))
        print(f"{PUTS} puts: source_changed {outcomes['source_changed']}, whole {outcomes['whole']}, wrong "
              f"{outcomes['wrong']}, leaked {leaked}")
        self.assertGreater(outcomes["source_changed"], 0)
        self.assertEqual(outcomes["source_changed"] + outcomes["whole"], PUTS)
        self.assertEqual(leaked, 0)

    def put_moving(self, wire, path):
        """What became of it: `source_changed`, or whether what is stored is what was read."""
        with open(path, "rb") as source:
            try:
                answer = wire.reply(put(wire, source.fileno()))
            except rpc.Refused as refused:
                return refused.code
        found, descriptor = get(wire, answer["blob"])
        data = found.get("bytes")
        if descriptor is not None:
            with open(descriptor, "rb") as given:
                data = given.read()
        return "whole" if hashlib.sha256(data).hexdigest() == answer["sha256"] else "wrong"


class OfFuse(Served):
    """Files that another process answers for, well, or not at all."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="emstore-")
        self.addCleanup(folder.cleanup)
        try:
            mounts.own()
            self.files = fuse.FileSystem(pathlib.Path(folder.name))
        except OSError as error:
            self.skipTest(f"no FUSE: {error}")
        self.addCleanup(self.files.close)
        super().setUp()
        self.source = self.files.open()
        self.addCleanup(self.close)

    def close(self):
        self.files.close()  # Before anything is closed that it would have to answer for.
        with self.assertRaises(OSError):
            os.close(self.source)

    def refuses(self, wire):
        with self.assertRaises(rpc.Refused) as refused:
            wire.reply(put(wire, self.source))
        self.assertEqual((refused.exception.code, refused.exception.path), ("invalid_request", "descriptor"))
        self.assertIn("not read from (fuse)", refused.exception.message)

    def test_is_refused_unread(self):
        self.assertEqual(os.pread(self.source, 10, 0), b"x" * 10)  # It can be read.
        self.files.asked.clear()
        with self.daemon.connect() as wire:
            wire.call("ping")  # The connection has been accepted.
            before = self.daemon.open_files_of_one()
            self.refuses(wire)
            wire.reply(put(wire, self.source, "ping"))
            self.until(lambda: self.daemon.open_files() <= before, True)
            self.until(lambda: self.files.asked[fuse.FLUSH], 2)
        self.assertEqual(dict(self.files.asked), {fuse.FLUSH: 2}, "asked for more than closing asks for")

    def test_that_is_silent_holds_up_nobody(self):
        self.files.is_silent = True
        looking = threading.Thread(target=lambda: self.assertRaises(OSError, os.fstat, self.source))
        looking.start()
        with self.daemon.connect() as wire, self.file(b"x" * 70_000) as good:
            wire.call("ping")  # The connection has been accepted.
            before = self.daemon.open_files_of_one()
            for _ in range(20):
                self.refuses(wire)
                wire.reply(put(wire, self.source, "ping"))
                with self.daemon.connect() as leaving:
                    socket.send_fds(leaving.socket, [b"\x94"], [self.source])
                self.assertEqual(wire.reply(put(wire, good.fileno()))["size"], 70_000)
            self.assertTrue(wire.upload(b"y" * 70_000))
            # Who goes on like that is not listened to any more, and no more is held for it.
            with self.assertRaisesRegex(ConnectionError, "busy.*wait to be closed"), self.daemon.connect() as other:
                for _ in range(100):
                    other.reply(put(other, self.source, "ping"))
            self.assertLessEqual(self.daemon.open_files(), before + 80)
            self.assertTrue(wire.upload(b"z" * 70_000))
            self.assertTrue(looking.is_alive(), "it was not silent")
            self.assertEqual(self.files.asked[fuse.READ], 0)
            self.files.close()
            looking.join(20)
            self.assertFalse(looking.is_alive())
            self.until(lambda: self.daemon.open_files() <= before, True)
            self.assertEqual(wire.reply(put(wire, good.fileno()))["size"], 70_000)
        self.assertEqual(self.daemon.end(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
