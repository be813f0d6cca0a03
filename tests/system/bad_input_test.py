#!/usr/bin/env python3
"""Bad input by the wire and by the command line: each row says what is sent and the code, the place and a word
that the answer must have. After all of it the same process answers, and its log and indexes are equal."""
import ctypes
import errno
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import unittest

import msgpack

import rpc

CLI = os.environ["EMSTORE_CLI"]
EMSTORED = os.environ["EMSTORED"]
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
PDF = b"%PDF-1.4\n%%EOF\n"
ADDRESS = "xxh3-128:" + "ab" * 16  # Of no bytes that anybody sent.

MEDIA_FIELDS = {"products": ("thumbnail", "gallery"), "albums": ("pictures",)}
SCHEMA = {
    "entities": {
        "products": {"fields": {
            "name": {"type": "text", "config": {"required": True, "minLength": 2, "maxLength": 20}},
            "sku": {"type": "text", "config": {"pattern": "^[A-Z]{2}-[0-9]+$"}},
            "price": {"type": "number", "config": {"minimum": 0, "maximum": 1000}},
            "sold": {"type": "boolean"},
            "since": {"type": "date"},
            "seen": {"type": "datetime"},
            "kind": {"type": "enum", "config": {"enum": ["chair", "table"]}},
            "tags": {"type": "json"},
            "thumbnail": {"type": "medium"},
            "gallery": {"type": "media", "config": {"mime_types": ["image/*"], "max_items": 3}},
        }},
        "albums": {"fields": {
            "title": {"type": "text"},
            "pictures": {"type": "media", "config": {"min_items": 2}},
        }},
        "media": {"type": "system", "fields": {"alt": {"type": "text"}}},
    },
    "relations": {
        f"poly_{entity}_media_{field}": {
            "type": "poly", "source": entity, "target": "media",
            "config": {"mappedBy": field, **({"targetCardinality": 1} if field == "thumbnail" else {})}}
        for entity, fields in MEDIA_FIELDS.items() for field in fields},
    "indices": {"idx_unique_products_sku": {"entity": "products", "fields": ["sku"], "unique": True}},
}


def fill(wire):
    """Media 1 to 5 are pictures, 6 is a document; product 1 and album 1 have two pictures."""
    wire.call("schema.apply", SCHEMA)
    for name in "abcde":
        wire.call("media.upload", PNG + name.encode(), {"name": name + ".png"})
    wire.call("media.upload", PDF, {"name": "f.pdf"})
    wire.call("insertOne", "products", {"name": "chair", "sku": "AB-1", "thumbnail": {"$set": 1},
                                        "gallery": {"$set": [1, 2]}})
    wire.call("insertOne", "albums", {"title": "x", "pictures": {"$set": [1, 2]}})


def update(changes, entity="products", **options):
    return ["updateOne", entity, 1, changes, *([options] if options else [])]


def insert(**fields):
    return ["insertOne", "products", {"name": "stool", **fields}]


def find(**query):
    return ["findMany", "products", query]


def deep(levels, core=1):
    for _ in range(levels):
        core = [core]
    return core


def schema_with(entity, field, **description):
    changed = json.loads(json.dumps(SCHEMA))
    changed["entities"][entity]["fields"][field] = description
    return changed


# What is sent, and the code, the path and a word (of the message or the hint) of the answer.
MUTATIONS = [
    # An operator that does not fit, or is none.
    (update({"thumbnail": {"$attach": [2]}}), "wrong_operation", "thumbnail.$attach", "$set"),
    (update({"thumbnail": {"$detach": [1]}}), "wrong_operation", "thumbnail.$detach", "$set"),
    (update({"thumbnail": {"$create": [{"file": PNG}, {"file": PNG}]}}), "too_many_items", "thumbnail.$create", "one"),
    (update({"thumbnail": {"$set": [2, 3]}}), "too_many_items", "thumbnail.$set", "one"),
    (update({"thumbnail": 2}), "wrong_operation", "thumbnail", "$set"),
    (update({"gallery": [2, 3]}), "wrong_operation", "gallery", "$set"),
    (update({"gallery": {"$set": None}}), "wrong_type", "gallery.$set", "null"),
    (update({"gallery": {"$atach": [3]}}), "unknown_operator", "gallery.$atach", "$attach"),
    (update({"gallery": {"$push": [3]}}), "unknown_operator", "gallery.$push", "$push"),
    (update({"name": {"$set": "x"}}), "wrong_type", "name", "text"),
    # The wrong way round: made media are attached to owners, never owners to media.
    (["updateOne", "media", 1, {"reference": {"$create": {"name": "new"}}}], "unknown_field", "reference", "media"),
    (["updateOne", "media", 1, {"products": {"$attach": [1]}}], "unknown_field", "products", "media"),
    (["insertOne", "media", {"name": "x"}], "required", "file", "file"),
    # Media that are not there, or there twice, or too many, or too few, or of another type.
    (update({"gallery": {"$attach": [3, 4711]}}), "media_not_found", "gallery.$attach[1]", "4711"),
    (update({"gallery": {"$set": [{"id": 4711}]}}), "media_not_found", "gallery.$set[0]", "4711"),
    (update({"thumbnail": {"$set": 4711}}), "media_not_found", "thumbnail.$set", "4711"),
    (update({"gallery": {"$attach": [0]}}), "wrong_type", "gallery.$attach[0]", "0"),
    (update({"gallery": {"$attach": [-1]}}), "wrong_type", "gallery.$attach[0]", "-1"),
    (update({"gallery": {"$attach": ["1; drop"]}}), "wrong_type", "gallery.$attach[0]", "id"),
    (update({"gallery": {"$attach": [1.5]}}), "wrong_type", "gallery.$attach[0]", "1.5"),
    (update({"gallery": {"$attach": [None]}}), "wrong_type", "gallery.$attach[0]", "id"),
    (update({"gallery": {"$attach": [{"idd": 3}]}}), "wrong_type", "gallery.$attach[0]", "id"),
    (update({"gallery": {"$attach": [{"id": 3, "at": "middle"}]}}), "wrong_type", "gallery.$attach[0].at", "first"),
    (update({"gallery": {"$attach": [{"id": 3, "at": {"before": 5}}]}}), "media_not_found",
     "gallery.$attach[0].at", "5"),
    (update({"gallery": {"$attach": [{"id": 3, "at": {"after": 3}}]}}), "media_not_found",
     "gallery.$attach[0].at", "3"),
    (update({"gallery": {"$attach": [3, 3]}}), "duplicate_item", "gallery.$attach[1]", "3"),
    (update({"gallery": {"$set": [3, {"id": 3}]}}), "duplicate_item", "gallery.$set[1]", "3"),
    (update({"gallery": {"$attach": [3, 4]}}), "too_many_items", "gallery", "3"),
    (update({"pictures": {"$detach": [1]}}, "albums"), "too_few_items", "pictures", "2"),
    (["insertOne", "albums", {"title": "t"}], "too_few_items", "pictures", "2"),
    (["insertOne", "albums", {"pictures": {"$set": [1]}}], "too_few_items", "pictures", "2"),
    (update({"gallery": {"$attach": [6]}}), "mime_not_allowed", "gallery.$attach[0]", "application/pdf"),
    (update({"gallery": {"$create": {"file": PDF}}}), "mime_not_allowed", "gallery.$create.file", "image/*"),
    (update({"gallery": {"$create": {"file": PDF, "type": "image/png"}}}), "mime_not_allowed", "gallery.$create.file",
     "application/pdf"),
    # Bytes that were not sent first.
    (update({"gallery": {"$create": {"file": {"blob": ADDRESS}}}}), "blob_not_found", "gallery.$create.file", ADDRESS),
    (update({"gallery": {"$create": {"file": {"blob": "xxh3-128:zz"}}}}), "wrong_type", "gallery.$create.file", "xxh3-128"),
    (update({"gallery": {"$create": {"file": {"blob": "../../etc/passwd"}}}}), "wrong_type", "gallery.$create.file",
     "passwd"),
    (update({"gallery": {"$create": {"file": "a text"}}}), "wrong_type", "gallery.$create.file", "bytes"),
    (update({"gallery": {"$create": {"name": "x"}}}), "required", "gallery.$create.file", "file"),
    (update({"gallery": {"$create": {"file": PNG, "nam": "x"}}}), "unknown_field", "gallery.$create.nam", "name"),
    (update({"gallery": {"$create": {"file": PNG + bytes(65536)}}}), "value_too_large", "gallery.$create.file",
     "blob.begin"),
    (["media.upload", {"blob": ADDRESS}], "blob_not_found", "file", ADDRESS),
    (["media.upload", b"x", {"size": 7}], "read_only", "size", "size"),
    # Fields.
    (insert(galery={"$set": []}), "unknown_field", "galery", 'did you mean "gallery"?'),
    (insert(**{"": 1}), "unknown_field", "", '""'),
    (insert(name=None), "required", "name", "name"),
    (["insertOne", "products", {}], "required", "name", "name"),
    (insert(name="x"), "too_short", "name", "2"),
    (insert(name="x" * 21), "too_long", "name", "20"),
    (insert(name=7), "wrong_type", "name", "text"),
    (insert(name=b"raw"), "wrong_type", "name", "text"),
    (insert(price="7"), "wrong_type", "price", "number"),
    (insert(price=True), "wrong_type", "price", "number"),
    (insert(price=float("nan")), "malformed_message", "params[1]", "number"),
    (insert(price=float("inf")), "malformed_message", "params[1]", "number"),
    (insert(price=-1), "out_of_range", "price", "0"),
    (insert(price=1001), "out_of_range", "price", "1000"),
    (insert(sold=1), "wrong_type", "sold", "boolean"),
    (insert(since="tomorrow"), "wrong_type", "since", "tomorrow"),
    (insert(since="2026-02-30"), "wrong_type", "since", "2026-02-30"),
    (insert(seen="2026-11-22"), "wrong_type", "seen", "2026-11-22"),
    (insert(kind="chare"), "not_in_enum", "kind", "chair"),
    (insert(sku="ab"), "pattern_mismatch", "sku", "A-Z"),
    (insert(sku="AB-1"), "not_unique", "sku", "AB-1"),
    (insert(id=7), "read_only", "id", "id"),
    (insert(created_at="2026-11-22T00:00:00Z"), "read_only", "created_at", "created_at"),
    (["insertOne", "products", [1]], "invalid_request", "params[1]", "map"),
    # Who and what.
    (["insertOne", "prodcts", {"name": "x"}], "unknown_entity", "", 'did you mean "products"?'),
    (["insertOne", "", {"name": "x"}], "unknown_entity", "", '""'),
    (["insertOne", 5, {"name": "x"}], "invalid_request", "params[0]", "text"),
    (["updateOne", "products", 4711, {"name": "xx"}], "record_not_found", "id", "4711"),
    (["updateOne", "products", "one", {"name": "xx"}], "wrong_type", "id", "one"),
    (["updateOne", "products", 1 << 63, {"name": "xx"}], "malformed_message", "params[1]", "2^63"),
    (["deleteOne", "products", 4711], "record_not_found", "id", "4711"),
    (["deleteOne", "media", 1], "still_linked", "id", "detach"),
    (["deleteOne", "media", 1, {"detach": True}], "too_few_items", "albums/1.pictures", "2"),
    (update({"name": "xx"}, expected=1), "version_mismatch", "", "products/1"),
    (update({"name": "xx"}, expected="x"), "wrong_type", "expected", "integer"),
    (update({"name": "xx"}, expcted=1), "unknown_option", "expcted", 'did you mean "expected"?'),
    (update({"name": "xx"}, key=""), "out_of_range", "key", "1"),
    (update({"name": "xx"}, key="k" * 65), "out_of_range", "key", "64"),
    (update({"name": "xx"}, key=7), "wrong_type", "key", "text"),
]

READS = [
    (find(where={"nam": "x"}), "unknown_field", "where.nam", 'did you mean "name"?'),
    (find(where={"name": {"$like": 7}}), "wrong_type", "where.name.$like", "text"),
    (find(where={"price": {"$gtt": 7}}), "unknown_operator", "where.price.$gtt", "$gt"),
    (find(where={"price": "7"}), "wrong_type", "where.price", "number"),
    (find(where={"price": {"$in": 7}}), "wrong_type", "where.price.$in", "list"),
    (find(where={"price": {"$in": [1, None]}}), "wrong_type", "where.price.$in[1]", "$isnull"),
    (find(where={"price": {"$between": [1]}}), "wrong_type", "where.price.$between", "two"),
    (find(where={"price": {"$isnull": "yes"}}), "wrong_type", "where.price.$isnull", "true or false"),
    (find(where={"$xor": []}), "unknown_operator", "where.$xor", "$or"),
    (find(where={"$and": 7}), "wrong_type", "where.$and", "list"),
    (find(where=[1]), "wrong_type", "where", "map"),
    (find(where={"gallery": 1}), "unsupported", "where.gallery", "gallery"),
    (find(wher={}), "unknown_option", "wher", 'did you mean "where"?'),
    (find(orderBy={"prise": "asc"}), "unknown_field", "orderBy.prise", 'did you mean "price"?'),
    (find(orderBy={"price": "up"}), "invalid_request", "orderBy.price", "asc"),
    (find(orderBy="price", sort="name"), "invalid_request", "sort", "orderBy"),
    (find(limit=-1), "out_of_range", "limit", "-1"),
    (find(limit="ten"), "wrong_type", "limit", "whole number"),
    (find(offset=-1), "out_of_range", "offset", "-1"),
    (find(select=["nme"]), "unknown_field", "select[0]", 'did you mean "name"?'),
    (find(select="name"), "wrong_type", "select", "list"),
    (find(**{"with": {"galery": True}}), "unknown_relation", "with.galery", 'did you mean "gallery"?'),
    (find(**{"with": {"gallery": {"limt": 1}}}), "unknown_option", "with.gallery.limt", 'did you mean "limit"?'),
    (find(**{"with": {"gallery": {"where": {"mime": "x"}}}}), "unknown_field", "with.gallery.where.mime", 'media has no field "mime"'),
    (find(**{"with": {"gallery": 1}}), "wrong_type", "with.gallery", "true"),
    (find(**{"with": {"reference": True}}), "unknown_relation", "with.reference", "products"),
    (["findId", "products", 1, {"where": {}}], "unknown_option", "where", "findId"),
    (["findOne", "products", {"limit": 1}], "unknown_option", "limit", "findOne"),
    (["findMany", "nothing"], "unknown_entity", "", "nothing"),
    (["findMany"], "invalid_request", "params[0]", "entity"),
    (["findMany", "products", {}, {}], "invalid_request", "params[1]", "findMany takes [entity"),
    (["count", "products", {"limit": 1}], "unknown_option", "limit", "count"),
    (["pong"], "unknown_method", "method", 'did you mean "ping"?'),
    ([""], "unknown_method", "method", '""'),
    (["insert_one", "products", {}], "unknown_method", "method", "insertOne"),
    (["ping", 1], "invalid_request", "params[0]", "ping"),
    (["hello", {"protocol": 99}], "unsupported", "protocol", "99"),
    (["hello", {"protocol": "1"}], "wrong_type", "protocol", "integer"),
    (["describe", "nothing"], "unknown_method", "method", "nothing"),
    (["schema.apply", 7], "invalid_request", "params[0]", "map"),
    (["schema.apply", {"entitys": {}}], "invalid_schema", "entitys", 'did you mean "entities"?'),
    (["schema.apply", schema_with("products", "name", type="txt")], "invalid_schema",
     "entities.products.fields.name.type", "text"),
    (["schema.apply", schema_with("products", "name", type="text", config={"maxLenght": 2})], "invalid_schema",
     "entities.products.fields.name.config.maxLenght", "maxLength"),
    (["schema.apply", schema_with("products", "sku", type="text", config={"pattern": "("})], "invalid_schema",
     "entities.products.fields.sku.config.pattern", "("),
    (["schema.apply", {"entities": {}}], "destructive_change", "", "allow_destructive"),
    (["blob.begin", {"size": -1}], "wrong_type", "size", "size"),
    (["blob.begin", {"size": 1 << 50}], "blob_too_large", "size", "5368709120"),
    (["blob.write", "nosuchtoken", 0, b"x"], "upload_not_found", "token", "again"),
    (["blob.write", 5, 0, b"x"], "invalid_request", "params[0]", "text"),
    (["blob.write", "t", 0, "text"], "invalid_request", "params[2]", "bytes"),
    (["blob.write", "t", 0, bytes((1 << 20) + 1)], "message_too_large", "bytes", "1MiB"),
    (["blob.commit", "nosuchtoken"], "upload_not_found", "token", "again"),
    (["blob.read", ADDRESS, 0, 10], "blob_not_found", "address", ADDRESS),
    (["blob.read", "etc/passwd", 0, 10], "invalid_request", "address", "xxh3-128:"),
    (["blob.read", ADDRESS, 0, 1 << 30], "out_of_range", "length", "1MiB"),
    (["blob.read", ADDRESS, -1, 10], "invalid_request", "params[1]", "offset"),
    (["log.read", {"from": -1}], "wrong_type", "from", "from"),
    (["log.read", {"limit": "x"}], "wrong_type", "limit", "x"),
    (["job.get", "4711"], "job_not_found", "id", "4711"),
    (["job.cancel", "4711"], "job_not_found", "id", "4711"),
    (update({"tags": deep(60)}), "depth_exceeded", "tags", "deep"),
]

# Bytes after which nobody can tell where the next message begins: one error under no id, and the end.
BROKEN = [
    ("no MessagePack", b"\xc1", "malformed_message"),
    ("another protocol", b"GET / HTTP/1.1\r\n\r\n", "malformed_message"),
    ("a number", b"\x05", "malformed_message"),
    ("an empty list", b"\x90", "malformed_message"),
    ("a map", b"\x80", "malformed_message"),
    ("a reply", msgpack.packb([1, 1, None, None]), "malformed_message"),
    ("a notification", msgpack.packb([2, "ping", []]), "malformed_message"),
    ("an id that is a text", msgpack.packb([0, "1", "ping", []]), "malformed_message"),
    ("an id below zero", msgpack.packb([0, -1, "ping", []]), "malformed_message"),
    ("an id of 33 bits", msgpack.packb([0, 1 << 32, "ping", []]), "malformed_message"),
    ("a claim of 4 GiB", b"\xc6\xff\xff\xff\xff", "message_too_large"),
    ("a list of billions", b"\xdd\xff\xff\xff\xff", "message_too_large"),
    ("a map of billions", b"\x94\x00\x01\xa4ping\xdf\xff\xff\xff\xff", "message_too_large"),
    ("a depth bomb", b"\x91" * 100_000, "depth_exceeded"),
    ("a depth bomb of maps", b"\x94\x00\x01\xa4ping" + b"\x81\xa1x" * 100_000, "depth_exceeded"),
    ("a message over 8 MiB", msgpack.packb([0, 1, "ping", [bytes(9 << 20)]]), "message_too_large"),
]


class Case(unittest.TestCase):
    def assert_refused(self, wire, request, code, path, word):
        with self.assertRaises(rpc.Refused) as caught:
            wire.call(*request)
        error = caught.exception
        self.assertEqual((error.code, error.path), (code, path), error)
        self.assertIn(word, error.message + " | " + error.hint, error)
        self.assertTrue(error.message and error.violations is not None)
        return error

    def run_cli(self, code, *words, **options):
        done = subprocess.run([CLI, *map(str, words)], env=rpc.environment(), text=True, capture_output=True,
                              errors="replace", timeout=60, **options)
        self.assertEqual(done.returncode, code, (words, done.stdout, done.stderr))
        return done


class OnOneDaemon(Case):
    @classmethod
    def setUpClass(cls):
        cls.daemon = rpc.Daemon()
        with cls.daemon.connect() as wire:
            fill(wire)
            cls.pid = wire.call("status")["pid"]

    @classmethod
    def tearDownClass(cls):
        """After all of it: the same process, and what it has is equal to its log."""
        with cls.daemon.connect() as wire:
            assert wire.call("status")["pid"] == cls.pid == cls.daemon.process.pid
            verified = wire.verify()
            assert verified["equal"] is True, verified
        code = cls.daemon.stop()
        assert code == 0, code

    def setUp(self):
        self.wire = self.daemon.connect()
        self.addCleanup(self.wire.close)


class Requests(OnOneDaemon):
    def test_each_is_refused_with_its_code_its_place_and_a_word(self):
        for request, code, path, word in MUTATIONS + READS:
            with self.subTest(request=repr(request)[:160]):
                before = self.wire.call("ping")["sequence"]
                self.assert_refused(self.wire, request, code, path, word)
                self.assertEqual(self.wire.call("ping")["sequence"], before)  # Nothing has happened.

    def test_all_that_is_wrong_is_listed(self):
        # First what no look at the store is needed for, then what is told by what is there.
        for changes, code, expected in (
                ({"nme": 1, "price": -1, "kind": "chare", "thumbnail": {"$attach": [1]}}, "unknown_field",
                 {("unknown_field", "nme"), ("out_of_range", "price"), ("not_in_enum", "kind"),
                  ("wrong_operation", "thumbnail.$attach")}),
                ({"gallery": {"$attach": [77, 6]}, "thumbnail": {"$set": 78}}, None,
                 {("media_not_found", "gallery.$attach[0]"), ("mime_not_allowed", "gallery.$attach[1]"),
                  ("media_not_found", "thumbnail.$set")})):
            with self.subTest(changes=changes):
                with self.assertRaises(rpc.Refused) as caught:
                    self.wire.call(*update(changes))
                self.assertEqual({(v[0], v[2]) for v in caught.exception.violations}, expected)
                self.assertEqual(caught.exception.code, code or caught.exception.violations[0][0])

    def test_a_key_for_another_request_is_refused(self):
        done = self.wire.call("insertOne", "albums", {"pictures": {"$set": [1, 2]}}, {"key": "once"})
        again = self.wire.call("insertOne", "albums", {"pictures": {"$set": [1, 2]}}, {"key": "once"})
        self.assertEqual((again["id"], again["replayed"]), (done["id"], True))
        for request in (["insertOne", "albums", {"pictures": {"$set": [2, 1]}}, {"key": "once"}],
                        ["deleteOne", "albums", done["id"], {"key": "once"}]):
            with self.subTest(request=request):
                self.assert_refused(self.wire, request, "id_reused", "key", "new key")

    def test_a_request_can_be_told_from_its_neighbours(self):
        # Not UTF-8, a name twice, an unknown extension, an id in use: answered, and the connection goes on.
        for name, params, code in (
                ("not UTF-8", b"\x92\xa2\xff\xfe\x80", "malformed_message"),
                ("a name twice", b"\x92\xa8products\x82\xa4name\xa2xx\xa4name\xa2yy", "malformed_message"),
                ("another extension", b"\x92\xa8products\x81\xa4tags\xd4\x07\x00", "malformed_message"),
                ("a name that is a number", b"\x92\xa8products\x81\x01\x02", "malformed_message"),
                ("too many values", b"\x92\xa8products\xdd" + (7_000_000).to_bytes(4, "big") + b"\xc0" * 7_000_000,
                 "message_too_large")):
            with self.subTest(name):
                self.wire.send_bytes(b"\x94\x00\x63\xa9insertOne" + params)
                _, _, error, result = self.wire.raw_reply(0x63)
                self.assertIsNone(result)
                self.assertEqual(error[0], code, error)
                self.assertIn("sequence", self.wire.call("ping"))

    def test_a_method_that_is_no_text_is_shown_as_far_as_it_is(self):
        self.wire.send_bytes(b"\x94\x00\x63\xa6pi\xff\xfeng\x90")
        error = self.wire.raw_reply(0x63)[2]
        self.assertEqual((error[0], error[1]), ("unknown_method", 'no method "pi\ufffd\ufffdng"'))

    def test_what_looks_like_paths_and_commands_is_only_a_text(self):
        for name in ("../../etc/passwd", "/dev/null", "a\x00b", "-rf", "$(reboot)", "\x1b[2J", "x" * 4000):
            with self.subTest(name=name[:20]):
                medium = self.wire.call("media.upload", PNG, {"name": name})
                self.assertEqual(self.wire.call("findId", "media", medium["id"])["data"]["name"], name)


class BrokenBytes(OnOneDaemon):
    def last_words(self, data, half_close=False):
        with self.daemon.connect(timeout=30) as wire:
            try:
                wire.send_bytes(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # It closed before it had read all.
            if half_close:
                try:
                    wire.socket.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
            said = []
            while (message := wire.message()) is not None:
                said.append(message)
            return said

    def test_get_one_error_and_a_close(self):
        for name, data, code in BROKEN:
            with self.subTest(name):
                said = self.last_words(data)
                self.assertEqual([(m[0], m[1], m[2] and m[2][0], m[3]) for m in said], [(1, None, code, None)])
                self.assertIn("sequence", self.wire.call("ping"))

    def test_what_came_before_is_answered_first(self):
        said = self.last_words(msgpack.packb([0, 7, "ping", []]) + b"\xc1" + msgpack.packb([0, 8, "ping", []]))
        self.assertEqual([m[1] for m in said], [7, None])

    def test_noise_never_harms_anybody(self):
        # Requests with bytes changed, cut or doubled, from a seed that is printed when it fails.
        seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
        dice = random.Random(seed)
        whole = [msgpack.packb([0, 9, request[0], request[1:]]) for request, *_ in MUTATIONS + READS
                 if len(repr(request)) < 4000 and request[0] not in ("schema.apply", "deleteOne")]
        for turn in range(400):
            data = bytearray(b"".join(dice.choices(whole, k=3)))
            for _ in range(dice.randint(1, 6)):
                place = dice.randrange(len(data))
                kind = dice.randrange(3)
                if kind == 0:
                    data[place] = dice.randrange(256)
                elif kind == 1:
                    del data[place:place + dice.randint(1, 4)]
                else:
                    data[place:place] = dice.choice((b"\xdd\xff\xff\xff\xff", b"\xc7\xff\x05", b"\xdc\xff\xff",
                                                     b"\xcb\x7f\xf0" + bytes(6), b"\xd9\xff", b"\x91" * 70))
            with self.subTest(seed=seed, turn=turn):
                for message in self.last_words(bytes(data), half_close=True):
                    self.assertEqual(message[0], 1)
                    self.assertNotEqual(message[2] and message[2][0], "internal", message)
        self.assertIsNone(self.daemon.process.poll(), f"seed {seed}")
        self.assertIn("sequence", self.wire.call("ping"))


class Uploads(OnOneDaemon):
    def test_a_gap_is_refused_with_the_offset_that_is_wanted(self):
        token = self.wire.call("blob.begin", {"size": 100})["token"]
        self.wire.call("blob.write", token, 0, bytes(10))
        self.assert_refused(self.wire, ["blob.write", token, 20, bytes(10)], "invalid_request", "offset", "10")
        self.assertEqual(self.wire.call("blob.write", token, 0, bytes(10))["offset"], 10)  # Sent twice.
        self.assert_refused(self.wire, ["blob.commit", token], "invalid_request", "", "100")
        self.assert_refused(self.wire, ["blob.write", token, 10, bytes(91)], "invalid_request", "bytes", "100")
        self.wire.call("blob.write", token, 10, bytes(90))
        self.assertEqual(self.wire.call("blob.commit", token)["size"], 100)
        self.assert_refused(self.wire, ["blob.write", token, 100, b"x"], "upload_not_found", "token", "again")

    def test_an_address_is_good_only_for_those_bytes(self):
        address = self.wire.upload(b"twelve bytes")
        self.assertEqual(self.wire.call("blob.read", address, 100, 10)["bytes"], b"")
        self.assert_refused(self.wire, ["blob.read", address + ".1", 0, 10], "blob_not_found", "address", address)

    @unittest.skipUnless(os.geteuid() == 0, "another uid can be taken by root only")
    def test_a_token_of_another_user_is_no_token(self):
        daemon = rpc.Daemon("--set", "socket.mode=0666")
        self.addCleanup(daemon.stop)
        os.chmod(daemon.path, 0o755)
        with daemon.connect() as wire:
            token = wire.call("blob.begin")["token"]
            program = ("import os, sys; os.setgid(65534); os.setuid(65534); import rpc\n"
                       "wire = rpc.Connection(sys.argv[1])\n"
                       "print(wire.call('hello')['peer']['uid'])\n"
                       "for call in (['blob.write', sys.argv[2], 0, b'x'], ['blob.commit', sys.argv[2]]):\n"
                       "    try: wire.call(*call); print('taken')\n"
                       "    except rpc.Refused as error: print(error.code)\n")
            done = subprocess.run([sys.executable, "-c", program, daemon.socket, token], text=True,
                                  capture_output=True, timeout=60,
                                  env=rpc.environment(PYTHONPATH=str(pathlib.Path(__file__).parent)))
            self.assertEqual(done.stdout.split(), ["65534", "upload_not_found", "upload_not_found"], done.stderr)
            self.assertEqual(wire.call("blob.write", token, 0, b"mine")["offset"], 4)


class CommandLine(OnOneDaemon):
    def test_each_is_refused_with_its_exit_code_and_a_word(self):
        picture = self.daemon.path / "big.png"
        picture.write_bytes(PNG)
        for words, code, word in (
                (["find", "prodcts"], 2, 'did you mean "products"?'),
                (["find", "products", "4711"], 3, "4711"),
                (["update", "products", "1", "nme=x"], 2, 'did you mean "name"?'),
                (["update", "products", "1", "price=-1"], 2, "[out_of_range]"),
                (["update", "products", "1", "name=xx", "--expected", "1"], 4, "[version_mismatch]"),
                (["insert", "products", "name=xx", "sku=AB-1"], 4, "[not_unique]"),
                (["attach", "products", "1", "thumbnail", "2"], 2, "$set"),
                (["attach", "products", "1", "gallery", "2", "2"], 2, "[duplicate_item]"),
                (["attach", "products", "1", "gallery", "4711"], 3, "[media_not_found]"),
                (["attach", "products", "1", "gallery", "3", "4"], 2, "[too_many_items]"),
                (["detach", "albums", "1", "pictures", "1"], 2, "[too_few_items]"),
                (["attach", "products", "1", "gallery", "6"], 2, "[mime_not_allowed]"),
                (["attach", "products", "1", "gallery", "@/no/such/file"], 2, "/no/such/file"),
                (["delete", "media", "1"], 4, "detach: true"),
                (["call", "pong"], 2, 'did you mean "ping"?'),
                (["call", "findMany", "["], 2, "JSON"),
                (["call", "insertOne", '"products"', json.dumps({"tags": deep(70)})], 2, "nested"),
                (["find", "products", "--limti", "3"], 2, "emstore find --help"),
                (["--colour", "never", "ping"], 2, "--colour"),
                (["schema", "apply", "/no/such/schema.json"], 2, "/no/such/schema.json"),
                (["schema", "apply", str(picture)], 2, "JSON"),
                (["media", "get", "4711"], 3, "4711")):
            with self.subTest(words=words):
                done = self.run_cli(code, "--socket", self.daemon.socket, *words)
                self.assertEqual(done.stdout, "")
                self.assertIn(word, done.stderr)
                self.assertIn("error:", done.stderr)

    def test_a_daemon_that_is_not_there_is_named_with_the_next_step(self):
        done = self.run_cli(6, "--socket", "/nowhere/sock", "ping")
        self.assertIn("/nowhere/sock", done.stderr)
        self.assertIn("emstored --data DIR --socket /nowhere/sock", done.stderr)

    def test_a_socket_path_too_long_for_the_system_is_told_by_both(self):
        long = "/tmp/" + "s" * 120
        self.assertIn("107", self.run_cli(6, "--socket", long, "ping").stderr)


class Starting(Case):
    """Daemons that must not come up: the exit code, and what is said."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="emstore-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)

    def start(self, code, *flags, **variables):
        done = subprocess.run([EMSTORED, *map(str, flags)], text=True, capture_output=True, timeout=60,
                              env=rpc.environment(**variables))
        self.assertEqual(done.returncode, code, (flags, done.stdout, done.stderr))
        self.assertNotIn("ready", done.stdout)
        return done.stderr

    def flags(self, *more):
        return ["--data", self.path / "data", "--socket", self.path / "sock", "--set", "store.allow_memory=true",
                *more]

    def test_a_directory_of_another_daemon_names_it(self):
        other = rpc.Daemon()
        self.addCleanup(other.stop)
        said = self.start(6, "--data", other.data, "--socket", self.path / "sock",
                          "--set", "store.allow_memory=true")
        self.assertIn("[locked]", said)
        self.assertIn(str(other.process.pid), said)
        self.assertIn(str(other.data), said)
        said = self.start(6, "--data", self.path / "data", "--socket", other.socket,
                          "--set", "store.allow_memory=true")
        self.assertIn(other.socket, said)
        with other.connect() as wire:
            self.assertEqual(wire.call("ping")["sequence"], 0)

    def test_a_wrong_configuration_names_its_line_and_column(self):
        for text, place, word in (
                ('[limits]\nreqest = "4MiB"\n', ":2:1", "limits.request"),
                ('[limits]\nrequest = "four"\n', ":2:", "four"),
                ("[limits]\nrequest = \n", ":2:", ""),
                ("[limit]\n", ":1:", '"limit"')):
            with self.subTest(text=text):
                file = self.path / "emstore.toml"
                file.write_text(text)
                said = self.start(2, *self.flags("--config", file))
                self.assertIn(f"{file}{place}", said)
                self.assertIn(word, said)

    def test_flags_that_are_none(self):
        for flags, word in ((["--dta", "x"], "--data"), (["extra"], "extra"), (["--data"], "value"),
                            (["--set", "limits.reqest=1"], "limits.request"), (["--set", "limits.request"], "limits.request"),
                            (["--set", "limits.request=-1"], "-1"), (["--dump", "nothing"], "records"),
                            (["--config", "/no/such.toml"], "/no/such.toml")):
            with self.subTest(flags=flags):
                self.assertIn(word, self.start(2, *(self.flags() if flags[0] != "--data" else []), *flags))
        self.assertIn("--data", self.start(2))
        self.assertIn("EMSTORE_LIMITS_REQEST", self.start(2, *self.flags(), EMSTORE_LIMITS_REQEST="1"))

    def test_places_that_cannot_be(self):
        said = self.start(2, "--data", self.path / "data", "--socket", "/tmp/" + "s" * 120,
                          "--set", "store.allow_memory=true")
        self.assertIn("107", said)
        (self.path / "file").write_text("mine")
        said = self.start(6, "--data", self.path / "file", "--socket", self.path / "sock")
        self.assertIn(str(self.path / "file"), said)
        said = self.start(2, *self.flags()[:2], "--socket", self.path / "file", "--set", "store.allow_memory=true")
        self.assertIn(str(self.path / "file"), said)
        self.assertEqual((self.path / "file").read_text(), "mine")


class FullDisk(Case):
    """Large media on a file system of 4 MiB of their own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="emstore-")
        self.addCleanup(folder.cleanup)
        self.media = pathlib.Path(folder.name) / "media"
        self.media.mkdir()
        self.libc = ctypes.CDLL(None, use_errno=True)
        if self.libc.mount(b"tmpfs", bytes(self.media), b"tmpfs", 0, b"size=4m") != 0:
            self.skipTest("no file system of its own for the media: mount: " + os.strerror(ctypes.get_errno()))
        self.addCleanup(lambda: self.libc.umount2(bytes(self.media), 2))
        self.daemon = rpc.Daemon("--media", self.media)
        self.addCleanup(lambda: self.assertEqual(self.daemon.stop(), 0))
        self.wire = self.daemon.connect()
        self.addCleanup(self.wire.close)
        fill(self.wire)

    def free(self):
        found = os.statvfs(self.media)
        return found.f_bavail * found.f_frsize

    def test_an_upload_is_refused_reads_go_on_and_nothing_half_done_is_there(self):
        kept = self.wire.upload(b"k" * 1_000_000)
        medium = self.wire.call("media.upload", {"blob": kept}, {"name": "kept.bin"})["id"]
        sequence, count = self.wire.call("ping")["sequence"], self.wire.call("count", "media")["count"]
        token = self.wire.call("blob.begin")["token"]
        offset = 0
        with self.assertRaises(rpc.Refused) as caught:
            for _ in range(8):
                offset = self.wire.call("blob.write", token, offset, os.urandom(1 << 20))["offset"]
        self.assertEqual(caught.exception.code, "disk_full", caught.exception)
        self.assertTrue(caught.exception.retryable)
        self.assertIn("free", caught.exception.hint or "free")
        # Reads go on, small media too, for they lie elsewhere.
        self.assertEqual(self.wire.call("blob.read", kept, 0, 1 << 20)["bytes"], b"k" * 1_000_000)
        self.assertEqual(self.wire.call("ping")["sequence"], sequence)
        self.assertEqual(self.wire.call("count", "media")["count"], count)
        self.wire.call("media.upload", b"small", {"name": "small.txt"})
        # By the command line, the same: its exit code, and no record.
        film = self.daemon.path / "film.bin"
        film.write_bytes(os.urandom(5 << 20))
        done = self.run_cli(6, "--socket", self.daemon.socket, "media", "put", film)
        self.assertIn("[disk_full]", done.stderr)
        self.assertEqual(self.wire.call("count", "media")["count"], count + 1)
        self.assertTrue(self.wire.verify()["equal"])
        # With room again the upload goes on from where it was, in the same process.
        self.assertEqual(self.libc.mount(b"tmpfs", bytes(self.media), b"tmpfs", 32, b"size=32m"), 0)
        reached = self.wire.call("blob.write", token, 0, b"")["offset"]
        self.assertGreaterEqual(reached, offset)  # What fitted of the piece that did not fit may stay.
        offset = reached
        self.wire.call("blob.write", token, offset, b"the rest")
        address = self.wire.call("blob.commit", token)["blob"]
        self.assertEqual(self.wire.call("blob.read", address, offset, 100)["bytes"], b"the rest")
        # After a new start, too, with only what was acknowledged.
        self.wire.close()
        self.assertEqual(self.daemon.end(), 0)
        self.daemon.start()
        with self.daemon.connect() as wire:
            self.assertEqual(wire.call("blob.read", kept, 0, 1 << 20)["bytes"], b"k" * 1_000_000)
            self.assertEqual(wire.call("findId", "media", medium)["data"]["name"], "kept.bin")
            self.assertEqual(wire.call("count", "media")["count"], count + 1)


if __name__ == "__main__":
    unittest.main()
