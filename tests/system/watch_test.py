#!/usr/bin/env python3
"""`emstore watch` beside somebody who commits: each commit once and in order, as it is made, across an end and a new start; and
what a program that reads it learns of where it stands."""
import json
import os
import signal
import subprocess
import threading
import unittest

import proof
import rpc

CLI = os.environ["EMSTORE_CLI"]
COMMITS = 300


class Watch(unittest.TestCase):
    def setUp(self):
        self.daemon = proof.daemon(self.addCleanup, "--set", "limits.feed_lag=10", "--set", "limits.feed_buffer=64KiB")
        self.wire = self.daemon.connect()
        self.addCleanup(self.wire.close)
        self.wire.call("schema.apply", proof.shop_schema())

    def watch(self, *words):
        watching = subprocess.Popen([CLI, "--socket", self.daemon.socket, "watch", *words], text=True, env=rpc.environment(),
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(watching.stderr.close)
        self.addCleanup(watching.stdout.close)
        self.addCleanup(watching.wait)
        self.addCleanup(watching.kill)
        return watching

    def insert(self, count=1):
        at_once = 50
        for begin in range(0, count, at_once):
            for request in [self.wire.send("insertOne", "products", {"name": "x" * 100})
                            for _ in range(min(at_once, count - begin))]:
                self.wire.reply(request)

    def test_shows_commits_as_they_are_made(self):
        following = self.watch("--json")
        self.assertEqual(json.loads(following.stdout.readline()), {"caught_up": {"next": 2}})
        for sequence in (2, 3):  # Read before the next one is made.
            self.insert()
            self.assertEqual(json.loads(following.stdout.readline())["sequence"], sequence)
        following.send_signal(signal.SIGINT)
        self.assertEqual(following.wait(), 130)

    def test_ends_after_as_many_as_it_is_told(self):
        following = self.watch("--from", "1", "--limit", "3")
        self.insert(5)
        lines = following.stdout.read().splitlines()
        self.assertEqual([line.split()[0] for line in lines], ["1", "2", "3"])
        self.assertEqual(following.wait(), 0)

    def test_tells_where_it_stands_also_when_nothing_matches(self):
        self.insert(5)
        for words, expected in ((["products/999"], [{"caught_up": {"next": 7}}]),
                                (["media", "--from", "3"], [{"caught_up": {"next": 7}}])):
            said = self.watch(*words, "--once", "--json").communicate(timeout=60)[0].splitlines()
            self.assertEqual([json.loads(line) for line in said], expected)

    def test_goes_on_where_one_that_was_killed_stood(self):
        writer = threading.Thread(target=self.insert, args=(COMMITS,))
        writer.start()
        got, then = [], 1
        for share in (50, 100):
            following = self.watch("--json", "--from", str(then))
            while len(got) < share:
                commit = json.loads(following.stdout.readline())
                if "sequence" in commit:
                    got.append(commit["sequence"])
                    then = commit["sequence"] + 1
            following.kill()
        writer.join()
        rest = self.watch("--json", "--once", "--from", str(then)).communicate(timeout=60)[0].splitlines()
        got += [commit["sequence"] for commit in map(json.loads, rest) if "sequence" in commit]
        self.assertEqual(got, list(range(1, COMMITS + 2)))

    def test_says_that_it_lags(self):
        following = self.watch("--from", "2")
        self.insert()
        self.assertTrue(following.stdout.readline().startswith("2 "))
        following.send_signal(signal.SIGSTOP)
        self.insert(5_000)  # More than the daemon and two sockets hold for it.
        following.send_signal(signal.SIGCONT)
        sequences = [int(following.stdout.readline().split()[0]) for _ in range(5_000)]
        self.assertEqual(sequences, list(range(3, 5_003)))
        self.assertRegex(following.stderr.readline(), r"^lagging: \d+ commits wait$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
