"""What a log says: commits taken apart and folded to every row that follows from them.

Written from docs/event-log.md; it shares nothing with the daemon.
"""
import datetime
import hashlib
import struct

import msgpack

INDEXES = ["schema", "records", "bodies", "links", "backlinks", "uses", "blobs", "unused", "values", "requests",
           "counters", "deleted", "unlinked", "tree"]
MEDIA_ENTITY = 1
MEDIA_FIELDS = {1: "text", 2: "text", 3: "text", 4: "number", 5: "address", 6: "digest", 7: "json"}
FIELD_SIZE, FIELD_BLOB, FIELD_SHA256 = 4, 5, 6
INLINE_BYTES_MAX = 512
COVER_BYTES_MAX = 512
SLOTS_MAX = 64
INDEX_VALUE_BYTES_MAX = 1024
FIRST_APPEND = 1 << 32
ZEROS = bytes(32)


class Damage(Exception):
    """What is wrong, in which family and under which key."""

    def __init__(self, family, key, what):
        super().__init__(f"{family} {key}: {what}")
        self.family, self.key, self.what = family, key, what


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def pack(value):
    return msgpack.packb(value, use_bin_type=True, unicode_errors="surrogatepass")


def unpack(data):
    return msgpack.unpackb(data, raw=False, strict_map_key=False, timestamp=0, unicode_errors="surrogatepass")


# ---- Keys ------------------------------------------------------------------------------------------------


def id_key(record_id):
    return b"\x02" + record_id if isinstance(record_id, bytes) else b"\x01" + struct.pack(">Q", record_id)


def record_key(record):
    entity, record_id = record
    return struct.pack(">I", entity) + id_key(record_id)


def ordered(kind, value):
    """A value as it stands in the key of an index."""
    if value is None:
        return b"\x00"
    if kind in ("text", "enum"):
        return b"\x01" + value.encode().replace(b"\x00", b"\x00\xff") + b"\x00\x01"
    if kind == "number":
        bits = struct.unpack(">Q", struct.pack(">d", value))[0]
        bits = bits ^ ((1 << 64) - 1) if bits >> 63 else bits | 1 << 63
        return b"\x01" + struct.pack(">Q", bits)
    if kind == "boolean":
        return b"\x01" + (b"\x01" if value else b"\x00")
    if kind in ("date", "datetime"):
        return b"\x01" + struct.pack(">Q", (value + (1 << 63)) % (1 << 64))
    if kind in ("address", "digest"):
        return b"\x01" + value
    if kind == "relation":
        return b"\x01" + id_key(value)
    raise ValueError(f"a value of type {kind} cannot be indexed")


# ---- Commits ---------------------------------------------------------------------------------------------


class Commit:
    """A commit taken apart, its commitments checked."""

    HEAD = struct.Struct(">BQqQIIII")

    def __init__(self, sequence, data):
        self.sequence = sequence
        if len(data) < self.HEAD.size:
            raise self.damage("is cut short")
        version, number, self.time, self.schema, self.uid, self.gid, self.pid, count = self.HEAD.unpack_from(data)
        if version != 1:
            raise self.damage(f"is of version {version}")
        if number != sequence:
            raise self.damage(f"calls itself {number}")
        end = self.HEAD.size + 34 * count
        if end > len(data):
            raise self.damage("has a header that is cut short")
        self.leaf = sha256(b"\x00", data[:end])
        heads = [(int.from_bytes(data[at:at + 2], "big"), data[at + 2:at + 34])
                 for at in range(self.HEAD.size, end, 34)]
        self.events = []
        for index, (kind, commitment) in enumerate(heads):
            end = self.take_event(data, end, index, kind, commitment)
        if end != len(data):
            raise self.damage("has bytes after its end")

    def damage(self, what):
        return Damage("log", struct.pack(">Q", self.sequence).hex(), f"commit {self.sequence} {what}")

    def take_event(self, data, at, index, kind, commitment):
        if at + 21 > len(data):
            raise self.damage("is cut short")
        state, length = struct.unpack_from(">BI", data, at)
        salt, payload = data[at + 5:at + 21], data[at + 21:at + 21 + length]
        if len(payload) != length:
            raise self.damage(f"event {index} is cut short")
        if state != 0:
            raise self.damage(f"event {index} is in state {state}, which nothing writes")
        if sha256(b"\x02", salt, payload) != commitment:
            raise self.damage(f"event {index} does not match its commitment")
        try:
            value = unpack(payload)
        except Exception as error:  # Of several types, by the kind of damage.
            raise self.damage(f"event {index} is no MessagePack: {error}") from error
        if pack(value) != payload:
            raise self.damage(f"event {index} is not in its canonical form")
        self.events.append((kind, value))
        return at + 21 + length


# ---- The fold --------------------------------------------------------------------------------------------


class Schema:
    def __init__(self, canonical):
        self.kinds = {MEDIA_ENTITY: dict(MEDIA_FIELDS)}  # entity → field → kind
        self.defaults = {MEDIA_ENTITY: {}}               # entity → field → default, as stored
        self.indexes = []                                # (id, entity, [field])
        self.relations = {MEDIA_ENTITY: {}}              # entity → field → entity it leads to
        if canonical is None:
            return
        names = {}
        for name, entity in canonical["entities"].items():
            if entity["type"] == "generated":
                continue
            fields = entity["fields"]
            names[name] = (entity["id"], {field: about["id"] for field, about in fields.items()})
            self.kinds[entity["id"]] = {about["id"]: about["type"] for about in fields.values()}
            self.defaults[entity["id"]] = {
                about["id"]: stored(about["type"], about["config"]["default_value"])
                for about in fields.values() if "default_value" in about["config"]}
        for name, entity in canonical["entities"].items():
            if entity["type"] != "generated":
                self.relations[entity["id"]] = {
                    about["id"]: names[about["config"]["target"]][0]
                    for about in entity["fields"].values() if about["type"] == "relation"}
        for index in canonical["indices"].values():
            entity, fields = names[index["entity"]]
            self.indexes.append((index["id"], entity, [fields[name] for name in index["fields"]]))

    def effective(self, entity, field, values):
        return values[field] if field in values else self.defaults[entity].get(field)


def stored(kind, shown):
    """A default value, which schemas hold as it is shown, in its stored form."""
    if kind == "date" and isinstance(shown, str):
        return (datetime.date.fromisoformat(shown) - datetime.date(1970, 1, 1)).days
    if isinstance(shown, msgpack.Timestamp):
        return shown.seconds * 1_000_000 + shown.nanoseconds // 1000
    return shown


class Record:
    def __init__(self, sequence, time, fields):
        self.version, self.created, self.updated = sequence, time, time
        self.fields = fields
        self.links = {}  # field → [count, next]

    def cover(self):
        if len(pack(self.sorted_fields())) > INLINE_BYTES_MAX:
            return None
        cover = [self.version, self.created, self.updated, self.sorted_fields()]
        return cover if len(pack(cover)) <= COVER_BYTES_MAX else None

    def sorted_fields(self):
        return dict(sorted(self.fields.items()))


class Link:
    def __init__(self, target, meta, covered, cover, since):
        self.target, self.meta, self.covered, self.cover, self.since = target, meta, covered, cover, since


class State:
    """What the log says, as far as it was folded."""

    def __init__(self):
        self.sequence = self.time = self.schema_version = self.events = 0
        self.times = {}     # sequence → time
        self.schema_value, self.schema = None, Schema(None)
        self.records, self.counters, self.uses, self.blobs = {}, {}, {}, {}
        self.links = {}     # (owner, field) → order → Link
        self.references = {}  # (record, field) → where its relation leads, and since when
        self.slots = {}     # target → {(owner, field, order)} of the links that hold its slots
        self.deleted = {}   # record → [sequence, created]
        self.unlinked = {}  # (target, owner, field) → [sequence]
        self.requests = {}  # (uid, key) → [sequence, digest]
        self.asked = {}     # sequence → (uid, key) of its request
        self.forgotten = None
        self.tree = Tree()

    def add(self, commit):
        if commit.time < self.time:
            raise commit.damage("is older than the one before it")
        if commit.schema != self.schema_version:
            raise commit.damage(f"names schema {commit.schema}; the last one is {self.schema_version}")
        self.sequence, self.time, self.uid = commit.sequence, commit.time, commit.uid
        self.times[self.sequence] = self.time
        for index, (kind, payload) in enumerate(commit.events):
            self.place = [commit.sequence, index]
            if kind not in self.FOLDS:
                raise commit.damage(f"event {index} is of kind {kind}, which is unknown")
            if kind == 1 and index != 0:
                raise commit.damage(f"event {index} is a request, which stands first")
            try:
                self.FOLDS[kind](self, *payload)
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                raise commit.damage(f"event {index} does not fit: {error!r}") from error
            except AssertionError as error:
                raise commit.damage(f"event {index} does not fit: {error}") from error
            self.events += 1
        self.tree.append(commit.leaf)

    def fold_request(self, key, digest, _reason, _correlation, _causation, _counts, _versions, _found=()):
        if key:
            self.requests[self.uid, key] = [self.sequence, digest]
            self.asked[self.sequence] = (self.uid, key)

    def fold_schema(self, schema):
        self.schema_value, self.schema, self.schema_version = schema, Schema(schema), self.sequence

    def fold_created(self, entity, record_id, previous, values):
        record = (entity, record_id)
        assert entity in self.schema.kinds, "an entity that no schema names"
        assert record not in self.records, "the record is there already"
        assert previous == 0, f"its previous version is {previous}, not 0"
        counter = self.counters.setdefault(entity, [1, 0])
        if not isinstance(record_id, bytes):
            counter[0] = max(counter[0], record_id + 1)
        counter[1] += 1
        self.records[record] = Record(self.sequence, self.time, dict(values))
        self.refer(record, {}, values)

    def fold_updated(self, entity, record_id, previous, before, after):
        record = self.owner(entity, record_id, previous)
        for field, value in before.items():
            known = self.schema.effective(entity, field, record.fields)
            assert pack(known) == pack(value), f"field {field} was {known!r} before, not {value!r}"
        self.refer((entity, record_id), record.fields, after)
        record.fields.update(after)
        self.touch(record)

    def fold_deleted(self, entity, record_id, previous, before):
        record = self.owner(entity, record_id, previous)
        assert pack(record.sorted_fields()) == pack(before), "the fields before are not those of the record"
        self.counters[entity][1] -= 1
        self.refer((entity, record_id), record.fields, {field: None for field in record.fields})
        del self.records[entity, record_id]
        self.deleted[entity, record_id] = [self.sequence, record.created]

    def refer(self, record, before, after):
        """Relations: where each value that changes leads to, and since when."""
        for field, target in self.schema.relations[record[0]].items():
            if field in after and after[field] != before.get(field):
                left = self.references.pop((record, field), None)
                if left is not None:
                    self.unlinked[left[0], record, field] = [self.sequence]
                if after[field] is not None:
                    self.references[record, field] = ((target, after[field]), list(self.place))

    def fold_media_created(self, entity, record_id, previous, values):
        self.fold_created(entity, record_id, previous, values)
        self.uses[entity, record_id] = [0, 0, self.sequence]
        blob = self.blobs.setdefault(values[FIELD_BLOB], [int(values[FIELD_SIZE]), values[FIELD_SHA256], 0, 0, 0])
        assert blob[:2] == [int(values[FIELD_SIZE]), values[FIELD_SHA256]], "other bytes under the same address"
        blob[2:] = [blob[2] + 1, 0, 0]

    def fold_media_updated(self, entity, record_id, previous, before, after):
        self.fold_updated(entity, record_id, previous, before, after)
        cover = self.records[entity, record_id].cover()
        for owner, field, order in self.slots.get((entity, record_id), ()):
            self.links[owner, field][order].cover = cover

    def fold_media_deleted(self, entity, record_id, previous, before):
        self.fold_deleted(entity, record_id, previous, before)
        del self.uses[entity, record_id]
        blob = self.blobs[before[FIELD_BLOB]]
        blob[2] -= 1
        blob[4] = self.sequence if blob[2] == 0 else 0

    def fold_links(self, entity, record_id, previous, field, _operators, removed, added, changed):
        owner = (entity, record_id)
        record = self.owner(entity, record_id, previous)
        links = self.links.setdefault((owner, field), {})
        for target_entity, target_id, order, meta in removed:
            self.remove_link(owner, field, links, (target_entity, target_id), order, meta)
        moved = []
        for target_entity, target_id, before, after, meta_before, meta_after in changed:
            link = links.pop(before)
            assert link.target == (target_entity, target_id), "the link leads to another target"
            assert pack(link.meta) == pack(meta_before), "the link had other data before"
            link.meta = meta_after
            moved.append((before, after, link))
        for target_entity, target_id, order, meta in added:
            assert order not in links, "two links in one place"
            links[order] = self.add_link(owner, field, (target_entity, target_id), order, meta)
        for before, _after, link in moved:
            if link.covered:
                self.slots[link.target].discard((owner, field, before))
        for _before, after, link in moved:
            assert after not in links, "two links in one place"
            links[after] = link
            if link.covered:
                self.slots[link.target].add((owner, field, after))
        count = record.links.setdefault(field, [0, FIRST_APPEND])
        count[0] += len(added) - len(removed)
        for order in [link[2] for link in added] + [link[3] for link in changed]:
            if len(order) == 8:
                count[1] = max(count[1], int.from_bytes(order, "big") + 1)
        self.touch(record)

    def remove_link(self, owner, field, links, target, order, meta):
        link = links.pop(order)
        assert link.target == target, "the link leads to another target"
        assert pack(link.meta) == pack(meta), "the link has other data"
        self.unlinked[target, owner, field] = [self.sequence]
        if target[0] != MEDIA_ENTITY:
            return
        use = self.uses[target]
        use[0] -= 1
        if link.covered:
            use[1] -= 1
            self.slots[target].discard((owner, field, order))
        use[2] = self.sequence if use[0] == 0 else 0

    def add_link(self, owner, field, target, order, meta):
        if target[0] != MEDIA_ENTITY:
            assert target in self.records, "a link to a record that is not there"
            return Link(target, meta, False, None, list(self.place))
        use = self.uses.setdefault(target, [0, 0, 0])
        covered = use[1] < SLOTS_MAX
        cover = self.records[target].cover()
        if covered:
            use[1] += 1
            self.slots.setdefault(target, set()).add((owner, field, order))
        use[0] += 1
        use[2] = 0
        return Link(target, meta, covered, cover if covered else None, list(self.place))

    def fold_collected(self, addresses):
        for address in addresses:
            assert self.blobs[address][2] == 0, "bytes that a media has"
            self.blobs[address][3] = self.sequence

    def fold_expired(self, first, through):
        for sequence in range(first, through + 1):
            if sequence in self.asked:
                self.requests.pop(self.asked[sequence], None)
        self.forgotten = through

    def owner(self, entity, record_id, previous):
        record = self.records[entity, record_id]
        assert entity in self.schema.kinds, "an entity that no schema names"
        assert record.version == previous, f"its previous version is {record.version}, not {previous}"
        return record

    def touch(self, record):
        record.version, record.updated = self.sequence, self.time

    FOLDS = {1: fold_request, 2: fold_schema, 3: fold_created, 4: fold_updated, 5: fold_deleted, 6: fold_links,
             7: fold_media_created, 8: fold_media_updated, 9: fold_media_deleted, 10: fold_collected,
             11: fold_expired}

    # ---- Rows ----

    def rows(self, ready):
        """Every derived row: family → key → value. `ready`: ids of the indexes that count."""
        rows = {family: {} for family in INDEXES}
        if self.schema_value is not None:
            rows["schema"][b""] = pack([self.schema_version, self.schema_value])
        for name, record in self.records.items():
            self.put_record(rows, record_key(name), record)
        for (owner, field), links in self.links.items():
            for order, link in links.items():
                self.put_link(rows, owner, field, order, link)
        for (record, field), (target, since) in self.references.items():
            rows["backlinks"][record_key(target) + b"\x00" + record_key(record) + struct.pack(">I", field)] = (
                pack([b"", *since]))
        rows["uses"] = {record_key(name): pack(use) for name, use in self.uses.items()}
        rows["blobs"] = {address: pack(blob) for address, blob in self.blobs.items()}
        for name, (count, _slots, since) in self.uses.items():
            if count == 0:
                rows["unused"][struct.pack(">QB", since, 1) + record_key(name)] = pack([self.times[since]])
        for address, (_size, _digest, media, collected, since) in self.blobs.items():
            if media == 0 and collected == 0:
                rows["unused"][struct.pack(">QB", since, 2) + address] = pack([self.times[since]])
        rows["counters"] = {struct.pack(">I", entity): pack(row) for entity, row in self.counters.items()}
        rows["deleted"] = {record_key(name): pack(row) for name, row in self.deleted.items()}
        rows["unlinked"] = {record_key(target) + record_key(owner) + struct.pack(">I", field): pack(row)
                            for (target, owner, field), row in self.unlinked.items()}
        rows["values"] = dict(self.values(ready))
        rows["tree"] = self.tree.rows()
        for (uid, key), row in self.requests.items():
            rows["requests"][struct.pack(">I", uid) + key.encode()] = pack(row)
        if self.forgotten is not None:
            rows["requests"][b""] = pack([self.forgotten, ZEROS])
        return rows

    @staticmethod
    def put_record(rows, key, record):
        fields = record.sorted_fields()
        packed = pack(fields)
        is_inline = len(packed) <= INLINE_BYTES_MAX
        if not is_inline:
            rows["bodies"][key] = packed
        rows["records"][key] = pack([record.version, record.created, record.updated, fields if is_inline else None,
                                     dict(sorted(record.links.items()))])

    @staticmethod
    def put_link(rows, owner, field, order, link):
        place = record_key(owner) + struct.pack(">I", field)
        rows["links"][place + order] = pack([*link.target, link.meta, link.covered, link.cover])
        slot = b"\x01" if link.covered else b"\x00"
        rows["backlinks"][record_key(link.target) + slot + place] = pack([order, *link.since])

    def values(self, ready):
        for index, entity, fields in self.schema.indexes:
            if index not in ready:
                continue
            kinds = self.schema.kinds[entity]
            for name, record in self.records.items():
                if name[0] == entity:
                    parts = [ordered(kinds[field], self.schema.effective(entity, field, record.fields))
                             for field in fields]
                    if max(map(len, parts)) > INDEX_VALUE_BYTES_MAX:
                        continue  # Older than the index, which is then never ready.
                    yield struct.pack(">I", index) + b"".join(parts) + id_key(name[1]), b""


class Tree:
    """RFC 6962, made from the leaves; `levels[l]` has the roots of the subtrees of height l."""

    def __init__(self):
        self.levels = [[]]

    def append(self, leaf):
        self.levels[0].append(leaf)
        level = 0
        while len(self.levels[level]) % 2 == 0:
            if level + 1 == len(self.levels):
                self.levels.append([])
            left, right = self.levels[level][-2:]
            self.levels[level + 1].append(sha256(b"\x01", left, right))
            level += 1

    def frontier(self, size):
        roots, before = [], 0
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                roots.append(self.levels[level][before >> level])
                before += 1 << level
        return roots

    def root(self, size=None):
        roots = self.frontier(len(self.levels[0]) if size is None else size)
        if not roots:
            return sha256(b"")
        root = roots[-1]
        for left in reversed(roots[:-1]):
            root = sha256(b"\x01", left, root)
        return root

    def rows(self):
        size = len(self.levels[0])
        if size == 0:
            return {}
        rows = {b"\x00": struct.pack(">Q", size) + b"".join(self.frontier(size))}
        for level, hashes in enumerate(self.levels[::8]):
            for tile in range((len(hashes) + 255) // 256):
                part = hashes[tile * 256:tile * 256 + 256]
                if level > 0 or len(part) == 256:
                    rows[b"\x01" + struct.pack(">BQ", level, tile)] = b"".join(part)
        return rows
