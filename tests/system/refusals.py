"""What is wrong to say, and the answer: the tables of bad_input_test.py, and the store they are said to."""
import json

import msgpack

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
PDF = b"%PDF-1.4\n%%EOF\n"
ADDRESS = "xxh3-128:" + "ab" * 16  # Of no bytes that anybody sent.

MEDIA_FIELDS = {"products": ("thumbnail", "gallery"), "albums": ("pictures",)}
SCHEMA = {
    "entities": {
        "products": {"fields": {
            "name": {"type": "text", "config": {"required": True, "minLength": 2, "maxLength": 20}},
            "sku": {"type": "text", "config": {"pattern": "^[A-Z]{2}-[0-9]+$"}},
            "price": {"type": "number", "config": {"minimum": 0, "maximum": 1000}},
            "sold": {"type": "boolean"},
            "since": {"type": "date"},
            "seen": {"type": "datetime"},
            "kind": {"type": "enum", "config": {"enum": ["chair", "table"]}},
            "tags": {"type": "json"},
            "thumbnail": {"type": "medium"},
            "gallery": {"type": "media", "config": {"mime_types": ["image/*"], "max_items": 3}},
        }},
        "albums": {"fields": {
            "title": {"type": "text"},
            "pictures": {"type": "media", "config": {"min_items": 2}},
        }},
        "media": {"type": "system", "fields": {"alt": {"type": "text"}}},
    },
    "relations": {
        f"poly_{entity}_media_{field}": {
            "type": "poly", "source": entity, "target": "media",
            "config": {"mappedBy": field, **({"targetCardinality": 1} if field == "thumbnail" else {})}}
        for entity, fields in MEDIA_FIELDS.items() for field in fields},
    "indices": {"idx_unique_products_sku": {"entity": "products", "fields": ["sku"], "unique": True}},
}


def fill(wire):
    """Media 1 to 5 are pictures, 6 is a document; product 1 and album 1 have two pictures."""
    wire.call("schema.apply", SCHEMA)
    for name in "abcde":
        wire.call("media.upload", PNG + name.encode(), {"name": name + ".png"})
    wire.call("media.upload", PDF, {"name": "f.pdf"})
    wire.call("insertOne", "products", {"name": "chair", "sku": "AB-1", "thumbnail": {"$set": 1},
                                        "gallery": {"$set": [1, 2]}})
    wire.call("insertOne", "albums", {"title": "x", "pictures": {"$set": [1, 2]}})


def update(changes, entity="products", **options):
    return ["updateOne", entity, 1, changes, *([options] if options else [])]


def insert(**fields):
    return ["insertOne", "products", {"name": "stool", **fields}]


def find(**query):
    return ["findMany", "products", query]


def deep(levels, core=1):
    for _ in range(levels):
        core = [core]
    return core


def schema_with(entity, field, **description):
    changed = json.loads(json.dumps(SCHEMA))
    changed["entities"][entity]["fields"][field] = description
    return changed


# What is sent, and the code, the path and a word (of the message or the hint) of the answer.
MUTATIONS = [
    # An operator that does not fit, or is none.
    (update({"thumbnail": {"$attach": [2]}}), "wrong_operation", "thumbnail.$attach", "$set"),
    (update({"thumbnail": {"$detach": [1]}}), "wrong_operation", "thumbnail.$detach", "$set"),
    (update({"thumbnail": {"$create": [{"file": PNG}, {"file": PNG}]}}), "too_many_items", "thumbnail.$create", "one"),
    (update({"thumbnail": {"$set": [2, 3]}}), "too_many_items", "thumbnail.$set", "one"),
    (update({"thumbnail": 2}), "wrong_operation", "thumbnail", "$set"),
    (update({"gallery": [2, 3]}), "wrong_operation", "gallery", "$set"),
    (update({"gallery": {"$set": None}}), "wrong_type", "gallery.$set", "null"),
    (update({"gallery": {"$atach": [3]}}), "unknown_operator", "gallery.$atach", "$attach"),
    (update({"gallery": {"$push": [3]}}), "unknown_operator", "gallery.$push", "$push"),
    (update({"name": {"$set": "x"}}), "wrong_type", "name", "text"),
    # The wrong way round: made media are attached to owners, never owners to media.
    (["updateOne", "media", 1, {"reference": {"$create": {"name": "new"}}}], "read_only", "reference", "emstore"),
    (["updateOne", "media", 1, {"products": {"$attach": [1]}}], "unknown_field", "products", "media"),
    (["insertOne", "media", {"name": "x"}], "required", "file", "file"),
    # Media that are not there, or there twice, or too many, or too few, or of another type.
    (update({"gallery": {"$attach": [3, 4711]}}), "media_not_found", "gallery.$attach[1]", "4711"),
    (update({"gallery": {"$set": [{"id": 4711}]}}), "media_not_found", "gallery.$set[0]", "4711"),
    (update({"thumbnail": {"$set": 4711}}), "media_not_found", "thumbnail.$set", "4711"),
    (update({"gallery": {"$attach": [0]}}), "wrong_type", "gallery.$attach[0]", "0"),
    (update({"gallery": {"$attach": [-1]}}), "wrong_type", "gallery.$attach[0]", "-1"),
    (update({"gallery": {"$attach": ["1; drop"]}}), "wrong_type", "gallery.$attach[0]", "id"),
    (update({"gallery": {"$attach": [1.5]}}), "wrong_type", "gallery.$attach[0]", "1.5"),
    (update({"gallery": {"$attach": [None]}}), "wrong_type", "gallery.$attach[0]", "id"),
    (update({"gallery": {"$attach": [{"idd": 3}]}}), "wrong_type", "gallery.$attach[0]", "id"),
    (update({"gallery": {"$attach": [{"id": 3, "at": "middle"}]}}), "wrong_type", "gallery.$attach[0].at", "first"),
    (update({"gallery": {"$attach": [{"id": 3, "at": {"before": 5}}]}}), "media_not_found",
     "gallery.$attach[0].at", "5"),
    (update({"gallery": {"$attach": [{"id": 3, "at": {"after": 3}}]}}), "wrong_operation",
     "gallery.$attach[0].at", "itself"),
    (update({"gallery": {"$attach": [3, 3]}}), "duplicate_item", "gallery.$attach[1]", "3"),
    (update({"gallery": {"$set": [3, {"id": 3}]}}), "duplicate_item", "gallery.$set[1]", "3"),
    (update({"gallery": {"$attach": [3, 4]}}), "too_many_items", "gallery", "3"),
    (update({"pictures": {"$detach": [1]}}, "albums"), "too_few_items", "pictures", "2"),
    (["insertOne", "albums", {"title": "t"}], "too_few_items", "pictures", "2"),
    (["insertOne", "albums", {"pictures": {"$set": [1]}}], "too_few_items", "pictures", "2"),
    (update({"gallery": {"$attach": [6]}}), "mime_not_allowed", "gallery.$attach[0]", "application/pdf"),
    (update({"gallery": {"$create": {"file": PDF}}}), "mime_not_allowed", "gallery.$create.file", "image/*"),
    (update({"gallery": {"$create": {"file": PDF, "type": "image/png"}}}), "mime_not_allowed", "gallery.$create.file",
     "application/pdf"),
    # Bytes that were not sent first.
    (update({"gallery": {"$create": {"file": {"blob": ADDRESS}}}}), "blob_not_found", "gallery.$create.file", ADDRESS),
    (update({"gallery": {"$create": {"file": {"blob": "xxh3-128:zz"}}}}), "wrong_type", "gallery.$create.file",
     "xxh3-128"),
    (update({"gallery": {"$create": {"file": {"blob": "../../etc/passwd"}}}}), "wrong_type", "gallery.$create.file",
     "passwd"),
    (update({"gallery": {"$create": {"file": "a text"}}}), "wrong_type", "gallery.$create.file", "bytes"),
    (update({"gallery": {"$create": {"name": "x"}}}), "required", "gallery.$create.file", "file"),
    (update({"gallery": {"$create": {"file": PNG, "nam": "x"}}}), "unknown_field", "gallery.$create.nam", "name"),
    (update({"gallery": {"$create": {"file": PNG + bytes(65536)}}}), "value_too_large", "gallery.$create.file",
     "blob.begin"),
    (["media.upload", {"blob": ADDRESS}], "blob_not_found", "file", ADDRESS),
    (["media.upload", b"x", {"size": 7}], "read_only", "size", "size"),
    # Fields.
    (insert(galery={"$set": []}), "unknown_field", "galery", 'did you mean "gallery"?'),
    (insert(**{"": 1}), "unknown_field", "", '""'),
    (insert(name=None), "required", "name", "name"),
    (["insertOne", "products", {}], "required", "name", "name"),
    (insert(name="x"), "too_short", "name", "2"),
    (insert(name="x" * 21), "too_long", "name", "20"),
    (insert(name=7), "wrong_type", "name", "text"),
    (insert(name=b"raw"), "wrong_type", "name", "text"),
    (insert(price="7"), "wrong_type", "price", "number"),
    (insert(price=True), "wrong_type", "price", "number"),
    (insert(price=float("nan")), "malformed_message", "params[1]", "number"),
    (insert(price=float("inf")), "malformed_message", "params[1]", "number"),
    (insert(price=-1), "out_of_range", "price", "0"),
    (insert(price=1001), "out_of_range", "price", "1000"),
    (insert(sold=1), "wrong_type", "sold", "boolean"),
    (insert(since="tomorrow"), "wrong_type", "since", "tomorrow"),
    (insert(since="2026-02-30"), "wrong_type", "since", "2026-02-30"),
    (insert(seen="2026-11-22"), "wrong_type", "seen", "2026-11-22"),
    (insert(kind="chare"), "not_in_enum", "kind", "chair"),
    (insert(sku="ab"), "pattern_mismatch", "sku", "A-Z"),
    (insert(sku="AB-1"), "not_unique", "sku", "AB-1"),
    (insert(id=7), "read_only", "id", "id"),
    (insert(created_at="2026-11-22T00:00:00Z"), "read_only", "created_at", "created_at"),
    (["insertOne", "products", [1]], "invalid_request", "params[1]", "map"),
    # Who and what.
    (["insertOne", "prodcts", {"name": "x"}], "unknown_entity", "entity", 'did you mean "products"?'),
    (["insertOne", "", {"name": "x"}], "unknown_entity", "entity", '""'),
    (["insertOne", 5, {"name": "x"}], "invalid_request", "params[0]", "text"),
    (["updateOne", "products", 4711, {"name": "xx"}], "record_not_found", "id", "4711"),
    (["updateOne", "products", "one", {"name": "xx"}], "wrong_type", "id", "one"),
    (["updateOne", "products", 1 << 63, {"name": "xx"}], "malformed_message", "params[1]", "2^63"),
    (["deleteOne", "products", 4711], "record_not_found", "id", "4711"),
    (["deleteOne", "media", 1], "still_linked", "id", "detach"),
    (["deleteOne", "media", 1, {"detach": True}], "too_few_items", "albums/1.pictures", "2"),
    (update({"name": "xx"}, expected=1), "version_mismatch", "expected", "products/1"),
    (update({"name": "xx"}, expected="x"), "wrong_type", "expected", "integer"),
    (update({"name": "xx"}, expcted=1), "unknown_option", "expcted", 'did you mean "expected"?'),
    (update({"name": "xx"}, key=""), "out_of_range", "key", "1"),
    (update({"name": "xx"}, key="k" * 65), "out_of_range", "key", "64"),
    (update({"name": "xx"}, key=7), "wrong_type", "key", "text"),
]

READS = [
    (find(where={"nam": "x"}), "unknown_field", "where.nam", 'did you mean "name"?'),
    (find(where={"name": {"$like": 7}}), "wrong_type", "where.name.$like", "text"),
    (find(where={"price": {"$gtt": 7}}), "unknown_operator", "where.price.$gtt", "$gt"),
    (find(where={"price": "7"}), "wrong_type", "where.price", "number"),
    (find(where={"price": {"$in": 7}}), "wrong_type", "where.price.$in", "list"),
    (find(where={"price": {"$in": [1, None]}}), "wrong_type", "where.price.$in[1]", "$isnull"),
    (find(where={"price": {"$between": [1]}}), "wrong_type", "where.price.$between", "two"),
    (find(where={"price": {"$isnull": "yes"}}), "wrong_type", "where.price.$isnull", "true or false"),
    (find(where={"$xor": []}), "unknown_operator", "where.$xor", "$or"),
    (find(where={"$and": 7}), "wrong_type", "where.$and", "list"),
    (find(where=[1]), "wrong_type", "where", "map"),
    (find(where={"gallery": "x"}), "wrong_type", "where.gallery", "id"),
    (find(wher={}), "unknown_option", "wher", 'did you mean "where"?'),
    (find(orderBy={"prise": "asc"}), "unknown_field", "orderBy.prise", 'did you mean "price"?'),
    (find(orderBy={"price": "up"}), "invalid_request", "orderBy.price", "asc"),
    (find(orderBy="price", sort="name"), "invalid_request", "sort", "orderBy"),
    (find(limit=-1), "out_of_range", "limit", "-1"),
    (find(limit="ten"), "wrong_type", "limit", "integer"),
    (find(offset=-1), "out_of_range", "offset", "-1"),
    (find(select=["nme"]), "unknown_field", "select[0]", 'did you mean "name"?'),
    (find(select="name"), "wrong_type", "select", "list"),
    (find(**{"with": {"galery": True}}), "unknown_relation", "with.galery", 'did you mean "gallery"?'),
    (find(**{"with": {"gallery": {"limt": 1}}}), "unknown_option", "with.gallery.limt", 'did you mean "limit"?'),
    (find(**{"with": {"gallery": {"where": {"mime": "x"}}}}), "unknown_field", "with.gallery.where.mime",
     'media has no field "mime"'),
    (find(**{"with": {"gallery": 1}}), "wrong_type", "with.gallery", "true"),
    (find(**{"with": {"reference": True}}), "unknown_relation", "with.reference", "products"),
    (["findId", "products", 1, {"where": {}}], "unknown_option", "where", "findId"),
    (["findOne", "products", {"limit": 1}], "unknown_option", "limit", "findOne"),
    (["findMany", "nothing"], "unknown_entity", "entity", "nothing"),
    (["findMany"], "invalid_request", "params[0]", "entity"),
    (["findMany", "products", {}, {}], "invalid_request", "params[1]", "findMany takes [entity"),
    (["count", "products", {"limit": 1}], "unknown_option", "limit", "count"),
    (["pong"], "unknown_method", "method", 'did you mean "ping"?'),
    ([""], "unknown_method", "method", '""'),
    (["insert_one", "products", {}], "unknown_method", "method", "insertOne"),
    (["ping", 1], "invalid_request", "params[0]", "ping"),
    (["hello", {"protocol": 99}], "unsupported", "protocol", "99"),
    (["hello", {"protocol": "1"}], "wrong_type", "protocol", "integer"),
    (["describe", "nothing"], "unknown_method", "method", "nothing"),
    (["schema.apply", 7], "invalid_request", "params[0]", "map"),
    (["schema.apply", {"entitys": {}}], "invalid_schema", "entitys", 'did you mean "entities"?'),
    (["schema.apply", schema_with("products", "name", type="txt")], "invalid_schema",
     "entities.products.fields.name.type", "text"),
    (["schema.apply", schema_with("products", "name", type="text", config={"maxLenght": 2})], "invalid_schema",
     "entities.products.fields.name.config.maxLenght", "maxLength"),
    (["schema.apply", schema_with("products", "sku", type="text", config={"pattern": "("})], "invalid_schema",
     "entities.products.fields.sku.config.pattern", "("),
    (["schema.apply", {"entities": {}}], "destructive_change", "", "allow_destructive"),
    (["blob.begin", {"size": -1}], "wrong_type", "size", "size"),
    (["blob.begin", {"size": 1 << 50}], "blob_too_large", "size", "5368709120"),
    (["blob.write", "nosuchtoken", 0, b"x"], "upload_not_found", "token", "again"),
    (["blob.write", 5, 0, b"x"], "invalid_request", "params[0]", "text"),
    (["blob.write", "t", 0, "text"], "invalid_request", "params[2]", "bytes"),
    (["blob.write", "t", 0, bytes((1 << 20) + 1)], "message_too_large", "bytes", "1MiB"),
    (["blob.commit", "nosuchtoken"], "upload_not_found", "token", "again"),
    (["blob.read", ADDRESS, 0, 10], "blob_not_found", "address", ADDRESS),
    (["blob.read", "etc/passwd", 0, 10], "invalid_request", "address", "xxh3-128:"),
    (["blob.read", ADDRESS, 0, 1 << 30], "out_of_range", "length", "1MiB"),
    (["blob.read", ADDRESS, -1, 10], "invalid_request", "params[1]", "offset"),
    (["log.read", {"from": -1}], "wrong_type", "from", "from"),
    (["log.read", {"limit": "x"}], "wrong_type", "limit", "x"),
    (["job.get", "4711"], "job_not_found", "id", "4711"),
    (["job.cancel", "4711"], "job_not_found", "id", "4711"),
    (update({"tags": deep(60)}), "depth_exceeded", "tags", "deep"),
]

# Bytes after which nobody can tell where the next message begins: one error under no id, and the end.
BROKEN = [
    ("no MessagePack", b"\xc1", "malformed_message"),
    ("another protocol", b"GET / HTTP/1.1\r\n\r\n", "malformed_message"),
    ("a number", b"\x05", "malformed_message"),
    ("an empty list", b"\x90", "malformed_message"),
    ("a map", b"\x80", "malformed_message"),
    ("a reply", msgpack.packb([1, 1, None, None]), "malformed_message"),
    ("a notification without params", msgpack.packb([2, "ping"]), "malformed_message"),
    ("a notification whose params are a map", msgpack.packb([2, "ping", {}]), "malformed_message"),
    ("a notification without a method", msgpack.packb([2, None, []]), "malformed_message"),
    ("an id that is a text", msgpack.packb([0, "1", "ping", []]), "malformed_message"),
    ("an id below zero", msgpack.packb([0, -1, "ping", []]), "malformed_message"),
    ("an id of 33 bits", msgpack.packb([0, 1 << 32, "ping", []]), "malformed_message"),
    ("a claim of 4 GiB", b"\xc6\xff\xff\xff\xff", "message_too_large"),
    ("a list of billions", b"\xdd\xff\xff\xff\xff", "message_too_large"),
    ("a map of billions", b"\x94\x00\x01\xa4ping\xdf\xff\xff\xff\xff", "message_too_large"),
    ("a depth bomb", b"\x91" * 100_000, "depth_exceeded"),
    ("a depth bomb of maps", b"\x94\x00\x01\xa4ping" + b"\x81\xa1x" * 100_000, "depth_exceeded"),
    ("a message over 8 MiB", msgpack.packb([0, 1, "ping", [bytes(9 << 20)]]), "message_too_large"),
]
