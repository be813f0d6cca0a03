#!/usr/bin/env python3
"""Uploads under bad luck: a daemon that is killed while files of every size arrive, by pieces and by descriptors; and more
clients at once than it would have memory for, if it took what they send.

UPLOAD_KILLS: how many kills (6). UPLOAD_CLIENTS (16) and UPLOAD_MIB (32): who sends at once, and how much. SEED: where chance
starts. Controls: a daemon that forgets a part of an acknowledged file has to be noticed every time, and so has one that may
hold all that is sent.
"""
import hashlib
import os
import random
import select
import signal
import socket
import tempfile
import threading
import time
import unittest

import proof
import rpc

KILLS = int(os.environ.get("UPLOAD_KILLS", "6"))
CLIENTS = int(os.environ.get("UPLOAD_CLIENTS", "16"))
MIB = int(os.environ.get("UPLOAD_MIB", "32"))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
SIZES = (1, 1_000, 65_536, 65_537, 300_000, 1 << 20, 3_000_000, 20_000_000)
CHUNK = 1 << 20


def digest(data):
    return hashlib.sha256(data).hexdigest()


def read_all(wire, address):
    data = b""
    while True:
        piece = wire.call("blob.read", address, len(data), CHUNK)
        data += piece["bytes"]
        if len(data) == piece["size"]:
            return data


class Sender(threading.Thread):
    """One client that sends file after file until the daemon is killed, and keeps what it was told."""

    def __init__(self, daemon, number, seed):
        super().__init__()
        self.daemon_, self.random, self.by_descriptor = daemon, random.Random(seed), number % 3 == 0
        self.stored = {}     # address → digest, of what was acknowledged
        self.made = {}       # id of media → digest
        self.begun = None    # token, data, offset acknowledged, whether the commit was sent
        self.broken = None

    def run(self):
        try:
            with self.daemon_.connect() as self.wire:
                while True:
                    self.step()
        except (ConnectionError, socket.timeout, BrokenPipeError):
            pass  # The kill.
        except Exception as error:  # Shown by the test.
            self.broken = error

    def step(self):
        data = self.random.randbytes(self.random.choice(SIZES))
        address = self.pass_file(data) if self.by_descriptor else self.send_pieces(data)
        self.stored[address] = digest(data)
        if self.random.random() < 0.5:
            self.made[self.wire.call("media.upload", {"blob": address})["id"]] = digest(data)

    def pass_file(self, data):
        with tempfile.TemporaryFile(dir=self.daemon_.path) as file:
            file.write(data)
            file.flush()
            return self.wire.reply(self.wire.send_passing(file.fileno(), "blob.put_fd"))["blob"]

    def send_pieces(self, data):
        token = self.wire.call("blob.begin", {"size": len(data)})["token"]
        self.begun = [token, data, 0, False]
        pieces = [self.wire.send("blob.write", token, place, data[place:place + CHUNK])
                  for place in range(0, len(data), CHUNK)]
        for piece in pieces:
            self.begun[2] = self.wire.reply(piece)["offset"]
        self.begun[3] = True
        address = self.wire.call("blob.commit", token)["blob"]
        self.begun = None
        return address


class Killed(unittest.TestCase):
    blow, rounds, seed = "kills", KILLS, SEED
    moments = (0.1, 1.0)  # In seconds: between these it is struck.
    are_pieces_kept = True  # Those of an upload that is not complete.

    def new_daemon(self):
        return proof.daemon(self.addCleanup)

    def setUp(self):
        print(f"SEED={self.seed}, {self.rounds} {self.blow}")
        self.random = random.Random(self.seed)
        self.daemon = self.new_daemon()
        with self.daemon.connect() as wire:
            wire.call("schema.apply", proof.shop_schema())
        self.made, self.counts = {}, dict.fromkeys(("stored", "resumed", "forgotten"), 0)

    def round(self, number):
        senders = [Sender(self.daemon, n, self.seed + 100 * number + n) for n in range(6)]
        for sender in senders:
            sender.start()
        time.sleep(self.random.uniform(*self.moments))  # The kill may come at any moment: this one is drawn.
        self.daemon.end(by=signal.SIGKILL)
        for sender in senders:
            sender.join(60)
            self.assertIsNone(sender.broken)
        return senders

    def go_on(self, wire, token, data, acknowledged, was_committed):
        """Finishes an upload that the kill cut off."""
        try:
            offset = wire.call("blob.write", token, 0, b"")["offset"]
        except rpc.Refused as refused:
            # Only one whose commit was on its way may be unknown; then it may have been carried out.
            self.assertEqual(refused.code, "upload_not_found")
            self.assertTrue(was_committed or not self.are_pieces_kept)
            self.counts["forgotten"] += 1
            try:
                return wire.call("blob.commit", token)["blob"]
            except rpc.Refused as again:
                self.assertEqual(again.code, "upload_not_found")
                return wire.upload(data)
        self.assertGreaterEqual(offset, acknowledged, "a piece that was acknowledged is not there")
        self.counts["resumed"] += 1
        for place in range(offset, len(data), CHUNK):
            wire.call("blob.write", token, place, data[place:place + CHUNK])
        return wire.call("blob.commit", token)["blob"]

    def check(self, wire, senders):
        for sender in senders:
            self.made |= sender.made
            for address, wanted in sender.stored.items():
                self.assertEqual(digest(read_all(wire, address)), wanted)
                self.counts["stored"] += 1
            # The right to name the bytes has outlived the kill, too.
            for address, wanted in list(sender.stored.items())[-2:]:
                self.made[wire.call("media.upload", {"blob": address})["id"]] = wanted
            if sender.begun:
                address = self.go_on(wire, *sender.begun)
                self.assertEqual(digest(read_all(wire, address)), digest(sender.begun[1]))
                self.made[wire.call("media.upload", {"blob": address})["id"]] = digest(sender.begun[1])

    def uploads(self):
        return list((self.daemon.data / "media" / "uploads").iterdir())

    def test_what_was_acknowledged_is_whole_and_what_was_begun_goes_on(self):
        for number in range(self.rounds):
            senders = self.round(number)
            self.daemon.start()
            with self.daemon.connect() as wire:
                self.check(wire, senders)
        self.assertEqual(self.daemon.end(), 0)
        # What nobody goes on with is dropped: files that were passed when the kill came.
        left = len(self.uploads())
        self.daemon.start("--set", "limits.upload_idle=1ms")
        self.assertEqual(self.uploads(), [])
        with self.daemon.connect() as wire:
            for media, wanted in self.made.items():
                address = wire.call("findId", "media", media)["data"]["blob"]
                self.assertEqual(digest(read_all(wire, address)), wanted)
            self.assertTrue(wire.verify()["equal"])
        self.assertEqual(self.daemon.end(), 0)
        _, report, _ = proof.check(self.daemon)
        self.assertEqual(report.differences, [])
        print(f"{self.blow} {self.rounds}, files acknowledged {self.counts['stored']}, lost 0; cut off and gone on with "
              f"{self.counts['resumed']}, forgotten {self.counts['forgotten']}, left behind and removed "
              f"{left}; media {len(self.made)}")
        self.assertGreater(self.counts["stored"], self.rounds)


class Control(unittest.TestCase):
    def setUp(self):
        self.daemon = proof.daemon(self.addCleanup)

    def test_a_file_that_lost_a_part_is_noticed(self):
        caught = 0
        for number in range(5):
            data = random.Random(number).randbytes(300_000)
            with self.daemon.connect() as wire:
                address = wire.upload(data)
            self.daemon.end(by=signal.SIGKILL)
            path = next((self.daemon.data / "media").glob(f"??/{address.removeprefix('xxh3-128:').split('.')[0]}*"))
            os.chmod(path, 0o600)
            with open(path, "r+b") as file:
                file.seek(200_000)
                file.write(bytes(4_096))  # A page that never reached the disk.
            self.daemon.start()
            with self.daemon.connect() as wire:
                caught += digest(read_all(wire, address)) != digest(data)
        print(f"lost a page: caught {caught} of 5")
        self.assertEqual(caught, 5)


class Together(unittest.TestCase):
    """As many as send at once, each as fast as it can, without waiting for an answer."""

    # Of all connections: a fraction of what is sent at once, and room for a piece of each that has begun to arrive.
    MEMORY = CLIENTS * 4 << 20
    BESIDE = 64 << 20  # Buffers of the database and of sockets, pieces that are being hashed.

    def setUp(self):
        self.daemon = proof.daemon(self.addCleanup, "--set", f"limits.connections_memory={self.MEMORY}")

    def send(self, number, shared, results):
        """A file of its own: its first bytes say whose it is."""
        try:
            head = number.to_bytes(8, "big")
            with self.daemon.connect(timeout=600) as wire:
                token = wire.call("blob.begin", {"size": MIB << 20})["token"]
                pieces = []
                whole = hashlib.sha256()
                for place in range(0, MIB << 20, CHUNK):
                    data = head + shared[8:]
                    whole.update(data)
                    pieces.append(wire.send("blob.write", token, place, data))
                for piece in pieces:
                    wire.reply(piece)
                stored = wire.call("blob.commit", token)
                results[number] = stored["sha256"] == whole.hexdigest() and stored["size"] == MIB << 20
        except Exception as error:  # Shown by the test.
            results[number] = error

    def test_many_large_files_at_once_take_no_more_memory_than_is_allowed(self):
        shared, results = random.Random(SEED).randbytes(CHUNK), {}
        before = self.daemon.peak()
        started = time.monotonic()
        senders = [threading.Thread(target=self.send, args=(n, shared, results)) for n in range(CLIENTS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        took = time.monotonic() - started
        self.assertEqual(results, dict.fromkeys(range(CLIENTS), True))
        peak = self.daemon.peak()
        print(f"{CLIENTS} clients, {MIB} MiB each, in {took:.0f} s, {CLIENTS * MIB / took:.0f} MiB/s; memory at most "
              f"{peak >> 20} MiB, {before >> 20} before")
        self.assertLess(peak - before, self.MEMORY + self.BESIDE)
        self.assertGreater(CLIENTS * MIB << 20, 2 * (self.MEMORY + self.BESIDE), "less is sent than could show anything")
        self.assertEqual(list((self.daemon.data / "media" / "uploads").iterdir()), [])
        self.assertEqual(self.daemon.end(), 0)


class WithinARequest(unittest.TestCase):
    """Clients that stop within a request as large as may be: what has arrived of it is held until it comes to its end."""

    CLIENTS, SENT = 60, 7 << 20  # 420 MiB.
    MEMORY, BESIDE = 64 << 20, 96 << 20  # Buffers grow by being copied, and of what is freed not all goes back at once.

    def send_what_is_taken(self, wires, data):
        """Until nothing has been taken for a while; how much was."""
        rest = {wire.socket: memoryview(data) for wire in wires}
        while rest:
            _, ready, _ = select.select([], list(rest), [], 1)
            if not ready:
                break
            for one in ready:
                rest[one] = rest[one][one.send(rest[one]):]
                if not rest[one]:
                    del rest[one]
        return len(wires) * len(data) - sum(map(len, rest.values()))

    def growth(self, memory):
        """By how much the daemon grows until it takes no more, or has all."""
        daemon = proof.daemon(self.addCleanup, "--set", f"limits.connections_memory={memory}B", "--set",
                              "limits.message_time=2min")
        data = b"\x94\x00\x01\xaablob.write\x93\xa1t\x00\xc6" + (self.SENT + 1).to_bytes(4, "big")
        data += random.Random(SEED).randbytes(self.SENT - len(data))
        wires = [daemon.connect() for _ in range(self.CLIENTS)]
        for wire in wires:
            wire.call("ping")
            wire.socket.setblocking(False)
        before = daemon.peak()
        taken = self.send_what_is_taken(wires, data)
        grown = daemon.peak() - before
        print(f"limits.connections_memory {memory >> 20} MiB: {self.CLIENTS * self.SENT >> 20} MiB were to be sent, "
              f"{taken >> 20} were taken, memory grew by {grown >> 20} MiB")
        for wire in wires:
            wire.close()
        self.assertEqual(daemon.end(), 0)
        return grown

    def test_no_more_is_held_than_is_allowed(self):
        self.assertLess(self.growth(self.MEMORY), self.MEMORY + self.BESIDE)

    def test_all_is_held_where_that_is_allowed(self):
        """Control: the bound means something only when what is sent goes beyond it."""
        self.assertGreater(self.growth(1 << 30), 2 * (self.MEMORY + self.BESIDE))


if __name__ == "__main__":
    unittest.main(verbosity=2)
