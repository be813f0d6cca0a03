#!/usr/bin/env python3
"""Holds the documents to the tree: a file of the repository that one of them names is there.

Prints `document:line: reason`. Like layers.py, it first has to catch what is planted.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = "base|bench|blobs|cli|client-lib|cmake|daemon|docs|examples|packaging|protocol|store|tests"
# `docs/audit.md`, `store/rocks*`, `tests/unit/<folder>/<file>_test.cc`; not `https://…/docs/x.md`.
NAMED = re.compile(rf"(?<![\w/.<-])(?:{FOLDERS})/[\w./*<>-]*[\w*>/]")


def problems_in(document, text):
    for number, line in enumerate(text.splitlines(), 1):
        for name in NAMED.findall(line):
            pattern = re.sub(r"<\w+>", "*", name).rstrip("/")
            if not any(ROOT.glob(pattern)) and not any(ROOT.glob(pattern + ".*")):
                yield f"{document}:{number}: there is no {name}"


def main():
    planted = ["see `tests/lint/nobody.py`", "(docs/nothing.md)", "store/nowhere*"]
    clean = ["`tests/lint/layers.py`, store/rocks*", "tests/unit/<folder>/<file>_test.cc", "https://x.org/docs/y.md"]
    problems = [f"control: not caught: {text}" for text in planted if not list(problems_in("planted", text))]
    problems += [f"control: {problem}" for text in clean for problem in problems_in("clean", text)]
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]:
        problems += problems_in(path.relative_to(ROOT).as_posix(), path.read_text())
    print("\n".join(problems) or "named_files: every file that a document names is there")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
