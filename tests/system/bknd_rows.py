"""What bknd 0.20.0 does with each of its constructs, observed by running it, and what the same is here: the rows of
docs/compared-with-bknd.md. A row is (construct, bknd's answer, calls): the answer shown is that of the last call.
In a section every row begins with an empty store that has the section's schema, or with the schema of its own."""
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
PDF = b"%PDF-1.4\n%%EOF\n"


def entity(name="e", relations=None, indices=None, config=None, **fields):
    """A schema of one entity; a field is its type, or [type, config]."""
    def of(about):
        return {"type": about} if isinstance(about, str) else {"type": about[0], "config": about[1]}
    media = {f"poly_{name}_media_{field}": poly(name, field, of(about)["type"] == "medium")
             for field, about in fields.items() if of(about)["type"] in ("medium", "media")}
    return {"entities": {name: {"fields": {field: of(about) for field, about in fields.items()},
                                "config": config or {}}},
            "relations": media if relations is None else relations, "indices": indices or {}}


def poly(source, field, one=False):
    return {"type": "poly", "source": source, "target": "media",
            "config": {"mappedBy": field, **({"targetCardinality": 1} if one else {})}}


def merged(*schemas):
    return {part: {name: value for schema in schemas for name, value in schema[part].items()}
            for part in ("entities", "relations", "indices")}


def insert(document, name="e"):
    return ["insertOne", name, document]


def update(document, name="e", record=1):
    return ["updateOne", name, record, document]


def find(query=None, name="e"):
    return ["findMany", name, query or {}]


def apply(schema, **options):
    return ["schema.apply", schema, options]


def upload(data=PNG, name="a.png"):
    return ["media.upload", data, {"name": name}]


NUMBER = {"minimum": 0, "exclusiveMaximum": 9, "multipleOf": 2}
INDEX = {"idx_unique_e_slug": {"entity": "e", "fields": ["slug"], "unique": True}}

SCHEMA = ("Schema", None, [
    ("`index(e).on([\"x\"])` of an unknown field", "throws `Field \"x\" not found on entity \"e\"`",
     [apply(entity(a="text", indices={"i": {"entity": "e", "fields": ["x"]}}))]),
    ("an unknown option", "`Invalid Field config ...`", [apply(entity(a=["text", {"maxLenght": 3}]))]),
    ("`text`: a number, a boolean, an object", "become `\"123\"`, `\"true\"`, `\"[object Object]\"`",
     [apply(entity(a="text")), insert({"a": {"b": 1}})]),
    ("`text({ maxLength: 5 })`, too long", "`Field \"txt\" must be at most 5 character(s)`",
     [apply(entity(a=["text", {"maxLength": 5}])), insert({"a": "abcdef"})]),
    ("`text({ pattern })`, no match", "`must match the pattern ..`",
     [apply(entity(a=["text", {"pattern": "^[a-z]+$"}])), insert({"a": "A1"})]),
    ("`text({ maxLength })` left null", "is written; then every read throws `Cannot read properties of null`",
     [apply(entity(a=["text", {"maxLength": 5}], b="text")), insert({"b": "x"}), find({"select": ["a", "b"]})]),
    ("`number`: \"4\"", "`Property \"num\" must be of type \"number\"`", [apply(entity(a="number")), insert({"a": "4"})]),
    ("`number`: NaN", "null", [apply(entity(a="number")), insert({"a": float("nan")})]),
    ("`number({ minimum: 0 })`: -1", "accepted: a bound of 0 is not looked at",
     [apply(entity(a=["number", NUMBER])), insert({"a": -1})]),
    ("`number({ exclusiveMaximum: 9 })`: 9.5", "accepted", [apply(entity(a=["number", NUMBER])), insert({"a": 9.5})]),
    ("`number({ multipleOf: 2 })`: 3", "accepted", [apply(entity(a=["number", NUMBER])), insert({"a": 3})]),
    ("`boolean`: 1", "true", [apply(entity(a="boolean")), insert({"a": 1})]),
    ("`boolean`: null, no default", "false", [apply(entity(a="boolean")), insert({"a": None})]),
    ("`date`: \"soon\"", "`RangeError: Invalid time value`", [apply(entity(a="date")), insert({"a": "soon"})]),
    ("`date({ min_date })`: earlier", "accepted",
     [apply(entity(a=["date", {"min_date": "2026-01-01"}])), insert({"a": "2025-12-31"})]),
    ("`date({ timezone })`", "kept, without effect", [apply(entity(a=["date", {"timezone": "Europe/Berlin"}]))]),
    ("`datetime`", "an ISO text with milliseconds",
     [apply(entity(a=["date", {"type": "datetime"}])), insert({"a": "2026-01-02T03:04:05.000006+01:00"})]),
    ("`week`", "a date", [apply(entity(a=["date", {"type": "week"}]))]),
    ("`enumm({ enum })`: another value", "refused; one that is stored already reads as null",
     [apply(entity(a=["enum", {"enum": ["draft", "live"]}])), insert({"a": "drft"})]),
    ("`enumm({ enum, default_value })`", "the builder drops the default",
     [apply(entity(a=["enum", {"enum": ["draft", "live"], "default_value": "draft"}])), insert({})]),
    ("`json`: a text that is JSON", "stored as that JSON", [apply(entity(a="json")), insert({"a": "{\"b\": 1}"})]),
    ("`jsonSchema`: does not fit", "the message is the field's name",
     [apply(entity(a=["jsonschema", {"schema": {"properties": {"n": {"minimum": 1}}}}])), insert({"a": {"n": 0}})]),
    ("`jsonSchema`: no object", "becomes null, silently",
     [apply(entity(a=["jsonschema", {"schema": {"type": "object"}}])), insert({"a": "x"})]),
    ("`default_from_schema`", "filled in when it is read",
     [apply(entity(a=["jsonschema", {"schema": {"properties": {"n": {"default": 3}}}, "default_from_schema": True}])),
      insert({})]),
    ("`fillable: [\"create\"]`, then an update", "`Field \"a\" is not fillable`",
     [apply(entity(a=["text", {"fillable": ["create"]}])), insert({"a": "x"}), update({"a": "y"})]),
    ("`hidden: true`", "cannot be selected", [apply(entity(a=["text", {"hidden": True}], b="text")),
                                            insert({"a": "x", "b": "y"}), find({"select": ["a"]})]),
    ("`.required()`, null", "`Property \"title\" is required`",
     [apply(entity(a=["text", {"required": True}])), insert({"a": None})]),
    ("`index(e).on([\"slug\"], true)`, the same again", "`UNIQUE constraint failed: posts.slug`",
     [apply(entity(slug="text", indices=INDEX)), insert({"slug": "a"}), insert({"slug": "a"})]),
    ("the same with null", "accepted, as in SQL",
     [apply(entity(slug="text", indices=INDEX)), insert({}), insert({})]),
    ("`primary_format: \"uuid\"`", "uuid v7, made by insertOne only",
     [apply(entity(a="text", config={"primary_format": "uuid"})), insert({"a": "x"}), insert({"a": "y"}),
      find({"select": ["a"], "orderBy": "id"})]),
    ("a relation without `mappedBy`", "reads look for `a.undefined` and find nothing",
     [apply(entity(a="media", relations={"r": {"type": "poly", "source": "e", "target": "media", "config": {}}}))]),
    ("a media field without relation", "takes uploads; `with` of it is an error", [apply(entity(a="media", relations={}))]),
    ("a relation whose `mappedBy` is no field", "accepted", [apply(entity(a="media", relations={"r": poly("e", "b")}))]),
    ("one field related twice", "`Relation \"...\" already exists`",
     [apply(entity(a="media", relations={"r": poly("e", "a"), "s": poly("e", "a")}))]),
    ("`targetCardinality: 3`", "accepted, without effect",
     [apply(entity(a="media", relations={"r": {**poly("e", "a"), "config": {"mappedBy": "a", "targetCardinality": 3}}}))]),
    ("dropping an entity", "a schema sync drops the table",
     [apply(merged(entity(a="text"), entity("f", a="text"))), insert({"a": "x"}), apply(entity("f", a="text"))]),
    ("`text({ minLength: 3 })`, too short", "`Field \"txt\" must be at least 3 character(s)`",
     [apply(entity(a=["text", {"minLength": 3}])), insert({"a": "ab"})]),
    ("`number({ maximum: 0 })`: 1", "accepted: a bound of 0 is not looked at",
     [apply(entity(a=["number", {"maximum": 0}])), insert({"a": 1})]),
    ("`number`: 2.5", "stored in an integer column, as a fraction", [apply(entity(a="number")), insert({"a": 2.5})]),
    ("`boolean`: \"yes\"", "an error", [apply(entity(a="boolean")), insert({"a": "yes"})]),
    ("`date`", "a Date, in UTC", [apply(entity(a="date")), insert({"a": "2026-11-22"})]),
    ("`enumm`: `{ label, value }`", "accepted",
     [apply(entity(a=["enum", {"options": {"type": "objects", "values": [{"label": "Draft", "value": "d"}]}}])), insert({"a": "d"})]),
    ("`unique: true` on a field", "`Invalid Field config`: there is an index for it", [apply(entity(a=["text", {"unique": True}]))]),
    ("`index(e).on([\"a\", \"b\"], true)`, the same pair", "`UNIQUE constraint failed: ..`",
     [apply(entity(a="text", b="text", indices={"i": {"entity": "e", "fields": ["a", "b"], "unique": True}})),
      insert({"a": "x", "b": "y"}), insert({"a": "x", "b": "z"}), insert({"a": "x", "b": "y"})]),
    ("`hidden`, asked for by a `where`", "filters", [apply(entity(a=["text", {"hidden": True}], b="text")),
                                                   insert({"a": "x", "b": "y"}), find({"where": {"a": "x"}, "select": ["b"]})]),
    ("`fillable: false`", "`Field \"a\" is not fillable`", [apply(entity(a=["text", {"fillable": False}])), insert({"a": "x"})]),
    ("`label`, `description`", "kept",
     [apply(entity(a=["text", {"label": "A", "description": "said"}])), apply(entity(a=["text", {"label": "A", "description": "said"}]))]),
    ("`sort_field`, `sort_dir` of an entity", "the order of its lists",
     [apply(entity(a="number", config={"sort_field": "a", "sort_dir": "desc"})), insert({"a": 1}), insert({"a": 2}),
      find({"select": ["a"]})]),
    ("a schema applied again", "n/a", [apply(entity(a="text")), apply(entity(a="text"))]),
    ("a field renamed", "n/a",
     [apply(entity(a="text")), insert({"a": "x"}), apply(entity(b=["text", {"renamed_from": "a"}])), find({"select": ["b"]})]),
    ("`created_at`", "needs a plugin; media have none", [apply(entity(created_at=["date", {"type": "datetime"}])),
                                                        insert({}), find({"where": {"created_at": None}, "select": ["id"]})]),
])

POSTS = merged(
    entity("posts", title=["text", {"required": True}], n="number", s="text", b="boolean", d="date", extra="json",
           cover="medium", gallery="media", indices={"u": {"entity": "posts", "fields": ["s"], "unique": True}}),
    entity("pages", slug="text", images="media"))

MUTATOR = ("Mutator", POSTS, [
    ("`insertOne({})` of an entity without required fields", "`No data left to update \"posts\"`", [insert({}, "pages")]),
    ("`insertOne` with an unknown key", "`Field \"nope\" not found on entity \"all\"`",
     [insert({"title": "a", "nope": 1}, "posts")]),
    ("`insertOne` without a required field", "`Field \"title\" is required`", [insert({}, "posts")]),
    ("`insertOne` with an id", "`Field \"id\" is not fillable`", [insert({"id": 7, "title": "a"}, "posts")]),
    ("`updateOne` of no record", "undefined, no error", [update({"title": "b"}, "posts", 99)]),
    ("`updateOne(1, {})`", "`No data left to update`", [insert({"title": "a"}, "posts"), update({}, "posts")]),
    ("`updateOne(0, ...)`", "`ID must be provided for update`", [update({"title": "b"}, "posts", 0)]),
    ("`deleteOne` of no record", "undefined, no error", [["deleteOne", "posts", 99]]),
    ("`insertMany([...])`", "one statement, no events",
     [["insertMany", "pages", [{"slug": "a"}, {"slug": "b"}]], find({"select": ["id", "slug"]}, "pages")]),
    ("`insertMany([])`", "`near \")\": syntax error`", [["insertMany", "pages", []]]),
    ("`insertMany` of uuids", "`NOT NULL constraint failed: uu.id`",
     [apply(entity(a="text", config={"primary_format": "uuid"}), allow_destructive=True), ["insertMany", "e", [{"a": "x"}, {"a": "y"}]],
      ["count", "e", {}]]),
    ("`updateWhere(data, where)`", "changes them, no events",
     [insert({"slug": "a"}, "pages"), insert({"slug": "b"}, "pages"),
      ["updateWhere", "pages", {"slug": "a"}, {"slug": "c"}], find({"select": ["id", "slug"]}, "pages")]),
    ("`updateWhere(data, {})`", "`Where clause must be provided for mass update`",
     [["updateWhere", "pages", {}, {"slug": "c"}]]),
    ("`deleteWhere(where)`", "deletes; media of those records are orphaned",
     [insert({"slug": "a"}, "pages"), insert({"slug": "b"}, "pages"), ["deleteWhere", "pages", {"slug": "a"}],
      find({"select": ["id", "slug"]}, "pages")]),
    ("`deleteWhere({})`", "`Where clause must be provided for mass deletion`", [["deleteWhere", "pages", {}]]),
    ("`insertOne` into media without a file", "`Creation of system entity \"media\" is disabled`",
     [insert({"name": "a"}, "media")]),
    ("`media` row: `reference: \"nope.nope\"`", "accepted, unchecked",
     [upload(), update({"reference": "nope.nope"}, "media")]),
    ("`insertOne` with null for a required field", "`Property \"title\" is required`", [insert({"title": None}, "posts")]),
    ("`product.id` after `insertOne`", "undefined: it is `product.data.id`", [insert({"slug": "a"}, "pages")]),
    ("`deleteOne(1)`", "the deleted record", [insert({"slug": "a"}, "pages"), ["deleteOne", "pages", 1]]),
    ("`updateOne` that would change nothing", "n/a",
     [insert({"slug": "a"}, "pages"), update({"slug": "a"}, "pages")]),
    ("one record of `insertMany` is wrong", "none is written", [
        ["insertMany", "posts", [{"title": "a"}, {"n": 1}, {"title": "c", "zz": 1}]]]),
    ("several mutations, all or none", "no transactions anywhere", [
        ["transaction", [{"insertOne": ["pages", {"slug": "a"}]}, {"insertOne": ["posts", {}]}]]]),
    ("events: what was before", "none: no old values, no actor, no order, nothing is kept", [
        insert({"slug": "a"}, "pages"), update({"slug": "b"}, "pages"),
        ["log.read", {"entity": "pages", "reverse": True, "limit": 1}]]),
    ("events of bulk calls", "none", [
        insert({"slug": "a"}, "pages"), ["deleteWhere", "pages", {"slug": "a"}],
        ["log.read", {"entity": "pages", "reverse": True, "limit": 1}]]),
])

RECORDS = [insert({"title": "one", "n": 1, "s": "Apple pie", "b": True, "extra": {"a": {"b": 5}}}, "posts"),
           insert({"title": "two", "n": 4, "s": "apples"}, "posts"),
           insert({"title": "three", "d": "2026-01-02"}, "posts")]


def where(condition):
    return RECORDS + [find({"where": condition, "select": ["id"]}, "posts")]


WHERE = ("Where", POSTS, [
    ("`{n: 1, s: \"Apple pie\"}`", "AND", where({"n": 1, "s": "Apple pie"})),
    ("`{n: {$gte: 2, $lt: 5}}`", "AND", where({"n": {"$gte": 2, "$lt": 5}})),
    ("`{n: {$ne: 1}}`", "records without a value are left out", where({"n": {"$ne": 1}})),
    ("`{n: {$notin: [1]}}`", "records without a value are left out", where({"n": {"$notin": [1]}})),
    ("`{n: {$in: []}}`", "none", where({"n": {"$in": []}})),
    ("`{n: {$isnull: true}}`", "those without", where({"n": {"$isnull": True}})),
    ("`{n: {$isnull: \"true\"}}`", "`Given value at \"n.$isnull\" is invalid`", where({"n": {"$isnull": "true"}})),
    ("`{s: {$like: \"app%\"}}`", "matches \"Apple pie\", too", where({"s": {"$like": "app%"}})),
    ("`{s: {$like: \"app*\"}}`", "`*` is rewritten to `%`", where({"s": {"$like": "app*"}})),
    ("`{s: {$ilike: \"APP%\"}}`", "`Invalid key(s)`", where({"s": {"$ilike": "APP%"}})),
    ("`{n: {$between: [2, 5]}}`", "always throws `t.between is not a function`", where({"n": {"$between": [2, 5]}})),
    ("`{n: null}`", "`Invalid value at \"n\", got \"null\"`", where({"n": None})),
    ("`{n: {}}`", "no constraint", where({"n": {}})),
    ("`{$or: {n: 1, title: \"two\"}}`", "OR over the keys", where({"$or": {"n": 1, "title": "two"}})),
    ("`{$or: [{n: 1}, {n: 4}]}`", "`$or must be an object`", where({"$or": [{"n": 1}, {"n": 4}]})),
    ("`{n: 4, $or: {s: \"z\"}}`", "`n=4 OR s=\"z\"`", where({"n": 4, "$or": {"s": "z"}})),
    ("`{$or: {n: {$gt: 1, $lt: 3}}}`", "torn apart: `n>1 OR n<3`", where({"$or": {"n": {"$gt": 1, "$lt": 3}}})),
    ("`{$and: [...]}`", "`Keys must not start with '$'`", where({"$and": [{"n": 1}, {"title": "one"}]})),
    ("`{$not: {n: 1}}`", "`Keys must not start with '$'`", where({"$not": {"n": 1}})),
    ("`{b: true}`", "throws: `cannot be bound to SQLite parameter`", where({"b": True})),
    ("`{d: \"2026-01-02\"}`", "compares texts; a Date is invalid", where({"d": "2026-01-02"})),
    ("`{s: {$startsWith: \"Apple\"}}`", "`Invalid key(s) at \"s\": $startsWith`", where({"s": {"$startsWith": "Apple"}})),
    ("`{s: {$endsWith: \"pie\"}}`", "`Invalid key(s)`", where({"s": {"$endsWith": "pie"}})),
    ("`{s: {$contains: \"le\"}}`", "`Invalid key(s)`", where({"s": {"$contains": "le"}})),
    ("`{s: {$regex: \"a\"}}`", "`Invalid key(s)`", where({"s": {"$regex": "a"}})),
    ("`{\"extra.a.b\": 5}`", "`Invalid where field(s)`", where({"extra.a.b": 5})),
    ("`{s: 1}`: a number for a text", "none, no error", where({"s": 1})),
    ("`{n: {$eq: null}}`", "`Invalid value at \"n\"`", where({"n": {"$eq": None}})),
    ("`{n: {$in: [1, null]}}`", "SQL's three values", where({"n": {"$in": [1, None]}})),
    ("`{s: {$like: \"a_ples\"}}`", "`_` is one letter", where({"s": {"$like": "a_ples"}})),
    ("`{title: \"one\", $or: {n: 1, s: \"z\"}}`", "the members are AND-ed", where({"title": "one", "$or": {"n": 1, "s": "z"}})),
    ("`{$or: {$or: {n: 1}}}`", "`Operand $or can only appear at the top level`", where({"$or": {"$or": {"n": 1}}})),
    ("`{s: {$nin: [\"a\"]}}`", "`Invalid key(s)`", where({"s": {"$nin": ["a"]}})),
    ("`{n: {$notnull: true}}`", "`Invalid key(s)`, though its manual lists it", where({"n": {"$notnull": True}})),
    ("`{d: {$gte: <a Date>}}`", "`Invalid value at \"d\"`", where({"d": {"$gte": "2026-01-01"}})),
    ("`{zz: 1}`", "`Invalid where field(s): zz`", where({"zz": 1})),
])

LINKED = [upload(), upload(PDF, "b.pdf"), upload(name="c.png"),
          insert({"title": "a", "cover": {"$set": 1}, "gallery": {"$set": [1, 2, 3]}}, "posts")]

REPOSITORY = ("Repository", POSTS, [
    ("`findId(1)`", "the record", RECORDS + [["findId", "posts", 1, {"select": ["id", "title"]}]]),
    ("`findId(99)`", "undefined", RECORDS + [["findId", "posts", 99]]),
    ("`findOne({ where })`", "always throws: another signature", RECORDS + [
        ["findOne", "posts", {"where": {"id": 2}, "select": ["id", "title"]}]]),
    ("`findMany()` of many records", "10 of them, silently", [insert({"slug": str(i)}, "pages") for i in range(12)] + [
        find({"select": ["id"]}, "pages")]),
    ("`limit: 0`", "treated as 10", RECORDS + [find({"limit": 0, "select": ["id"]}, "posts")]),
    ("`limit: -1`", "unlimited", RECORDS + [find({"limit": -1, "select": ["id"]}, "posts")]),
    ("`sort: \"-id\"`", "`Invalid sort field \"undefined\"`", RECORDS + [find({"sort": "-id", "select": ["id"]}, "posts")]),
    ("`sort: { by, dir }`", "sorts", RECORDS + [find({"sort": {"by": "title", "dir": "desc"}, "select": ["title"]}, "posts")]),
    ("`orderBy: { n: \"desc\" }`", "silently ignored", RECORDS + [find({"orderBy": {"n": "desc"}, "select": ["id"]}, "posts")]),
    ("an unknown option", "silently ignored", RECORDS + [find({"oderBy": "id"}, "posts")]),
    ("`select` of an unknown field", "`Invalid select field(s): zz`", RECORDS + [find({"select": ["zz"]}, "posts")]),
    ("`with: { zz: true }`", "`WITH: \"zz\" is not a relation of \"posts\"`", RECORDS + [find({"with": {"zz": True}}, "posts")]),
    ("`with: { cover: true }`", "TypeError, HTTP 500",
     RECORDS + [find({"with": {"cover": True}, "select": ["id"], "limit": 1}, "posts")]),
    ("`with: [\"cover\", \"gallery\"]`", "`WITH: \"0\" is not a relation`",
     RECORDS + [find({"with": ["cover", "gallery"], "select": ["id"], "limit": 1}, "posts")]),
    ("`with` of a list, more than 10 items", "10 of them, silently",
     [upload(name=f"{i}.png") for i in range(12)]
     + [insert({"title": "a", "gallery": {"$attach": list(range(1, 13))}}, "posts"),
        find({"with": {"gallery": {"select": ["id"]}}, "select": ["id"]}, "posts")]),
    ("`limit` within `with`", "taken",
     [upload(), upload(PDF, "b.pdf"), insert({"title": "a", "gallery": {"$attach": [1, 2]}}, "posts"),
      find({"with": {"gallery": {"limit": 1, "select": ["id"]}}, "select": ["id"]}, "posts")]),
    ("`where: {\"gallery.mime_type\": ...}`", "`Invalid where field(s)` for media",
     [upload(), insert({"title": "a", "gallery": {"$attach": [1]}}, "posts"),
      find({"where": {"gallery.mime_type": "image/png"}, "select": ["id"]}, "posts")]),
    ("`join: [\"cover\"]`", "INNER JOIN", RECORDS + [find({"join": ["cover"]}, "posts")]),
    ("`count(where)`", "`{count}`", RECORDS + [["count", "posts", {"where": {"n": {"$gt": 0}}}]]),
    ("`exists(where)`", "`{exists}`", RECORDS + [["exists", "posts", {"where": {"n": 4}}]]),
    ("`findManyByReference(...)`", "only for some relations", RECORDS + [["findManyByReference", "posts", 1, "gallery"]]),
    ("`findOne` that finds none", "undefined", RECORDS + [["findOne", "posts", {"where": {"title": "no"}}]]),
    ("`offset`", "skips", RECORDS + [find({"offset": 1, "limit": 1, "select": ["id"]}, "posts")]),
    ("`sort` by an unknown field", "`Invalid sort field \"zz\"`", RECORDS + [find({"sort": {"by": "zz"}}, "posts")]),
    ("`sort` by several fields", "a single one only",
     RECORDS + [find({"sort": ["-b", {"title": "desc"}], "select": ["id"]}, "posts")]),
    ("`orderBy: \"extra.a.b\"`", "`Invalid sort field`", RECORDS + [find({"orderBy": "-extra.a.b", "select": ["id"]}, "posts")]),
    ("pages", "by `offset` only", RECORDS + [find({"cursor": "x", "limit": 1}, "posts")]),
    ("`count` of a result", "always, by a statement of its own", RECORDS + [find({"limit": 1, "count": True, "select": ["id"]}, "posts")]),
    ("`with: { cover: {} }`", "the way to say it", RECORDS + [find({"with": {"cover": {}}, "select": ["id"], "limit": 1}, "posts")]),
    ("without `with`", "virtual fields are absent", LINKED + [find({"select": ["id"]}, "posts")]),
    ("`with` of three fields at once", "works, 10 of each list", LINKED + [
        find({"with": {"cover": {"select": ["id"]}, "gallery": {"select": ["id"]}}, "select": ["id"]}, "posts")]),
    ("`explain`", "n/a", RECORDS + [["explain", "posts", {"where": {"s": "apples"}}]]),
])

def gallery(query=None):
    return find({"with": {"gallery": {"select": ["id"], **(query or {})}}, "select": ["id"]}, "posts")


SEED = ("Media, construct by construct of the page", POSTS, [
    ("`insertOne({cover: {$create: {file}}})`", "`$create is not allowed`",
     [insert({"title": "a", "cover": {"$create": {"file": PNG, "name": "a.png"}}}, "posts"),
      find({"with": {"cover": {"select": ["id", "name", "mime_type"]}}, "select": ["id"]}, "posts")]),
    ("`updateOne(1, {cover: {$set: {id}}})`", "`$set is not allowed`",
     LINKED + [update({"cover": {"$set": {"id": 3}}}, "posts")]),
    ("`{cover: {$set: null}}`", "not allowed", LINKED + [update({"cover": {"$set": None}}, "posts")]),
    ("`{images: {$create: [{file}, ..]}}`", "`$create is not allowed`",
     [insert({"title": "a", "gallery": {"$create": [{"file": PNG}, {"file": PDF}]}}, "posts"), gallery()]),
    ("`{images: {$attach: [1, 2]}}`", "`$attach is not allowed`",
     LINKED + [insert({"slug": "p", "images": {"$attach": [1, {"id": 2}]}}, "pages")]),
    ("`$attach` of what is there already", "not allowed", LINKED + [update({"gallery": {"$attach": [1]}}, "posts")]),
    ("`$attach` at a place", "no order", LINKED + [update({"gallery": {"$attach": {"id": 3, "at": "first"}}}, "posts"), gallery()]),
    ("`$attach` of a media that is not there", "not allowed", LINKED + [update({"gallery": {"$attach": [99]}}, "posts")]),
    ("`{images: {$detach: [3]}}`", "`$detach is not allowed`", LINKED + [update({"gallery": {"$detach": [3]}}, "posts")]),
    ("`$detach` of what is not there", "not allowed",
     LINKED + [update({"cover": {"$set": None}, "gallery": {"$set": [1]}}, "posts"), update({"gallery": {"$detach": [3]}}, "posts")]),
    ("`{images: {$set: [3, 1]}}`", "`$set is not allowed`", LINKED + [update({"gallery": {"$set": [3, 1]}}, "posts"), gallery()]),
    ("`{images: [1, 2]}`", "`Invalid operation \"0\" for relation \"images\"`", LINKED + [update({"gallery": [1, 2]}, "posts")]),
    ("`{images: {$bogus: 1}}`", "`Invalid operation \"$bogus\"`", LINKED + [update({"gallery": {"$bogus": 1}}, "posts")]),
    ("`$attach` on a single media", "not allowed", LINKED + [update({"cover": {"$attach": [2]}}, "posts")]),
    ("several operators in one object", "only the first is looked at",
     LINKED + [update({"gallery": {"$detach": [1], "$attach": {"id": 1, "at": "last"}}}, "posts"), gallery()]),
    ("the same media in two galleries", "moves there: the first gallery loses it",
     LINKED + [insert({"slug": "p", "images": {"$attach": [1]}}, "pages"), gallery()]),
    ("`with: {images: {orderBy: {created_at: \"desc\"}}}`", "`orderBy` is ignored, media have no `created_at`",
     LINKED + [gallery({"orderBy": {"id": "desc"}})]),
    ("`documents: {where: {mime_type: {$startsWith: \"application/\"}}}`", "`Invalid key(s)`",
     LINKED + [gallery({"where": {"mime_type": {"$startsWith": "application/"}}})]),
    ("`repository(\"media\").findOne({where, with: {reference: true}})`", "`WITH: \"reference\" is not a relation`",
     LINKED + [find({"where": {"id": 1}, "with": {"reference": True}, "select": ["id"]}, "media")]),
    ("`media.upload(file)`", "`upload is not a function`", [upload()]),
    ("`max_items`, one too many", "only looked at by the HTTP upload, and not with integer ids",
     [apply(entity("shelf", gallery=["media", {"max_items": 1}]), allow_destructive=True), upload(), upload(),
      insert({"gallery": {"$attach": [1, 2]}}, "shelf")]),
    ("`min_items`", "never looked at",
     [apply(entity("shelf", gallery=["media", {"min_items": 1}]), allow_destructive=True), insert({}, "shelf")]),
    ("`mime_types`", "never looked at on the server",
     [apply(entity("shelf", gallery=["media", {"mime_types": ["image/*"]}]), allow_destructive=True),
      upload(PDF, "a.pdf"), insert({"gallery": {"$attach": [1]}}, "shelf")]),
    ("a name that leads out of the folder", "the file is written there", [upload(name="../evil.png")]),
    ("text that says it is a picture", "trusted: width and height are read from it",
     [["media.upload", b"no picture" * 40, {"name": "a.png", "type": "image/png"}]]),
    ("the same bytes again", "another file, or the one of that name is overwritten",
     [upload(), upload(name="b.png"), ["findMany", "media", {"select": ["id", "name", "blob"]}]]),
    ("deleting an owner", "its files are deleted too, some time later",
     LINKED + [["deleteOne", "posts", 1], ["count", "media", {}]]),
    ("deleting a media that is linked", "the row goes, the file stays", LINKED + [["deleteOne", "media", 1]]),
    ("the same with `detach: true`", "n/a", LINKED + [["deleteOne", "media", 1, {"detach": True}], gallery()]),
    ("bytes of which one does not exist", "404, cached for a year", [["blob.read", "xxh3-128:" + "ab" * 16, 0, 10]]),
    ("`$create` for two fields in one `updateOne`", "`$create is not allowed`",
     [insert({"title": "a"}, "posts"),
      update({"cover": {"$create": {"file": PNG}}, "gallery": {"$create": [{"file": PDF}]}}, "posts")]),
    ("`{images: {}}`", "`Invalid operation \"undefined\"`", LINKED + [update({"gallery": {}}, "posts")]),
    ("`{images: null}`", "`Invalid value for relation \"images\" given`", LINKED + [update({"gallery": None}, "posts")]),
    ("two media for a `medium()`", "not allowed", [insert({"title": "a", "cover": {"$create": [{"file": PNG}, {"file": PDF}]}}, "posts")]),
    ("an upload without a name", "16 random letters", [["media.upload", PNG, {}], find({"select": ["id", "name"]}, "media")]),
    ("a file of no bytes", "accepted", [["media.upload", b"", {"name": "empty"}], find({"select": ["size", "mime_type"]}, "media")]),
    ("a part of a file beyond its end", "416, where part of it is there", [
        ["media.upload", b"0123456789", {"name": "a"}], ["blob.read", "xxh3-128:e353667619ec664b49655fc9692165fb", 5, 100]]),
    ("`path`, `etag`, `modified_at`", "fields of the row", [upload(), find({"select": ["id", "path"]}, "media")]),
    ("`reference`, `entity_id`", "the one owner of the media", LINKED + [find({"select": ["id", "reference", "entity_id"]}, "media")]),
    ("`meta` of one link", "n/a", LINKED + [update({"gallery": {"$attach": {"id": 2, "meta": {"alt": "x"}}}}, "posts"),
                                          gallery({"select": ["id", "$link"], "where": {"id": 2}})]),
    ("`deleteWhere` of owners", "their media are orphaned", LINKED + [
        ["deleteWhere", "posts", {"id": 1}], find({"with": {"reference": True}, "select": ["id"], "limit": 1}, "media")]),
    ("`on_delete: \"restrict\"` of a media field", "n/a",
     [apply(entity("shelf", gallery=["media", {"on_delete": "restrict"}]), allow_destructive=True), upload(),
      insert({"gallery": {"$attach": [1]}}, "shelf"), ["deleteOne", "shelf", 1]]),
    ("a longer list, page by page", "by `offset` only",
     LINKED + [find({"with": {"gallery": {"limit": 1, "cursor": "x"}}}, "posts")]),
])

def related(kind, source, target, **config):
    return {"type": kind, "source": source, "target": target, "config": config}


BLOG = {
    "entities": {name: {"fields": {field: {"type": "text"}}} for name, field in
                 [("users", "name"), ("settings", "theme"), ("posts", "title"), ("tags", "label")]},
    "relations": {"n1_posts_users_author": related("n:1", "posts", "users", mappedBy="author"),
                  "11_users_settings": related("1:1", "users", "settings", sourceCardinality=1),
                  "mn_posts_tags": related("m:n", "posts", "tags")},
    "indices": {},
}
PEOPLE = [insert({"name": "Ann"}, "users"), insert({"name": "Bob"}, "users"), insert({"theme": "dark"}, "settings"),
          insert({"label": "x"}, "tags"), insert({"label": "y"}, "tags")]


def posts(query):
    return find({"select": ["id", "title"], **query}, "posts")


RELATIONS = ("Relations between entities", BLOG, [
    ("n:1, `{author_id: 1}`", "works", PEOPLE + [insert({"title": "a", "author_id": 1}, "posts")]),
    ("n:1, `{author: {$set: {id: 1}}}`", "works", PEOPLE + [insert({"title": "a", "author": {"$set": {"id": 1}}}, "posts")]),
    ("n:1, `{author: {$set: {bogus: 1}}}`", "works: the first key is taken, whatever its name",
     PEOPLE + [insert({"title": "a", "author": {"$set": {"bogus": 1}}}, "posts")]),
    ("n:1 to no record", "`Cannot connect \"posts.author\" to \"users.id\" = \"99\": not found.`",
     PEOPLE + [insert({"title": "a", "author_id": 99}, "posts")]),
    ("n:1, `$create`", "`$create is not allowed`",
     PEOPLE + [insert({"title": "a", "author": {"$create": {"name": "Cid"}}}, "posts")]),
    ("n:1 from the target, `{posts: {$attach: [1]}}`", "not allowed; `$set`: `no such column: posts_id`",
     PEOPLE + [insert({"title": "a"}, "posts"), update({"posts": {"$attach": [1]}}, "users")]),
    ("`with` of n:1 with `mappedBy`", "`no such column: users.id`",
     PEOPLE + [insert({"title": "a", "author_id": 1}, "posts"), posts({"with": {"author": {"select": ["name"]}}})]),
    ("`with` from the target", "works", PEOPLE + [
        insert({"title": "a", "author_id": 1}, "posts"),
        find({"where": {"id": 1}, "select": ["id"], "with": {"posts": {"select": ["title"]}}}, "users")]),
    ("`where: {\"author.name\": ...}`", "`no such column: author.id` with `mappedBy`",
     PEOPLE + [insert({"title": "a", "author_id": 1}, "posts"), posts({"where": {"author.name": "Ann"}})]),
    ("1:1, two users with one settings", "accepted: no unique index is made",
     PEOPLE + [update({"settings_id": 1}, "users", 1), update({"settings_id": 1}, "users", 2)]),
    ("m:n, `$attach`", "not allowed", PEOPLE + [insert({"title": "a", "tags": {"$attach": [2, 1]}}, "posts")]),
    ("m:n, read", "through the connection's entity", PEOPLE + [
        insert({"title": "a", "tags": {"$attach": [2, 1]}}, "posts"), posts({"with": {"tags": {"select": ["label"]}}})]),
    ("m:n, read from the other side", "through the connection's entity", PEOPLE + [
        insert({"title": "a", "tags": {"$attach": [2, 1]}}, "posts"),
        find({"where": {"id": 1}, "select": ["id"], "with": {"posts": {"select": ["title"]}}}, "tags")]),
    ("m:n, the same pair twice", "accepted, and read twice", PEOPLE + [
        insert({"title": "a", "tags": {"$attach": [1]}}, "posts"), update({"tags": {"$attach": [1]}}, "posts")]),
    ("m:n, fields of the connection", "`e.toJSON is not a function`", PEOPLE + [
        insert({"title": "a", "tags": {"$attach": {"id": 1, "meta": {"weight": 2}}}}, "posts"),
        posts({"with": {"tags": {"select": ["label", "$link"]}}})]),
    ("deleting what is referred to", "the reference becomes null, also a required one",
     PEOPLE + [insert({"title": "a", "author_id": 1}, "posts"), ["deleteOne", "users", 1],
               find({"select": ["id", "author_id"]}, "posts")]),
    ("n:1, `{author_id: null}`", "works, where it is not required", PEOPLE + [
        insert({"title": "a", "author_id": 1}, "posts"), update({"author_id": None}, "posts")]),
    ("n:1, `{author: {$set: null}}`", "`{id: null}` works", PEOPLE + [
        insert({"title": "a", "author_id": 1}, "posts"), update({"author": {"$set": None}}, "posts")]),
    ("n:1, `$attach` and `$detach`", "not allowed", PEOPLE + [insert({"title": "a", "author": {"$attach": [1]}}, "posts")]),
    ("n:1, `{author: 1}`", "`Invalid value for relation field \"author\" given, expected object.`",
     PEOPLE + [insert({"title": "a", "author": 1}, "posts")]),
    ("n:1 from the target, `$create`", "not allowed", PEOPLE + [update({"posts": {"$create": [{"title": "a"}]}}, "users")]),
    ("n:1, a required one left out", "`Field \"author_id\" is required`", [
        apply({**BLOG, "relations": {"r": related("n:1", "posts", "users", mappedBy="author", required=True)}},
              allow_destructive=True), insert({"title": "a"}, "posts")]),
    ("n:1 twice under one name", "`Relation \"...\" already exists`", [
        apply({**BLOG, "relations": {name: related("n:1", "posts", "users", mappedBy="author") for name in ("a", "b")}},
              allow_destructive=True)]),
    ("n:1 to itself", "n/a", [
        apply({**BLOG, "relations": {"r": related("n:1", "tags", "tags", mappedBy="parent", inversedBy="children")}},
              allow_destructive=True), insert({"label": "x"}, "tags"), insert({"label": "y", "parent_id": 1}, "tags"),
        find({"where": {"id": 1}, "select": ["label"], "with": {"children": {"select": ["label"]}}}, "tags")]),
    ("1:1, `$set`", "`$set is not allowed`", PEOPLE + [update({"settings": {"$set": 1}}, "users")]),
    ("1:1, `$create`", "works, in two steps: the parent failing leaves an orphan", PEOPLE + [
        insert({"name": "Cid", "settings": {"$create": {"theme": "light"}}}, "users")]),
    ("1:1 from the target", "not allowed", PEOPLE + [update({"users": {"$set": 2}}, "settings")]),
    ("m:n, `$set`", "not allowed", PEOPLE + [
        insert({"title": "a", "tags": {"$attach": [1]}}, "posts"), update({"tags": {"$set": [2]}}, "posts")]),
    ("m:n, `$detach`", "not allowed", PEOPLE + [
        insert({"title": "a", "tags": {"$attach": [1, 2]}}, "posts"), update({"tags": {"$detach": [1]}}, "posts")]),
    ("m:n, `$create`", "not allowed", PEOPLE + [insert({"title": "a", "tags": {"$create": {"label": "z"}}}, "posts")]),
    ("m:n from the other side", "not allowed", PEOPLE + [insert({"title": "a"}, "posts"), update({"posts": {"$attach": [1]}}, "tags")]),
    ("`on_delete: \"cascade\"`", "always `set null`", [
        apply({**BLOG, "relations": {"r": related("n:1", "posts", "users", mappedBy="author", on_delete="cascade")}},
              allow_destructive=True), insert({"name": "Ann"}, "users"), insert({"title": "a", "author_id": 1}, "posts"),
        ["deleteOne", "users", 1, {"dry_run": True}]]),
    ("deleting a record of m:n", "leaves rows that are half null", PEOPLE + [
        insert({"title": "a", "tags": {"$attach": [1, 2]}}, "posts"), ["deleteOne", "tags", 1],
        posts({"with": {"tags": {"select": ["label"]}}})]),
])


SECTIONS = [SCHEMA, RELATIONS, MUTATOR, REPOSITORY, WHERE, SEED]
