#!/usr/bin/env python3
"""A MessagePack-RPC client that nobody made for emstore calls real methods: the one below pynvim, as Debian ships it."""
import unittest

from pynvim.msgpack_rpc.async_session import AsyncSession
from pynvim.msgpack_rpc.event_loop import EventLoop
from pynvim.msgpack_rpc.msgpack_stream import MsgpackStream
from pynvim.msgpack_rpc.session import Session

import proof
import rpc


class Pynvim(unittest.TestCase):
    def setUp(self):
        self.daemon = rpc.Daemon()
        self.addCleanup(lambda: self.assertEqual(self.daemon.stop(), 0))
        self.session = Session(AsyncSession(MsgpackStream(EventLoop("socket", str(self.daemon.socket)))))
        self.session.error_wrapper = RuntimeError  # What its users give it.
        self.addCleanup(self.session.close)

    def test_it_writes_and_reads(self):
        call = self.session.request
        self.assertTrue(call("schema.apply", proof.shop_schema())["changed"])
        made = call("insertOne", "products", {"name": "Laptop", "gallery": {"$create": {"file": b"a picture"}}})
        found = call("findOne", "products", {"where": {"id": made["id"]}, "with": {"gallery": True}})["data"]
        self.assertEqual((found["name"], found["gallery"][0]["size"]), ("Laptop", 9))
        moved = call("updateOne", "products", made["id"], {"gallery": {"$detach": [found["gallery"][0]["id"]]}})
        self.assertEqual(moved["sequence"], made["sequence"] + 1)

    def test_its_greeting_is_refused_and_the_connection_goes_on(self):
        # What pynvim's Nvim.from_session() sends first.
        self.session.request("nvim_set_client_info", "python3-client", {}, "remote", {}, {}, async_=True)
        self.assertIn("sequence", self.session.request("ping"))
        kind, method, (refused, error) = self.session.next_message()
        self.assertEqual((kind, method, refused), ("notification", "refused", "nvim_set_client_info"))
        self.assertEqual(error[0], "malformed_message")

    def test_it_is_told_what_is_wrong(self):
        with self.assertRaises(RuntimeError) as caught:
            self.session.request("findMany", "media", {"wher": {}})
        code, _, details = caught.exception.args[0]
        self.assertEqual((code, details["path"]), ("unknown_option", "wher"))
        self.assertIn("where", details["hint"])


if __name__ == "__main__":
    unittest.main()
