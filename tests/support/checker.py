#!/usr/bin/env python3
"""Checks a store from the outside: makes every derived row again from the log and compares.

Written from docs/event-log.md; it shares nothing with the daemon. Wants Python 3 and python3-msgpack; with
python3-xxhash it also checks the addresses of bytes.

    emstored --data DIR --dump all > rows
    checker.py rows [--data DIR [--media DIR]] [--log FILE] [--json]

--data: also the head file and the files of large media there. --log: commits as `log.read` gives them, a stream
of MessagePack values: bins of raw commit bytes, or its maps with `bytes`; they must equal those of the rows. Without
rows they are checked alone.

Exit codes: 0 all is as the log says, 1 something differs (the first difference names family and key), 2 it
could not be checked.
"""
import argparse
import hashlib
import json
import pathlib
import struct
import sys

import msgpack

from folded_log import INDEXES, Commit, Damage, State, sha256, unpack

try:
    import xxhash
except ImportError:
    xxhash = None

PRIMARY = ["log", "bytes", "leases", "meta"]
SMALL_BYTES_MAX = 65536


class Report:
    def __init__(self):
        self.differences = []  # (family, key, what)
        self.facts = {}

    def differ(self, family, key, what):
        self.differences.append((family, key.hex() if isinstance(key, bytes) else key, what))

    def families(self):
        return sorted({family for family, _, _ in self.differences})


def read_rows(path):
    rows = {family: {} for family in PRIMARY + INDEXES}
    with open(path, encoding="ascii") as lines:
        for number, line in enumerate(lines, 1):
            parts = line.rstrip("\n").split("\t")
            if len(parts) != 3 or parts[0] not in rows:
                raise OSError(f"{path}:{number} is no row")
            key = bytes.fromhex(parts[1])
            if key in rows[parts[0]]:
                raise OSError(f"{path}:{number} is there twice")
            rows[parts[0]][key] = bytes.fromhex(parts[2])
    return rows


def read_log(path):
    with open(path, "rb") as file:
        for item in msgpack.Unpacker(file, raw=False, strict_map_key=False, timestamp=0, max_buffer_size=1 << 31):
            yield item["bytes"] if isinstance(item, dict) else item


def fold(commits, report):
    """The state after the commits that are whole; the first damage ends it."""
    state = State()
    for sequence, (key, data) in enumerate(commits, 1):
        if key != struct.pack(">Q", sequence):
            report.differ("log", struct.pack(">Q", sequence), f"commit {sequence} is missing")
            break
        try:
            state.add(Commit(sequence, data))
        except Damage as damage:
            report.differ(damage.family, damage.key, damage.what)
            break
    return state


def ready_indexes(meta):
    ready = set()
    for key, value in meta.items():
        if key.startswith(b"index/") and unpack(value)[0] == 0:
            ready.add(int.from_bytes(key[6:], "big"))
    return ready


def compare_rows(rows, expected, ready, report):
    joined = hashlib.sha256()
    for family in INDEXES:
        live = {key: value for key, value in rows[family].items()
                if family != "values" or len(key) < 4 or int.from_bytes(key[:4], "big") in ready}
        digest = hashlib.sha256()
        for key, value in sorted(live.items()):
            digest.update(struct.pack(">I", len(key)) + key + struct.pack(">I", len(value)) + value)
        joined.update(family.encode() + digest.digest())
        report.facts[f"{family}_rows"] = len(live)
        for key in sorted(live.keys() | expected[family].keys()):
            wanted, found = expected[family].get(key), live.get(key)
            if wanted == found:
                continue
            if found is None:
                report.differ(family, key, "is missing")
            elif wanted is None:
                report.differ(family, key, "should not be there")
            else:
                report.differ(family, key, f"holds {found[:64].hex()} instead of {wanted[:64].hex()}")
    report.facts["state_digest"] = joined.hexdigest()


def check_content(family, key, size, digest, wanted, xxh3, report):
    if wanted is not None and [size, digest] != wanted[:2]:
        report.differ(family, key, f"{size} bytes with SHA-256 {digest.hex()}; the log says {wanted[0]} and {wanted[1].hex()}")
    if xxh3 is not None and xxh3 != key[:16]:
        report.differ(family, key, f"the bytes have XXH3-128 {xxh3.hex()}")


def check_bytes(rows, state, report):
    """Bytes in the database: each is what log or lease say, and none that the log names is missing."""
    leased = {key[:17]: unpack(value)[1:3] for key, value in rows["leases"].items() if len(key) == 17 + 4}
    for address, data in rows["bytes"].items():
        if len(address) != 17 or address[16] >= 128 or len(data) > SMALL_BYTES_MAX:
            report.differ("bytes", address, f"{len(data)} bytes do not belong there")
            continue
        xxh3 = xxhash.xxh3_128(data).digest() if xxhash else None
        check_content("bytes", address, len(data), sha256(data), state.blobs.get(address) or leased.get(address), xxh3,
                      report)
    for address, blob in state.blobs.items():
        if address[16] < 128 and blob[3] == 0 and address not in rows["bytes"]:
            report.differ("bytes", address, "is missing")
    for address in rows["bytes"]:
        blob = state.blobs.get(address)
        if address not in leased and (blob is None or blob[3] != 0):
            report.differ("bytes", address, "is of no use to anybody")


def check_files(media, state, report):
    files = 0
    for address, blob in state.blobs.items():
        if address[16] < 128 or blob[3] != 0:
            continue
        name = address[:16].hex()
        path = pathlib.Path(media) / name[:2] / f"{name}.{address[16]}"
        if not path.is_file():
            report.differ("files", address, f"{path} is missing")
            continue
        digest, xxh3, size = hashlib.sha256(), xxhash.xxh3_128() if xxhash else None, 0
        with open(path, "rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
                size += len(piece)
                if xxh3:
                    xxh3.update(piece)
        check_content("files", address, size, digest.digest(), blob, xxh3.digest() if xxh3 else None, report)
        files += 1
    report.facts["files"] = files


# The first 128 bytes of the secret that XXH3 is defined with.
XXH3_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743"
    "248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7"
    "c70b4f1d8a51e04bcdb45931c89f7ec9d9787364")
MASK = (1 << 64) - 1


def xxh3_64(data):
    """XXH3-64 of 65 to 96 bytes: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md"""
    assert 64 < len(data) <= 96

    def mix(at, secret):
        low, high = struct.unpack_from("<QQ", data, at)
        secret_low, secret_high = struct.unpack_from("<QQ", XXH3_SECRET, secret)
        product = (low ^ secret_low) * (high ^ secret_high)
        return (product ^ product >> 64) & MASK

    size = len(data)
    total = size * 0x9E3779B185EBCA87
    for at, secret in [(32, 64), (size - 48, 80), (16, 32), (size - 32, 48), (0, 0), (size - 16, 16)]:
        total += mix(at, secret)
    total &= MASK
    total = (total ^ total >> 37) * 0x165667919E3779F9 & MASK
    return total ^ total >> 32


def check_head(path, meta, state, report):
    data = pathlib.Path(path).read_bytes()
    slots = []
    for at in (0, 4096):
        slot = data[at:at + 81]
        if len(slot) == 81 and slot[:8] == b"EMSHEAD1" and xxh3_64(slot[:73]) == int.from_bytes(slot[73:], "big"):
            store, sequence, write, root, clean = struct.unpack(">16sQQ32sB", slot[8:73])
            slots.append((sequence, write, store, root, clean))
    if not slots:
        return report.differ("head", "", "no slot is whole")
    sequence, write, store, root, clean = max(slots)
    report.facts["head"], report.facts["clean"] = sequence, bool(clean)
    if write == 0:
        if state.sequence > 0:
            report.differ("head", "", f"records nothing, but the log has {state.sequence} commits")
    elif store != meta.get(b"store"):
        report.differ("head", "", "is another store's")
    elif sequence > state.sequence:
        report.differ("head", "", f"commit {sequence} was acknowledged, but the log ends at {state.sequence}")
    elif state.tree.root(sequence) != root:
        report.differ("head", "", f"the log up to commit {sequence} is not the one that was acknowledged")


def check(rows=None, log=None, data=None, media=None):
    report = Report()
    commits = None if log is None else [(struct.pack(">Q", n), commit) for n, commit in enumerate(log, 1)]
    if rows is not None:
        live = sorted(rows["log"].items())
        if commits is not None and commits != live[:len(commits)]:
            place = next(n for n, pair in enumerate(commits) if n >= len(live) or pair != live[n])
            report.differ("log", commits[place][0], "is not what log.read gave")
        commits = live
    state = fold(commits, report)
    report.facts.update(sequence=state.sequence, events=state.events, root=state.tree.root().hex(),
                        xxh3="checked" if xxhash else "left out: no python3-xxhash")
    if rows is not None:
        try:
            ready = ready_indexes(rows["meta"])
            for index, _, _ in state.schema.indexes:
                if b"index/" + struct.pack(">I", index) not in rows["meta"]:
                    report.differ("meta", b"index/" + struct.pack(">I", index), "is missing")
            compare_rows(rows, state.rows(ready), ready, report)
            check_bytes(rows, state, report)
        except (ValueError, TypeError, LookupError, msgpack.exceptions.UnpackException) as error:
            report.differ("meta", "", f"cannot be read: {error!r}")
    if data is not None:
        check_head(pathlib.Path(data) / "head", rows["meta"] if rows else {}, state, report)
        check_files(media or pathlib.Path(data) / "media", state, report)
    return report, state


def show(report, as_json):
    if as_json:
        print(json.dumps({"equal": not report.differences, **report.facts, "families": report.families(),
                          "differences": [{"family": family, "key": key, "what": what}
                                          for family, key, what in report.differences[:100]]}))
        return
    for name, fact in report.facts.items():
        print(f"{name:16} {fact}")
    for family, key, what in report.differences[:10]:
        print(f"DIFFERS {family} {key} {what}")
    print(f"{len(report.differences)} differences" if report.differences else "equal: the log says all of it")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="?")
    parser.add_argument("--log")
    parser.add_argument("--data")
    parser.add_argument("--media")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.rows is None and arguments.log is None:
        parser.error("name rows, or --log")
    if arguments.data is not None and arguments.rows is None:
        parser.error("--data wants rows, too")
    try:
        rows = None if arguments.rows is None else read_rows(arguments.rows)
        log = None if arguments.log is None else list(read_log(arguments.log))
        report, _ = check(rows, log, arguments.data, arguments.media)
    except (OSError, ValueError, msgpack.exceptions.UnpackException) as error:
        print(f"checker: {error}", file=sys.stderr)
        return 2
    show(report, arguments.json)
    return 1 if report.differences else 0


if __name__ == "__main__":
    sys.exit(main())
