#!/usr/bin/env python3
"""What subscribers cost the daemon, as a process of its own: while commits go on its memory stays where it was, however many
commits there have been, though some subscribers pause and one never takes anything.

EMSTORE_FEED_COMMITS: how many commits (20,000). Control: with room for all that a subscriber does not take, the memory grows,
and the same bound has to be broken.
"""
import os
import pathlib
import random
import re
import socket
import threading
import time
import unittest

import proof
import rpc

COMMITS = int(os.environ.get("EMSTORE_FEED_COMMITS", "20000"))
SUBSCRIBERS = 4  # Of which every second one pauses.
GROWTH_MAX = 16 << 20  # From a quarter of the way to the end.
TEXT_BYTES = 3_000  # Of each commit: what would be kept for one subscriber alone is more than twice the bound.
# Full at a quarter of the way.
SMALL_STORE = ("--set", "store.memtable=4MiB", "--set", "store.cache=8MiB", "--set", "store.writer_cache=4MiB")
PATIENT = ("--set", "limits.write_time=10min")


class Subscriber(threading.Thread):
    """Takes every commit from the first on, up to `last`; one that pauses does so now and then."""

    def __init__(self, daemon, last, pauses):
        super().__init__()
        self.daemon_, self.last, self.random = daemon, last, random.Random(last) if pauses else None
        self.got, self.error = 0, None

    def run(self):
        try:
            with self.daemon_.connect(timeout=120) as wire:
                wire.call("subscribe", {"from": 1})
                while self.got < self.last:
                    self.take(wire.pushes.popleft() if wire.pushes else wire.message())
        except Exception as error:  # Told by the test.
            self.error = error

    def take(self, push):
        _, name, params = push
        if name != "commits":
            return
        for commit in params[1]:
            if commit["sequence"] != self.got + 1:
                raise AssertionError(f"{commit['sequence']} came, where {self.got + 1} was due")
            self.got += 1
        if self.random and self.random.random() < 0.02:
            time.sleep(self.random.uniform(0, 0.2))


def memory(daemon):
    """What the process holds now, but for what it has mapped from files."""
    status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) << 10


class FeedMemory(unittest.TestCase):
    def daemon_with(self, *flags):
        daemon = proof.daemon(self.addCleanup, *SMALL_STORE, *PATIENT, *flags)
        self.wire = daemon.connect()
        self.addCleanup(self.wire.close)
        self.wire.call("schema.apply", proof.shop_schema())
        return daemon

    def insert(self, count):
        text = random.Random(count).randbytes(TEXT_BYTES // 2).hex()
        for begin in range(0, count, 64):
            for request in [self.wire.send("insertOne", "products", {"name": "a", "description": text})
                            for _ in range(min(64, count - begin))]:
                self.wire.reply(request)

    def growth(self, daemon, commits, subscribers):
        """From a quarter of the way to the end; and what was there then."""
        with daemon.connect() as sleeper:
            sleeper.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            sleeper.call("subscribe", {"from": 1})
            for subscriber in subscribers:
                subscriber.start()
            self.insert(commits // 4)
            before = memory(daemon)
            self.insert(commits - commits // 4)
            for subscriber in subscribers:
                subscriber.join()
            return memory(daemon) - before, before

    def test_stays_where_it_was_however_many_commits_there_have_been(self):
        daemon = self.daemon_with()
        subscribers = [Subscriber(daemon, COMMITS + 1, number % 2 == 1) for number in range(SUBSCRIBERS)]
        grown, before = self.growth(daemon, COMMITS, subscribers)
        for subscriber in subscribers:
            self.assertIsNone(subscriber.error)
        print(f"feed: {SUBSCRIBERS} subscribers and one that takes nothing, {COMMITS} commits; memory {before >> 20} MiB at a "
              f"quarter of the way, {(before + grown) >> 20} MiB at the end")
        self.assertLess(grown, GROWTH_MAX)

    def test_the_bound_is_broken_by_what_is_kept_for_who_takes_nothing(self):
        without_bound = [flag for name in ("feed_buffer", "connection_memory", "connections_memory")
                         for flag in ("--set", f"limits.{name}=4GiB")]
        grown, before = self.growth(self.daemon_with(*without_bound), 20_000, [])
        print(f"feed: without a bound, memory {before >> 20} MiB at a quarter of the way, {(before + grown) >> 20} MiB at the end")
        self.assertGreater(grown, GROWTH_MAX)


if __name__ == "__main__":
    unittest.main(verbosity=2)
