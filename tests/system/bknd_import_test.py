#!/usr/bin/env python3
"""`emstore import --from-bknd`: a database as bknd 0.20 leaves it, with its uploads, and what is there afterwards."""
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

import rpc

CLI = os.environ["EMSTORE_CLI"]
SOURCE = pathlib.Path(os.environ["EMSTORE_SOURCE"])
SHOP = SOURCE / "examples" / "shop"


def field(kind, **config):
    return {"type": kind, "config": {"required": False, **config}}


def entity(kind="regular", **fields):
    return {"type": kind, "fields": {"id": field("primary", format="integer", fillable=False), **fields},
            "config": {"sort_field": "id", "sort_dir": "asc"}}


def media_field(owner, **config):
    return field("media", entity=owner, fillable=["update"], virtual=True, mime_types=[], **config)


def relation(kind, source, target, **config):
    return {"type": kind, "source": source, "target": target, "config": config}


CONFIG = {"data": {
    "basepath": "/api/data",
    "entities": {
        "posts": entity(title=field("text", required=True), rank=field("number"), shown=field("boolean"),
                        day=field("date", type="date"), extra=field("json"), cover=media_field("posts", max_items=1),
                        images=media_field("posts")),
        "users": entity("system", email=field("text", required=True), boss_id=field(
            "relation", reference="boss", target="users", target_field="id", on_delete="set null")),
        "tags": entity(label=field("text")),
        "media": entity("system", alt=field("text"),
                        reference=field("text", hidden=True, fillable=["create"]),
                        entity_id=field("text", hidden=True, fillable=["create"])),
    },
    "relations": {
        "poly_posts_media_cover": relation("poly", "posts", "media", mappedBy="cover", targetCardinality=1),
        "poly_posts_media_images": relation("poly", "posts", "media", mappedBy="images"),
        "n1_posts_users_author": relation("n:1", "posts", "users", mappedBy="author"),
        "n1_users_users_boss": relation("n:1", "users", "users", mappedBy="boss", inversedBy="staff"),
        "mn_posts_tags": relation("m:n", "posts", "tags"),
    },
    "indices": {"idx_unique_posts_title": {"entity": "posts", "fields": ["title"], "unique": True}},
}}

ROWS = """
CREATE TABLE __bknd (id INTEGER PRIMARY KEY, version INTEGER, type TEXT, json TEXT, created_at DATE, updated_at DATE);
CREATE TABLE posts (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT, rank INTEGER, shown BOOLEAN, day DATE, extra TEXT,
  author_id INTEGER REFERENCES users (id) ON DELETE SET NULL);
CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT, boss_id INTEGER);
CREATE TABLE tags (id INTEGER PRIMARY KEY AUTOINCREMENT, label TEXT);
CREATE TABLE posts_tags (id INTEGER PRIMARY KEY AUTOINCREMENT, posts_id INTEGER, tags_id INTEGER);
CREATE TABLE media (id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT UNIQUE, folder BOOLEAN, mime_type TEXT, size INTEGER,
  scope TEXT, etag TEXT, modified_at DATETIME, reference TEXT, entity_id TEXT, metadata TEXT, alt TEXT);
INSERT INTO users VALUES (3, 'ann@example.org', 5), (5, 'bob@example.org', NULL);
INSERT INTO posts VALUES (2, 'one', 1.5, 1, '2026-01-02', '{"a": [1, 2]}', 3), (7, 'two', NULL, 0, NULL, NULL, NULL);
INSERT INTO tags VALUES (1, 'x'), (4, 'y');
INSERT INTO posts_tags VALUES (1, 2, 4), (2, 2, 1), (3, 7, 4), (4, 2, 4), (5, 99, 4);
INSERT INTO media VALUES
  (1, 'front.png', 0, 'image/png', 1, 'images', '"e"', '2026-01-01', 'posts.images', '2', '{"width": 1, "by": "ann"}',
   'the front'),
  (2, 'manual.pdf', 0, 'application/pdf', 1, 'cover', '"e"', '2026-01-01', 'posts.cover', '7', NULL, NULL),
  (3, 'night.png', 0, 'image/png', 1, 'images', '"e"', '2026-01-01', 'posts.images', '2', '{}', NULL),
  (4, 'second.png', 0, 'image/png', 1, 'cover', '"e"', '2026-01-01', 'posts.cover', '7', '{}', NULL),
  (5, 'alone.png', 0, 'image/png', 1, NULL, '"e"', '2026-01-01', NULL, NULL, '{}', NULL),
  (6, 'orphan.png', 0, 'image/png', 1, 'images', '"e"', '2026-01-01', 'posts.images', '99', '{}', NULL);
"""

FILES = {"front.png": "laptop-front.png", "manual.pdf": "laptop-manual.pdf", "night.png": "laptop-night.png",
         "second.png": "lamp.png", "alone.png": "plant.png", "orphan.png": "chair.png"}


class BkndImport(unittest.TestCase):
    def setUp(self):
        self.daemon = rpc.Daemon()
        self.addCleanup(lambda: self.assertEqual(self.daemon.stop(), 0))
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.uploads = self.folder / "uploads"
        self.uploads.mkdir()
        for name, source in FILES.items():
            shutil.copy(SHOP / source, self.uploads / name)
        self.database = self.folder / "data.db"
        with sqlite3.connect(self.database) as database:
            database.executescript(ROWS)
            older = {"data": {"entities": {}}}
            database.executemany("INSERT INTO __bknd (version, type, json) VALUES (?, ?, ?)", [
                (9, "backup", json.dumps(older)), (9, "config", json.dumps(older)), (10, "config", json.dumps(CONFIG))])
        self.wire = self.daemon.connect()
        self.addCleanup(self.wire.close)

    def run_cli(self, *words):
        return subprocess.run([CLI, "import", "--json", *map(str, words)], capture_output=True, text=True, timeout=60,
                              env=rpc.environment(EMSTORE_SOCKET=self.daemon.socket))

    def imported(self, *words):
        done = self.run_cli("--from-bknd", self.database, "--uploads", self.uploads, *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def find(self, entity, **query):
        return self.wire.call("findMany", entity, query)["data"]

    def test_records_media_and_links_are_there(self):
        report = self.imported()
        self.assertEqual(report["imported"], {"media": 6, "posts": 2, "tags": 2, "users": 2})
        one, two = self.find("posts", **{"with": ["cover", "images", "author", "tags"], "orderBy": "id"})
        self.assertEqual([one["title"], one["rank"], one["shown"], one["day"], one["extra"]],
                         ["one", 1.5, True, "2026-01-02", {"a": [1, 2]}])
        self.assertEqual([two["rank"], two["shown"], two["day"], two["extra"], two["author"]], [None, False, None, None, None])
        self.assertEqual(one["author"]["email"], "ann@example.org")
        self.assertEqual([tag["label"] for tag in one["tags"]], ["y", "x"])
        self.assertEqual([image["name"] for image in one["images"]], ["front.png", "night.png"])
        self.assertEqual(one["images"][0]["alt"], "the front")
        self.assertEqual([image["metadata"] for image in one["images"]],
                         [{"width": 320, "height": 240, "by": "ann"}, {"width": 320, "height": 240}])
        self.assertEqual(two["cover"]["name"], "manual.pdf")
        ann = self.find("users", where={"email": "ann@example.org"}, **{"with": ["boss"]})[0]
        self.assertEqual(ann["boss"]["email"], "bob@example.org")  # Who came after her.

    def test_bytes_are_those_of_the_uploads(self):
        self.imported()
        for medium in self.find("media"):
            stored = self.wire.call("blob.read", medium["blob"], 0, 1 << 20)["bytes"]
            self.assertEqual(stored, (self.uploads / medium["name"]).read_bytes())
            self.assertEqual(medium["claimed_type"], "application/pdf" if "pdf" in medium["name"] else "image/png")

    def test_what_cannot_be_taken_along_is_said(self):
        notes = "\n".join(self.imported()["notes"])
        self.assertIn("posts/7.cover had 2 media", notes)
        self.assertIn("media of posts/99", notes)
        self.assertIn("posts_tags/5 connects what is not there", notes)

    def test_ids_are_told_and_a_second_time_changes_nothing(self):
        report = self.imported()
        self.assertEqual(sorted(report["ids"]["posts"]), ["2", "7"])
        before = self.wire.call("ping")["sequence"]
        self.assertEqual(self.imported(), report)
        self.assertEqual(self.wire.call("ping")["sequence"], before)
        self.assertTrue(self.wire.verify()["equal"])

    def test_a_missing_file_is_told_before_anything_happens(self):
        (self.uploads / "night.png").unlink()
        before = self.wire.call("ping")["sequence"]
        done = self.run_cli("--from-bknd", self.database, "--uploads", self.uploads)
        self.assertEqual(done.returncode, 2)
        self.assertIn("night.png", done.stderr)
        self.assertIn("--skip-missing", done.stderr)
        self.assertEqual(self.wire.call("ping")["sequence"], before)
        self.assertEqual(self.imported("--skip-missing")["imported"]["media"], 5)

    def test_a_dry_run_changes_nothing(self):
        before = self.wire.call("ping")["sequence"]
        self.imported("--dry-run")
        self.assertEqual(self.wire.call("ping")["sequence"], before)

    def test_a_database_without_a_schema_asks_for_one(self):
        with sqlite3.connect(self.database) as database:
            database.execute("DROP TABLE __bknd")
        done = self.run_cli("--from-bknd", self.database, "--uploads", self.uploads)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--schema FILE", done.stderr)
        schema = self.folder / "schema.json"
        parts = {name: CONFIG["data"][name] for name in ("entities", "relations", "indices")}
        schema.write_text(json.dumps(parts))  # What schema.toJSON() gives.
        self.assertEqual(self.imported("--schema", schema)["imported"]["posts"], 2)

    def test_what_is_no_database_is_refused(self):
        wrong = self.folder / "wrong.db"
        wrong.write_text("not a database, but long enough to be taken for one: " * 20)
        for path in (wrong, self.folder / "none.db"):
            done = self.run_cli("--from-bknd", path)
            self.assertEqual(done.returncode, 2, done.stderr)


if __name__ == "__main__":
    unittest.main()
