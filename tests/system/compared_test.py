#!/usr/bin/env python3
"""Runs every row of bknd_rows.py against a real daemon and holds docs/compared-with-bknd.md to the answers.
EMSTORE_REGENERATE=1 writes the page anew."""
import json
import os
import pathlib
import unittest

import bknd_rows
import rpc

PAGE = pathlib.Path(os.environ["EMSTORE_SOURCE"]) / "docs" / "compared-with-bknd.md"
HEAD = """# Compared with bknd

What [bknd](https://github.com/bknd-io/bknd) 0.20.0 does with each construct of its data and media modules, as it was seen when it was run, and what emstore
answers to the same over its socket. The third column is printed by `tests/system/compared_test.py` from a real daemon, and the test fails when this page is
out of date. Errors are shown as `code` with their message and hint; what depends on the clock is left out.
"""
VOLATILE = {"sequence", "version", "replayed", "created_at", "updated_at", "sha256", "root", "bytes", "time", "peer",
            "schema", "previous", "next", "more"}
SHOWN_MAX = 240


def plain(value):
    """As JSON has it, without what differs from run to run."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items() if name not in VOLATILE}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, float) and value == int(value):
        return int(value)
    return value if isinstance(value, (str, int, float, type(None))) else str(value)


def lean(result):
    """Of an answer what the construct is about."""
    if not isinstance(result, dict):
        return plain(result)
    if "difference" in result:
        return "applied: " + "; ".join(result["difference"])
    if isinstance(result.get("meta"), dict):
        meta = {name: value for name, value in plain(result["meta"]).items() if name not in ("hasMore", "cursor")}
        rest = {name: plain(value) for name, value in result.items() if name != "meta"}
        return (rest["data"] if list(rest) == ["data"] else rest) if not meta else {**rest, **meta}
    changes = plain(result.get("changes"))
    shown = plain({name: value for name, value in result.items() if name != "changes"})
    if isinstance(changes, dict):
        shown["changes"] = {field: {what: ids for what, ids in about.items() if ids}
                            for field, about in changes.items()}
    return {name: value for name, value in shown.items() if value not in ({}, [], None)}


def cell(text):
    return " ".join(text.replace("|", "\\|").split())


class Store:
    """A store as new for every row: emptied where that is enough, and another one where media were made, whose ids
    count on."""

    def __init__(self):
        self.daemon = self.connection = None

    def empty(self):
        if self.daemon and self.connection.call("count", "media", {})["count"] == 0 and not self.made_media():
            self.connection.call("schema.apply", {"entities": {}}, {"allow_destructive": True})
        else:
            self.stop()
            self.daemon = rpc.Daemon()
            self.connection = self.daemon.connect()
        return self.connection

    def made_media(self):
        commits = self.connection.call("log.read", {"from": 1, "limit": 1000})["commits"]
        return any(event["kind"].startswith("media_") for commit in commits for event in commit.get("events", []))

    def stop(self):
        if self.daemon:
            self.connection.close()
            self.daemon.stop()


class Compared(unittest.TestCase):
    def setUp(self):
        self.store = Store()
        self.addCleanup(self.store.stop)

    def answer(self, connection, calls):
        """What the last call says, in a cell; or what the first one says that is refused."""
        try:
            for call in calls[:-1]:
                connection.call(*call)
            result = lean(connection.call(*calls[-1]))
        except rpc.Refused as refused:
            hint = f" ({refused.hint})" if refused.hint else ""
            at = f" at `{refused.path}`" if refused.path else ""
            return f"`{refused.code}`{at}: {refused.message}{hint}"
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        if len(text) > SHOWN_MAX:
            text = text[:SHOWN_MAX] + "…"
        return text if isinstance(result, str) else f"`{text}`"

    def section(self, title, schema, rows):
        lines = [f"\n## {title}", "| construct | bknd | emstore |", "|---|---|---|"]
        for construct, observed, calls in rows:
            connection = self.store.empty()
            if schema:
                connection.call("schema.apply", schema)
            lines.append(f"| {cell(construct)} | {cell(observed)} | {cell(self.answer(connection, calls))} |")
        return lines

    def test_the_page_says_what_the_daemon_answers(self):
        lines = [HEAD.rstrip()]
        for section in bknd_rows.SECTIONS:
            lines += self.section(*section)
        text = "\n".join(lines) + "\n"
        if os.environ.get("EMSTORE_REGENERATE") == "1":
            PAGE.write_text(text)
        self.assertEqual(PAGE.read_text().splitlines(), text.splitlines(),
                         "the page is out of date: run this test with EMSTORE_REGENERATE=1")


if __name__ == "__main__":
    unittest.main()
