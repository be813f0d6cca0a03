#!/usr/bin/env python3
"""docs/proof.md: every command is run, and says what the page says.

With EMSTORE_WRITE_WALK=1 the page is written anew from what the commands say."""
import json
import os
import pathlib
import re
import subprocess
import unittest

import cli_test

SOURCE = pathlib.Path(os.environ["EMSTORE_SOURCE"])
PAGE = SOURCE / "docs" / "proof.md"
HEADING = "## The store as a whole"
BLOCK = re.compile(r"```console\n(.*?)```", re.S)

# What differs from run to run; that two are the same does not.
NUMBERED = [(re.compile(r"\b[0-9a-f]{64}\b"), "digest"), (re.compile(r"\b[0-9a-f]{32}\b"), "address")]
NORMAL = [(re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?"), "<time>"), (re.compile(r"\buid \d+"), "uid <n>"),
          (re.compile(r"/\S*?/(?=(data|backup|elsewhere|then|broken|restored)\b)"), ""), (re.compile(r"\b[0-9a-f]{2}/(?=<address)"), "<shard>/"),
          (re.compile(r"commit \d+(?=\b.*cut off)"), "commit <n>"), (re.compile(r"cut off behind commit \d+"), "cut off behind commit <n>"), (re.compile(r" +"), " ")]


def normal(text):
    for pattern, name in NUMBERED:
        met = {}
        text = pattern.sub(lambda found: met.setdefault(found[0], f"<{name} {len(met) + 1}>"), text)
    for pattern, name in NORMAL:
        text = pattern.sub(name, text)
    return [line.rstrip() for line in text.strip().splitlines()]


class Walk(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.daemon = cli_test.Daemon()
        self.addCleanup(self.daemon.stop)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("EMSTORE_")}
        self.environment.update(EMSTORE_SOCKET=self.daemon.socket, EMSTORE_STORE_ALLOW_MEMORY="true",
                                PATH=os.path.dirname(cli_test.CLI) + ":" + os.environ["PATH"])
        (self.daemon.path / "schema.json").write_text(json.dumps(cli_test.SCHEMA))
        shop = SOURCE / "examples" / "shop"
        self.run_command("emstore schema apply schema.json")
        self.run_command(f"emstore media put {shop}/laptop-front.png")
        self.run_command(f"emstore media put {shop}/workplace.png")
        self.run_command("emstore insert products name=Laptop price=999 gallery=1,2")
        self.run_command("emstore update products 1 price=949 --reason 'Black Friday'")
        self.run_command("emstore detach products 1 gallery 2")

    def run_command(self, command):
        done = subprocess.run(["bash", "-c", command], cwd=self.daemon.path, env=self.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)
        return done.stdout

    def test_the_page_says_what_the_commands_say(self):
        page = PAGE.read_text()
        begin = page.index(HEADING)
        end = page.find("\n## ", begin + 1)
        part = page[begin:end if end > 0 else len(page)]
        commands = 0

        def said(block):
            nonlocal commands
            lines = [line for line in block.group(1).splitlines() if line.startswith("$ ")]
            commands += len(lines)
            return "```console\n" + "".join(f"{line}\n{self.run_command(line[2:])}" for line in lines) + "```"
        real = BLOCK.sub(said, part)
        self.assertGreater(commands, 12)
        if os.environ.get("EMSTORE_WRITE_WALK"):
            PAGE.write_text(page.replace(part, real.replace(str(self.daemon.path) + "/", "/srv/shop/")))
            return
        self.assertEqual(normal(part), normal(real))


if __name__ == "__main__":
    unittest.main()
