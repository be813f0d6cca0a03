#!/usr/bin/env python3
"""Width and height of pictures: found in the bytes whichever way these come, kept whatever a caller says, and asked for."""
import json
import os
import pathlib
import subprocess
import unittest

import proof
import rpc

SHOP = pathlib.Path(os.environ["EMSTORE_SOURCE"]) / "examples" / "shop"
SMALL, LARGE = (SHOP / "chair.png").read_bytes(), (SHOP / "corner.png").read_bytes()
SIZE = {"width": 320, "height": 240}


class Pictures(unittest.TestCase):
    def setUp(self):
        self.daemon = proof.daemon(self.addCleanup)
        self.wire = self.daemon.connect()
        self.wire.call("schema.apply", proof.shop_schema())

    def tearDown(self):
        self.wire.close()
        self.assertEqual(self.daemon.end(), 0)
        _, report, _ = proof.check(self.daemon)
        self.assertEqual(report.differences, [])

    def restart(self):
        self.wire.close()
        self.assertEqual(self.daemon.end(), 0)
        self.daemon.start()
        self.wire = self.daemon.connect()

    def put(self, data):
        """The address of bytes that come by a descriptor."""
        path = self.daemon.path / "source"
        path.write_bytes(data)
        with open(path, "rb") as file:
            return self.wire.reply(self.wire.send_passing(file.fileno(), "blob.put_fd"))["blob"]

    def found(self, entity, record, *options):
        return self.wire.call("findId", entity, record, *options)["data"]

    def metadata(self, made):
        """Of a media that was just made, from the answer and from a read."""
        record = made["data"]
        self.assertEqual(self.found("media", made["id"])["metadata"], record["metadata"])
        return record["metadata"]

    def test_every_way_in_measures(self):
        self.assertEqual(self.metadata(self.wire.call("media.upload", SMALL, {"name": "small"})), SIZE)
        for data in (SMALL, LARGE):
            for way in (self.wire.upload, self.put, self.put, self.wire.upload):  # Each once for known bytes.
                self.assertEqual(self.metadata(self.wire.call("media.upload", {"blob": way(data)})), SIZE)
        product = self.wire.call("insertOne", "products", {
            "name": "chair", "gallery": {"$create": [{"file": SMALL}, {"file": {"blob": self.put(LARGE)}}]}})
        found = self.found("products", product["id"], {"with": {"gallery": True}})
        self.assertEqual([media["metadata"] for media in found["gallery"]], [SIZE, SIZE])

    def test_what_was_measured_waits_with_the_address(self):
        addresses = [self.wire.upload(data) for data in (SMALL, LARGE)]
        self.restart()
        for address in addresses:
            self.assertEqual(self.metadata(self.wire.call("media.upload", {"blob": address})), SIZE)

    def test_a_caller_adds_to_it_and_does_not_change_it(self):
        said = {"width": 1, "place": "Graz"}
        made = self.wire.call("media.upload", SMALL, {"metadata": said})
        self.assertEqual(self.metadata(made), SIZE | {"place": "Graz"})
        self.wire.call("updateOne", "media", made["id"], {"metadata": {"height": 2, "place": "Linz"}})
        self.assertEqual(self.found("media", made["id"])["metadata"], SIZE | {"place": "Linz"})
        with self.assertRaises(rpc.Refused) as refused:
            self.wire.call("media.upload", SMALL, {"metadata": [1]})
        self.assertEqual((refused.exception.code, refused.exception.path), ("wrong_type", "metadata"))
        words = self.wire.call("media.upload", b"no picture\n", {"metadata": said})
        self.assertEqual(self.metadata(words), said)

    def test_a_header_that_is_cut_tells_nothing(self):
        self.assertIsNone(self.metadata(self.wire.call("media.upload", SMALL[:20])))

    def test_it_can_be_asked_for_and_is_shown(self):
        ids = [self.wire.call("media.upload", data)["id"] for data in (SMALL, b"words\n", LARGE[:60_000])]
        found = self.wire.call("findMany", "media", {"where": {"metadata.width": {"$gte": 320}, "metadata.height": 240}})
        self.assertEqual([media["id"] for media in found["data"]], [ids[0], ids[2]])
        shown = subprocess.run([os.environ["EMSTORE_CLI"], "media", "info", "--json", str(ids[0])], capture_output=True,
                               text=True, timeout=60, env=rpc.environment(EMSTORE_SOCKET=self.daemon.socket))
        self.assertEqual(json.loads(shown.stdout)["metadata"], SIZE, shown.stderr)


if __name__ == "__main__":
    unittest.main()
