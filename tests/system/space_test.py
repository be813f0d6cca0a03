#!/usr/bin/env python3
"""A disk that fills up: writes are refused in time, reads and deletions go on, and when there is room again so do writes,
without anybody's doing. Needs the right to mount a small file system in memory; skipped without."""
import contextlib
import os
import pathlib
import random
import select
import shutil
import subprocess
import tempfile
import time
import unittest

import proof
import rpc

KEPT_FREE = 32 << 20


class SmallDisk(unittest.TestCase):
    SIZE = "256m"

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="emstore-")
        self.addCleanup(folder.cleanup)
        self.mounted = pathlib.Path(folder.name)
        self.mount("size=" + self.SIZE)
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.mounted], check=True)

    def mount(self, options):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "emstore-test", self.mounted], capture_output=True)
        if done.returncode != 0:
            self.skipTest("no right to mount: " + done.stderr.decode().strip())


class FullDisk(SmallDisk):
    def setUp(self):
        super().setUp()
        self.daemon = rpc.Daemon("--set", f"limits.free_space={KEPT_FREE}B", folder=self.mounted)
        self.addCleanup(lambda: self.daemon.process.poll() is None and self.daemon.end())

    def fill(self, wire, write):
        """Writes until it is refused; how often it was taken."""
        for count in range(10_000):
            try:
                write(count)
            except rpc.Refused as refused:
                self.assertEqual((refused.code, refused.retryable), ("disk_full", True))
                self.assertIn("limits.free_space", refused.hint)
                return count
        self.fail("the disk never filled up")

    def test_refuses_writes_in_time_and_recovers_by_itself(self):
        chance = random.Random(1)
        made = []
        with self.daemon.connect() as wire:
            wire.call("schema.apply", proof.shop_schema())
            self.assertGreater(self.fill(wire, lambda n: made.append(
                wire.call("media.upload", chance.randbytes(60_000), {"name": f"{n}"})["id"])), 50)
            for method, params in (("insertOne", ["products", {"name": "x"}]), ("blob.begin", [{"size": 100}]),
                                   ("schema.apply", [{"entities": {}}])):
                with self.assertRaises(rpc.Refused) as refused:
                    wire.call(method, *params)
                self.assertEqual(refused.exception.code, "disk_full")
            # Reads go on, and so does what makes room.
            self.assertEqual(wire.call("count", "media", {})["count"], len(made))
            self.assertEqual(len(wire.call("blob.read", wire.call("findId", "media", made[0])["data"]["blob"], 0,
                                           60_000)["bytes"]), 60_000)
            wire.call("deleteOne", "media", made.pop())
            self.assertTrue(wire.verify()["equal"])
            subprocess.run(["mount", "-o", "remount,size=512m", self.mounted], check=True)
            self.assertGreater(wire.call("media.upload", b"there is room again")["id"], made[-1])
            # An upload of a size that is known is refused before it begins.
            with self.assertRaises(rpc.Refused) as refused:
                wire.call("blob.begin", {"size": 500 << 20})
            self.assertEqual(refused.exception.code, "disk_full")
        self.assertEqual(self.daemon.end(), 0)
        self.assertIn("disk_has_room", self.daemon.log())
        self.daemon.start()
        with self.daemon.connect() as wire:
            self.assertEqual(wire.call("count", "media", {})["count"], len(made) + 1)


    def gc(self, wire, **options):
        job = wire.call("gc", {"grace": 0, **options})["job"]
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            found = wire.call("job.get", job)
            if found["state"] not in ("waiting", "running"):
                self.assertEqual(found["state"], "done", found)
                return found["result"]
            time.sleep(0.01)  # Between two questions.
        self.fail("gc did not end")

    def until(self, holds):
        deadline = time.monotonic() + 60
        while not holds():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_has_room_again_once_what_filled_it_is_deleted_and_collected(self):
        """Nobody makes the disk larger, and nobody starts the daemon again."""
        self.daemon.end()
        # As much is kept free as there may be rows: RocksDB writes a table anew before it removes the old one.
        self.daemon.start("--set", "limits.free_space=128MiB", "--set", "store.memtable=4MiB", "--set", "limits.lease=1s",
                          "--set", "requests.expiry_interval=1s")
        chance = random.Random(2)
        with self.daemon.connect() as wire:
            wire.call("schema.apply", proof.shop_schema())
            free = lambda: wire.call("status")["free"]["data"]
            put = {3_000_000: lambda: wire.call("media.upload", {"blob": wire.upload(chance.randbytes(3_000_000))}),
                   60_000: lambda: wire.call("media.upload", chance.randbytes(60_000))}
            for size in (3_000_000, 60_000, 3_000_000, 60_000):
                with self.subTest(size=size):
                    made = []
                    self.fill(wire, lambda _: made.append(put[size]()["id"]))
                    self.assertGreater(len(made) * size, 30 << 20)
                    for media in made:
                        wire.call("deleteOne", "media", media)
                    self.until(lambda: self.gc(wire, dry_run=True)["leased"] == 0)
                    full = free()
                    self.assertGreaterEqual(self.gc(wire)["blobs"], len(made))
                    # Files whose leases have only just ended go in the next round.
                    self.until(lambda: self.gc(wire) and free() > full + len(made) * size * 3 // 4)
                    print(f"full with {len(made)} of {size}, {full >> 20} MiB free; {free() >> 20} after gc")
                    self.assertGreater(wire.call("insertOne", "products", {"name": "x"})["id"], 0)
                    put[size]()
            self.assertTrue(wire.verify()["equal"])
        self.assertEqual(self.daemon.end(), 0)

    def test_goes_on_however_much_more_there_is_to_merge_than_is_kept_free(self):
        """Merging tables writes them anew before the old ones go. There is no room for that here, and it is not begun."""
        self.daemon.end()
        self.daemon.start("--set", "store.memtable=2MiB")
        chance = random.Random(4)
        text = lambda: chance.randbytes(20_000).hex()  # Half as long once it is compressed.
        with self.daemon.connect() as wire:
            wire.call("schema.apply", proof.shop_schema())
            free = lambda: wire.call("status")["free"]["data"]
            made = []
            while free() > 2 * KEPT_FREE:
                made.append(wire.call("insertOne", "products", {"name": "x", "description": text()})["id"])
            self.assertGreater(len(made) * 20_000, KEPT_FREE)  # More than merges may take of what is kept.
            # Each change makes tables that lie over all those that are there.
            changed = self.fill(wire, lambda _: wire.call("updateOne", "products", chance.choice(made), {"description": text()}))
            least = free()
            for _ in range(300):  # For as long as merges could still go wrong.
                least = min(least, free())
                time.sleep(0.01)
            print(f"{len(made)} records, {changed} changes, {least >> 20} MiB free at least")
            self.assertGreaterEqual(least, KEPT_FREE // 4)
            self.assertEqual(wire.call("count", "products", {})["count"], len(made))
            self.assertTrue(wire.verify()["equal"])
        self.assertEqual(self.daemon.end(), 0)
        self.daemon.start("--set", "store.memtable=2MiB")
        with self.daemon.connect() as wire:
            subprocess.run(["mount", "-o", "remount,size=1g", self.mounted], check=True)
            self.until(lambda: self.was_taken(wire, made[0]))
            self.assertEqual(wire.call("count", "products", {})["count"], len(made))
        self.assertEqual(self.daemon.end(), 0)

    def was_taken(self, wire, record):
        try:
            wire.call("updateOne", "products", record, {"description": "short"})
        except rpc.Refused as refused:
            self.assertEqual(refused.code, "disk_full")
            return False
        return True

    def test_goes_on_reading_on_a_disk_that_others_have_filled(self):
        with self.daemon.connect() as wire:
            wire.call("schema.apply", proof.shop_schema())
            record = wire.call("insertOne", "products", {"name": "x"})["id"]
            filler = self.mounted / "filler"
            with open(filler, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, wire.call("status")["free"]["data"])
            for method, params in (("deleteOne", ["products", record]), ("gc", [{"grace": 0}]),
                                   ("insertOne", ["products", {"name": "y"}])):
                with self.assertRaises(rpc.Refused) as refused:
                    wire.call(method, *params)
                self.assertEqual(refused.exception.code, "disk_full")
            self.assertEqual(wire.call("findId", "products", record)["data"]["name"], "x")
            self.gc(wire, dry_run=True)
            # As much as deletions need, and not more.
            os.truncate(filler, filler.stat().st_size - KEPT_FREE // 2)
            wire.call("deleteOne", "products", record)
            self.gc(wire)
            with self.assertRaises(rpc.Refused):
                wire.call("insertOne", "products", {"name": "y"})
            filler.unlink()
            self.assertGreater(wire.call("insertOne", "products", {"name": "y"})["id"], record)
        self.assertEqual(self.daemon.end(), 0)

    def test_has_the_room_of_several_collections_that_were_too_small_each(self):
        self.daemon.end()
        self.daemon.start("--set", "store.memtable=4MiB", "--set", "limits.lease=1s", "--set", "requests.expiry_interval=1s")
        chance = random.Random(3)
        count, size = 200, 60_000  # A collection pays from 16 MiB on.
        with self.daemon.connect() as wire:
            wire.call("schema.apply", proof.shop_schema())
            free = lambda: wire.call("status")["free"]["data"]
            empty = free()
            for is_enough in (False, True):
                for media in [wire.call("media.upload", chance.randbytes(size))["id"] for _ in range(count)]:
                    wire.call("deleteOne", "media", media)
                self.until(lambda: self.gc(wire, dry_run=True)["leased"] == 0)
                self.assertEqual(self.gc(wire)["blobs"], count)
                room = empty - count * size * 3 // 4
                if is_enough:
                    self.until(lambda: free() > room)  # Files go by and by.
                else:
                    self.assertLess(free(), room)
        self.assertEqual(self.daemon.end(), 0)

    def passed(self, seed, size):
        """A file of its own that has this size and takes hardly any memory."""
        descriptor = os.memfd_create("sparse")
        self.addCleanup(os.close, descriptor)
        os.truncate(descriptor, size)
        os.pwrite(descriptor, b"%d" % seed, 0)
        return descriptor

    def test_files_that_are_passed_together_leave_what_is_kept_free(self):
        sizes = [130 << 20, 120 << 20]  # Each of them fits alone.
        with contextlib.ExitStack() as stack:
            wires = [stack.enter_context(self.daemon.connect()) for _ in range(6)]
            asking = stack.enter_context(self.daemon.connect())
            asking.call("schema.apply", proof.shop_schema())
            requests = [(wire, size, wire.send_passing(self.passed(n, size), "blob.put_fd"))
                        for n, (wire, size) in enumerate(zip(wires, sizes * 3))]
            least, made = 1 << 40, 0
            replies = []
            while len(replies) < len(requests):
                least = min(least, asking.call("status")["free"]["media"])
                asking.call("insertOne", "products", {"name": f"{made}"})  # Commits go on.
                made += 1
                wire, size, request = requests[len(replies)]
                if select.select([wire.socket], [], [], 0)[0]:
                    replies.append((size, wire.raw_reply(request)))
            least = min(least, asking.call("status")["free"]["media"])
            stored = [size for size, (_, _, error, _) in replies if error is None]
            refused = [error[0] for _, (_, _, error, _) in replies if error is not None]
            print(f"passed together: {len(stored)} stored, {len(refused)} refused, {least >> 20} MiB left at least, commits {made}")
            self.assertEqual((len(stored), refused), (1, ["disk_full"] * 5))
            self.assertGreaterEqual(least, KEPT_FREE)
            self.assertEqual(list((self.daemon.data / "media" / "uploads").iterdir()), [])
            self.assertEqual(asking.call("count", "products", {})["count"], made)
        self.assertEqual(self.daemon.end(), 0)


class FullMediaDisk(SmallDisk):
    """Media have a disk of their own, which somebody else fills."""
    def test_holds_up_neither_deletions_nor_their_collection(self):
        daemon = rpc.Daemon("--media", self.mounted / "media", "--set", f"limits.free_space={KEPT_FREE}B",
                            "--set", "limits.lease=1s")
        self.addCleanup(lambda: daemon.process.poll() is None and daemon.end())
        with daemon.connect() as wire:
            wire.call("schema.apply", proof.shop_schema())
            media = wire.call("media.upload", {"blob": wire.upload(random.Random(1).randbytes(20_000_000))})["id"]
            time.sleep(1.5)  # The lease ends.
            free = lambda: wire.call("status")["free"]["media"]
            with open(self.mounted / "filler", "wb") as file:
                os.posix_fallocate(file.fileno(), 0, free())
            with self.assertRaises(rpc.Refused) as refused:
                wire.call("insertOne", "products", {"name": "x"})
            self.assertEqual(refused.exception.code, "disk_full")
            self.assertLess(free(), 1 << 20)
            wire.call("deleteOne", "media", media)
            deadline = time.monotonic() + 60
            while free() < 19_000_000:
                self.assertLess(time.monotonic(), deadline)
                wire.call("gc", {"grace": 0})
                time.sleep(0.1)
        self.assertEqual(daemon.end(), 0)


class RestoreOntoAFullDisk(SmallDisk):
    SIZE = "12m"

    def made(self, contents):
        """What a restore onto the disk of a store with these contents ends with."""
        daemon = rpc.Daemon()
        self.addCleanup(daemon.stop)
        backup = daemon.path / "backup"
        with daemon.connect() as wire:
            for content in contents:
                wire.call("insertOne", "media", {"file": {"blob": wire.upload(content)}})
            job = wire.call("backup", str(backup))["job"]
            while wire.call("job.get", job)["state"] in ("waiting", "running"):
                pass
        return subprocess.run([os.environ["EMSTORED"], "--restore", backup, "--data", self.mounted / "data", "--set",
                               "store.allow_memory=true"], capture_output=True, text=True, env=rpc.environment())

    def test_is_told_as_one_with_what_to_do(self):
        chance = random.Random(1)
        for what, contents in (("files", [chance.randbytes(14 << 20)]),
                               ("rows", [chance.randbytes(60_000) for _ in range(250)])):
            with self.subTest(what):
                done = self.made(contents)
                self.assertEqual(done.returncode, 6, done.stderr)
                self.assertIn("[disk_full]", done.stderr)
                self.assertIn("remove the directory, and do it again", done.stderr)
                shutil.rmtree(self.mounted / "data")


if __name__ == "__main__":
    unittest.main(verbosity=2)
