#!/usr/bin/env python3
"""Kills the daemon while it collects garbage under clients that store, attach, detach and take up what others let go of: what
was acknowledged is linked and leads to its bytes, and at rest the disk holds what is alive and nothing else.

GC_KILLS: how many kills (4). SEED: where chance starts. Control: a collector of our own that removes files by what it saw a
moment ago, or does not look at leases, has to be noticed every time, by the same looks at the same clients.
"""
import os
import random
import signal
import socket
import threading
import time
import unittest

import gc_test
import proof
import rpc

KILLS = int(os.environ.get("GC_KILLS", "4"))
CONTROL_ROUNDS = 3
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
WORKERS = 6
FLAGS = ("--set", "limits.lease=200ms", "--set", "requests.expiry_interval=10ms")


class Repeated(threading.Thread):
    """Does `step` with a connection of its own, again and again, until it is ended or the daemon is killed."""

    def __init__(self, daemon, step):
        super().__init__()
        self.daemon_, self.step = daemon, step
        self.over, self.error = threading.Event(), None

    def run(self):
        try:
            with self.daemon_.connect() as wire:
                while not self.over.is_set():
                    self.step(wire)
        except (ConnectionError, socket.timeout):
            pass  # The kill.
        except Exception as error:  # Told by the test.
            self.error = error

    def end(self):
        self.over.set()
        self.join(60)
        if self.error or self.is_alive():
            raise AssertionError(self.error or "hangs")


class Case(unittest.TestCase):
    def setUp(self):
        self.daemon = proof.daemon(self.addCleanup, *FLAGS)
        with self.daemon.connect() as wire:
            wire.call("schema.apply", proof.shop_schema())

    def workers(self, seed, until=None):
        loose = []
        workers = [gc_test.Worker(self.daemon, seed * 100 + number, loose, until) for number in range(WORKERS)]
        for worker in workers:
            worker.start()
        return workers


class Killed(Case):
    at_rest, waits, collect_all = gc_test.Garbage.at_rest, gc_test.Garbage.waits, gc_test.Garbage.collect_all

    def setUp(self):
        print(f"SEED={SEED}, {KILLS} kills")
        super().setUp()
        self.random, self.collected, self.rounds = random.Random(SEED), 0, 0

    def collect(self, wire):
        done = gc_test.gc(wire, grace=0)
        self.assertEqual(done["state"], "done", done)
        self.collected, self.rounds = self.collected + done["result"]["media"], self.rounds + 1
        time.sleep(self.random.uniform(0, 0.01))  # So that others find something to take up.

    def round(self, number):
        """Workers until a kill, which comes at any moment: it is drawn, not waited for."""
        collector = Repeated(self.daemon, self.collect)
        workers = self.workers(SEED + number)
        collector.start()
        time.sleep(self.random.uniform(0.2, 1.2))
        self.daemon.end(by=signal.SIGKILL)
        collector.end()
        for worker in workers:
            worker.join(60)
            self.assertFalse(worker.is_alive(), "a worker hangs after the kill")
        return workers

    def test_nothing_that_is_needed_is_collected_whenever_the_kill_comes(self):
        old, kept, done, taken_up = [], 0, 0, 0
        for number in range(KILLS):
            workers = self.round(number)
            done, taken_up = done + sum(w.done for w in workers), taken_up + sum(w.taken_up for w in workers)
            _, report, _ = proof.check(self.daemon)
            self.assertEqual(report.differences, [], f"round {number}, SEED={SEED}")
            self.daemon.start()
            with self.daemon.connect() as wire:
                for worker in workers + old:
                    self.assertEqual(list(gc_test.faults(wire, worker)), [], f"round {number}, SEED={SEED}")
                    kept += len(worker.linked)
                for worker in old:  # Their bytes are garbage in the next round.
                    wire.call("deleteOne", "products", worker.page)
            old = [worker for worker in workers if worker.page]
        with self.daemon.connect() as wire:
            self.assertTrue(wire.verify()["equal"])
            for page in wire.call("findMany", "products", {"select": ["id"]})["data"]:
                wire.call("deleteOne", "products", page["id"])
            self.named = set()
            self.collect_all(wire)
        self.at_rest()
        print(f"{KILLS} kills, {done} steps, {self.rounds} rounds of gc, {self.collected} media collected, {taken_up} attached "
              f"again that others had let go of; {kept} links looked at after a kill, 0 lost")
        self.assertGreater(self.collected, KILLS)
        self.assertGreater(kept, KILLS)


class Control(Case):
    """A collection that is wrong on purpose: files go that somebody needs."""

    def remove(self, addresses):
        for address in addresses:
            name = address.removeprefix("xxh3-128:")
            (self.daemon.data / "media" / name[:2] / name).unlink(missing_ok=True)

    def by_what_it_saw(self, wire):
        """Looks what is unused, and removes it a moment later, whoever has attached it or its like meanwhile."""
        unused = {media["blob"] for media in gc_test.gc(wire, grace=0, dry_run=True)["result"]["list"]}
        time.sleep(0.05)
        self.remove(unused)

    def without_leases(self, wire):
        """Collects, and then removes what no media has any more, whoever was promised that it may name it."""
        gc_test.gc(wire, grace=0)
        before = {media["blob"] for media in wire.call("findMany", "media", {"select": ["blob"]})["data"]}
        self.remove({f"xxh3-128:{name}" for name in gc_test.files_of(self.daemon)} - before)

    def is_noticed(self, step, seed):
        self.setUp()  # A daemon of its own.
        workers, collector = self.workers(seed, time.monotonic() + 1.5), Repeated(self.daemon, step)
        collector.start()
        for worker in workers:
            worker.join(60)
        collector.end()
        with self.daemon.connect() as wire:
            found = [fault for worker in workers for fault in gc_test.faults(wire, worker)]
        self.daemon.end(by=signal.SIGKILL)
        return bool(found)

    def test_a_collection_that_does_not_look_is_noticed(self):
        for step in (self.by_what_it_saw, self.without_leases):
            caught = sum(self.is_noticed(step, SEED + number) for number in range(CONTROL_ROUNDS))
            print(f"collected {step.__name__.replace('_', ' ')}: caught {caught} of {CONTROL_ROUNDS}")
            self.assertEqual(caught, CONTROL_ROUNDS)
        # And one that looks is not.
        self.assertFalse(self.is_noticed(lambda wire: gc_test.gc(wire, grace=0), SEED))


if __name__ == "__main__":
    unittest.main(verbosity=2)
