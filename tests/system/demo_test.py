#!/usr/bin/env python3
"""`emstore demo`: every figure it prints is worked out here again from the catalog and the files, and it
fails when the daemon loses something."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

DURATION = r"(?:\d+ ms|[\d.]+ s)"  # A machine that is busy takes seconds.
SHOP = pathlib.Path(os.environ["EMSTORE_SOURCE"]) / "examples" / "shop"


def run_demo(*words, **variables):
    environment = {k: v for k, v in os.environ.items() if k != "EMSTORE_SOCKET"} | variables
    return subprocess.run([os.environ["EMSTORE_CLI"], "demo", *map(str, words)], env=environment, text=True,
                          capture_output=True, timeout=120)


def expected(shop):
    """What the shop must come to: each $create makes a media; pages link what the products have."""
    catalog = json.loads((shop / "catalog.json").read_text())
    created, links = [], 0
    for product in catalog["products"]:
        files = [product["thumbnail"], *product["gallery"], *product["documents"]]
        created += files
        links += len(files)
    for page in catalog["pages"]:
        created += [image for image in page["images"] if image not in created]
        links += len(page["images"])
    contents = {hashlib.sha256((shop / name).read_bytes()).digest(): (shop / name).stat().st_size for name in created}
    return {
        "products": len(catalog["products"]), "pages": len(catalog["pages"]), "media": len(created),
        "links": links - 1,  # One is detached.
        "contents": len(contents), "stored": sum(contents.values()),
        "bytes": sum((shop / name).stat().st_size for name in created),
        # The schema; a commit for each product; two for each page; one $detach, one $set.
        "commits": 1 + len(catalog["products"]) + 2 * len(catalog["pages"]) + 2,
    }


def number(text):
    return int(text.replace(",", ""))


class Demo(unittest.TestCase):
    def check_figures(self, output, shop):
        want = expected(shop)
        self.assertRegex(output, rf"(?m)^✓ emstored \S+ ready in {DURATION} ")
        found = re.search(r"✓ shop: (\d+) products, (\d+) pages, (\d+) media; (\d+) distinct contents: "
                          r"stored ([\d,]+) of ([\d,]+) bytes, saved (\d+) %", output)
        self.assertEqual([number(n) for n in found.groups()],
                         [want["products"], want["pages"], want["media"], want["contents"], want["stored"],
                          want["bytes"], round(100 * (want["bytes"] - want["stored"]) / want["bytes"])])
        found = re.search(rf"✓ killed with SIGKILL, ready again in {DURATION}: (\d+) records and (\d+) links read "
                          r"back the same, nothing lost", output)
        self.assertEqual([number(n) for n in found.groups()],
                         [want["products"] + want["pages"] + want["media"], want["links"]])
        found = re.search(r"✓ (\d+) media read back byte for byte, ([\d,]+) bytes", output)
        self.assertEqual([number(n) for n in found.groups()], [want["media"], want["bytes"]])
        found = re.search(rf"✓ replayed (\d+) commits, (\d+) events from the log in {DURATION}: (\d+) index families equal "
                          r"the live ones, state digest [0-9a-f]{16}", output)
        commits, events, families = map(number, found.groups())
        self.assertEqual(commits, want["commits"])
        self.assertGreater(events, want["media"])
        self.assertGreater(families, 5)
        for operator in ("$create", "$attach", "$detach", "$set"):
            self.assertRegex(output, rf"(?m)^ *\d+  {re.escape(operator)} ")
        self.assertRegex(output, r"(?m)^pages/\d+ +images ")  # Who else uses the shared picture.

    def test_prints_figures_that_are_true(self):
        done = run_demo()
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.check_figures(done.stdout, SHOP)

    def test_tells_programs_the_same_figures(self):
        done = run_demo("--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        told, want = json.loads(done.stdout), expected(SHOP)
        self.assertEqual({name: told[name] for name in ("products", "pages", "media", "contents", "links", "commits")},
                         {name: want[name] for name in ("products", "pages", "media", "contents", "links", "commits")})
        self.assertEqual((told["stored_bytes"], told["media_bytes"], told["media_read"], told["bytes_read"]),
                         (want["stored"], want["bytes"], want["media"], want["bytes"]))
        self.assertEqual(told["records"], want["products"] + want["pages"] + want["media"])
        self.assertRegex(told["state_digest"], "^[0-9a-f]{64}$")
        failed = run_demo("--json", EMSTORED="/bin/false")
        self.assertEqual((failed.returncode, failed.stdout), (1, ""))
        self.assertIn("emstored ended", json.loads(failed.stderr)["error"]["message"])

    def test_counts_what_is_there_and_not_what_is_usual(self):
        with tempfile.TemporaryDirectory() as folder:
            shop = pathlib.Path(folder) / "shop"
            shutil.copytree(SHOP, shop)
            catalog = json.loads((shop / "catalog.json").read_text())
            (shop / "new.png").write_bytes((shop / "lamp.png").read_bytes() + b"another")
            catalog["products"].append({"name": "New", "description": "One more", "price": 1, "thumbnail": "new.png",
                                        "gallery": ["new.png", "lamp.png"], "documents": []})
            (shop / "catalog.json").write_text(json.dumps(catalog))
            done = run_demo("--shop", shop)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.check_figures(done.stdout, shop)
            self.assertNotEqual(expected(shop), expected(SHOP))

    def test_keeps_the_data_when_told(self):
        with tempfile.TemporaryDirectory() as folder:
            kept = pathlib.Path(folder) / "kept"
            self.assertEqual(run_demo("--keep", kept).returncode, 0)
            self.assertTrue(any(kept.iterdir()))
            again = run_demo("--keep", kept)
            self.assertEqual(again.returncode, 2)
            self.assertIn("holds something already", again.stderr)

    def test_leaves_nothing_behind(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(run_demo(TMPDIR=folder).returncode, 0)
            self.assertEqual(os.listdir(folder), [])

    def test_fails_when_the_daemon_does_not_start(self):
        done = run_demo(EMSTORED="/bin/false")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the demo failed: emstored ended instead of getting ready", done.stderr)

    def control(self, before_the_second_start):
        """The demo with a daemon that finds its data changed when it is started again."""
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "emstored"
            program.write_text(f"""#!/bin/sh
if [ -e "$2" ]; then
  {before_the_second_start}
fi
exec '{os.environ["EMSTORED"]}' "$@"
""")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
            return run_demo(EMSTORED=str(program))

    def test_fails_when_the_data_is_lost(self):
        self.assertEqual(self.control("true").returncode, 0)
        done = self.control('rm -rf "$2"')
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertNotIn("nothing lost", done.stdout)

    def test_fails_when_the_bytes_of_a_picture_change(self):
        done = self.control("""find "$2" -type f -size +64k -path '*media*' | head -n 1 | while read -r file; do
    chmod u+w "$file"
    printf X | dd of="$file" bs=1 seek=1000 conv=notrunc 2>/dev/null
  done""")
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("byte for byte", done.stdout)


if __name__ == "__main__":
    unittest.main()
