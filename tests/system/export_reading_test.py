#!/usr/bin/env python3
"""docs/export.md says that a stream can be read without emstore: export_reader.py does, and what it makes of a stream is
what the daemon says. An altered byte, a record that is gone or stands elsewhere is found, at its place."""
import itertools
import os
import random
import subprocess
import unittest

import export_reader
import msgpack
import proof
import rpc

LARGE = random.Random(7).randbytes(1_300_000)  # More than a piece.


def fill(wire):
    wire.call("schema.apply", proof.shop_schema())
    large = wire.upload(LARGE)
    media = [wire.call("media.upload", {"blob": large}, {"name": f"{n}.bin"})["id"] for n in range(2)]  # Of one content.
    wire.call("insertOne", "products", {"name": "lamp", "gallery": {"$create": [{"file": b"small"}, {"file": b"tiny"}]},
                                        "cover": {"$set": media[0]}}, {"reason": "the first one", "key": "a-key"})
    wire.call("media.upload", b"to be collected", {"name": "gone"})
    wire.call("updateOne", "products", 1, {"price": 7, "gallery": {"$attach": [media[1]]}})
    wire.call("updateOne", "products", 1, {"gallery": {"$detach": [media[1]]}})
    wire.call("deleteOne", "media", media[1])


def emstore(daemon, *words):
    return subprocess.run([os.environ["EMSTORE_CLI"], "--socket", daemon.socket, *words], capture_output=True, timeout=60,
                          env=rpc.environment())


def ask(daemon, *words):
    done = emstore(daemon, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def state_digest(reader, indexes):
    """By the checker of the tests, which folds the commits."""
    state = proof.checker.State()
    for sequence, commit in enumerate(reader.commits, 1):
        state.add(proof.checker.Commit(sequence, commit))
    report, rows = proof.checker.Report(), state.rows(set(indexes))
    proof.checker.compare_rows(rows, rows, set(indexes), report)
    return report.facts["state_digest"]


class Streams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = proof.daemon(cls.addClassCleanup)
        with cls.daemon.connect() as wire:
            fill(wire)
            ask(cls.daemon, "gc", "--grace", "0")
            cls.stream = ask(cls.daemon, "export")  # A short one, for what is done to many of its bytes.
            for request in [wire.send("insertOne", "products", {"name": f"chair {n}"}) for n in range(600)]:
                wire.reply(request)
            cls.status, cls.verified = wire.call("status"), wire.verify()
        cls.long_stream = ask(cls.daemon, "export")


class Reading(Streams):
    def test_a_stream_says_what_the_daemon_says(self):
        reader = export_reader.ExportReader()
        reader.read(self.long_stream)
        self.assertEqual((len(reader.leaves), reader.root.hex()), (self.status["sequence"], self.status["root"]))
        self.assertGreater(len(reader.leaves), 2 * export_reader.ROOT_EVERY)
        self.assertEqual(reader.store.hex(), self.status["store_id"].replace("-", ""))
        self.assertIn(reader.end["state_digest"].hex(), str(self.verified))
        self.assertEqual(state_digest(reader, reader.end["indexes"]), reader.end["state_digest"].hex())
        contents = sorted(reader.contents.values(), key=len)
        self.assertEqual(contents[:2], [b"tiny", b"small"])
        self.assertTrue(contents[2:] == [LARGE])  # Not to be told byte by byte.
        self.assertEqual((reader.end["blobs"], reader.end["gone"], reader.end["missing"]), (3, 1, 0))

    def test_the_commits_are_those_of_the_log(self):
        reader = export_reader.ExportReader()
        reader.read(self.stream)
        with self.daemon.connect() as wire:
            page = wire.call("log.read", {"limit": len(reader.commits)})
        self.assertEqual([commit["bytes"] for commit in page["commits"]], reader.commits)

    def test_a_content_that_is_damaged_is_missing(self):
        file, = (file for file in (self.daemon.data / "media").rglob("*.*") if file.stat().st_size == len(LARGE))
        file.chmod(0o600)
        file.write_bytes(LARGE[:-1] + b"!")
        self.addCleanup(file.write_bytes, LARGE)
        done = emstore(self.daemon, "export")
        self.assertEqual(done.returncode, 8, done.stderr)
        reader = export_reader.ExportReader()
        reader.read(done.stdout)
        self.assertEqual((reader.end["blobs"], reader.end["gone"], reader.end["missing"]), (2, 1, 1))
        self.assertEqual([content is None for content in reader.contents.values()].count(True), 1)

    def test_streams_of_a_backup_follow_each_other(self):
        backup = self.daemon.path / "backup"
        ask(self.daemon, "backup", str(backup))
        with self.daemon.connect() as wire:
            wire.call("media.upload", b"of the second backup", {"name": "second"})
        ask(self.daemon, "backup", str(backup))
        reader = export_reader.ExportReader()
        for stream in sorted(backup.glob("*.emstore")):
            reader.read(stream.read_bytes())
        store, sequence, root, digest = msgpack.unpackb((backup / "latest").read_bytes())
        self.assertEqual((reader.store, len(reader.leaves), reader.root), (store, sequence, root))
        self.assertEqual(state_digest(reader, reader.end["indexes"]), digest.hex())
        beside = [address for address, content in reader.contents.items() if content is None]
        files = [file.read_bytes() for file in (backup / "media").rglob("*.*") if file.is_file()]
        self.assertTrue((len(beside), files) == (1, [LARGE]))
        self.assertIn(b"of the second backup", reader.contents.values())


class Altering(Streams):
    """The controls: a reader that takes everything would pass the tests above."""

    def setUp(self):
        self.records = [(begin, record[0]) for begin, record in export_reader.records_of(self.stream)]

    def found_in(self, stream):
        """The record at which reading ends."""
        with self.assertRaises(export_reader.Altered) as caught:
            export_reader.ExportReader().read(stream)
        return caught.exception.record

    def test_an_altered_byte_is_found_at_its_place(self):
        planted = 0
        ends = [begin for begin, _ in self.records[1:]] + [len(self.stream)]
        for number, ((begin, name), end) in enumerate(zip(self.records, ends)):
            # Every byte of a commit; of others some.
            for at in range(begin, end, 1 if name == "commit" else max(1, (end - begin) // 50)):
                altered = bytearray(self.stream)
                altered[at] ^= 1 << at % 8
                found = self.found_in(bytes(altered))
                last = number
                while name == "bytes" and self.records[last + 1][1] == "bytes":
                    last += 1  # All pieces make one content.
                # What a stream begins with is compared with what follows.
                self.assertTrue(number <= found <= last or (number == 0 and found < len(self.records)),
                                (at, name, number, found))
                planted += 1
        print(f"altered bytes: all {planted} caught, in {len(self.records)} records")

    def test_records_that_are_gone_or_elsewhere_are_found(self):
        pieces = [self.stream[begin:end] for (begin, _), (end, _) in
                  itertools.zip_longest(self.records, self.records[1:], fillvalue=(len(self.stream), ""))]
        self.assertEqual(b"".join(pieces), self.stream)
        for number in range(len(pieces)):
            less = pieces[:number] + pieces[number + 1:]
            self.assertIn(self.found_in(b"".join(less)), (number, number + 1) if number else (0,))
            twice = pieces[:number + 1] + pieces[number:]
            self.assertEqual(self.found_in(b"".join(twice)), number + 1)
            if number + 1 < len(pieces):
                swapped = pieces[:number] + [pieces[number + 1], pieces[number]] + pieces[number + 2:]
                self.assertIn(self.found_in(b"".join(swapped)), (number, number + 1))
        for size in range(0, len(self.stream), len(self.stream) // 97):
            self.found_in(self.stream[:size])
        self.found_in(self.stream + b"\x90")


if __name__ == "__main__":
    unittest.main()
