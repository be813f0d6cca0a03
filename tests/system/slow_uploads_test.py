#!/usr/bin/env python3
"""Uploaders that are slow and uploaders that die, beside healthy ones: a byte now and then of a piece that never comes to its
end, pieces of a byte, processes that are killed within a piece, between pieces and beside a descriptor that they passed.

The healthy ones are served meanwhile, in the memory that is allowed; what the others leave behind goes.
"""
import hashlib
import os
import pathlib
import random
import signal
import socket
import threading
import time
import unittest

import msgpack

import proof
import rpc

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
CHUNK = 1 << 20
DRIBBLERS, CAREFUL, DYING = 12, 4, 12
HEALTHY_BYTES = 3_000_000
SECONDS = 4  # For so long all of them send.
MESSAGE_TIME = 2
MEMORY = 48 << 20  # Of all connections: the pieces that have begun to arrive, and two for each of the healthy ones.
BESIDE = 64 << 20  # Buffers of the database and of sockets, pieces that are being hashed.


def piece_of(token, data, size):
    """The beginning of a piece of so many bytes, with `data` of them."""
    head = b"\x94\x00" + msgpack.packb(99) + msgpack.packb("blob.write") + b"\x93" + msgpack.packb(token) + b"\x00"
    return head + b"\xc6" + size.to_bytes(4, "big") + data


class Uploader(threading.Thread):
    """Does its work until it is over; what went wrong is shown by the test."""

    def __init__(self, daemon, over, work):
        super().__init__(daemon=True)
        self.daemon_, self.over, self.work = daemon, over, work
        self.count, self.broken = 0, None

    def run(self):
        try:
            while not self.over.is_set():
                with self.daemon_.connect() as wire:
                    self.count += self.work(self, wire)
        except Exception as error:
            self.broken = error


def dribble(uploader, wire):
    """A byte now and then of a piece: the daemon ends it, and says why. Whether it did."""
    token = wire.call("blob.begin", {"size": CHUNK})["token"]
    wire.send_bytes(piece_of(token, b"x" * (CHUNK // 2), CHUNK))
    wire.socket.setblocking(False)
    while not uploader.over.wait(0.05):
        try:
            wire.send_bytes(b"x")
            wire.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            continue
        except (BrokenPipeError, ConnectionResetError):
            pass
        wire.socket.settimeout(10)
        code = wire.message()[2][0]
        assert code == "timed_out", code
        return True
    return False


def send_by_bytes(uploader, wire):
    """Small pieces with pauses between them are an upload like any other."""
    data = b"every byte a piece"
    token = wire.call("blob.begin", {})["token"]
    for place in range(len(data)):
        wire.call("blob.write", token, place, data[place:place + 1])
        uploader.over.wait(0.05)
    assert wire.call("blob.commit", token)["sha256"] == hashlib.sha256(data).hexdigest()
    return 1


def send(uploader, wire):
    """A file of 3 MB, a few pieces in flight, read back."""
    data = os.urandom(HEALTHY_BYTES)
    address = wire.upload(data)
    found = b"".join(wire.call("blob.read", address, place, CHUNK)["bytes"] for place in range(0, len(data), CHUNK))
    assert found == data
    return 1


def die(daemon, number, say_ready):
    """In a process of its own: comes to the place where it is killed, and stays there."""
    with daemon.connect() as wire, open(daemon.path / "source", "rb") as source:
        token = wire.call("blob.begin", {"size": 5 * CHUNK})["token"]
        for place in range(0, number % 4 * CHUNK, CHUNK):
            wire.call("blob.write", token, place, b"x" * CHUNK)
        if number % 3 == 0:
            wire.send_bytes(piece_of(token, b"x" * (CHUNK // 2), CHUNK))
        if number % 3 == 1:
            socket.send_fds(wire.socket, [b"\x94\x00"], [source.fileno()])  # A request that is cut off.
        os.write(say_ready, b".")
        signal.pause()


class BesideThem(unittest.TestCase):
    def setUp(self):
        print(f"SEED={SEED}")
        self.random = random.Random(SEED)
        self.daemon = proof.daemon(self.addCleanup, "--set", f"limits.connections_memory={MEMORY}B", "--set",
                                   f"limits.message_time={MESSAGE_TIME}s")
        self.alive = set()  # Processes that are to be killed.
        self.addCleanup(lambda: [self.kill(process) for process in list(self.alive)])
        (self.daemon.path / "source").write_bytes(b"x" * 100_000)

    def uploads(self):
        return list((self.daemon.data / "media" / "uploads").iterdir())

    def kill(self, process):
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        self.alive.remove(process)

    def start_dying(self):
        """Processes, each at the place where it is to die."""
        reading, say_ready = os.pipe()
        processes = []
        for number in range(DYING):
            process = os.fork()
            if process == 0:
                os.close(reading)
                try:
                    die(self.daemon, number, say_ready)
                except Exception as error:
                    os.write(say_ready, b"!")
                    print(f"{number}: {error}")
                finally:
                    os._exit(1)
            processes.append(process)
            self.alive.add(process)
        os.close(say_ready)
        with open(reading, "rb") as ready:
            self.assertEqual(ready.read(DYING), b"." * DYING)
        return processes

    def test_healthy_uploaders_are_served_and_the_others_leave_nothing(self):
        with self.daemon.connect() as wire:
            wire.call("ping")
            before = self.daemon.open_files_of_one()
        memory = self.daemon.peak()
        dying = self.start_dying()  # Before there are threads.
        over = threading.Event()
        kinds = {"healthy": (send, 3), "careful": (send_by_bytes, CAREFUL), "dribbling": (dribble, DRIBBLERS)}
        uploaders = {kind: [Uploader(self.daemon, over, work) for _ in range(count)]
                     for kind, (work, count) in kinds.items()}
        for uploader in sum(uploaders.values(), []):
            uploader.start()
        self.random.shuffle(dying)
        for process in dying:
            time.sleep(MESSAGE_TIME / DYING)  # Most of them before the daemon ends them itself.
            self.kill(process)
        time.sleep(SECONDS - MESSAGE_TIME)
        over.set()
        for uploader in sum(uploaders.values(), []):
            uploader.join(60)
            self.assertFalse(uploader.is_alive())
            self.assertIsNone(uploader.broken)
        counts = {kind: [uploader.count for uploader in them] for kind, them in uploaders.items()}
        print(f"files of the healthy {counts['healthy']}, of the careful {counts['careful']}, dribblers ended "
              f"{sum(counts['dribbling'])}, killed {DYING}, left behind {len(self.uploads())}, memory at most "
              f"{self.daemon.peak() >> 20} MiB")
        for kind, each in counts.items():
            self.assertGreater(min(each), 0, kind)
        self.assertLess(self.daemon.peak() - memory, MEMORY + BESIDE)
        self.assertGreater(sum(counts["healthy"]) * HEALTHY_BYTES, MEMORY + BESIDE, "less was sent than could show anything")
        self.expect_nothing_left(before)

    def expect_nothing_left(self, before):
        # Of what was cut off a file is kept open, for whoever goes on with it.
        left = len(self.uploads())
        self.assertGreaterEqual(left, DYING)
        with self.daemon.connect() as wire:
            wire.call("ping")
            self.assertEqual(self.daemon.open_files_of_one(), before + left)
        self.assertEqual(self.daemon.end(), 0)
        self.daemon.start("--set", "limits.upload_idle=1ms")
        self.assertEqual(self.uploads(), [])
        with self.daemon.connect() as wire:
            wire.call("ping")
            self.assertEqual(self.daemon.open_files_of_one(), before)
            wire.call("blob.begin", {"size": 100})  # It goes while the daemon runs, too.
            deadline = time.monotonic() + 30
            while self.uploads():
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)


if __name__ == "__main__":
    unittest.main(verbosity=2)
