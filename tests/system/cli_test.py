#!/usr/bin/env python3
"""The command line as a user types it, against a real daemon: output for people and for programs, errors
with their place and next step, exit codes. And the program of the README, compiled as it stands there."""
import fcntl
import hashlib
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import unittest

SOURCE = pathlib.Path(os.environ["EMSTORE_SOURCE"])
CLI = os.environ["EMSTORE_CLI"]
SHOP = SOURCE / "examples" / "shop"

SCHEMA = {
    "entities": {
        "products": {"fields": {
            "name": {"type": "text", "config": {"required": True}},
            "price": {"type": "number", "config": {"minimum": 0}},
            "sold": {"type": "boolean"},
            "since": {"type": "date"},
            "tags": {"type": "json"},
            "thumbnail": {"type": "medium"},
            "gallery": {"type": "media", "config": {"mime_types": ["image/*"], "max_items": 4}},
        }},
        "media": {"type": "system", "fields": {"alt": {"type": "text"}}},
    },
    "relations": {
        "poly_products_media_thumbnail": {"type": "poly", "source": "products", "target": "media",
                                          "config": {"mappedBy": "thumbnail", "targetCardinality": 1}},
        "poly_products_media_gallery": {"type": "poly", "source": "products", "target": "media",
                                        "config": {"mappedBy": "gallery"}},
    },
}


class Daemon:
    """A daemon of the test's own, in a folder of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="emstore-")
        self.path = pathlib.Path(self.folder.name)
        self.socket = str(self.path / "sock")
        self.log = open(self.path / "log", "w")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("EMSTORE_")}
        self.process = subprocess.Popen(
            [os.environ["EMSTORED"], "--data", self.path / "data", "--socket", self.socket,
             "--set", "store.allow_memory=true"],
            stdout=subprocess.PIPE, stderr=self.log, env=environment, text=True)
        ready = self.process.stdout.readline()
        assert " ready in " in ready, (ready, (self.path / "log").read_text())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self.process.stdout.close()
        self.log.close()
        self.folder.cleanup()
        return code


class CliCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.work = cls.daemon.path / "work"
        cls.work.mkdir()

    @classmethod
    def tearDownClass(cls):
        assert cls.daemon.stop() == 0

    def environment(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("EMSTORE_")}
        return environment | {"EMSTORE_SOCKET": self.daemon.socket}

    def run_cli(self, *words, code=0, text=True, input=None):
        done = subprocess.run([CLI, *map(str, words)], cwd=self.work, env=self.environment(), text=text,
                              capture_output=True, input=input, timeout=60)
        self.assertEqual(done.returncode, code, (words, done.stdout, done.stderr))
        return done

    def out(self, *words, **options):
        return self.run_cli(*words, **options).stdout

    def json(self, *words):
        return [json.loads(line) for line in self.out(*words, "--json").splitlines()]

    def refused(self, code, *words):
        """What a refused command says on standard error; nothing may stand on standard output."""
        done = self.run_cli(*words, code=code)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def on_terminal(self, *words, **variables):
        """All that the command writes to a terminal of 60 columns."""
        parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        environment = self.environment() | {"TERM": "xterm"} | variables
        process = subprocess.Popen([CLI, *map(str, words)], cwd=self.work, env=environment, stdin=child,
                                   stdout=child, stderr=child)
        os.close(child)
        written = b""
        while True:
            ready, _, _ = select.select([parent], [], [], 60)
            self.assertTrue(ready, "the command hangs")
            try:
                piece = os.read(parent, 65536)
            except OSError:  # The other side has closed.
                break
            if not piece:
                break
            written += piece
        os.close(parent)
        self.assertEqual(process.wait(), 0, written)
        return written.decode()


class ShopCase(CliCase):
    """One shop, made once; the tests only read it or make records of their own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.work / "schema.json").write_text(json.dumps(SCHEMA))
        self = cls()
        self.out("schema", "apply", "schema.json")
        self.out("insert", "products", "name=Laptop", "price=999", "sold=false", "since=2026-11-22",
                 'tags=["quiet"]', f"thumbnail=@{SHOP}/laptop-front.png",
                 f"gallery+=@{SHOP}/laptop-front.png", f"gallery+=@{SHOP}/laptop-night.png")
        self.out("insert", "products", "name=Mug", "price=12.5")

    def insert(self, *words):
        return self.json("insert", "products", "name=Thing", *words)[0]["id"]

    def gallery(self, record):
        found = self.json("find", "products", record, "--with", "gallery")[0]
        return [medium["id"] for medium in found["gallery"]]


class Shop(ShopCase):
    def test_a_schema_applied_twice_changes_nothing(self):
        self.assertIn("already", self.out("schema", "apply", "schema.json"))
        again = self.json("schema", "apply", "schema.json")[0]
        self.assertEqual((again["changed"], again["difference"]), (False, []))
        shown = self.out("schema", "show")
        self.assertRegex(shown, r"gallery +media +.*max_items 4")

    def test_a_dry_run_only_says_what_would_change(self):
        wanted = json.loads(json.dumps(SCHEMA))
        wanted["entities"]["products"]["fields"]["sku"] = {"type": "text"}
        plan = self.run_cli("schema", "apply", "-", "--dry-run", input=json.dumps(wanted)).stdout
        self.assertIn("sku", plan)
        self.assertNotIn("sku", self.out("schema", "show"))

    def test_a_record_is_found_with_its_media(self):
        found = self.json("find", "products", 1, "--with", "thumbnail", "--with", "gallery:orderBy=-id,limit=1")[0]
        self.assertEqual((found["name"], found["price"], found["sold"], found["since"], found["tags"]),
                         ("Laptop", 999, False, "2026-11-22", ["quiet"]))
        self.assertEqual(found["thumbnail"]["name"], "laptop-front.png")
        self.assertEqual([m["name"] for m in found["gallery"]], ["laptop-night.png"])
        self.run_cli("attach", "products", 1, "gallery", found["thumbnail"]["id"])
        page = self.out("find", "products", 1, "--with", "gallery:orderBy=id,limit=1")
        self.assertNotIn("$more", page)
        self.assertNotIn("$MORE", self.out("find", "products", "--with", "gallery:orderBy=id,limit=1"))
        cursor = re.search(r"the rest: --with gallery:(cursor=[0-9a-f]+),", page)[1]
        rest = self.json("find", "products", 1, "--with", f"gallery:orderBy=id,{cursor}")[0]
        self.assertNotIn("$more", rest)
        whole = self.json("find", "products", 1, "--with", "gallery:orderBy=id")[0]
        self.assertEqual(rest["gallery"], whole["gallery"][1:])
        self.run_cli("detach", "products", 1, "gallery", found["thumbnail"]["id"])
        shown = self.out("find", "products", 1, "--with", "gallery")
        self.assertRegex(shown, r"(?m)^ +ID +NAME +TYPE +SIZE +BLOB")
        self.assertRegex(shown, r"laptop-night.png +image/png +\d+\.\d KiB")

    def test_many_records_at_once(self):
        (self.work / "things.json").write_text(json.dumps([{"name": "Bulk", "price": n} for n in (1, 2, 3)]))
        ids = [r["id"] for r in self.json("insert", "products", "--from", "things.json")[0]["data"]]
        self.assertEqual(len(ids), 3)
        changed = self.json("update", "products", "--where", "name=Bulk", "--where", "price>=2", "sold=true",
                            "--limit", "1")[0]
        self.assertEqual(([r["id"] for r in changed["data"]], changed["hasMore"]), (ids[1:2], True))
        self.assertIn("2 records of products updated",
                      self.out("update", "products", "--where", "name=Bulk", "--where", "price>=2", "sold=true"))
        self.assertIn("--where", self.refused(2, "delete", "products"))
        self.assertIn("all: true", self.refused(2, "delete", "products", "--where", "{}"))
        self.assertRegex(self.out("delete", "products", "--where", "name=Bulk", "--dry-run"),
                         r"(?s)products/\d+  deleted\n.*3 records of products would be deleted")
        plan = self.json("update", "products", "--where", "name=Bulk", "--where", "price>=2", "sold=false",
                         "--dry-run")[0]["plan"]
        self.assertEqual([(item["action"], item["fields"]) for item in plan], 2 * [("updated", ["sold"])])
        self.assertIn("--where", self.refused(2, "update", "products", "1", "sold=false", "--dry-run"))
        self.assertIn("3 records of products deleted", self.out("delete", "products", "--where", "name=Bulk"))

    def test_a_transaction_from_a_file(self):
        operations = [{"insertOne": ["products", {"name": "Whole"}], "as": "p"},
                      {"check": ["products", 1]},
                      {"updateOne": ["products", {"$ref": "p"}, {"gallery": {"$attach": [2]}}]}]
        done = self.run_cli("transaction", "-", "--json", input=json.dumps(operations))
        record = json.loads(done.stdout)["results"][0][0]["id"]
        self.assertEqual(self.gallery(record), [2])
        operations[1] = {"check": ["products", 1], "where": {"name": "Mug"}}
        (self.work / "operations.json").write_text(json.dumps(operations))
        said = self.refused(4, "transaction", "operations.json")
        self.assertIn("operations[1].where", said)
        self.assertIn("check_failed", said)
        self.assertEqual(self.json("find", "products", "--where", "name=Whole", "--count"), [{"count": 1}])

    def test_conditions_order_and_pages(self):
        names = lambda *words: [r["name"] for r in self.json("find", "products", "--where", "id in 1,2", *words)]
        self.assertEqual(names(), ["Laptop", "Mug"])
        self.assertEqual(names("--where", "price>=500"), ["Laptop"])
        self.assertEqual(names("-w", '{"name":{"$startsWith":"M"}}'), ["Mug"])
        self.assertEqual(names("--order-by", "-name"), ["Mug", "Laptop"])
        self.assertEqual(names("--offset", "1"), ["Mug"])
        self.assertEqual(self.json("find", "products", "-w", "price>=500", "--count"), [{"count": 1}])
        self.assertIn("more: --offset 1", self.out("find", "products", "--limit", "1"))
        self.assertEqual(self.out("find", "products", "-w", "name=Nobody"), "no products match\n")
        more = self.out("find", "products", "--limit", "1", "--order-by", "-name")
        cursor = re.search(r"--cursor ([0-9a-f]+)", more).group(1)
        self.assertEqual(len(self.json("find", "products", "--limit", "1", "--order-by", "-name", "--cursor", cursor)), 1)
        self.assertIn("[wrong_cursor]", self.refused(2, "find", "products", "--limit", "1", "--cursor", cursor))
        self.assertEqual(self.out("find", "products", "-w", "price>=500", "--exists"), "yes\n")
        self.assertEqual(self.json("find", "products", "-w", "name=Nobody", "--exists"), [{"exists": False}])
        self.assertTrue(self.out("find", "products", "-w", "price>=500", "--explain").startswith("scan of products\n"))
        plan = self.json("find", "products", 1, "--with", "gallery", "--explain")[0]
        self.assertEqual((plan["kind"], plan["scans"], plan["with"][0]["relation"]), ("ids", False, "gallery"))
        self.assertEqual(self.out("find", "products", "-w", "gallery.size<0"), "no products match\n")

    def test_the_four_operators(self):
        thing = self.insert(f"gallery+=@{SHOP}/lamp.png")
        made = self.gallery(thing)
        other = self.json("media", "put", SHOP / "chair.png", "--set", "alt=A chair")[0]
        self.assertEqual(other["alt"], "A chair")
        attached = self.json("attach", "products", thing, "gallery", other["id"])[0]
        self.assertEqual(attached["changes"]["gallery"]["added"], [other["id"]])
        self.assertEqual(self.gallery(thing), made + [other["id"]])
        self.assertIn("was there already", self.out("attach", "products", thing, "gallery", other["id"]))
        self.assertIn(f"-{made[0]}", self.out("detach", "products", thing, "gallery", made[0]))
        self.assertEqual(self.gallery(thing), [other["id"]])
        self.out("set", "products", thing, "gallery", made[0], other["id"])
        self.assertEqual(self.gallery(thing), made + [other["id"]])
        self.out("set", "products", thing, "gallery")
        self.assertEqual(self.gallery(thing), [])
        self.out("set", "products", thing, "thumbnail", other["id"])
        uses = self.json("media", "info", other["id"])[0]["reference"]
        self.assertEqual([(u["entity"], u["entity_id"], u["field"]) for u in uses], [("products", thing, "thumbnail")])
        self.out("set", "products", thing, "thumbnail", "null")
        self.assertIn("used by nothing", self.out("media", "info", other["id"]))

    def test_a_keyed_request_happens_once(self):
        first = self.json("insert", "products", "name=Once", "--key", "k-1")[0]
        again = self.json("insert", "products", "name=Once", "--key", "k-1")[0]
        self.assertEqual((first["id"], first["replayed"]), (again["id"], False))
        self.assertTrue(again["replayed"])
        self.assertIn("[id_reused]", self.refused(4, "insert", "products", "name=Twice", "--key", "k-1"))

    def test_a_large_file_comes_back_byte_for_byte(self):
        content = bytes(range(256)) * (40 * 1024) + b"end"  # 10 MiB: in pieces, on several trips.
        (self.work / "large.bin").write_bytes(content)
        media = self.json("media", "put", "large.bin")[0]
        self.assertEqual((media["size"], media["sha256"]), (len(content), hashlib.sha256(content).hexdigest()))
        self.assertEqual(self.out("media", "get", media["id"], text=False), content)
        self.out("media", "get", media["blob"], "-o", "back.bin")
        self.assertEqual((self.work / "back.bin").read_bytes(), content)
        self.assertIn("%", self.on_terminal("media", "put", "large.bin"))

    def test_the_log_names_every_commit(self):
        commits = self.json("log")
        self.assertEqual([c["sequence"] for c in commits], list(range(1, len(commits) + 1)))
        self.assertEqual(commits[0]["peer"]["uid"], os.getuid())
        self.assertEqual(len(self.json("log", "--from", "2", "--limit", "1")), 1)
        self.assertRegex(self.out("log", "--limit", "2"), r"2 .*record_created products/1; links_changed products/1")

    def test_garbage_is_listed_and_then_deleted(self):
        (self.work / "unused.txt").write_text("of no use to anybody")
        media = self.json("media", "put", "unused.txt")[0]["id"]
        self.assertIn("0 media, 0 contents", self.out("gc"))  # The grace is a day.
        listed = self.json("gc", "--dry-run", "--grace", 0)[0]
        self.assertIn(media, [item["id"] for item in listed["list"]])
        self.assertRegex(self.out("gc", "--dry-run", "--grace", 0), rf"(?s)ID +BYTES.*{media} .*would go")
        done = self.json("gc", "--grace", 0)[0]
        self.assertEqual((done["media"], done["blobs"]), (listed["media"], listed["blobs"]))
        self.assertIn("does not exist", self.refused(3, "media", "info", media))
        self.assertIn("0 media, 0 contents of 0 B gone", self.out("gc", "--grace", 0))

    def test_damage_is_found_set_aside_and_mended_by_the_same_bytes(self):
        (self.work / "rots.bin").write_bytes(bytes(range(256)) * 400)
        address = self.json("media", "put", "rots.bin")[0]["blob"]
        self.assertIn("every content is whole", self.out("scrub"))
        folder = pathlib.Path(self.json("status")[0]["media"])
        name = address.removeprefix("xxh3-128:")
        stored = folder / name[:2] / name
        stored.chmod(0o600)
        with stored.open("r+b") as file:
            file.seek(1000)
            file.write(b"rotten")
        for output in ("got.bin", "-"):
            self.assertIn(address, self.refused(8, "media", "get", address, "-o", output))
        self.assertEqual([path.name for path in self.work.glob("got.bin*")], [])
        found = self.run_cli("scrub", code=8)
        self.assertIn("1 contents of media are damaged", found.stderr)
        self.assertIn(address, found.stdout)
        self.assertEqual([path.name for path in (folder / "quarantine").iterdir()], [name + ".1"])
        self.assertIn("upload the same bytes again", self.refused(8, "media", "get", address, "-o", "-"))
        self.assertRegex(self.out("media", "have", address), "not there")
        self.json("media", "put", "rots.bin")
        self.assertEqual(self.json("scrub")[0]["waiting"], [])
        self.assertRegex(self.out("media", "have", address), r"100(\.0)? KiB")
        self.assertEqual(self.json("media", "have", address)[0]["blob"], address)

    def test_the_daemon_is_asked_how_it_is(self):
        report = self.json("verify")[0]
        self.assertTrue(report["equal"])
        self.assertIn("the indexes are what the log says", self.out("verify"))
        rebuilt = self.json("rebuild")[0]
        self.assertEqual((rebuilt["mended"], rebuilt["state_digest"]), (False, report["state_digest"]))
        self.assertRegex(self.out("rebuild"), r"(?s)records +\d+ +the same.*state digest [0-9a-f]{64}.*were the same")
        self.assertEqual(self.json("verify")[0]["state_digest"], report["state_digest"])
        self.assertEqual(self.json("status")[0]["socket"], self.daemon.socket)
        self.assertRegex(self.out(), r"server +emstored")
        self.assertRegex(self.out("ping"), r"answers at .* in \d+ us, commit \d+")
        self.assertEqual(self.json("call", "count", '"products"', '{"where":{"id":1}}')[0]["count"], 1)

    def test_a_list_in_json_is_one_word(self):
        for blank in ("", " "):
            both = blank + '[{"insertOne":["products",{"name":"a, b"}]},{"insertOne":["products",{"name":"c"}]}]'
            self.assertEqual(len(self.json("call", "transaction", both)[0]["results"]), 2)
        found = self.json("call", "findMany", '"products"', '{"where":{"name":"a, b"}}')[0]
        self.assertEqual(len(found["data"]), 2)

    def test_a_name_in_brackets_is_one_file(self):
        with open(f"{self.work}/[a,b]", "w") as file:
            file.write("bytes")
        self.assertEqual(len(self.json("media", "put", "[a,b]")), 1)

    def test_errors_name_the_place_and_the_next_step(self):
        text = self.refused(2, "update", "products", 1, "galery+=17")
        self.assertIn('products has no field "galery"', text)
        self.assertIn('did you mean "gallery"?', text)
        text = self.refused(2, "attach", "products", 1, "thumbnail", 1)
        self.assertRegex(text, r"error: .*thumbnail.*\[wrong_operation\]\n  at    thumbnail.*\n  hint  .*\$set")
        text = self.refused(3, "attach", "products", 1, "gallery", 4711)
        self.assertIn("4711", text)
        self.assertIn("[media_not_found]", text)
        self.assertIn("[record_not_found]", self.refused(3, "find", "products", 4711))
        self.assertIn("[duplicate_item]", self.refused(2, "attach", "products", 1, "gallery", 1, 1))
        text = self.refused(2, "insert", "products", "price=-1")
        self.assertIn("[out_of_range]", text)
        self.assertIn("[required]", text)
        self.assertIn("[wrong_type]", self.refused(2, "insert", "products", "name=x", "price=cheap"))
        self.assertIn("[mime_not_allowed]", self.refused(2, "attach", "products", 1, "gallery", f"@{SHOP}/warranty.pdf"))
        self.assertIn("[too_many_items]",
                      self.refused(2, "attach", "products", 1, "gallery", *[f"@{SHOP}/mug-red.png"] * 3))
        self.assertIn("[version_mismatch]", self.refused(4, "update", "products", 1, "price=1", "--expected", "1"))
        media = self.json("find", "products", 1, "--with", "thumbnail")[0]["thumbnail"]["id"]
        self.assertIn("[still_linked]", self.refused(4, "delete", "media", media))
        self.assertEqual(self.json("find", "products", 1)[0]["price"], 999)

    def test_errors_for_programs_are_json(self):
        error = json.loads(self.refused(2, "--json", "insert", "products", "price=-1"))["error"]
        self.assertIn(error["code"], ("out_of_range", "required"))
        self.assertEqual({v["code"] for v in error["violations"]}, {"out_of_range", "required"})
        self.assertEqual(json.loads(self.refused(2, "fnd", "--json"))["error"]["code"], "invalid_request")

    def test_wrong_words_are_refused_before_anything_is_sent(self):
        self.assertIn('did you mean "find"?', self.refused(2, "fnd"))
        self.assertIn('did you mean "info"?', self.refused(2, "media", "inf"))
        self.assertIn("--help", self.refused(2, "find"))
        self.assertIn("no condition", self.refused(2, "find", "products", "-w", "price"))
        self.assertIn('did you mean "products"?', self.refused(2, "insert", "product", "name=x"))
        self.assertIn("no/such.png", self.refused(2, "media", "put", "no/such.png"))
        (self.work / "laptop-front.png").write_bytes(b"mine")
        parent, child = pty.openpty()  # Only towards a person does a name stand for the output.
        done = subprocess.run([CLI, "media", "get", "1"], cwd=self.work, env=self.environment(), stdout=child,
                              stderr=subprocess.PIPE, timeout=60)
        os.close(parent), os.close(child)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"there already", done.stderr)
        self.assertEqual((self.work / "laptop-front.png").read_bytes(), b"mine")

    def test_without_a_daemon_it_says_how_to_start_one(self):
        done = subprocess.run([CLI, "--socket", str(self.work / "none"), "ping"], env=self.environment(), text=True,
                              capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 6)
        self.assertIn("[unreachable]", done.stderr)
        self.assertIn(f"emstored --data DIR --socket {self.work}/none", done.stderr)

    def test_colours_and_rules_are_for_terminals(self):
        seen = self.on_terminal("find", "products", "-w", "id=1")
        self.assertIn("\x1b[", seen)
        self.assertIn("│", seen)
        for line in re.sub(r"\x1b\[[0-9;]*[mK]", "", seen).splitlines():
            self.assertLessEqual(len(line), 60)
        self.assertNotIn("\x1b[", self.on_terminal("find", "products", NO_COLOR="1"))
        self.assertNotIn("\x1b[", self.on_terminal("find", "products", TERM="dumb"))
        self.assertNotIn("\x1b[", self.out("find", "products"))
        self.assertIn("\x1b[", self.out("find", "products", "--color", "always"))
        self.insert("tags=null", "price=1")
        hostile = self.json("insert", "products", "name=\x1b[2Jgone")[0]["id"]
        self.assertNotIn("\x1b[2J", self.on_terminal("find", "products", hostile))


class Differences(CliCase):
    """What `emstore diff` tells, of a store for each test."""

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(lambda: self.assertEqual(self.daemon.stop(), 0))
        self.work = self.daemon.path

    def apply(self, entities, *words, media=True):
        pictures = {"type": "poly", "source": "posts", "target": "media",
                    "config": {"mappedBy": "pics", "with_limit": 2}}
        schema = {"entities": entities, "relations": {"poly_pics": pictures} if media else {}}
        self.run_cli("schema", "apply", "-", *words, input=json.dumps(schema))

    def test_lists_that_a_limit_cuts_are_read_to_their_end(self):
        self.apply({"posts": {"fields": {"title": {"type": "text"}, "pics": {"type": "media"}}}})
        pictures = [f"pics+=@{SHOP}/{name}.png" for name in
                    ("laptop-front", "laptop-night", "laptop-press", "laptop-keyboard")]
        self.out("insert", "posts", "title=Hello", *pictures)                 # 2: media 1 to 4
        self.out("update", "posts", 1, "pics=4,3,2,1")                        # 3
        self.assertEqual(self.out("diff", 2, 3), "posts/1\n  pics in another order\n")
        self.out("detach", "posts", 1, "pics", 1)                             # 4
        self.assertEqual(self.out("diff", 3, 4), "posts/1\n  pics - media/1 laptop-front.png\n")
        before, after = (self.json("diff", 3, 4)[0][side] for side in ("before", "after"))
        self.assertEqual([link["id"] for link in before["pics"]], [4, 3, 2, 1])
        self.assertEqual([link["id"] for link in after["pics"]], [4, 3, 2])
        self.assertNotIn("$more", before)
        self.out("undo", 4)                                                   # 5
        self.assertEqual(self.out("diff", 3, 5), "nothing is different\n")

    def test_an_entity_keeps_what_it_was_when_it_is_renamed(self):
        self.apply({"posts": {"fields": {"title": {"type": "text"}}}}, media=False)
        self.out("insert", "posts", "title=One")                              # 2
        self.out("insert", "posts", "title=Two")                              # 3
        renamed = {"fields": {"headline": {"type": "text", "config": {"renamed_from": "title"}}},
                   "config": {"renamed_from": "posts"}}
        self.apply({"articles": renamed}, media=False)                        # 4
        self.out("update", "articles", 1, "headline=First")                   # 5
        two = "articles/2 created\n  id        2\n  headline  \"Two\"\n"
        self.assertEqual([line for line in self.out("diff", 2, 4).splitlines() if "_at" not in line],
                         ["articles/2 created", "  id          2", '  headline    "Two"'])
        one = 'articles/1\n  headline  "One" → "First"\n'
        for name in ("posts", "articles"):
            self.assertEqual(self.out("diff", 3, 5, name), one)
            self.assertIn(one, self.out("diff", 2, 5, name))
        self.assertEqual(self.out("diff", 2, 5, "posts", 1), one)

    def test_what_is_asked_for_must_be_there(self):
        self.apply({"posts": {"fields": {"title": {"type": "text"}}}}, media=False)
        self.out("insert", "posts", "title=One")                              # 2
        self.assertIn("commit 6 has not been made", self.refused(2, "diff", 6, 7))
        self.assertIn("commit 3 has not been made", self.refused(2, "diff", 0, 3))
        wrong = self.refused(2, "diff", 0, 2, "post")
        self.assertIn('no entity "post" as of commit 0 or 2', wrong)
        self.assertIn('did you mean "posts"?', wrong)
        self.assertIn("posts/1 created", self.out("diff", 0, 2, "posts"))
        self.assertEqual(self.out("diff", 2, 2, "posts"), "nothing is different\n")

    def test_the_end_of_a_comparison_may_be_large(self):
        fields = {"title": {"type": "text"}, "body": {"type": "text"}}
        self.apply({"posts": {"fields": fields}}, media=False)
        posts = [{"title": f"Post {i}"} for i in range(150)]
        self.run_cli("insert", "posts", "--from", "-", input=json.dumps(posts))  # 2
        large = ["update", "posts", "--all", "body=" + "x" * 100_000]
        self.out(*large)                                                      # 3
        self.assertIn("commit 3 is too large to be told", self.refused(5, "diff", 2, 3))
        for shown in (self.out("show", 3), self.out("log")):
            self.assertRegex(shown, r"too large to be told here \(\d+\.\d MiB\); `emstore show 3 --json` has its bytes")
        self.assertRegex(self.out("show", 3), rf"by +uid {os.getuid()},")
        self.out("update", "posts", 1, "title=Changed")                       # 4
        self.out(*large, "title=Same")                                        # 5
        changed = 'posts/1\n  title  "Post 0" → "Changed"\n'
        self.assertEqual(self.out("diff", 3, 4), changed)
        self.apply({"posts": {"fields": fields | {"more": {"type": "text"}}}}, media=False)  # 6
        self.out("insert", "posts", "more=2")                                 # 7
        self.assertEqual(self.out("diff", 3, 4), changed)
        self.assertIn("posts/151 created", self.out("diff", 5, 7))

    def test_an_entity_that_came_after_another_of_its_name_is_another(self):
        posts = {"fields": {"title": {"type": "text"}}}
        self.apply({"posts": posts, "notes": posts}, media=False)
        self.out("insert", "posts", "title=Old")                              # 2
        self.apply({"notes": posts}, "--allow-destructive", media=False)
        self.apply({"posts": posts, "notes": posts}, media=False)
        last = self.json("insert", "posts", "title=New")[0]["sequence"]
        told = [(one["before"] and one["before"]["title"], one["after"] and one["after"]["title"])
                for one in self.json("diff", 2, last)]
        self.assertEqual(told, [("Old", None), (None, "New")])

    def test_fields_that_go_are_told_and_mere_times_are_not(self):
        self.apply({"posts": {"fields": {"title": {"type": "text"}, "body": {"type": "text"}}}}, media=False)
        self.out("insert", "posts", "title=One", "body=Text")                 # 2
        self.out("update", "posts", 1, "title=Two")                           # 3
        self.out("update", "posts", 1, "title=One")                           # 4
        self.assertEqual(self.out("diff", 2, 4), "nothing is different\n")
        self.assertEqual(self.json("diff", 2, 4), [])
        self.apply({"posts": {"fields": {"title": {"type": "text"}, "body": {"type": "text"}, "more": {"type": "text"}}}},
                   media=False)                                               # 5
        self.assertEqual(self.out("diff", 2, 5), "nothing is different\n")
        self.apply({"posts": {"fields": {"title": {"type": "text"}}}}, "--allow-destructive", media=False)
        last = self.json("log", "--reverse", "--limit", 1)[0]["sequence"]
        self.assertEqual(self.out("diff", 4, last), 'posts/1\n  body  "Text" → nothing\n')


class ReadmeCommands(CliCase):
    def test_the_commands_are_accepted_as_they_stand(self):
        readme = (SOURCE / "README.md").read_text()
        session = next(block for block in re.findall(r"```console\n(.*?)```", readme, re.S) if "schema apply" in block)
        commands = [line[2:] for line in session.splitlines() if line.startswith("$ ")]
        self.assertRegex(commands[0], r"^export EMSTORE_SOCKET=")  # The test has a daemon of its own.
        self.assertRegex(commands[1], r"^emstored --data .* &$")
        self.assertGreater(len(commands), 7)
        script = "\n".join(["set -e", f"emstore() {{ '{CLI}' \"$@\"; }}", *commands[2:]])
        done = subprocess.run(["bash", "-c", script], cwd=SOURCE, text=True,
                              env=self.environment() | {"HOME": str(self.work)}, capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("the indexes are what the log says", done.stdout)


class ReadmeProgram(CliCase):
    def test_the_program_is_the_one_in_examples_and_runs(self):
        readme = (SOURCE / "README.md").read_text()
        program = (SOURCE / "examples" / "readme.cpp").read_text()
        blocks = re.findall(r"```cpp\n(.*?)```", readme, re.S)
        self.assertEqual(blocks, [program])
        self.assertLessEqual(len(program.splitlines()), 20)
        for name in ("front.png", "side.png"):
            (self.work / name).write_bytes((SHOP / "lamp.png").read_bytes() + name.encode())
        done = subprocess.run([os.environ["EMSTORE_README_PROGRAM"]], cwd=self.work, env=self.environment(), text=True,
                              capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"\A(xxh3-128:[0-9a-f]{32}\n){2}\Z")
        product = self.json("find", "products", "-w", "name=Laptop", "--with", "gallery")[0]
        self.assertEqual([medium["name"] for medium in product["gallery"]], ["front.png"])


if __name__ == "__main__":
    unittest.main()
