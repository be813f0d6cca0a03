#!/usr/bin/env python3
"""What looks at a whole store while it is used: audits find nothing wrong beside writers, collections and rebuilds, and what is
wrong all the same; every backup that is made meanwhile is the store as it was at one commit."""
import os
import random
import re
import subprocess
import threading
import time
import types
import unittest

import gc_test
import proof
import rpc

SECONDS = float(os.environ.get("EMSTORE_ONLINE_SECONDS", "2"))
BACKUPS = int(os.environ.get("EMSTORE_BACKUPS", "2"))
CLI = os.environ["EMSTORE_CLI"]
SEED = int(os.environ.get("SEED", "20261130"))


class Background(threading.Thread):
    """Calls `step` with a connection of its own, again and again, while `goes_on` is set, until it is ended. An error is kept
    for the test."""

    def __init__(self, daemon, step, goes_on):
        super().__init__()
        self.daemon_, self.step, self.goes_on = daemon, step, goes_on
        self.over, self.done, self.error = threading.Event(), 0, None

    def run(self):
        try:
            with self.daemon_.connect() as wire:
                while not self.over.is_set():
                    if self.goes_on.wait(0.1):
                        self.step(wire)
                        self.done += 1
        except Exception as error:  # Told by the test.
            self.error = error

    def end(self):
        self.over.set()
        self.join()
        if self.error:
            raise self.error
        return self.done


def insert_many_at_once(wire):
    """As much as a connection takes: more than the writer can have done by the time the next is sent."""
    for request in [wire.send("insertOne", "products", {"name": f"product {i}", "price": i}) for i in range(64)]:
        wire.reply(request)


def insert_with_media(number):
    """A step: a record with a large picture of its own, a small one and, every second time, without its predecessor."""
    chance = random.Random(f"{SEED} {number}")
    made = []

    def step(wire):
        large, small = wire.upload(chance.randbytes(chance.randrange(70_000, 3_000_000))), chance.randbytes(200)
        try:
            made.append(wire.call("insertOne", "products", {"name": "with media", "cover": {"$create": {"file": small}},
                                                            "gallery": {"$create": [{"file": {"blob": large}}]}})["id"])
        except rpc.Refused as refused:
            if refused.code != "blob_not_found":  # Its lease was over, and it was collected.
                raise
        if len(made) > 1:
            wire.call("deleteOne", "products", made.pop(0))
    return step


def collect(wire):
    assert gc_test.gc(wire, grace=0)["state"] == "done"


class Online(unittest.TestCase):
    def setUp(self):
        self.daemon = proof.daemon(self.addCleanup, "--set", "limits.lease=1s")
        with self.daemon.connect() as wire:
            wire.call("schema.apply", proof.shop_schema())
            insert_with_media(0)(wire)
        self.background, self.goes_on = [], threading.Event()
        self.goes_on.set()

    def beside(self, *steps):
        for step in steps:
            self.background.append(Background(self.daemon, step, self.goes_on))
            self.background[-1].start()

    def end_all(self):
        """How often each was done: twice at least, however slow the machine is."""
        deadline = time.monotonic() + 100
        while any(one.is_alive() and one.done < 2 for one in self.background) and time.monotonic() < deadline:
            time.sleep(0.01)  # Between two looks.
        return [one.end() for one in self.background]

    def run_cli(self, *words):
        done = subprocess.run([CLI, "--socket", self.daemon.socket, *map(str, words)], text=True, capture_output=True, timeout=120,
                              env=rpc.environment(EMSTORE_STORE_ALLOW_MEMORY="true", PATH=os.path.dirname(CLI) + ":" + os.environ["PATH"]))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def proof_in(self, text):
        """(commit, root, state digest) as the command line tells them."""
        found = re.search(r"commit\s+(\d+).*?root\s+([0-9a-f]{64})\s+state digest\s+([0-9a-f]{64})", text, re.S)
        self.assertIsNotNone(found, text)
        return found.groups()

    def test_an_audit_finds_what_is_wrong_and_nothing_else(self):
        self.beside(insert_many_at_once, insert_with_media(1), insert_with_media(2), collect, lambda wire: wire.job("rebuild"))
        audits, until = 0, time.monotonic() + SECONDS
        with self.daemon.connect() as wire:
            while time.monotonic() < until or audits < 2:
                report = wire.job("audit")
                self.assertEqual(report["findings"], [])
                self.assertTrue(report["whole"])
                audits += 1
            # The control.
            kept = wire.upload(random.Random(SEED).randbytes(100_000))
            wire.call("insertOne", "products", {"name": "rots", "gallery": {"$create": [{"file": {"blob": kept}}]}})
            name = kept.partition(":")[2]
            path = self.daemon.data / "media" / name[:2] / name
            path.chmod(0o600)
            with open(path, "r+b") as file:
                file.seek(50_000)
                byte = file.read(1)[0]
                file.seek(50_000)
                file.write(bytes([byte ^ 1]))
            report = wire.job("audit")
            self.assertFalse(report["whole"])
            self.assertEqual([finding["place"] for finding in report["findings"]], [str(path)])
        inserted, first, second, collections, rebuilds = self.end_all()
        print(f"{audits} audits beside {64 * inserted} inserts, {first + second} with media, {collections} collections and "
              f"{rebuilds} rebuilds")
        for count in (audits, inserted, first, second, collections, rebuilds):
            self.assertGreater(count, 1)

    def test_every_backup_is_the_store_as_it_was_at_a_commit(self):
        self.beside(insert_many_at_once, insert_many_at_once, insert_with_media(1), insert_with_media(2), collect)
        directory, before = self.daemon.path / "backup", 0
        for number in range(BACKUPS):
            self.goes_on.set()
            made = self.proof_in(self.run_cli("backup", directory))
            self.goes_on.clear()  # What follows takes as long as there is data.
            restored = self.daemon.path / f"restored-{number}"
            self.assertEqual(self.proof_in(self.run_cli("restore", directory, "--into", restored)), made)
            replayed = self.daemon.path / f"replayed-{number}"
            self.assertEqual(self.proof_in(self.run_cli("replay", "--until", made[0], "--into", replayed)), made)
            self.check(restored)
            self.assertGreater(int(made[0]) - before, 64)  # Commits went on meanwhile.
            before = int(made[0])
            for path in (restored, replayed):
                subprocess.run(["rm", "-r", path], check=True)
        self.goes_on.set()
        inserted = self.end_all()
        print(f"{BACKUPS} backups up to commit {before}, each restored and replayed; meanwhile {64 * sum(inserted[:2])} inserts, "
              f"{sum(inserted[2:4])} with media, {inserted[4]} collections")
        for count in inserted:
            self.assertGreater(count, 1)

    def check(self, data):
        """Log, rows and every content of a store, as the independent checker reads them."""
        _, report, state = proof.check(types.SimpleNamespace(path=self.daemon.path, data=data))
        self.assertEqual(report.differences, [])
        self.assertGreater(len(state.blobs), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
