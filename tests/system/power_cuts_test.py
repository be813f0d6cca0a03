#!/usr/bin/env python3
"""Real cuts of the power of a disk, again and again: under load as crash_test.py kills, amid uploads as uploads_test.py
does. What was acknowledged is there and whole, nothing is half there, and the rows are what the log says.

POWER_CUTS: how many, of each; where it is given and power cannot be cut, that is an error (2, or the tests are skipped).
SEED: where chance starts. Control: a disk that says it has synced, and has not, has to be noticed every time.
"""
import os
import random
import signal
import unittest

import crash_test
import power
import proof
import rpc
import uploads_test

CUTS = int(os.environ.get("POWER_CUTS", "2"))
CONTROL_CUTS = min(CUTS, 5)
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))


def setUpModule():
    try:
        power.prepare()
    except OSError as error:
        print(f"power cannot be cut: {error}")
        if "POWER_CUTS" in os.environ:
            raise
        raise unittest.SkipTest(f"power cannot be cut: {error}")


class Commits(crash_test.Crash):
    blow, rounds, seed = "power cuts", CUTS, SEED
    moments = (0.2, 1.0)
    is_head_kept = False  # It is written, and not synced, with each commit.

    def new_daemon(self):
        return power.daemon(self.addCleanup)


class Uploads(uploads_test.Killed):
    blow, rounds, seed = "power cuts", CUTS, SEED
    moments = (0.3, 1.3)
    are_pieces_kept = False  # They are not synced before the upload is complete.

    def new_daemon(self):
        return power.daemon(self.addCleanup)


class Control(unittest.TestCase):
    def lying(self, below):
        daemon = power.daemon(self.addCleanup)
        with daemon.connect() as wire:
            wire.call("schema.apply", proof.shop_schema())
        daemon.lie(daemon.data / below)
        return daemon

    def test_commits_that_were_not_synced_are_noticed(self):
        caught = 0
        for _ in range(CONTROL_CUTS):
            daemon = self.lying("")
            requests = [crash_test.Request("insertOne", ["products", {"name": f"{n}"}], f"c{n}") for n in range(20)]
            with daemon.connect() as wire:
                acks = [crash_test.Ack(request, wire.call(request.method, *request.params, {"key": request.key}))
                        for request in requests]
            daemon.end(by=signal.SIGKILL)
            try:
                rows, _, state = proof.check(daemon)
                caught += any(crash_test.missing(acks, rows, state))
            except proof.Unreadable:
                caught += 1
        print(f"commits that were not synced: caught {caught} of {CONTROL_CUTS}")
        self.assertEqual(caught, CONTROL_CUTS)

    def test_files_that_were_not_synced_are_noticed(self):
        caught = 0
        for number in range(CONTROL_CUTS):
            daemon = self.lying("media")
            data = random.Random(SEED + number).randbytes(300_000)
            with daemon.connect() as wire:
                media = wire.call("media.upload", {"blob": wire.upload(data)})["id"]
            daemon.end(by=signal.SIGKILL)
            daemon.start()
            with daemon.connect() as wire:
                # The commit was synced; the file was not.
                address = wire.call("findId", "media", media)["data"]["blob"]
                try:
                    caught += uploads_test.read_all(wire, address) != data
                except rpc.Refused:
                    caught += 1
        print(f"files that were not synced: caught {caught} of {CONTROL_CUTS}")
        self.assertEqual(caught, CONTROL_CUTS)


if __name__ == "__main__":
    unittest.main(verbosity=2)
