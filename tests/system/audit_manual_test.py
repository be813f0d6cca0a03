#!/usr/bin/env python3
"""docs/audit.md: every command in it is carried out, in order, against a daemon of the test's own, and answers what
stands there. Times, uids, pids, digests and addresses are those of the page. EMSTORE_WRITE_MANUAL=1 writes the page
anew from what the commands answer."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import rpc

SOURCE = pathlib.Path(os.environ["EMSTORE_SOURCE"])
MANUAL = SOURCE / "docs" / "audit.md"
BLOCK = re.compile(r"```console\n(.*?)```\n", re.S)

# What differs from run to run, and how the page has it.
STABLE = [
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?"), "2026-11-22 15:09:26"),
    (re.compile(r"\buid \d+"), "uid 1000"), (re.compile(r"\bgid \d+"), "gid 1000"), (re.compile(r"\bpid \d+"), "pid 4242"),
    (re.compile(r"(?<=2026-11-22 15:09:26) +\d+ +\d+ "), "  1000  4242 "),
    (re.compile(r"TIME \(UTC\) +UID +PID  "), "TIME (UTC)            UID   PID  "),
    (re.compile(r"\b[0-9a-f]{32,}\b"), "0123456789abcdef"),
]


def stable(text):
    for pattern, instead in STABLE:
        text = pattern.sub(instead, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def parts_of(block):
    """[(command, what it answers)]: a command begins with $, and goes on where a line ends in a backslash."""
    parts = []
    for line in block.splitlines():
        if parts and parts[-1][0].endswith("\\"):
            parts[-1][0] += "\n" + line
        elif line.startswith("$ "):
            parts.append([line[2:], []])
        else:
            parts[-1][1].append(line)
    return [(command, "\n".join(answer)) for command, answer in parts]


class AuditManual(unittest.TestCase):
    def setUp(self):
        self.daemon = rpc.Daemon()
        self.addCleanup(self.daemon.stop)
        folder = tempfile.TemporaryDirectory(prefix="emstore-")
        self.addCleanup(folder.cleanup)
        self.work = pathlib.Path(folder.name)
        shutil.copytree(SOURCE / "examples" / "shop", self.work / "shop")
        shutil.copy(SOURCE / "examples" / "schema.json", self.work / "schema.json")
        programs = self.work / "bin"
        programs.mkdir()
        os.symlink(os.environ["EMSTORE_CLI"], programs / "emstore")
        os.symlink(os.environ["EMSTORED"], programs / "emstored")
        os.symlink(os.environ["EMSTORE_DIFFERENCE_PROGRAM"], programs / "difference")
        # A key that a client makes up would be another one each time.
        self.environment = rpc.environment(EMSTORE_SOCKET=self.daemon.socket, PATH=f"{programs}:{os.environ['PATH']}",
                                           LC_ALL="C.UTF-8")

    def run_command(self, command):
        done = subprocess.run(["sh", "-c", command], cwd=self.work, env=self.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        return stable(done.stdout)

    def test_every_command_answers_what_the_page_says(self):
        text = MANUAL.read_text(encoding="utf-8")
        commands = 0

        def answered(match):
            nonlocal commands
            lines = []
            for command, expected in parts_of(match.group(1)):
                answer = self.run_command(command)
                commands += 1
                if not os.environ.get("EMSTORE_WRITE_MANUAL"):
                    self.assertEqual(answer, stable(expected), f"$ {command}")
                lines += [f"$ {command}", *([answer] if answer else [])]
            return "```console\n" + "\n".join(lines) + "\n```\n"

        written = BLOCK.sub(answered, text)
        self.assertGreater(commands, 10)
        if os.environ.get("EMSTORE_WRITE_MANUAL"):
            MANUAL.write_text(written, encoding="utf-8")

    def test_the_program_is_the_one_in_examples(self):
        program = (SOURCE / "examples" / "difference.cpp").read_text(encoding="utf-8")
        self.assertEqual(re.findall(r"```cpp\n(.*?)```\n", MANUAL.read_text(encoding="utf-8"), re.S), [program])

    def test_an_answer_that_is_not_the_pages_is_noticed(self):
        command, expected = "emstore ping", "the daemon has gone for a walk"
        self.assertNotEqual(self.run_command(command), stable(expected))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
