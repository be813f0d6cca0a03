#!/usr/bin/env python3
"""Garbage, from the outside: clients that store, attach, detach and delete while it is collected, never to lose a byte that
somebody needs; and at rest the disk holds what is alive and nothing else."""
import hashlib
import os
import random
import signal
import socket
import threading
import time
import unittest

import proof
import rpc

SEED = 20261122
LARGE = 70_000  # Lies in a file.
BLOBS = 100  # That all clients share.
SECONDS = float(os.environ.get("EMSTORE_GC_SECONDS", "4"))


def content(number):
    size = LARGE if number % 2 else 100
    return random.Random(number).randbytes(size)


def gc(wire, **options):
    job = wire.call("gc", options)["job"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = wire.call("job.get", job)
        if found["state"] not in ("waiting", "running"):
            return found
        time.sleep(0.002)  # Between two questions.
    raise AssertionError("gc did not end")


NUMBERS = {hashlib.sha256(content(number)).hexdigest(): number for number in range(BLOBS)}


def files_of(daemon):
    return {path.name: path.read_bytes() for path in (daemon.data / "media").glob("??/*") if path.parent.name != "uploads"}


def read_all(wire, address):
    data = b""
    while True:
        piece = wire.call("blob.read", address, len(data), 1 << 20)
        data += piece["bytes"]
        if len(data) == piece["size"]:
            return data


class Worker(threading.Thread):
    """Stores the same few contents as everybody else, links them here and there, and lets go of them; and links what others
    have let go of. `loose` is what all of them let go of: pairs of a media and the number of its content. Ends at `until`,
    or when the daemon is killed."""

    def __init__(self, daemon, seed, loose, until=None):
        super().__init__()
        self.daemon_, self.random, self.loose, self.until = daemon, random.Random(seed), loose, until
        self.page, self.error = None, None
        self.linked = {}        # media → the number of its content, of what was acknowledged
        self.unanswered = None  # A media of which it is not known whether it is linked.
        self.done = self.lost = self.taken_up = 0

    def run(self):
        try:
            with self.daemon_.connect() as wire:
                self.page = wire.call("insertOne", "products", {"name": f"page {threading.get_ident()}"})["id"]
                while self.until is None or time.monotonic() < self.until:
                    self.step(wire)
                    self.done += 1
        except (ConnectionError, socket.timeout) as error:
            self.error = error if self.until else None  # Else it is the kill.
        except Exception as error:  # Told by the test.
            self.error = error

    def step(self, wire):
        is_loose = bool(self.loose) and self.random.random() < 0.3
        try:
            media, number = self.random.choice(self.loose[-8:]) if is_loose else self.store(wire)
            self.change(wire, "$attach", media)
        except rpc.Refused as refused:
            # Nothing named the bytes, or linked the media, in time: they may have been collected; then nothing leads there.
            if refused.code not in ("media_not_found", "blob_not_found"):
                raise
            self.unanswered = None
            self.lost += 1
            return
        self.linked[media] = number
        self.taken_up += is_loose
        address = wire.call("findId", "media", media)["data"]["blob"]
        assert read_all(wire, address) == content(number), "other bytes than were stored"
        if self.random.randrange(3):
            self.change(wire, "$detach", media)
            del self.linked[media]
            self.loose.append((media, number))
            del self.loose[:-BLOBS]  # Older ones are most likely gone.

    def store(self, wire):
        number = self.random.randrange(BLOBS)
        data = content(number)
        file = {"blob": wire.upload(data)} if len(data) == LARGE else data
        return wire.call("media.upload", file)["id"], number

    def change(self, wire, operator, media):
        self.unanswered = media
        wire.call("updateOne", "products", self.page, {"gallery": {operator: [media]}})
        self.unanswered = None


def gallery_of(wire, page):
    """media → what its record says."""
    record = wire.call("findOne", "products", {"where": {"id": page}, "with": {"gallery": True}})["data"]
    return {media["id"]: media for media in record["gallery"]}


def faults(wire, worker):
    """What is not as the worker was told: links that it made are there, and lead to their bytes."""
    if worker.error:
        yield f"a worker met {worker.error!r}"
    if worker.page is None:
        return  # The kill came first.
    gallery, wanted = gallery_of(wire, worker.page), dict(worker.linked)
    wanted.pop(worker.unanswered, None)
    for media in wanted.keys() - gallery.keys():
        yield f"media {media} is not linked any more"
    for media in gallery.keys() - wanted.keys() - {worker.unanswered}:
        yield f"media {media} is linked by nobody"
    for media, record in gallery.items():
        try:
            data = read_all(wire, record["blob"])
        except rpc.Refused as refused:
            yield f"the bytes of media {media}: {refused}"
            continue
        if hashlib.sha256(data).hexdigest() != record["sha256"] or data != content(wanted.get(media, NUMBERS[record["sha256"]])):
            yield f"the bytes of media {media} are others"


class Garbage(unittest.TestCase):
    def setUp(self):
        self.daemon = proof.daemon(self.addCleanup)
        with self.daemon.connect() as wire:
            wire.call("schema.apply", proof.shop_schema())

    def at_rest(self):
        """Stops the daemon; the disk holds what a media has, and nothing else."""
        self.assertEqual(self.daemon.end(), 0)
        rows, report, state = proof.check(self.daemon)
        self.assertEqual(report.differences, [])
        live = {address for address, blob in state.blobs.items() if blob[2] > 0}
        leased = {key[:17] for key in rows["leases"] if len(key) == 21}
        self.assertEqual(set(rows["bytes"]) - leased, {address for address in live if address[16] < 128} - leased)
        names = {f"{address[:16].hex()}.{address[16]}" for address in live | leased if address[16] >= 128}
        self.assertEqual(set(files_of(self.daemon)), names)
        return state

    def test_is_told_before_it_goes_and_then_gone(self):
        with self.daemon.connect() as wire:
            kept = wire.call("media.upload", b"kept")["id"]
            wire.call("insertOne", "products", {"name": "page", "gallery": {"$set": [kept]}})
            gone = wire.call("media.upload", b"gone")
            self.assertEqual(gc(wire)["result"]["media"], 0)  # The grace is a day.
            told = gc(wire, dry_run=True, grace=0)["result"]
            self.assertEqual((told["media"], told["blobs"], told["bytes"]), (1, 1, 4))
            self.assertEqual(told["list"][0]["id"], gone["id"])
            self.assertEqual(wire.call("findId", "media", gone["id"])["data"]["id"], gone["id"])
            done = gc(wire, grace=0)["result"]
            self.assertEqual((done["media"], done["list"]), (1, told["list"]))
            self.assertIsNone(wire.call("findId", "media", gone["id"])["data"])
            with self.assertRaises(rpc.Refused) as refused:
                wire.call("blob.read", gone["data"]["blob"], 0, 10)
            self.assertEqual(refused.exception.code, "gone")
            self.assertEqual(read_all(wire, wire.call("findId", "media", kept)["data"]["blob"]), b"kept")
            # Stored again it is there again, at the same address.
            again = wire.call("media.upload", b"gone")
            self.assertEqual(again["data"]["blob"], gone["data"]["blob"])
            self.assertEqual(read_all(wire, gone["data"]["blob"]), b"gone")
            self.assertTrue(wire.verify()["equal"])
        self.at_rest()

    def test_the_past_says_that_bytes_are_gone(self):
        self.restart("--set", "limits.lease=500ms")
        with self.daemon.connect() as wire:
            for data in (b"small", content(1)):
                media = wire.call("media.upload", {"blob": wire.upload(data)} if len(data) == LARGE else data)
                id, blob = media["id"], media["data"]["blob"]
                page = wire.call("insertOne", "products", {"name": "page", "gallery": {"$set": [id]}})
                then = {"as_of": page["sequence"], "with": {"gallery": {"select": ["id", "blob"]}}}
                self.assertEqual(wire.call("findId", "products", page["id"], then)["data"]["gallery"], [{"id": id, "blob": blob}])
                wire.call("deleteOne", "products", page["id"])
                done = gc(wire, grace=0)["result"]
                while done["leased"]:
                    done = gc(wire, grace=0)["result"]
                gone = {"id": id, "blob": blob, "bytes": "collected", "collected_at": done["sequence"]}
                self.assertEqual(wire.call("findId", "products", page["id"], then)["data"]["gallery"], [gone])
                alone = wire.call("findId", "media", id, {"as_of": page["sequence"]})["data"]
                self.assertLessEqual(gone.items(), alone.items())
                with self.assertRaises(rpc.Refused) as refused:
                    wire.call("blob.read", blob, 0, 10)
                self.assertEqual(refused.exception.code, "gone")
                # The control: of bytes that came again it is not said.
                wire.call("media.upload", {"blob": wire.upload(data)} if len(data) == LARGE else data)
                self.assertEqual(wire.call("findId", "products", page["id"], then)["data"]["gallery"], [{"id": id, "blob": blob}])

    def restart(self, *flags):
        self.assertEqual(self.daemon.end(), 0)
        self.daemon = rpc.Daemon(*flags, "--set", "requests.expiry_interval=10ms", folder=self.daemon.path)
        self.addCleanup(lambda: self.daemon.process.poll() is None and self.daemon.end(by=signal.SIGKILL))

    def collect_all(self, wire):
        """Also what leases hold that end in a moment."""
        deadline = time.monotonic() + 60
        while gc(wire, grace=0)["result"]["leased"] or self.waits():
            self.assertLess(time.monotonic(), deadline)

    def waits(self):
        return [name for name in files_of(self.daemon) if name not in self.named]

    def test_takes_files_that_nobody_named_when_their_lease_is_over(self):
        self.restart("--set", "limits.lease=1us")
        self.named = set()
        with self.daemon.connect() as wire:
            address = wire.upload(content(1))
            self.collect_all(wire)
            with self.assertRaises(rpc.Refused) as refused:
                wire.call("media.upload", {"blob": address})
            self.assertEqual(refused.exception.code, "blob_not_found")
        self.assertEqual(self.at_rest().blobs, {})

    def test_a_killed_daemon_leaves_no_strays(self):
        stray = self.daemon.data / "media" / "ab" / ("ab" + "0" * 30 + ".128")
        self.daemon.end(by=9)
        stray.write_bytes(b"x" * LARGE)
        self.daemon.start()
        deadline = time.monotonic() + 30
        while stray.exists():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)  # The daemon looks for strays when it has started.
        self.at_rest()

    def test_never_takes_what_is_attached_meanwhile(self):
        self.restart("--set", "limits.lease=200ms")
        until = time.monotonic() + SECONDS
        loose = []
        workers = [Worker(self.daemon, SEED + number, loose, until) for number in range(8)]
        for worker in workers:
            worker.start()
        rounds, collected, pauses = 0, 0, random.Random(SEED)
        with self.daemon.connect() as wire:
            while time.monotonic() < until:
                done = gc(wire, grace=0)
                self.assertEqual(done["state"], "done", done)
                rounds, collected = rounds + 1, collected + done["result"]["media"]
                time.sleep(pauses.uniform(0, 0.02))  # So that others find something to take up.
            for worker in workers:
                worker.join()
            for worker in workers:
                self.assertEqual(list(faults(wire, worker)), [])
            self.assertTrue(wire.verify()["equal"])
            self.named = set()
            for worker in workers:
                wire.call("deleteOne", "products", worker.page)
            self.collect_all(wire)
        print(f"{sum(worker.done for worker in workers)} steps, {rounds} rounds of gc, {collected} media collected, "
              f"{sum(worker.lost for worker in workers)} before they were attached; "
              f"{sum(worker.taken_up for worker in workers)} attached again that others had let go of")
        self.assertGreater(rounds, 3)
        self.assertGreater(collected, 3)
        self.at_rest()


if __name__ == "__main__":
    unittest.main(verbosity=2)
