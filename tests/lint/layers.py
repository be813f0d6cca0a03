#!/usr/bin/env python3
"""Holds the arrows of docs/architecture.md: which folder may know which, and the one door of each library; and that what
judges the store in tests/property shares no code with it.

Reads the #include lines, nothing else. Prints `file:line: reason`. Before it judges the tree it judges
planted violations, and fails if it misses one.
"""
import fnmatch
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Folder -> the folders it may know besides itself.
KNOWS = {
    "base": [],
    "protocol": ["base"],
    "store": ["base"],
    "blobs": ["base"],
    "daemon": ["base", "protocol", "store", "blobs"],
    "client-lib": ["base", "protocol"],
    "cli": [],  # It proves the client library: only what is installed, written <emstore/...>.
}
# Whose installed headers, written <emstore/...>, a folder may include.
INSTALLED = {"base/include": list(KNOWS), "client-lib/include": ["client-lib", "cli"]}

# Third-party header -> its doors. Everything else keeps out.
DOORS = {
    "rocksdb/*": ["store/rocks*"],
    "boost/*": ["daemon/asio.h"],
    "msgpack*": ["base/pack*.cc"],
    "xxhash.h": ["base/hash*"],
    "openssl/*": ["base/hash*"],
    "magic.h": ["blobs/mime.cc"],
    "re2/*": ["store/*.cc", "store/json_schema_node.h"],
    "utf8proc.h": ["store/*.cc", "cli/terminal.cc"],
    "spdlog/*": ["daemon/log.*"],
    "fmt/*": ["daemon/log.*"],
    "toml*": ["daemon/config.cc"],
    "systemd/*": ["daemon/*.cc"],
    "CLI/*": ["cli/*"],
    "sqlite3.h": ["cli/bknd_file.cc"],
    "nlohmann/*": ["cli/*", "daemon/outcome.cc"],
}

# What judges the store in tests/property -> what of the store it may reach, through whatever it includes; base is common ground.
JUDGES = {
    "tests/property/oracle*": ["store/commands.h"],  # The types of the front door.
    "tests/property/query_model.h": [],
    "tests/property/query_naive.cc": [],
    "tests/property/query_sqlite.cc": [],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def owner_of_installed(header):
    for folder in INSTALLED:
        if (ROOT / folder / header).exists():
            return folder
    return None


def reason_against(path, form, header):
    """Why the file at `path` may not include `header`; None when it may."""
    folder = path.split("/")[0]
    for pattern, doors in DOORS.items():
        if fnmatch.fnmatchcase(header, pattern):
            if any(fnmatch.fnmatchcase(path, door) for door in doors):
                return None
            return f"<{header}> has its door in {', '.join(doors)}"
    if header.startswith("emstore/"):
        owner = owner_of_installed(header)
        if owner is None:
            return f"<{header}> is installed by nobody"
        return None if folder in INSTALLED[owner] else f"{folder} must not know {owner.split('/')[0]}"
    if "/include/" in path and (form == '"' or "/" in header or header.endswith(".h")):
        return f"an installed header includes only <emstore/...> and the standard library, not {header}"
    target = header.split("/")[0]
    if form == '"' and target != folder and target not in KNOWS[folder]:
        return f"{folder} must not include {target}"
    return None


def problems_in(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        include = INCLUDE.match(line)
        reason = include and reason_against(path, *include.groups())
        if reason:
            yield f"{path}:{number}: {reason}"


def included_by(text):
    """(line, header) of what it includes from the tree."""
    for number, line in enumerate(text.splitlines(), 1):
        include = INCLUDE.match(line)
        if include and include[1] == '"':
            yield number, include[2]


def problems_of_judge(path, text):
    """What the judge at `path` shares with the store and may not, directly or through what it includes."""
    allowed = next(known for pattern, known in JUDGES.items() if fnmatch.fnmatchcase(path, pattern))
    seen, waiting = set(), [(path, text)]
    while waiting:
        within, text = waiting.pop()
        for number, header in included_by(text):
            if header in seen:
                continue
            seen.add(header)
            if header.split("/")[0] in KNOWS and not header.startswith("base/") and header not in allowed:
                yield f"{within}:{number}: {path} judges the store, so it must not share {header} with it"
            elif (ROOT / header).is_file():
                waiting.append((header, (ROOT / header).read_text()))


def missed_controls():
    """Planted violations that go unnoticed, and clean lines that do not."""
    wrong = [
        ("base/value.cc", '#include "store/reader.h"'),
        ("protocol/frame.h", '#include "store/store.h"'),
        ("protocol/codec.cc", "#include <msgpack.hpp>"),
        ("store/store.cc", '#include "protocol/message.h"'),
        ("store/store.cc", '#include "blobs/file_store.h"'),
        ("store/query.cc", "#include <rocksdb/db.h>"),
        ("blobs/file_store.cc", "  #  include <xxhash.h>"),
        ("blobs/uploads.cc", "#include <magic.h>"),
        ("daemon/session.cc", "#include <boost/asio.hpp>"),
        ("daemon/dispatch.cc", '#include "client-lib/socket.h"'),
        ("daemon/app.cc", "#include <spdlog/spdlog.h>"),
        ("client-lib/client.cc", '#include "daemon/app.h"'),
        ("client-lib/include/emstore/x.hpp", '#include "protocol/message.h"'),
        ("client-lib/include/emstore/x.hpp", "#include <tl/expected.hpp>"),
        ("cli/find.cc", '#include "base/time.h"'),
        ("cli/find.cc", '#include "protocol/codec.h"'),
        ("base/value.cc", "#include <nlohmann/json.hpp>"),
        ("cli/find.cc", "#include <emstore/no_such_header.hpp>"),
    ]
    right = [
        ("daemon/dispatch.cc", '#include "store/store.h"'),
        ("store/rocks_options.cc", "#include <rocksdb/options.h>"),
        ("base/pack.cc", "#include <msgpack.hpp>"),
        ("cli/find.cc", "#include <emstore/error.hpp>"),
        ("cli/find.cc", '#include "cli/table.h"'),
        ("store/reader.h", "#include <emstore/value.hpp>"),
    ]
    sharing = [
        ("tests/property/oracle.cc", '#include "store/decide.h"'),
        ("tests/property/oracle_commands.cc", '#include "tests/support/test_store.h"'),  # Which includes store/store.h.
        ("tests/property/query_naive.cc", '#include "store/commands.h"'),
    ]
    apart = ("tests/property/oracle.cc", '#include "tests/property/oracle.h"\n#include "base/big_endian.h"')
    return ([f"control: not caught in {p}: {t}" for p, t in wrong if not list(problems_in(p, t))] +
            [f"control: not caught in {p}: {t}" for p, t in sharing if not list(problems_of_judge(p, t))] +
            [f"control: wrongly reported: {m}" for p, t in right for m in problems_in(p, t)] +
            [f"control: wrongly reported: {m}" for m in problems_of_judge(*apart)])


def main():
    problems = missed_controls()
    for folder in KNOWS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".h", ".hpp", ".cc", ".def"):
                problems += problems_in(path.relative_to(ROOT).as_posix(), path.read_text())
    for pattern in JUDGES:
        judges = sorted(ROOT.glob(pattern))
        problems += [] if judges else [f"{pattern}: no such judge"]
        for path in judges:
            problems += problems_of_judge(path.relative_to(ROOT).as_posix(), path.read_text())
    print("\n".join(problems) or "layers: every include follows the arrows")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
