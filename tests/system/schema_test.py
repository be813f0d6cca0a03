#!/usr/bin/env python3
"""Schemas against a real daemon: bknd's schema.toJSON() as it stands, and the forms in which `emstore schema show`
writes a schema down, each of which makes it again."""
import json
import os
import pathlib
import shlex
import subprocess
import tempfile
import unittest

import proof
import rpc

SOURCE = pathlib.Path(os.environ["EMSTORE_SOURCE"])
BKND = json.loads((SOURCE / "tests" / "golden" / "bknd_schema.json").read_text())

# Every option of emstore's own, and values that are hard to write down in code.
OWN = {
    "entities": {
        "things": {
            "fields": {
                "name": {"type": "text", "config": {"required": True, "pattern": "^\\S+ \"?\\?$", "maxLength": 9}},
                "odd": {"type": "text", "config": {"default_value": "\x01\"\\ ??= \n0 ü", "fillable": ["create"]}},
                "level": {"type": "number", "config": {"exclusiveMinimum": -0.5, "multipleOf": 0.1, "default_value": 1e21}},
                "on": {"type": "boolean", "config": {"default_value": True, "hidden": True}},
                "day": {"type": "date", "config": {"min_date": "2020-01-01", "default_value": "2026-02-03"}},
                "at": {"type": "datetime", "config": {"max_date": "2030-01-01T00:00:00.000001Z",
                                                      "default_value": "2026-02-03T04:05:06.789Z"}},
                "state": {"type": "enum", "config": {"default_value": "b", "options": {
                    "type": "objects", "values": [{"label": "A \"1\"", "value": "a"}, {"label": "B", "value": "b"}]}}},
                "extra": {"type": "json", "config": {"default_value": [[1], {"a b": None, "c": [True]}]}},
                "specs": {"type": "jsonschema", "config": {"schema": {
                    "type": "object", "properties": {"n": {"type": "integer", "default": 3}}},
                    "default_from_schema": True}},
                "front": {"type": "medium", "config": {"mime_types": ["image/*"], "on_delete": "restrict"}},
                "gallery": {"type": "media", "config": {"min_items": 1, "max_items": 9, "with_limit": 4,
                                                        "hidden": ["table"], "label": "Pictures"}},
            },
            "config": {"label": "Things", "sort_field": "name", "sort_dir": "desc", "primary_format": "uuid"},
        },
        "media": {"type": "system", "fields": {"alt": {"type": "text", "config": {"maxLength": 80}}}},
    },
    "relations": {
        "a": {"type": "poly", "source": "things", "target": "media", "config": {"mappedBy": "front",
                                                                               "targetCardinality": 1}},
        "b": {"type": "poly", "source": "things", "target": "media", "config": {"mappedBy": "gallery"}},
    },
    "indices": {
        "by_name": {"entity": "things", "fields": ["name", "day"], "unique": True},
        "idx_things_on": {"entity": "things", "fields": ["on"], "unique": False},
        "idx_media_alt": {"entity": "media", "fields": ["alt"]},
    },
}


# Entities that refer to each other, in bknd's words.
BLOG = {
    "entities": {
        "users": {"fields": {"name": {"type": "text"}}},
        "settings": {"fields": {"theme": {"type": "text"}}},
        "posts": {"fields": {"title": {"type": "text"}}},
        "tags": {"fields": {"label": {"type": "text"}}},
    },
    "relations": {
        "n1_posts_users_author": {"type": "n:1", "source": "posts", "target": "users",
                                  "config": {"mappedBy": "author", "with_limit": 5}},
        "11_users_settings": {"type": "1:1", "source": "users", "target": "settings",
                              "config": {"sourceCardinality": 1}},
        "mn_posts_tags": {"type": "m:n", "source": "posts", "target": "tags", "config": {}},
    },
    "indices": {},
}


class Test(unittest.TestCase):
    def setUp(self):
        self.daemon = rpc.Daemon()
        self.addCleanup(self.daemon.stop)
        self.connection = self.daemon.connect()
        self.addCleanup(self.connection.close)
        self.call = self.connection.call

    def cli(self, *words, **options):
        done = subprocess.run([os.environ["EMSTORE_CLI"], "--socket", self.daemon.socket, *words], text=True,
                              capture_output=True, env=rpc.environment(), **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def refused(self, *arguments):
        with self.assertRaises(rpc.Refused) as caught:
            self.call(*arguments)
        return caught.exception


class BkndSchema(Test):
    def setUp(self):
        super().setUp()
        self.applied = self.call("schema.apply", BKND)

    def test_it_is_taken_as_it_stands(self):
        self.assertTrue(self.applied["changed"])
        self.assertIn("+ posts.at datetime", self.applied["difference"])
        self.assertFalse(self.call("schema.apply", BKND)["changed"])
        shown = self.call("schema.get")["schema"]
        self.assertFalse(self.call("schema.apply", shown)["changed"])
        self.assertEqual(shown["entities"]["posts"]["fields"]["cover"]["type"], "medium")

    def test_its_rules_hold(self):
        made = self.call("insertOne", "posts", {"title": "a", "price": 0.75, "state": "live", "specs": {"width": 2},
                                                "at": "2026-01-02T03:04:05Z", "secret": "s"})
        self.assertEqual(made["data"]["extra"], {"a": 1})
        for name, value, code in [("price", 0.8, "out_of_range"), ("slug", "A", "too_short"),
                                  ("slug", "A1", "pattern_mismatch"), ("size", "Small", "not_in_enum"),
                                  ("specs", {"width": -1}, "schema_mismatch"), ("secret", "t", "read_only"),
                                  ("day", "yesterday", "wrong_type")]:
            error = self.refused("updateOne", "posts", made["id"], {name: value})
            self.assertEqual((error.code, error.path), (code, name))
        self.assertEqual(self.refused("insertOne", "posts", {"title": "a"}).code, "not_unique")
        note = self.call("insertOne", "notes", {"text": "n"})
        self.assertRegex(note["id"], "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
        found = self.call("findOne", "notes", {"where": {"id": note["id"]}})
        self.assertEqual(found["data"]["text"], "n")
        self.assertTrue(self.connection.verify()["equal"])

    def test_weeks_are_refused_by_name(self):
        weeks = {"entities": {"a": {"fields": {"w": {"type": "date", "config": {"type": "week"}}}}}}
        error = self.refused("schema.apply", weeks)
        self.assertEqual((error.code, error.path), ("unsupported", "entities.a.fields.w.type"))
        self.assertIn("week", error.message + error.hint)

    def test_uuids_are_ids_on_the_command_line(self):
        made = json.loads(self.cli("--json", "insert", "notes", "text=n"))
        self.cli("update", "notes", made["id"], "text=m")
        found = json.loads(self.cli("--json", "find", "notes", made["id"]))
        self.assertEqual((found["id"], found["text"]), (made["id"], "m"))
        where = json.loads(self.cli("--json", "find", "notes", "--where", "id=" + made["id"]))
        self.assertEqual(where["id"], made["id"])
        self.cli("delete", "notes", made["id"])


class ShownSchema(Test):
    def shown(self, form):
        return self.cli(*(["--json"] if form == "--json" else []), "schema", "show",
                        *([form] if form != "--json" else []))

    def test_json_makes_it_again(self):
        for schema in OWN, BKND, BLOG:
            self.call("schema.apply", schema, {"allow_destructive": True})
            shown = json.loads(self.shown("--json"))
            self.assertNotIn('"id": 1', json.dumps(shown))
            self.assertFalse(self.call("schema.apply", shown)["changed"])
            again = rpc.Daemon()
            with again.connect() as other:
                other.call("schema.apply", shown)
                self.assertFalse(other.call("schema.apply", schema)["changed"])
            again.stop()

    def test_json_of_a_schema_of_bknd_is_that_schema(self):
        self.call("schema.apply", BKND)
        shown = json.loads(self.shown("--json"))
        cover = shown["entities"]["posts"]["fields"]["cover"]
        self.assertEqual((cover["type"], cover["config"]["max_items"]), ("media", 1))
        self.assertEqual(shown["entities"]["posts"]["fields"]["at"]["config"]["type"], "datetime")
        self.assertEqual(shown["entities"]["notes"]["fields"]["id"]["config"]["format"], "uuid")
        self.assertEqual(shown["relations"], BKND["relations"])
        self.assertEqual(shown["indices"], BKND["indices"])

    def test_typescript_is_the_builder_code_of_the_page(self):
        self.call("schema.apply", BKND)
        code = self.shown("--typescript")
        for line in ['import { em,', '  posts: entity("posts", {', '    title: text().required(),',
                     '    published: boolean({ default_value: false }),', '    cover: medium(),',
                     '    gallery: media(),', '    at: datetime(),', '    state: enumm({ enum: ["draft", "live"] }),',
                     '  media: systemEntity("media", {}),',
                     '}, ({ relation, index }, { media, posts, notes }) => [',
                     '  relation(posts).polyToOne(media, { mappedBy: "cover" }),',
                     '  relation(posts).polyToMany(media, { mappedBy: "gallery" }),',
                     '  index(posts).on(["title"], true),', '  index(posts).on(["state", "day"]),', ']);']:
            self.assertIn(line, code)

    def test_typescript_names_relations_and_not_their_fields(self):
        self.call("schema.apply", BLOG)
        code = self.shown("--typescript")
        for line in ['  relation(posts).manyToOne(users, { mappedBy: "author"', '  relation(users).oneToOne(settings',
                     '  relation(posts).manyToMany(tags']:
            self.assertIn(line, code)
        self.assertNotIn("author_id", code)

    def test_cpp_compiles_and_makes_it_again(self):
        for schema in OWN, BKND, BLOG:
            self.call("schema.apply", schema, {"allow_destructive": True})
            with tempfile.TemporaryDirectory(prefix="emstore-") as folder:
                path = pathlib.Path(folder)
                (path / "main.cc").write_text(self.shown("--cpp") + """
#include <iostream>
int main(int, char** words) {
  emstore::Client store = emstore::connect(std::filesystem::path(words[1]));
  for (const std::string& line : store.apply(wanted_schema()).difference) std::cout << line << '\\n';
}
""")
                library = pathlib.Path(os.environ["EMSTORE_CLIENT_LIBRARY"])
                subprocess.run([os.environ["EMSTORE_CXX"], "-std=c++20", "-O0", "-Wall", "-Wextra", "-Werror",
                                *shlex.split(os.environ["EMSTORE_CXX_FLAGS"]), "main.cc", "-o", "main",
                                f"-I{SOURCE}/base/include", f"-I{SOURCE}/client-lib/include", str(library),
                                f"-Wl,-rpath,{library.parent}"], cwd=path, check=True)
                done = subprocess.run([path / "main", self.daemon.socket], capture_output=True, text=True, check=True,
                                      env=rpc.environment())
                self.assertEqual(done.stdout, "", "the code says another schema")


class Refolded(unittest.TestCase):
    """What schemas leave behind, folded again by the checker, which shares no code with the daemon."""

    def test_uuids_json_schemas_renames_and_drops_are_what_the_log_says(self):
        daemon = proof.daemon(self.addCleanup)
        with daemon.connect() as wire:
            wire.call("schema.apply", BKND)
            for name in "ab":
                media = wire.call("media.upload", name.encode() * 9, {"name": name})["id"]
                wire.call("insertOne", "posts", {"title": name, "state": "live", "gallery": {"$attach": [media]}})
                wire.call("insertOne", "notes", {"text": name})
            later = json.loads(json.dumps(BKND))
            fields = later["entities"]["notes"]["fields"]
            fields["body"] = fields.pop("text") | {"config": {"renamed_from": "text"}}
            fields["more"] = {"type": "jsonschema", "config": {"schema": {"default": {"a": 1}},
                                                               "default_from_schema": True}}
            later["indices"]["idx_notes_body"] = {"entity": "notes", "fields": ["body"], "unique": True}
            wire.call("schema.apply", later)
            note = wire.call("insertOne", "notes", {"body": "c"})
            wire.call("updateOne", "notes", note["id"], {"body": "d"})
            del later["entities"]["posts"]["fields"]["gallery"], later["relations"]["poly_posts_media_gallery"]
            wire.call("schema.apply", later, {"allow_destructive": True})
            notes = wire.call("findMany", "notes", {"orderBy": "id"})["data"]
            self.assertEqual([(row["body"], row["more"]) for row in notes],
                             [("a", {"a": 1}), ("b", {"a": 1}), ("d", {"a": 1})])
            self.assertTrue(wire.verify()["equal"])
        self.assertEqual(daemon.end(), 0)
        rows, report, _ = proof.check(daemon)
        self.assertEqual(report.differences, [])
        self.assertEqual(len(rows["links"]), 0)

    def test_a_dropped_entity_takes_nothing_along_that_stays(self):
        blog = json.loads(json.dumps(BLOG))
        blog["entities"]["posts"]["fields"]["author_id"] = {"type": "relation", "config": {"on_delete": "cascade"}}
        daemon = proof.daemon(self.addCleanup)
        with daemon.connect() as wire:
            wire.call("schema.apply", blog)
            wire.call("insertOne", "users", {"name": "Ann"})
            wire.call("insertOne", "tags", {"label": "x"})
            wire.call("insertOne", "posts", {"title": "a", "author_id": 1, "tags": {"$attach": [1]}})
            for name, relations in [("users", ["n1_posts_users_author", "11_users_settings"]),
                                    ("tags", ["mn_posts_tags"])]:
                del blog["entities"][name]
                blog["entities"]["posts"]["fields"].pop("author_id", None)
                for relation in relations:
                    del blog["relations"][relation]
                wire.call("schema.apply", blog, {"allow_destructive": True})
            found = wire.call("findMany", "posts")["data"]
            self.assertEqual([(row["id"], row["title"]) for row in found], [(1, "a")])
            self.assertTrue(wire.verify()["equal"])
        self.assertEqual(daemon.end(), 0)
        rows, report, _ = proof.check(daemon)
        self.assertEqual(report.differences, [])
        self.assertEqual((len(rows["links"]), len(rows["backlinks"])), (0, 0))


del Test  # Of its own it is none.

if __name__ == "__main__":
    unittest.main()
