#!/usr/bin/env python3
"""Holds that golden vectors are only added: tests/golden/digests.txt has a line for each of them, so one that is changed or
removed together with the code is missed here, whatever the tests of the code say. A new vector brings one more line, which
this prints; a line is never changed or removed.

A vector is an item of a list that a file of tests/golden has at its top, or a whole file that has none. Like layers.py, it
first has to catch what is planted.
"""
import hashlib
import json
import pathlib
import sys

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
RECORDED = GOLDEN / "digests.txt"


def vectors_in(content):
    """(what it is called, the vector), of one file."""
    lists = {name: items for name, items in content.items() if isinstance(items, list)}
    for name, items in lists.items():
        for number, item in enumerate(items):
            yield f"{item.get('kind', name)}: {item.get('name', number)}", item
    if not lists:
        yield "all of it", content


def lines_of(files):
    """`digest file what`: the digest says which vector of which file it is, the rest is for who reads it."""
    for file, content in files.items():
        for what, vector in vectors_in(content):
            digest = hashlib.sha256(f"{file}\n{json.dumps(vector)}".encode()).hexdigest()[:32]
            yield f"{digest} {file} {what}"


def problems_in(files, recorded):
    there = {line.split()[0]: line for line in lines_of(files)}
    known = {line.split()[0]: line for line in recorded}
    for digest in known.keys() - there.keys():
        yield f"tests/golden: a vector was changed or removed; put it back as it was: {known[digest]}"
    for digest in there.keys() - known.keys():
        yield f"tests/golden/digests.txt: a new vector has one more line: {there[digest]}"


def missed_controls():
    def file(*vectors):
        return {"a.json": {"about": "what", "vectors": [{"name": name, "hex": hex} for name, hex in vectors]}}
    was, whole = file(("one", "00"), ("two", "01")), {"b.json": {"entities": {"a": 1}}}
    recorded = list(lines_of(was | whole))
    wrong = [file(("one", "00"), ("two", "02")), file(("one", "00"), ("second", "01")), file(("one", "00")), {},
             file(("one", "00"), ("two", "01"), ("three", "02"))]
    missed = [f"control: not caught: {files}" for files in wrong if not list(problems_in(files | whole, recorded))]
    missed += ["control: not caught: a whole file"] * (not list(problems_in(was | {"b.json": {"entities": {}}}, recorded)))
    return missed + [f"control: wrongly reported: {problem}" for problem in problems_in(was | whole, recorded)]


def main():
    files = {path.name: json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))}
    problems = missed_controls() + sorted(problems_in(files, RECORDED.read_text().splitlines()))
    print("\n".join(problems) or "golden: every vector is as it was recorded")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
