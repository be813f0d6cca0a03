#!/usr/bin/env python3
"""The checker itself: a sound store passes, and one wrong byte anywhere is found, in the family it was planted in."""
import copy
import json
import pathlib
import random
import subprocess
import sys
import time
import unittest

import msgpack

import proof
import rpc

from proof import checker

SEED = 20261122
GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"


def fill(wire):
    wire.call("schema.apply", proof.shop_schema())
    large = wire.upload(bytes(range(256)) * 400)
    for n in range(6):
        wire.call("insertOne", "products", {
            "name": f"product {n}", "sku": f"s{n}", "price": n * 1.5, "description": "long " * (200 if n == 3 else 1),
            "gallery": {"$create": [{"file": b"picture %d" % n, "name": f"{n}.png"}, {"file": b"shared"}]}},
            {"key": f"insert-{n}"})
    wire.call("media.upload", {"blob": large}, {"name": "large.bin"})
    for n in range(1, 5):
        wire.call("updateOne", "products", n, {"gallery": {"$attach": [{"id": 1, "meta": {"alt": "one"}}]},
                                               "cover": {"$set": {"id": 2}}})
        wire.call("updateOne", "media", n, {"alt": "seen"}, {"key": f"alt-{n}", "reason": "by hand"})
    wire.call("updateOne", "products", 2, {"gallery": {"$attach": [{"id": 5, "at": "first"}], "$detach": [3]}})
    wire.call("deleteOne", "products", 6)
    fill_indexes(wire)


def fill_indexes(wire):
    """On records that are there: one index can be filled, one not, for two records share what it wants unique."""
    schema = proof.shop_schema()
    schema["indices"] |= {"names": {"entity": "products", "fields": ["name"], "unique": True},
                          "texts": {"entity": "products", "fields": ["description"], "unique": True}}
    wire.call("schema.apply", schema)
    deadline = time.monotonic() + 60
    while True:
        states = {index["name"]: index["state"] for index in wire.call("schema.get")["indexes"]}
        if "filling" not in states.values():
            break
        assert time.monotonic() < deadline, states
        time.sleep(0.01)  # Between two questions.
    assert (states["names"], states["texts"]) == ("ready", "not_unique"), states


def read_log(wire):
    commits, start = [], 1
    while True:
        page = wire.call("log.read", {"from": start, "limit": 7})
        if not page["commits"]:
            return commits
        commits += [commit["bytes"] for commit in page["commits"]]
        start = page["next"]


class Checker(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = proof.daemon(cls.addClassCleanup)
        with cls.daemon.connect() as wire:
            fill(wire)
            cls.log, cls.status = read_log(wire), wire.call("status")
            cls.verified = wire.verify()
        assert cls.daemon.end() == 0
        cls.path = proof.dump(cls.daemon)
        cls.rows = checker.read_rows(cls.path)
        cls.random = random.Random(SEED)

    def differences(self, rows=None, **more):
        report, _ = checker.check(rows or self.rows, **more)
        return report

    def planted(self, family, change):
        """The families in which the checker finds something after `change` of the rows of `family`."""
        rows = copy.deepcopy(self.rows)
        change(rows[family])
        return self.differences(rows).families()

    def pick(self, rows):
        """A key by chance. Of `values`, whose rows are keys only, one of an index that counts."""
        ready = checker.ready_indexes(self.rows["meta"])
        return self.random.choice([key for key in sorted(rows)
                                   if any(rows.values()) or int.from_bytes(key[:4], "big") in ready])

    def one_byte(self, rows, key=None):
        key = key if key is not None else self.pick(rows)
        value = bytearray(rows[key])
        value[self.random.randrange(len(value))] ^= 1 << self.random.randrange(8)
        rows[key] = bytes(value)

    def key_byte(self, rows):
        key = self.pick(rows)
        changed = bytearray(key)
        changed[-1] ^= 0x40
        rows[bytes(changed)] = rows.pop(key)

    def test_a_sound_store_passes(self):
        report = self.differences(data=self.daemon.data)
        self.assertEqual(report.differences, [])
        self.assertEqual(report.facts["sequence"], len(self.log))
        self.assertEqual(report.facts["head"], len(self.log))
        self.assertTrue(report.facts["clean"])
        self.assertEqual(report.facts["files"], 1)
        self.assertEqual(len(checker.ready_indexes(self.rows["meta"])), 3)
        for family in checker.INDEXES:
            self.assertGreater(report.facts[f"{family}_rows"], 0, family)

    def test_it_finds_the_root_and_the_digest_that_the_daemon_finds(self):
        report = self.differences()
        self.assertEqual(self.status["root"], report.facts["root"])
        self.assertTrue(self.verified["equal"])
        self.assertIn(report.facts["state_digest"], str(self.verified))

    def test_one_wrong_byte_in_any_index_family_is_found_there(self):
        caught = planted = 0
        for family in checker.INDEXES:
            wrong_byte = self.key_byte if family == "values" else self.one_byte  # Their values are empty.
            for change in (wrong_byte, wrong_byte, lambda rows: rows.pop(self.pick(rows)),
                           lambda rows: rows.update({b"\x00\x00\x00\x02" + b"more": b"\x90"})):
                planted += 1
                found = self.planted(family, change)
                self.assertEqual(found, [family])
                caught += 1
        print(f"wrong rows: caught {caught} of {planted}")

    def test_one_wrong_byte_in_any_commit_is_found(self):
        caught = 0
        for key in sorted(self.rows["log"]):
            rows = copy.deepcopy(self.rows)
            self.one_byte(rows["log"], key)
            caught += bool(self.differences(rows).differences)
        print(f"wrong commits: caught {caught} of {len(self.log)}")
        self.assertEqual(caught, len(self.log))

    def test_a_wrong_byte_of_a_body_is_found_in_its_commit(self):
        for key in sorted(self.rows["log"])[1:8]:
            rows = copy.deepcopy(self.rows)
            value = bytearray(rows["log"][key])
            value[-1] ^= 1
            rows["log"][key] = bytes(value)
            family, where, _ = self.differences(rows).differences[0]
            self.assertEqual((family, where), ("log", key.hex()))

    def test_a_missing_commit_is_found(self):
        report = checker.Report()
        rows = dict(self.rows["log"])
        rows.pop(bytes(7) + b"\x05")
        checker.fold(sorted(rows.items()), report)
        self.assertEqual(report.differences[0][:2], ("log", (bytes(7) + b"\x05").hex()))

    def test_wrong_or_missing_small_bytes_are_found(self):
        self.assertEqual(self.planted("bytes", self.one_byte), ["bytes"])
        self.assertEqual(self.planted("bytes", lambda rows: rows.pop(sorted(rows)[0])), ["bytes"])

    def test_a_wrong_file_of_large_media_is_found(self):
        file, = [path for path in (self.daemon.data / "media").glob("*/*.*") if path.parent.name != "uploads"]
        data = file.read_bytes()
        try:
            for wrong in (data[:-1], data[:7] + b"!" + data[8:]):
                file.chmod(0o600)
                file.write_bytes(wrong)
                self.assertEqual(self.differences(data=self.daemon.data).families(), ["files"])
        finally:
            file.write_bytes(data)

    def test_a_head_that_does_not_fit_is_found(self):
        head = self.daemon.data / "head"
        sound = head.read_bytes()
        latest = max((0, 4096), key=lambda at: sound[at + 24:at + 40])
        try:
            ahead = bytearray(sound)
            ahead[latest + 31] += 1  # One commit more was acknowledged.
            ahead[latest + 73:latest + 81] = checker.xxh3_64(bytes(ahead[latest:latest + 73])).to_bytes(8, "big")
            another = bytearray(sound)
            another[latest + 40] ^= 1
            another[latest + 73:latest + 81] = checker.xxh3_64(bytes(another[latest:latest + 73])).to_bytes(8, "big")
            for wrong in (ahead, another, bytearray(8192)):
                head.write_bytes(wrong)
                self.assertEqual(self.differences(data=self.daemon.data).families(), ["head"])
        finally:
            head.write_bytes(sound)

    def test_bytes_of_log_read_are_the_log(self):
        self.assertEqual(self.differences(log=self.log).differences, [])
        report, state = checker.check(log=self.log)
        self.assertEqual((report.differences, state.sequence), ([], len(self.log)))
        other = list(self.log)
        other[3] = other[3][:-1] + bytes([other[3][-1] ^ 1])
        self.assertEqual(self.differences(log=other).differences[0][:2], ("log", (bytes(7) + b"\x04").hex()))

    def run_checker(self, *arguments):
        return subprocess.run([sys.executable, str(proof.CHECKER), *map(str, arguments)], capture_output=True, text=True,
                              env=rpc.environment(PYTHONDONTWRITEBYTECODE="1"))

    def test_its_exit_code_says_what_it_found(self):
        sound = self.run_checker(self.path, "--data", self.daemon.data, "--json")
        self.assertEqual((sound.returncode, json.loads(sound.stdout)["equal"]), (0, True), sound.stderr)
        wrong = self.path.with_name("wrong")
        lines = self.path.read_text().splitlines()
        place = next(n for n, line in enumerate(lines) if line.startswith("links\t"))
        lines[place] = lines[place][:-1] + ("0" if lines[place][-1] != "0" else "1")
        wrong.write_text("\n".join(lines) + "\n")
        found = self.run_checker(wrong)
        self.assertEqual(found.returncode, 1)
        self.assertIn("DIFFERS links " + lines[place].split("\t")[1], found.stdout)
        self.assertEqual(self.run_checker(self.path.with_name("absent")).returncode, 2)
        self.assertEqual(self.run_checker().returncode, 2)

    def test_it_reads_a_log_alone(self):
        file = self.path.with_name("commits")
        file.write_bytes(b"".join(msgpack.packb(commit, use_bin_type=True) for commit in self.log))
        done = self.run_checker("--log", file, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["root"], self.status["root"])


class GoldenBytes(unittest.TestCase):
    def shown(self, value):
        if isinstance(value, bytes):
            return {"$binary": value.hex()}
        if isinstance(value, list):
            return [self.shown(item) for item in value]
        if isinstance(value, dict):
            return {str(name): self.shown(item) for name, item in value.items()}
        return value

    def test_the_payloads_say_what_their_fields_say(self):
        for vector in json.loads((GOLDEN / "events.json").read_text())["events"]:
            payload = checker.unpack(bytes.fromhex(vector["payload"]))
            self.assertEqual([self.shown(value) for value in payload], list(vector["fields"].values()), vector["name"])

    def test_the_commits_are_whole(self):
        vectors = json.loads((GOLDEN / "events.json").read_text())
        for place, vector in enumerate(vectors["events"]):
            commit = checker.Commit(42 + place, bytes.fromhex(vector["commit"]))
            self.assertEqual(commit.leaf.hex(), vector["leaf"], vector["name"])
            self.assertEqual([kind for kind, _ in commit.events], [vector["kind"]], vector["name"])
            self.assertIn(vector["kind"], checker.State.FOLDS, vector["name"])

    def test_a_commit_that_says_it_was_erased_is_damaged(self):
        erased = json.loads((GOLDEN / "events.json").read_text())["commits"][1]
        with self.assertRaisesRegex(checker.Damage, "commit 100 event 0 is in state 1"):
            checker.Commit(100, bytes.fromhex(erased["commit"]))


if __name__ == "__main__":
    unittest.main()
