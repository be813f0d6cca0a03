#!/usr/bin/env python3
"""The command line, word by word: what is typed is what is meant, and what cannot be meant is refused."""
import json
import os
import pathlib
import pty
import re
import resource
import signal
import subprocess
import time
import tty
import unittest

import cli_test


class Find(cli_test.ShopCase):
    def test_an_id_counts_in_whatever_is_asked(self):
        for words, said in {("77", "--exists"): "no\n", ("1", "--exists"): "yes\n", ("77", "--count"): "0\n",
                            ("1", "--count"): "1\n", ("1", "--count", "-w", "name=Mug"): "0\n"}.items():
            self.assertEqual(self.out("find", "products", *words), said, words)
        plan = self.json("find", "products", 1, "-w", "name=Mug", "--explain")[0]
        self.assertEqual((plan["kind"], plan["filters"]), ("ids", True))

    def test_what_does_not_apply_is_refused(self):
        for one in ("--count", "--exists"):
            for other in (("--limit", 1), ("--offset", 1), ("--select", "id"), ("--with", "gallery"),
                          ("--order-by", "id"), ("--cursor", "00"), ("--explain",)):
                said = self.refused(2, "find", "products", one, *other)
                self.assertIn(one, said)
                self.assertIn(other[0], said)
        self.assertIn("--exists", self.refused(2, "find", "products", "--count", "--exists"))

    def test_a_record_has_its_name_whatever_is_selected(self):
        self.assertEqual(self.out("find", "products", "01", "--select", "name"), "products/1\n  name  Laptop\n")

    def test_an_empty_word_is_refused(self):
        for words in (("find", "products", ""), ("find", "products", "--as-of", ""), ("log", ""),
                      ("insert", "products", "name=x", "--key", "")):
            self.assertIn("an empty word", self.refused(2, *words))

    def test_an_empty_word_that_names_nothing_is_none(self):
        page = self.run_cli("find", "products", "--limit", 1, "--cursor", "", "--json")  # A loop begins so.
        self.assertEqual((json.loads(page.stdout)["id"], "cursor" in json.loads(page.stderr)["more"]), (1, True))
        self.assertIn("answers at", self.out("--socket", "", "ping"))

class Numbers(cli_test.ShopCase):
    def test_they_are_decimal(self):
        self.assertEqual(self.json("show", "003")[0]["sequence"], 3)
        self.assertEqual([c["sequence"] for c in self.json("log", "--from", "02", "--limit", "01")], [2])
        for words in (("show", "-1"), ("show", "0x2"), ("log", "--limit", "-1"), ("gc", "--grace", "-1"),
                      ("undo", "9223372036854775808"), ("find", "products", "--offset", "1e3"),
                      ("delete", "products", "--all", "--limit", "")):
            said = self.refused(2, *words)
            self.assertIn(f'"{words[-1]}" is no whole number from 0 to 9223372036854775807', said)

class Output(cli_test.ShopCase):
    """`media get -o` to what is there already."""

    def setUp(self):
        self.bytes = self.out("media", "get", 1, text=False)
        self.place = self.work / self.id().rsplit(".", 1)[1]
        self.place.mkdir()
        self.addCleanup(lambda: self.assertEqual([p for p in self.place.iterdir() if p.suffix == ".part"], []))

    def test_a_link_stays_one(self):
        (self.place / "file").write_bytes(b"before")
        (self.place / "link").symlink_to("other")
        (self.place / "other").symlink_to("file")
        (self.place / "dangling").symlink_to(self.place / "new")
        for link, file in (("link", "file"), ("dangling", "new")):
            self.out("media", "get", 1, "-o", self.place / link)
            self.assertTrue((self.place / link).is_symlink())
            self.assertFalse((self.place / file).is_symlink())
            self.assertEqual((self.place / file).read_bytes(), self.bytes)

    def test_a_pipe_stays_one(self):
        pipe = self.place / "pipe"
        os.mkfifo(pipe)
        reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)
        self.addCleanup(reader.kill)
        self.out("media", "get", 1, "-o", pipe)
        self.assertEqual(reader.communicate(timeout=60)[0], self.bytes)
        self.assertTrue(pipe.is_fifo())

    def test_a_device_stays_one(self):
        parent, child = pty.openpty()
        name = os.ttyname(child)
        tty.setraw(child)
        (self.work / "three.txt").write_bytes(b"abc")
        three = self.json("media", "put", "three.txt")[0]["id"]
        (self.place / "link").symlink_to(name)
        for path in (name, self.place / "link"):
            self.out("media", "get", three, "-o", path)
            self.assertEqual(os.read(parent, 3), b"abc")
            self.assertTrue(pathlib.Path(path).is_char_device())
        os.close(parent), os.close(child)

    def test_what_output_leads_to_is_added_to(self):
        for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
            with open(self.place / "all", "ab") as out:
                out.write(b"header\n")
                out.flush()
                subprocess.run([cli_test.CLI, "media", "get", "1", "-o", name], cwd=self.work, env=self.environment(),
                               stdout=out, timeout=60, check=True)
        self.assertEqual((self.place / "all").read_bytes(), (b"header\n" + self.bytes) * 3)

    def test_no_room_is_a_failure_of_output(self):
        for words in (("ping",), ("insert", "products", "name=Full"), ("media", "get", "1"), ("export",)):
            with open("/dev/full", "w") as full:
                done = subprocess.run([cli_test.CLI, *words], cwd=self.work, env=self.environment(), text=True,
                                      stdout=full, stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(done.returncode, 6, words)
            self.assertIn("cannot write to standard output  [io_failed]", done.stderr)
            self.assertNotIn("exported", done.stderr)

    def test_a_folder_is_refused(self):
        self.assertIn("Is a directory", self.refused(2, "media", "get", 1, "-o", self.place))

class Json(cli_test.ShopCase):
    def test_mistakes_are_the_users(self):
        for words in (("schema", "apply", self.work), ("insert", "products", "--from", self.work)):
            self.assertIn(f"cannot read {self.work}", self.refused(2, *words))
        for words in (("insert", "products", "name=x", "price:=1e999"), ("call", "log.read", '{"a":1e999}')):
            self.assertIn("is no JSON", self.refused(2, *words))
        said = self.refused(2, "call", "insertOne", '"products"', '{"name":"Big","price":9223372036854775809}')
        self.assertIn("9223372036854775809, which would be rounded", said)


class Small(cli_test.ShopCase):
    def test_what_is_said_twice_is_refused(self):
        self.assertIn('"name" is given twice', self.refused(2, "insert", "products", "name=x", "name=y"))
        for words in (("set", "products", 1, "thumbnail", 2, f"@{cli_test.SHOP}/lamp.png"),
                      ("update", "products", 1, "thumbnail=2", f"thumbnail=@{cli_test.SHOP}/lamp.png")):
            self.assertIn('"thumbnail" takes one medium', self.refused(2, *words))

    def test_links_that_cannot_be_are_refused_before_anything_is_sent(self):
        before = self.out("find", "media")
        lamp = f"@{cli_test.SHOP}/lamp.png"
        for verb in ("attach", "set"):
            self.assertIn('"name" is a value', self.refused(2, verb, "products", 1, "name", lamp))
            self.assertIn('no field "galery"', self.refused(2, verb, "products", 1, "galery", lamp))
        for verb in ("attach", "detach"):
            self.assertIn("`emstore set products 1 gallery null`", self.refused(2, verb, "products", 1, "gallery", "null"))
        self.assertIn("cleared and set", self.refused(2, "set", "products", 1, "gallery", 1, "null"))
        self.assertEqual(self.out("find", "media"), before)

    def test_the_help_that_is_named_is_that_of_the_command(self):
        for words, help in {("schema", "show", "--cpp", "--typescript"): "schema show", ("media", "info"): "media info",
                            ("media",): "media", ("find",): "find", ("--nope",): ""}.items():
            said = self.refused(2, *words)
            self.assertIn("`" + " ".join(["emstore", *help.split(), "--help"]) + "` says how", said, words)

    def test_what_no_command_heeds_is_not_in_its_help(self):
        self.assertNotIn("--expected", self.out("insert", "--help"))
        self.assertIn("--expected", self.out("update", "--help"))

    def test_what_is_only_tried_has_no_commit(self):
        for words in (("delete", "products", 2), ("delete", "products", "--all"),
                      ("update", "products", "--all", "price=1")):
            said = self.out(*words, "--dry-run")
            self.assertRegex(said, "would be (deleted|updated)\n")
            self.assertNotIn("commit", said)

    def test_nothing_is_told_from_nothing_yet(self):
        self.assertEqual(self.out("media", "ls", "--offset", 100), "no such media\n")
        self.assertEqual(self.out("log", "--uid", 424242), "no such commits\n")
        self.assertIn("0 is no integer from 1", self.refused(2, "log", "--limit", 0))

    def test_letters_need_no_locale(self):
        without = self.environment() | {"LC_ALL": "C"}
        for words in (("insert", "products", "name=Café 日本"), ("find", "products", "-w", "name=Café 日本", "--json")):
            done = subprocess.run([cli_test.CLI, *words], cwd=self.work, env=without, capture_output=True, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(json.loads(done.stdout)["name"], "Café 日本")


class Linked(cli_test.CliCase):
    def test_records_that_are_no_media_show_their_fields(self):
        text = {"type": "text"}
        (self.work / "schema.json").write_text(json.dumps({
            "entities": {"posts": {"fields": {"title": text}}, "tags": {"fields": {"name": text, "color": text}}},
            "relations": {"mn_posts_tags": {"type": "m:n", "source": "posts", "target": "tags"}}}))
        self.out("schema", "apply", "schema.json")
        self.out("insert", "tags", "name=new", "color=red")
        self.out("insert", "posts", "title=x", 'tags:={"$attach":[1]}')
        shown = self.out("find", "posts", 1, "--with", "tags")
        self.assertRegex(shown, r"(?m)^ +ID +NAME +COLOR.*\n +1 +new +red")
        self.assertNotIn("BLOB", shown)


class Relations(cli_test.CliCase):
    def test_relations_are_changed_and_asked_for_by_words(self):
        text = {"type": "text"}
        (self.work / "schema.json").write_text(json.dumps({
            "entities": {"albums": {"fields": {"title": text}}, "users": {"fields": {"name": text}},
                         "tags": {"fields": {"label": text}}},
            "relations": {"owner": {"type": "n:1", "source": "albums", "target": "users", "config": {"mappedBy": "owner"}},
                          "tags": {"type": "m:n", "source": "albums", "target": "tags"}}}))
        self.out("schema", "apply", "schema.json", "--allow-destructive")
        for words in (("users", "name=Ada"), ("tags", "label=x"), ("tags", "label=y"),
                      ("albums", "title=A", "owner=1", "tags=2")):
            self.out("insert", *words)
        matches = lambda entity, where: self.out("find", entity, "--where", where, "--count") == "1\n"
        for where in ("owner=1", "owner_id=1", "owner.name=Ada", "tags=2", "tags.label=y"):
            self.assertTrue(matches("albums", where), where)
        self.assertTrue(matches("users", "albums=1"))
        self.out("update", "albums", 1, "tags+=1", "tags-=2", "owner=null")
        self.assertTrue(matches("albums", "tags=1") and matches("albums", "owner is null"))
        self.assertFalse(matches("albums", "tags=2"))
        self.out("set", "albums", 1, "owner", 1)
        self.assertTrue(matches("albums", "owner=1"))
        for words in (("null",), ()):
            self.out("set", "albums", 1, "owner", 1)
            self.out("set", "albums", 1, "owner", *words)
            self.assertTrue(matches("albums", "owner is null"), words)


class Diff(cli_test.ShopCase):
    def test_an_id_that_no_record_can_have_is_refused(self):
        self.assertEqual(self.out("diff", 1, 3, "products", 77), "nothing is different\n")
        for word in ("x", "0"):
            said = self.refused(2, "diff", 1, 3, "products", word)
            self.assertIn(" is no id of products  [wrong_type]\n  at    id\n  hint  ids here are integers", said)
        self.assertIn("ID: an empty word", self.refused(2, "diff", 1, 3, "products", ""))


class Cleared(cli_test.ShopCase):
    def test_a_medium_that_is_set_to_nothing_is_cleared(self):
        for words in (("update", "products", 1, "thumbnail="), ("update", "products", 1, "thumbnail=null"),
                      ("set", "products", 1, "thumbnail"), ("set", "products", 1, "thumbnail", "null")):
            self.out("set", "products", 1, "thumbnail", 1)
            self.assertIn("products/1.thumbnail  -1\n", self.out(*words), words)
            [product] = self.json("find", "products", 1, "--with", "thumbnail")
            self.assertIsNone(product["thumbnail"], words)


class ForPrograms(cli_test.ShopCase):
    def test_a_page_says_on_standard_error_that_there_is_more(self):
        done = self.run_cli("find", "products", "--limit", 1, "--json")
        self.assertEqual([json.loads(line)["name"] for line in done.stdout.splitlines()], ["Laptop"])
        more = json.loads(done.stderr)["more"]
        self.assertEqual(more["offset"], 1)
        rest = self.run_cli("find", "products", "--limit", 1, "--cursor", more["cursor"], "--json")
        self.assertEqual((json.loads(rest.stdout)["name"], rest.stderr), ("Mug", ""))
        self.assertEqual(json.loads(self.run_cli("media", "ls", "--limit", 1, "--json").stderr), {"more": {"offset": 1}})
        self.assertEqual(self.run_cli("media", "ls", "--json").stderr, "")

    def test_a_graph_is_for_people(self):
        self.assertIn("--graph is a picture", json.loads(self.refused(2, "log", "--graph", "--json"))["error"]["message"])

    def test_stores_that_are_made_are_told(self):
        [audit] = self.json("audit")
        [backup] = self.json("backup", "kept")
        export = self.run_cli("export", "--json", text=False)
        exported = json.loads(export.stderr)["exported"]
        for told in (backup, exported):
            self.assertEqual([told[name] for name in ("sequence", "root")],
                             [audit[name] for name in ("sequence", "root")])
        for words, stream in ((("import",), export.stdout), (("restore", "kept"), None), (("replay",), None)):
            into = "of " + words[0]
            done = self.run_cli(*words, "--into", into, "--json", text=False, input=stream)
            self.assertEqual(json.loads(done.stdout),
                             {"directory": into, "sequence": audit["sequence"], "media": audit["blobs"],
                              "root": audit["root"], "state_digest": audit["state_digest"], "compared": True,
                              "collected": 0, "damaged": []})
            self.assertEqual(done.stderr, b"")
        [then] = self.json("replay", "--until", 1, "--into", "then")
        self.assertEqual((then["sequence"], then["compared"]), (1, False))

    def test_an_outcome_that_cannot_be_told_is_no_success(self):
        export = self.run_cli("export", text=False).stdout
        into = [cli_test.CLI, "import", "--json", "--into"]
        with open("/dev/full", "wb") as full:
            done = subprocess.run([*into, "made"], cwd=self.work, env=self.environment(), input=export, stdout=full,
                                  stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 6)
        self.assertIn("the store is made", json.loads(done.stderr)["error"]["message"])
        # A file that may not grow is an error like others, and no signal.
        small = (4096, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
        done = subprocess.run([*into, "cut"], cwd=self.work, env=self.environment(), input=export, capture_output=True,
                              timeout=60, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, small))
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn(json.loads(done.stderr)["error"]["code"], ("io_failed", "disk_full"))

    def test_stores_that_cannot_be_made_say_why(self):
        (self.work / "full").mkdir(exist_ok=True)
        (self.work / "full" / "file").write_text("mine")
        export = self.run_cli("export", text=False).stdout
        for words, stream, code, class_code in (
                (("import", "--into", "full"), export, "invalid_request", 2),
                (("replay", "--into", "full"), None, "invalid_request", 2),
                (("restore", "none", "--into", "made"), None, "invalid_request", 2),
                (("import", "--into", "broken"), export[:500], "corrupt_log", 8)):
            done = self.run_cli(*words, "--json", text=False, input=stream, code=class_code)
            error = json.loads(done.stderr)["error"]
            self.assertEqual((error["code"], done.stdout), (code, b""), words)
            self.assertTrue(error["message"] and error["hint"])

    def test_a_program_that_is_missing_is_named(self):
        environment = self.environment() | {"EMSTORED": "/no/such/emstored"}
        for words in (("import",), ("restore", "none"), ("replay",)):
            done = subprocess.run([cli_test.CLI, *words, "--into", "made", "--json"], cwd=self.work, env=environment,
                                  text=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
            self.assertEqual((done.returncode, done.stdout), (6, ""), words)
            error = json.loads(done.stderr)["error"]
            self.assertEqual(error["code"], "io_failed")
            self.assertIn("cannot run /no/such/emstored", error["message"])

    def test_code_of_a_schema_is_told_too(self):
        for language in ("typescript", "cpp"):
            code = self.out("schema", "show", "--" + language)
            self.assertEqual(self.json("schema", "show", "--" + language), [{language: code}])


class Interrupted(cli_test.ShopCase):
    def test_a_daemon_that_does_not_answer_holds_nothing_up(self):
        self.daemon.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.daemon.process.send_signal, signal.SIGCONT)
        for words in (("verify",), ("audit",), ("watch",), ("media", "get", "1", "-o", "kept.png")):
            command = subprocess.Popen([cli_test.CLI, *words], cwd=self.work, env=self.environment(),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            self.addCleanup(command.kill)
            remembers = re.compile(r"SigCgt:\t[0-9a-f]*[2367abef]\n")  # SIGINT is the second bit.
            while not remembers.search(pathlib.Path(f"/proc/{command.pid}/status").read_text()):
                self.assertIsNone(command.poll())
                time.sleep(0.01)
            command.send_signal(signal.SIGINT)
            self.assertEqual(command.communicate(timeout=60)[1],
                             "interrupted; the daemon has not answered, and may still be at it\n", words)
            self.assertEqual(command.returncode, 130, words)


class Put(cli_test.ShopCase):
    def test_what_was_stored_before_an_error_is_told(self):
        (self.work / "first.txt").write_bytes(b"first")
        done = self.run_cli("media", "put", "first.txt", "no/such.txt", code=2)
        self.assertRegex(done.stdout, r"\d+  first\.txt ")
        self.assertIn("no/such.txt", done.stderr)


class Jobs(cli_test.ShopCase):
    def test_what_is_bknds_is_refused_beside_an_export(self):
        for words in (("--dry-run",), ("--skip-missing",), ("--uploads", "."), ("--schema", "schema.json")):
            said = self.refused(2, "import", "--into", "elsewhere", *words)
            self.assertIn(words[0], said)
            self.assertIn("--from-bknd", said)
        self.assertFalse((self.work / "elsewhere").exists())

    def test_an_audit_says_what_it_looked_at(self):
        self.assertIn("--slice", self.refused(2, "audit", "--slices", 3))
        self.assertIn("\nslice 2 of 3 is whole\n", self.out("audit", "--slice", 2, "--slices", 3))
        self.assertIn("\neverything is whole\n", self.out("audit"))


if __name__ == "__main__":
    unittest.main()
