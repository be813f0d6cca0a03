#!/usr/bin/env python3
"""One medium whose bytes are damaged: backup, export and what is made of them take all else, name it, and say so by their
exit code, until somebody brings the bytes again."""
import json
import os
import subprocess
import unittest

import rpc

CLI = os.environ["EMSTORE_CLI"]
DAMAGED = 8
WHOLE, ROTTEN = b"w" * 100_000, b"r" * 100_000


class DamagedMedium(unittest.TestCase):
    def setUp(self):
        self.daemon = rpc.Daemon()
        self.addCleanup(self.daemon.stop)
        with self.daemon.connect() as wire:
            for content in (WHOLE, ROTTEN):
                self.blob = wire.upload(content)
                wire.call("insertOne", "media", {"file": {"blob": self.blob}})
        name = self.blob.removeprefix("xxh3-128:")
        file = self.daemon.data / "media" / name[:2] / name
        file.chmod(0o600)
        with open(file, "r+b") as bytes_of_it:
            bytes_of_it.write(b"X")

    def emstore(self, *words, **options):
        environment = rpc.environment(EMSTORE_SOCKET=self.daemon.socket, EMSTORE_STORE_ALLOW_MEMORY="true",
                                      PATH=os.path.dirname(os.environ["EMSTORED"]) + ":" + os.environ["PATH"])
        return subprocess.run([CLI, *map(str, words)], env=environment, capture_output=True, **options)

    def expect_told(self, done):
        self.assertEqual(done.returncode, DAMAGED, done.stderr)
        self.assertIn(self.blob, done.stderr.decode())

    def test_stops_neither_a_backup_nor_what_is_made_of_it(self):
        self.expect_told(self.emstore("backup", self.daemon.path / "backup"))
        self.expect_told(self.emstore("restore", self.daemon.path / "backup", "--into", self.daemon.path / "restored"))
        with self.daemon.connect() as wire:
            wire.upload(ROTTEN)
        self.assertEqual(self.emstore("backup", self.daemon.path / "backup").returncode, 0)
        whole = self.emstore("restore", self.daemon.path / "backup", "--into", self.daemon.path / "whole")
        self.assertEqual(whole.returncode, 0, whole.stderr)

    def test_of_a_backup_costs_no_more_than_itself(self):
        small = b"s" * 100
        with self.daemon.connect() as wire:
            wire.upload(ROTTEN)
            small_blob = wire.upload(small)
            wire.call("insertOne", "media", {"file": {"blob": small_blob}})
        backup = self.daemon.path / "backup"
        self.assertEqual(self.emstore("backup", backup).returncode, 0)
        name = self.blob.removeprefix("xxh3-128:")
        kept = backup / "media" / name[:2] / name
        stream, = backup.glob("*.emstore")
        bytes_of_it = bytearray(stream.read_bytes())
        bytes_of_it[bytes_of_it.index(small)] ^= 1
        stream.write_bytes(bytes_of_it)
        for number, damage in enumerate((lambda: kept.write_bytes(ROTTEN[1:] + b"X"), lambda: kept.write_bytes(b"short"),
                                         lambda: kept.write_bytes(ROTTEN + b"and more"), kept.unlink)):
            damage()
            restored = self.daemon.path / f"restored{number}"
            made = self.emstore("--json", "restore", backup, "--into", restored)
            self.assertEqual(made.returncode, DAMAGED, made.stderr)
            told = json.loads(made.stdout)
            self.assertEqual((set(told["damaged"]), told["media"]), ({self.blob, small_blob}, 1))
            self.assertEqual([path for path in (restored / "media" / "uploads").iterdir()], [])
        folder = self.daemon.path / f"other{number}"
        folder.mkdir()
        served = rpc.Daemon(folder=folder, data=restored)
        self.addCleanup(served.stop)
        with served.connect() as wire:
            self.assertEqual(wire.call("count", "media", {})["count"], 3)
            wire.upload(small)
            self.assertEqual(wire.call("blob.read", small_blob, 0, 100)["bytes"], small)
        (backup / "media").rename(backup / "elsewhere")
        refused = self.emstore("restore", backup, "--into", self.daemon.path / "nowhere")
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn(f"there is no directory {backup / 'media'}", refused.stderr.decode())

    def test_is_told_to_programs_in_json_alone(self):
        self.expect_told(self.emstore("backup", self.daemon.path / "backup"))
        made = self.emstore("--json", "restore", self.daemon.path / "backup", "--into", self.daemon.path / "restored")
        self.assertEqual((made.returncode, made.stderr), (DAMAGED, b""))
        self.assertEqual(json.loads(made.stdout)["damaged"], [self.blob])
        refused = subprocess.run([os.environ["EMSTORED"], "--json", "--imprt"], capture_output=True)
        self.assertEqual(json.loads(refused.stderr)["error"]["code"], "invalid_request")

    def test_stops_neither_an_export_nor_a_replay(self):
        exported = self.emstore("export")
        self.expect_told(exported)
        self.expect_told(self.emstore("--json", "export"))
        self.expect_told(self.emstore("import", "--into", self.daemon.path / "imported", input=exported.stdout))
        self.expect_told(self.emstore("replay", "--into", self.daemon.path / "replayed"))
        other = self.daemon.path / "other"
        other.mkdir()
        served = rpc.Daemon(folder=other, data=self.daemon.path / "imported")
        self.addCleanup(served.stop)
        with served.connect() as wire:
            self.assertEqual(wire.call("count", "media", {})["count"], 2)
            with self.assertRaises(rpc.Refused) as refused:
                wire.call("blob.read", self.blob, 0, 10)
            self.assertEqual(refused.exception.code, "corrupt_blob")


if __name__ == "__main__":
    unittest.main(verbosity=2)
