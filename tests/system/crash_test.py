#!/usr/bin/env python3
"""Kills the daemon at any moment under load, again and again. What it acknowledged is there afterwards, nothing is
half there, what was not answered happens once when it is asked again, and the rows are what the log says.

CRASH_ROUNDS: how many kills (20). SEED: where chance starts. Control: a go-between that acknowledges before it hands
on, killed together with the daemon, loses what it acknowledged, and that has to be noticed every time.
"""
import collections
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

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "20"))
CONTROL_ROUNDS = 5
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
WORKERS = 4
LARGE = 65537

Request = collections.namedtuple("Request", "method params key")
Ack = collections.namedtuple("Ack", "request result")


class Worker(threading.Thread):
    """One client, one request at a time. Its answers are noted in a file before it goes on."""

    def __init__(self, connect, name, seed, journal):
        super().__init__()
        self.connect, self.label, self.random, self.journal = connect, name, random.Random(seed), journal
        self.acks, self.pending, self.refused, self.broken = [], None, 0, None
        self.keys = 0

    def run(self):
        try:
            with self.connect() as self.wire:
                while True:
                    self.step()
        except (ConnectionError, socket.timeout, BrokenPipeError):
            pass  # The kill.
        except Exception as error:  # Shown by the test.
            self.broken = error

    def step(self):
        request = self.request()
        self.pending = request
        options = [{"key": request.key}] if request.key else []
        try:
            result = self.wire.call(request.method, *request.params, *options)
        except rpc.Refused:
            self.refused += 1
        else:
            self.acks.append(Ack(request, result))
            self.journal.write(f"{result['sequence']} {request.method} {request.key}\n")
            self.journal.flush()
        self.pending = None

    def request(self):
        self.keys += 1
        key = f"{self.label}-{self.keys}" if self.random.random() < 0.6 else None
        chance = self.random.random()
        if chance < 0.35:
            document = {"name": self.text(), "sku": self.text(), "price": self.random.randrange(100)}
            if self.random.random() < 0.6:
                document["gallery"] = {"$create": [self.file() for _ in range(self.random.randrange(1, 3))]}
            return Request("insertOne", ["products", document], key)
        if chance < 0.55:
            gallery = {self.random.choice(["$attach", "$detach", "$set"]): [self.random.randrange(1, 30)]}
            return Request("updateOne", ["products", self.random.randrange(1, 20), {"gallery": gallery}], key)
        if chance < 0.75:
            change = {"price": self.random.randrange(1000), "description": self.text() * self.random.randrange(1, 60)}
            return Request("updateOne", ["products", self.random.randrange(1, 20), change], key)
        if chance < 0.85:
            return Request("updateOne", ["media", self.random.randrange(1, 30), {"alt": self.text()}], key)
        if chance < 0.9:
            return Request("deleteOne", ["products", self.random.randrange(1, 40)], key)
        return Request("media.upload", self.large(), key)

    def text(self):
        return f"{self.label} {self.random.randrange(1 << 60):x}"

    def file(self):
        data = self.random.randbytes(self.random.randrange(1, 3000))
        return {"file": data, "name": hashlib.sha256(data).hexdigest()}

    def large(self):
        data = self.random.randbytes(LARGE + self.random.randrange(200000))
        return [{"blob": self.wire.upload(data)}, {"name": hashlib.sha256(data).hexdigest()}]


class Rebuilder(threading.Thread):
    """Has the indexes rebuilt over and over, so that the kill comes in the middle of it."""

    def __init__(self, daemon):
        super().__init__()
        self.connect, self.done, self.broken = daemon.connect, 0, None

    def run(self):
        try:
            with self.connect() as wire:
                while True:
                    report = wire.job("rebuild")
                    if report["mended"]:
                        raise AssertionError(report)
                    self.done += 1
        except (ConnectionError, socket.timeout, BrokenPipeError):
            pass  # The kill.
        except Exception as error:  # Shown by the test.
            self.broken = error


def load(daemon, seed, moment, label):
    """Lets the workers write until the daemon is killed; then the workers, and how often the indexes were rebuilt."""
    rebuilder = Rebuilder(daemon)
    with open(daemon.path / "journal", "a") as journal:
        workers = [Worker(daemon.connect, f"{label}{n}", seed * 100 + n, journal) for n in range(WORKERS)]
        for worker in [*workers, rebuilder]:
            worker.start()
        time.sleep(moment)  # The kill may come at any moment: this one is drawn, not waited for.
        daemon.end(by=signal.SIGKILL)
        for worker in [*workers, rebuilder]:
            worker.join(60)
    for worker in [*workers, rebuilder]:
        if worker.broken:
            raise worker.broken
        if worker.is_alive():
            raise AssertionError("a client hangs after the kill")
    return workers, rebuilder.done


def missing(acks, rows, state):
    """What was acknowledged and is not in the log."""
    commits = proof.commits_of(rows)
    uid = os.getuid()
    for request, result in acks:
        commit = commits.get(result["sequence"])
        if commit is None:
            yield f"commit {result['sequence']} of {request.method} is not there"
        elif request.key and state.requests.get((uid, request.key), [None])[0] != result["sequence"]:
            yield f"request {request.key} is not at {result['sequence']}"
        elif request.method in ("insertOne", "media.upload"):
            created = [payload[1] for kind, payload in commit.events if kind in (3, 7)]
            if result["id"] not in created:
                yield f"commit {result['sequence']} does not create {result['id']}"


def keys_of(rows):
    """How many commits carry each key."""
    return collections.Counter(payload[0] for commit in proof.commits_of(rows).values()
                               for kind, payload in commit.events if kind == 1 and payload[0])


class Crash(unittest.TestCase):
    blow, rounds, seed = "kills", ROUNDS, SEED
    moments = (0.05, 0.6)  # In seconds: between these it is struck.
    is_head_kept = True  # The head file has what was acknowledged.

    def new_daemon(self):
        return proof.daemon(self.addCleanup)

    def setUp(self):
        print(f"SEED={self.seed}, {self.rounds} {self.blow}")
        self.random = random.Random(self.seed)
        self.daemon = self.new_daemon()
        self.acks = []
        self.read = set()
        with self.daemon.connect() as wire:
            wire.call("schema.apply", proof.shop_schema())

    def test_nothing_acknowledged_is_lost_and_nothing_happens_twice(self):
        retried = kept = rebuilt = 0
        for number in range(self.rounds):
            workers, done = load(self.daemon, self.seed + number, self.random.uniform(*self.moments), f"r{number}w")
            rebuilt += done
            self.acks += [ack for worker in workers for ack in worker.acks]
            rows, report, state = proof.check(self.daemon)
            self.assertEqual(report.differences, [], f"round {number}, SEED={self.seed}")
            self.assertEqual(list(missing(self.acks, rows, state)), [], f"round {number}, SEED={self.seed}")
            newest = max((ack.result["sequence"] for ack in self.acks), default=0)
            if self.is_head_kept:
                self.assertGreaterEqual(report.facts["head"], newest, "the head was behind what was acknowledged")
            self.daemon.start()
            with self.daemon.connect() as wire:
                for worker in workers:
                    if worker.pending and worker.pending.key:
                        retried += 1
                        kept += self.retry(wire, worker.pending)
                self.read_new_media(wire)
        self.assertEqual(self.daemon.end(), 0)
        rows, report, state = proof.check(self.daemon)
        self.assertEqual(report.differences, [])
        self.assertEqual(list(missing(self.acks, rows, state)), [])
        self.assertEqual([key for key, count in keys_of(rows).items() if count > 1], [], "carried out twice")
        print(f"{self.blow} {self.rounds}, acknowledged {len(self.acks)}, lost 0; unanswered and asked again {retried}, of which "
              f"{kept} had been carried out; media read back {len(self.read)}; commits {state.sequence}; indexes rebuilt "
              f"{rebuilt} times meanwhile")
        self.assertGreater(len(self.acks), self.rounds)

    def retry(self, wire, request):
        """Asks again, twice: one answer. True when the attempt before the kill had been carried out."""
        try:
            first = wire.call(request.method, *request.params, {"key": request.key})
        except rpc.Refused:
            return False
        again = wire.call(request.method, *request.params, {"key": request.key})
        self.assertTrue(again["replayed"])
        self.assertEqual({**again, "replayed": first["replayed"]}, first)
        self.acks.append(Ack(request, first))
        return first["replayed"]

    def read_new_media(self, wire):
        """Every blob that a record names, once: the bytes that were sent under that name."""
        after, found = max(self.read, default=0), True
        while found:
            found = wire.call("findMany", "media", {"where": {"id": {"$gt": after}}, "limit": 200, "orderBy": {"id": "asc"},
                                                   "select": ["id", "name", "blob", "size"]})["data"]
            for medium in found:
                data = b""
                while len(data) < medium["size"]:
                    data += wire.call("blob.read", medium["blob"], len(data), 1 << 20)["bytes"]
                self.assertEqual(hashlib.sha256(data).hexdigest(), medium["name"])
                self.read.add(medium["id"])
                after = medium["id"]


class EagerGoBetween(threading.Thread):
    """Acknowledges each request at once, and hands it on when the next one comes."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.daemon_socket = daemon.socket
        self.path = str(pathlib.Path(daemon.socket).with_name("eager"))
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.start()

    def connect(self):
        return rpc.Connection(self.path)

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        unpacker = msgpack.Unpacker(raw=False)
        held, sequence = None, 1
        with client, rpc.Connection(self.daemon_socket) as onward:
            try:
                while data := client.recv(1 << 20):
                    unpacker.feed(data)
                    for _, number, method, params in unpacker:
                        if held:
                            reply = onward.raw_reply(onward.send(*held))
                            sequence = max(sequence, (reply[3] or {}).get("sequence", 0))
                        held = (method, *params)
                        client.sendall(msgpack.packb([1, number, None, {"sequence": sequence + 1, "id": 0}]))
            except OSError:
                pass  # Killed together with the daemon.


class EagerWorker(Worker):
    def request(self):
        self.keys += 1
        return Request("insertOne", ["products", {"name": self.text()}], f"{self.label}-{self.keys}")


class Control(unittest.TestCase):
    def test_an_acknowledgement_before_the_write_is_noticed(self):
        caught = 0
        for number in range(CONTROL_ROUNDS):
            daemon = proof.daemon(self.addCleanup)
            with daemon.connect() as wire:
                wire.call("schema.apply", proof.shop_schema())
            eager = EagerGoBetween(daemon)
            with open(daemon.path / "journal", "a") as journal:
                worker = EagerWorker(eager.connect, f"e{number}", SEED + number, journal)
                worker.start()
                deadline = time.monotonic() + 30
                while len(worker.acks) < 5 and time.monotonic() < deadline:
                    time.sleep(0.01)
                daemon.end(by=signal.SIGKILL)
                eager.listener.close()
                worker.join(60)
            rows, report, state = proof.check(daemon)
            self.assertEqual(report.differences, [], "the daemon did its part")
            caught += any(missing(worker.acks, rows, state))
        print(f"acknowledged before the write: caught {caught} of {CONTROL_ROUNDS}")
        self.assertEqual(caught, CONTROL_ROUNDS)


if __name__ == "__main__":
    unittest.main()
