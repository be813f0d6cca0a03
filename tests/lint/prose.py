#!/usr/bin/env python3
"""Keeps out of the tree what is never meant to be in it: paths of somebody's machine, promises to do
something later, tests that are switched off, files and functions too long to read.

Prints `file:line: reason`. Like layers.py, it first has to catch what is planted.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SELF = pathlib.Path(__file__).resolve()
FILE_LINES_MAX = 650
TEST_LINES_MAX = 800  # Tables of cases are long and read in parts.
FUNCTION_LINES_MAX = 70

TEXT = {".cc", ".h", ".hpp", ".def", ".py", ".md", ".txt", ".cmake", ".json", ".in", ".toml", ".sh", ".map",
        ".sysusers", ".ts", ".mjs", ""}
SOURCE = {".cc", ".h", ".hpp", ".def", ".py", ".cmake", ".sh", ".ts", ".mjs"}
SKIPPED = {".git", ".cache", "build", "__pycache__", "corpus", "node_modules", "dist",
           "seed"}  # The last is the page that specifies emstore, as it came.
LIBRARIES = ("base/", "protocol/", "store/", "blobs/", "daemon/", "client-lib/", "cli/")

WORDS = [
    (re.compile(r"(?<![\w.$}])/(work|root/\.)(/|\b)"), "a path of somebody's machine"),
    (re.compile(r"\b(TODO|FIXME|XXX)\b"), "do it or say in docs that it is missing"),
    (re.compile(r"\b(GTEST_SKIP|DISABLED_\w+)"), "a test that is switched off: mend it or delete it"),
    (re.compile(r"[^\n]*[ \t]+$"), "blanks at the end of the line"),
]


def problems_in(path, text):
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        for pattern, reason in WORDS:
            if pattern.search(line) and not (line.endswith("  ") and path.endswith(".md") and "blanks" in reason):
                yield f"{path}:{number}: {reason}: {line.strip()[:60]}"
    lines_max = TEST_LINES_MAX if path.startswith("tests/") else FILE_LINES_MAX
    if len(lines) > lines_max and pathlib.PurePath(path).suffix in SOURCE:
        yield f"{path}:1: {len(lines)} lines; a file stays under {lines_max}"
    if path.startswith(LIBRARIES) and path.endswith(".cc"):
        yield from long_functions(path, lines)


def long_functions(path, lines):
    """As clang-format leaves it, a function begins at a letter in the first column and ends at a lone `}`."""
    start = 1
    for number, line in enumerate(lines, 1):
        if line == "}" and number - start + 1 > FUNCTION_LINES_MAX:
            yield f"{path}:{start}: a function of {number - start + 1} lines; {FUNCTION_LINES_MAX} fit a screen"
        if line[:1].isalpha():
            start = number


def files():
    for path in sorted(ROOT.rglob("*")):
        inside = path.relative_to(ROOT)
        if path.is_file() and path.suffix in TEXT and not SKIPPED & set(inside.parts) and path != SELF:
            yield inside.as_posix(), path


def missed_controls():
    body = "".join("  step();\n" for _ in range(FUNCTION_LINES_MAX))
    planted = [
        ("docs/x.md", "see /" + "work/main/base"),
        ("base/x.cc", "// TODO: later"),
        ("tests/x.cc", "GTEST_SKIP() << 1;"),
        ("tests/x.cc", "TEST(A, DISABLED_B) {"),
        ("base/x.cc", "int x; "),
        ("base/x.cc", "void f(int a,\n       int b) {\n" + body + "}\n"),
        ("base/x.cc", "\n" * (FILE_LINES_MAX + 1)),
        ("tests/x.cc", "\n" * (TEST_LINES_MAX + 1)),
    ]
    clean = [("docs/x.md", "the network/work split, ${X}/work"), ("base/x.cc", "void f() {\n  step();\n}\n")]
    return ([f"control: not caught: {t[:40]!r}" for p, t in planted if not list(problems_in(p, t))] +
            [f"control: wrongly reported: {m}" for p, t in clean for m in problems_in(p, t)])


def main():
    problems = missed_controls()
    for name, path in files():
        try:
            problems += problems_in(name, path.read_text())
        except UnicodeDecodeError:
            continue  # Not text.
    print("\n".join(problems) or "prose: nothing that does not belong here")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
