"""A second reader of exports: written after docs/export.md and docs/event-log.md alone, with MessagePack, SHA-256 and no
line of emstore. Of the digests in the address of a content it takes no notice: XXH3 is nothing that Python brings."""
import hashlib
import struct

import msgpack

HEADER = struct.Struct(">BQqQIIII")  # version, sequence, time, schema, uid, gid, pid, count
MEDIA_CREATED, SIZE, BLOB, SHA256 = 7, 4, 5, 6
ROOT_EVERY, PIECE_MAX = 256, 1 << 20


class Altered(Exception):
    """A stream is not what it says; `record` is the one, counted from 0, that shows it."""

    def __init__(self, record, what):
        super().__init__(f"record {record}: {what}")
        self.record = record


def sha256(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()


def merkle_root(leaves):
    """RFC 6962, from the leaves alone."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256()
    left = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01", merkle_root(leaves[:left]), merkle_root(leaves[left:]))


def expect(holds, what):
    if not holds:
        raise ValueError(what)


def records_of(stream):
    """[(where it begins, the record)]"""
    unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, timestamp=0, max_buffer_size=0)
    unpacker.feed(stream)
    while (begin := unpacker.tell()) < len(stream):
        yield begin, next(unpacker, None)


class ExportReader:
    """Reads one stream after the other, each of which goes on where the one before ended."""

    def __init__(self):
        self.store, self.commits, self.leaves, self.root, self.end = None, [], [], sha256(), None
        self.named = {}     # address → (size, sha256), as the commits of this stream say
        self.contents = {}  # address → bytes; nothing for one that lies beside the stream, or is missing

    def read(self, stream):
        self.stage, self.named, self.open, self.counts = self.take_header, {}, None, {"blobs": 0, "missing": 0}
        number, records = 0, records_of(stream)
        try:
            while found := next(records, None):
                self.stage(*found[1])
                number += 1
            expect(self.stage == self.take_nothing, "the stream was cut off")
        except Exception as error:  # Of many types, by what was altered.
            raise Altered(number, f"{error!r}") from error

    def take_header(self, name, version, store, first, sequence):
        expect((name, version) == ("emstore export", 1), "no export of this version")
        expect(first == len(self.leaves) + 1 and self.store in (None, store), "does not follow what was read before")
        self.store, self.last = store, sequence
        self.is_marked = True  # Whether the root of the commits so far was read.
        self.stage = self.take_commit

    def take_commit(self, name, *items):
        if name != "commit":
            self.stage = self.take_root if name == "root" else self.take_content
            return self.stage(name, *items)
        commit, leaf = items
        expect(len(self.leaves) < self.last, "more commits than the stream begins with")
        expect(self.is_marked or len(self.leaves) % ROOT_EVERY, "a root is missing")
        version, sequence, *_, count = HEADER.unpack_from(commit)
        end = HEADER.size + 34 * count
        expect((version, sequence) == (1, len(self.leaves) + 1), f"version {version}, commit {sequence}")
        expect(sha256(b"\x00", commit[:end]) == leaf, "the header does not fit its leaf")
        for at in range(HEADER.size, HEADER.size + 34 * count, 34):
            end = self.take_event(commit, end, *struct.unpack_from(">H32s", commit, at))
        expect(end == len(commit), "something follows the last payload")
        self.leaves.append(leaf)
        self.commits.append(commit)
        self.is_marked = False

    def take_event(self, commit, at, kind, commitment):
        state, length, salt = struct.unpack_from(">BI16s", commit, at)
        payload = commit[at + 21:at + 21 + length]
        expect(state == 0 and sha256(b"\x02", salt, payload) == commitment, "a payload does not fit its commitment")
        if kind == MEDIA_CREATED:
            _, _, _, fields = msgpack.unpackb(payload, raw=False, strict_map_key=False, timestamp=0)
            self.named[fields[BLOB]] = (int(fields[SIZE]), fields[SHA256])
        return at + 21 + length

    def take_root(self, _, sequence, root):
        expect(not self.is_marked and sequence == len(self.leaves), "out of place")
        expect(sequence == self.last or sequence % ROOT_EVERY == 0, "out of place")
        expect(root == merkle_root(self.leaves), "the commits have another root")
        self.root, self.is_marked, self.stage = root, True, self.take_commit

    def take_content(self, name, *items):
        expect(self.is_marked and len(self.leaves) == self.last, "commits or their root are missing")
        if name == "bytes":
            return self.take_bytes(*items)
        if name == "end":
            return self.take_end(*items)
        address, *said = items
        if name == "missing" and self.open:
            expect(address == self.open, "other bytes are missing")
            self.counts["blobs"] -= 1
        else:
            expect(not self.open and address in self.named, "a content that no commit names, or before the one before ended")
            expect(address > max((a for a in self.contents if a in self.named), default=b""), "out of order")
            expect(name == "missing" or tuple(said) == self.named[address], "the commits say something else")
        self.open = address if name == "blob" else None
        self.counts["missing" if name == "missing" else "blobs"] += 1
        self.contents[address] = b"" if name == "blob" else None
        expect(name in ("blob", "missing", "file"), f"{name} is unknown")

    def take_bytes(self, piece):
        size, digest = self.named[self.open]
        expect(len(piece) <= PIECE_MAX, "more than a piece")
        self.contents[self.open] += piece
        if len(self.contents[self.open]) >= size:
            found = self.contents[self.open]
            expect((len(found), sha256(found)) == (size, digest), "the bytes are not those that the commits name")
            self.open = None

    def take_end(self, end, digest):
        expect(sha256(msgpack.packb(end, use_bin_type=True)) == digest, "the end does not fit its digest")
        expect(not self.open and end["store"] == self.store, "of another store, or before a content ended")
        expect((end["sequence"], end["root"]) == (self.last, self.root), "another log")
        expect((end["blobs"], end["missing"]) == (self.counts["blobs"], self.counts["missing"]), "contents were left out")
        expect(end["blobs"] + end["missing"] + end["gone"] == len(self.named), "contents were left out")
        self.end, self.stage = end, self.take_nothing

    def take_nothing(self, *_):
        raise ValueError("something follows the end")
