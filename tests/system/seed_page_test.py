#!/usr/bin/env python3
"""Every form of the page "Entity-Media Relationships", sent as raw MessagePack the way a naive client sends it:
names as on the page, nothing resolved before. What a form did is seen through other reads."""
import unittest

import rpc


# ---- What `schema.toJSON()` gives for the page's schemas.

def primary():
    return {"type": "primary", "config": {"format": "integer", "fillable": False, "required": False}}


def text(**config):
    return {"type": "text", "config": {"required": False, **config}}


def number():
    return {"type": "number", "config": {"required": False}}


def media(entity, **config):
    return {"type": "media", "config": {**config, "entity": entity, "required": False, "fillable": ["update"],
                                        "virtual": True, "mime_types": []}}


def medium(entity):
    return media(entity, max_items=1)


def entity(kind, fields):
    return {"type": kind, "fields": {"id": primary(), **fields}, "config": {"sort_field": "id", "sort_dir": "asc"}}


def hidden():
    return {"type": "text", "config": {"hidden": True, "fillable": ["create"], "required": False}}


def poly(name, field, one):
    return {"type": "poly", "source": name, "target": "media",
            "config": {"mappedBy": field, **({"targetCardinality": 1} if one else {})}}


def to_json(entities):
    relations = {}
    for name, fields in entities.items():
        for field, description in fields.items():
            if description["type"] == "media":
                one = description["config"].get("max_items") == 1
                relations[f"poly_{name}_media_{field}"] = poly(name, field, one)
    return {
        "entities": {name: entity("regular", fields) for name, fields in entities.items()}
        | {"media": entity("system", {"reference": hidden(), "entity_id": hidden()} if relations else {})},
        "relations": relations,
        "indices": {},
    }


ONE_TO_ONE = to_json({"posts": {"title": text(required=True), "content": text(), "cover": medium("posts")}})
ONE_TO_MANY = to_json({"products": {"name": text(required=True), "description": text(), "images": media("products")}})
SHARED = to_json({
    "posts": {"title": text(required=True), "images": media("posts")},
    "pages": {"slug": text(required=True), "content": text(), "images": media("pages")},
})
SHOP = to_json({"products": {
    "name": text(required=True), "description": text(), "price": number(), "thumbnail": medium("products"),
    "gallery": media("products"), "documents": media("products"),
}})
# "Relation Operations" changes a cover and a gallery of one post.
BOTH = to_json({"posts": {"title": text(required=True), "content": text(), "cover": medium("posts"),
                          "images": media("posts")}})


def png(name):
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + name.encode()


def pdf(name):
    return b"%PDF-1.4\n% " + name.encode() + b"\n%%EOF\n"


class Page(unittest.TestCase):
    SCHEMA = None

    def setUp(self):
        self.daemon = rpc.Daemon()
        self.addCleanup(lambda: self.assertEqual(self.daemon.stop(), 0))
        self.wire = self.daemon.connect()
        self.addCleanup(self.wire.close)
        if self.SCHEMA:
            self.assertTrue(self.call("schema.apply", self.SCHEMA)["changed"])

    def call(self, method, *params):
        return self.wire.call(method, *params)

    def upload(self, name):
        return self.call("media.upload", png(name), {"name": name})["id"]

    def find(self, entity, record, *fields):
        """The record as another client sees it, with those fields."""
        with self.daemon.connect() as other:
            return other.call("findId", entity, record, {"with": list(fields)})["data"]

    def ids(self, entity, record, field):
        return [medium["id"] for medium in self.find(entity, record, field)[field]]

    def uses(self, medium):
        with self.daemon.connect() as other:
            found = other.call("findOne", "media", {"where": {"id": medium}, "with": {"reference": True}})["data"]
        return [(use["entity"], use["field"], use["entity_id"]) for use in found["reference"]]

    def bytes_of(self, medium):
        found = self.call("findId", "media", medium)["data"]
        return self.call("blob.read", found["blob"], 0, 65536)["bytes"]

    def refused(self, code, method, *params):
        with self.assertRaises(rpc.Refused) as caught:
            self.call(method, *params)
        self.assertEqual(caught.exception.code, code, caught.exception)
        return caught.exception


class OneToOne(Page):
    SCHEMA = ONE_TO_ONE

    def create(self):
        return self.call("insertOne", "posts", {
            "title": "My Post", "content": "...", "cover": {"$create": {"file": png("cover")}}})

    def test_a_post_is_created_with_its_cover(self):
        post = self.create()
        seen = self.find("posts", post["id"], "cover")
        self.assertEqual((seen["title"], seen["content"]), ("My Post", "..."))
        self.assertEqual(seen["cover"]["mime_type"], "image/png")
        self.assertEqual(self.bytes_of(seen["cover"]["id"]), png("cover"))
        self.assertEqual(self.uses(seen["cover"]["id"]), [("posts", "cover", post["id"])])
        # The record that was made, under both names that clients look for.
        self.assertEqual((post["data"]["title"], post["data"]["id"]), ("My Post", post["id"]))

    def test_the_cover_is_replaced_and_the_one_before_stays_as_a_medium(self):
        post = self.create()["id"]
        before = self.find("posts", post, "cover")["cover"]["id"]
        medium = self.upload("other.png")
        self.call("updateOne", "posts", 1, {"cover": {"$set": {"id": medium}}})
        self.assertEqual(self.find("posts", 1, "cover")["cover"]["id"], medium)
        self.assertEqual(self.uses(medium), [("posts", "cover", 1)])
        self.assertEqual(self.uses(before), [])
        self.assertEqual(self.bytes_of(before), png("cover"))

    def test_set_takes_a_map_an_id_and_nothing(self):
        post = self.call("insertOne", "posts", {"title": "t"})["id"]
        first, second = self.upload("1.png"), self.upload("2.png")
        for form, expected in ((first, first), ({"id": second}, second), (None, None), ({"id": first}, first),
                               ({"id": None}, None)):
            with self.subTest(form=form):
                self.call("updateOne", "posts", post, {"cover": {"$set": form}})
                cover = self.find("posts", post, "cover")["cover"]
                self.assertEqual(cover and cover["id"], expected)

    def test_a_second_create_replaces_the_first(self):
        post = self.create()["id"]
        self.call("updateOne", "posts", post, {"cover": {"$create": [{"file": png("second")}]}})
        self.assertEqual(self.bytes_of(self.find("posts", post, "cover")["cover"]["id"]), png("second"))
        self.assertEqual(self.call("count", "media")["count"], 2)

    def test_a_post_is_found_with_its_cover_in_every_equal_form(self):
        self.create()
        self.call("insertOne", "posts", {"title": "bare"})
        expected = self.call("findOne", "posts", {"where": {"id": 1}, "with": {"cover": True}})["data"]
        self.assertEqual(expected["cover"]["mime_type"], "image/png")
        for form in ({"cover": {}}, ["cover"], "cover"):
            with self.subTest(form=form):
                self.assertEqual(self.call("findOne", "posts", {"where": {"id": 1}, "with": form})["data"], expected)
        self.assertEqual(self.call("findOne", "posts", {"where": {"id": {"$eq": 1}}, "with": {"cover": True}})["data"],
                         expected)
        self.assertIsNone(self.find("posts", 2, "cover")["cover"])

    def test_without_with_the_cover_is_not_given(self):
        self.create()
        self.assertNotIn("cover", self.call("findOne", "posts", {"where": {"id": 1}})["data"])
        self.assertNotIn("cover", self.call("findOne", "posts", {"where": {"id": 1}, "with": {"cover": False}})["data"])


class OneToMany(Page):
    SCHEMA = ONE_TO_MANY

    def setUp(self):
        super().setUp()
        self.product = self.call("insertOne", "products", {
            "name": "Awesome Product", "description": "...",
            "images": {"$create": [{"file": png("1")}, {"file": png("2")}, {"file": png("3")}]}})
        self.first = self.ids("products", 1, "images")

    def test_a_product_is_created_with_its_images_in_order(self):
        self.assertEqual(self.product["id"], 1)
        self.assertEqual([self.bytes_of(medium) for medium in self.first], [png("1"), png("2"), png("3")])
        self.assertEqual(self.product["changes"]["images"]["added"], self.first)
        with self.daemon.connect() as other:
            commits = other.call("log.read", {"from": self.product["sequence"]})["commits"]
        self.assertEqual(len(commits), 1)  # The record, its media and its links, all or nothing.

    def test_create_takes_a_single_one_as_well(self):
        self.call("updateOne", "products", 1, {"images": {"$create": {"file": png("4")}}})
        gallery = self.ids("products", 1, "images")
        self.assertEqual(gallery[:3], self.first)
        self.assertEqual(self.bytes_of(gallery[3]), png("4"))

    def test_images_are_attached_behind_those_there(self):
        one, two = self.upload("one.png"), self.upload("two.png")
        self.call("updateOne", "products", 1, {"images": {"$attach": [two, one]}})
        self.assertEqual(self.ids("products", 1, "images"), [*self.first, two, one])
        self.assertEqual(self.uses(two), [("products", "images", 1)])

    def test_attaching_again_changes_nothing_and_says_so(self):
        before = self.call("ping")["sequence"]
        again = self.call("updateOne", "products", 1, {"images": {"$attach": [self.first[0]]}})
        self.assertEqual(again["changes"]["images"]["already"], [self.first[0]])
        self.assertEqual(self.ids("products", 1, "images"), self.first)
        self.assertEqual(self.call("ping")["sequence"], before)

    def test_a_detached_image_stays_as_a_medium(self):
        gone = self.first[2]
        self.call("updateOne", "products", 1, {"images": {"$detach": [gone]}})
        self.assertEqual(self.ids("products", 1, "images"), self.first[:2])
        self.assertEqual(self.bytes_of(gone), png("3"))
        self.assertEqual(self.uses(gone), [])
        again = self.call("updateOne", "products", 1, {"images": {"$detach": [gone]}})
        self.assertEqual(again["changes"]["images"]["missing"], [gone])

    def test_set_replaces_all_in_the_order_given(self):
        fourth = self.upload("4.png")
        self.call("updateOne", "products", 1, {"images": {"$set": [fourth, self.first[0]]}})
        self.assertEqual(self.ids("products", 1, "images"), [fourth, self.first[0]])
        self.assertEqual(self.uses(self.first[1]), [])
        self.call("updateOne", "products", 1, {"images": {"$set": []}})
        self.assertEqual(self.ids("products", 1, "images"), [])
        self.assertEqual(self.call("count", "media")["count"], 4)

    def test_ids_and_maps_of_ids_are_equal_forms(self):
        one, two = self.upload("one.png"), self.upload("two.png")
        for operator, ids, expected in (
                ("$attach", [one, two], [*self.first, one, two]), ("$detach", [one], [*self.first, two]),
                ("$set", [two, self.first[1]], [two, self.first[1]])):
            with self.subTest(operator=operator):
                self.call("updateOne", "products", 1, {"images": {operator: [{"id": medium} for medium in ids]}})
                self.assertEqual(self.ids("products", 1, "images"), expected)

    def test_several_operators_run_in_their_own_order(self):
        # $set, $detach, $attach, $create: however the map was written.
        one = self.upload("one.png")
        self.call("updateOne", "products", 1, {"images": {
            "$create": {"file": png("last")}, "$attach": [one], "$detach": [self.first[0]],
            "$set": [self.first[1], self.first[0]]}})
        gallery = self.ids("products", 1, "images")
        self.assertEqual(gallery[:2], [self.first[1], one])
        self.assertEqual([self.bytes_of(medium) for medium in gallery[2:]], [png("last")])

    def test_images_are_ordered_by_their_time(self):
        late = self.upload("late.png")
        self.call("updateOne", "products", 1, {"images": {"$set": [self.first[0], late, self.first[2]]}})
        wanted = [late, self.first[2], self.first[0]]  # One commit made the three: ties by id, as the key.
        found = self.call("findOne", "products", {
            "where": {"id": 1}, "with": {"images": {"orderBy": {"created_at": "desc"}}}})["data"]
        self.assertEqual([image["id"] for image in found["images"]], wanted)
        for form in ({"sort": "-created_at"}, {"orderBy": "-created_at"}, {"sort": {"created_at": "desc"}},
                     {"orderBy": {"by": "created_at", "dir": "desc"}}, {"orderBy": ["-created_at", "-id"]}):
            with self.subTest(form=form):
                again = self.call("findOne", "products", {"where": {"id": 1}, "with": {"images": form}})["data"]
                self.assertEqual(again, found)
        # The order of the gallery itself is not touched by a read.
        self.assertEqual(self.ids("products", 1, "images"), [self.first[0], late, self.first[2]])

    def test_an_attached_image_has_its_place_and_its_own_caption(self):
        one, two = self.upload("one.png"), self.upload("two.png")
        self.call("updateOne", "products", 1, {"images": {"$attach": [
            {"id": one, "at": "first", "meta": {"alt": "front"}}, {"id": two, "at": {"before": self.first[2]}}]}})
        self.assertEqual(self.ids("products", 1, "images"), [one, *self.first[:2], two, self.first[2]])
        use = self.call("findOne", "media", {"where": {"id": one}, "with": {"reference": True}})["data"]["reference"]
        self.assertEqual(use[0]["meta"], {"alt": "front"})


class ManyToMany(Page):
    SCHEMA = SHARED

    def test_a_medium_uploaded_once_is_shared_and_tracked_to_both(self):
        self.call("insertOne", "posts", {"title": "p"})
        self.call("insertOne", "pages", {"slug": "s", "content": "c"})
        medium = self.call("media.upload", png("shared"), {"name": "shared.png"})
        self.call("updateOne", "posts", 1, {"images": {"$attach": [medium["id"]]}})
        self.call("updateOne", "pages", 1, {"images": {"$attach": [medium["id"]]}})
        usage = self.call("findOne", "media", {"where": {"id": medium["id"]}, "with": {"reference": True}})["data"]
        self.assertEqual([(use["entity"], use["field"], use["entity_id"]) for use in usage["reference"]],
                         [("posts", "images", 1), ("pages", "images", 1)])
        self.assertEqual(sorted(usage["reference"][0]), ["entity", "entity_id", "field", "meta", "position"])
        for name in ("posts", "pages"):
            self.assertEqual(self.ids(name, 1, "images"), [medium["id"]])
        # The oldest link under the names that the page has for it, when asked for.
        oldest = self.call("findOne", "media", {"where": {"id": medium["id"]}, "select": ["reference", "entity_id"]})
        self.assertEqual((oldest["data"]["reference"], str(oldest["data"]["entity_id"])), ("posts.images", "1"))
        self.call("updateOne", "posts", 1, {"images": {"$detach": [medium["id"]]}})
        self.assertEqual(self.uses(medium["id"]), [("pages", "images", 1)])

    def test_the_reverse_look_up_takes_its_equal_forms(self):
        self.call("insertOne", "posts", {"title": "p", "images": {"$create": {"file": png("x")}}})
        expected = self.call("findOne", "media", {"where": {"id": 1}, "with": {"reference": True}})["data"]
        self.assertEqual(len(expected["reference"]), 1)
        for form in (["reference"], "reference", {"reference": {}}):
            with self.subTest(form=form):
                self.assertEqual(self.call("findOne", "media", {"where": {"id": 1}, "with": form})["data"], expected)


class Operations(Page):
    SCHEMA = BOTH

    def test_a_cover_and_a_gallery_are_created_in_one_commit(self):
        self.call("insertOne", "posts", {"title": "t"})
        before = self.call("ping")["sequence"]
        self.call("updateOne", "posts", 1, {
            "cover": {"$create": {"file": png("cover")}},
            "images": {"$create": [{"file": png("1")}, {"file": png("2")}]}})
        self.assertEqual(self.call("ping")["sequence"], before + 1)
        post = self.find("posts", 1, "cover", "images")
        self.assertEqual(self.bytes_of(post["cover"]["id"]), png("cover"))
        self.assertEqual([self.bytes_of(image["id"]) for image in post["images"]], [png("1"), png("2")])

    def test_when_one_field_is_refused_nothing_at_all_has_happened(self):
        self.call("insertOne", "posts", {"title": "t"})
        before = self.call("ping")["sequence"]
        error = self.refused("media_not_found", "updateOne", "posts", 1, {
            "title": "changed", "cover": {"$create": {"file": png("cover")}}, "images": {"$attach": [77, 78]}})
        self.assertEqual([violation[2] for violation in error.violations], ["images.$attach[0]", "images.$attach[1]"])
        self.assertEqual(self.call("ping")["sequence"], before)
        self.assertEqual(self.call("count", "media")["count"], 0)
        self.assertEqual(self.find("posts", 1, "cover", "images")["title"], "t")


class CompleteExample(Page):
    SCHEMA = SHOP

    def test_the_laptop_is_created_and_read_with_all_its_media(self):
        product = self.call("insertOne", "products", {
            "name": "Laptop", "description": "Powerful laptop", "price": 999,
            "thumbnail": {"$create": {"file": png("thumb")}},
            "gallery": {"$create": [{"file": png("1")}, {"file": png("2")}, {"file": png("3")}]},
            "documents": {"$create": [{"file": pdf("manual")}, {"file": b"twelve months, and no more\n"}]}})
        full = self.call("findOne", "products", {
            "where": {"id": product["id"]},
            "with": {"thumbnail": True, "gallery": {"orderBy": {"created_at": "desc"}},
                     "documents": {"where": {"mime_type": {"$startsWith": "application/"}}}}})["data"]
        self.assertEqual((full["name"], full["description"], full["price"]), ("Laptop", "Powerful laptop", 999))
        self.assertEqual(self.bytes_of(full["thumbnail"]["id"]), png("thumb"))
        gallery = self.ids("products", product["id"], "gallery")
        self.assertEqual([image["id"] for image in full["gallery"]], sorted(gallery, reverse=True))
        self.assertEqual([self.bytes_of(medium) for medium in gallery], [png("1"), png("2"), png("3")])
        # The where of the page leaves out the warranty, which is a text.
        self.assertEqual([self.bytes_of(document["id"]) for document in full["documents"]], [pdf("manual")])
        self.assertEqual([document["mime_type"] for document in self.find("products", 1, "documents")["documents"]],
                         ["application/pdf", "text/plain"])

    def test_a_large_file_is_named_by_its_address(self):
        film = bytes(range(256)) * 12_000
        address = self.wire.upload(film)
        self.call("insertOne", "products", {"name": "x", "gallery": {"$create": [
            {"file": {"blob": address}, "name": "film.bin"}, {"file": png("small")}]}})
        first = self.find("products", 1, "gallery")["gallery"][0]
        self.assertEqual((first["name"], first["size"], first["blob"]), ("film.bin", len(film), address))
        read = b"".join(self.call("blob.read", address, place, 1 << 20)["bytes"]
                        for place in range(0, len(film), 1 << 20))
        self.assertEqual(read, film)

    def test_a_query_takes_conditions_orders_and_pages_at_both_levels(self):
        for price in (3, 1, 2):
            self.call("insertOne", "products", {"name": f"p{price}", "price": price, "gallery": {
                "$create": [{"file": png(f"{price}{name}"), "name": f"{name}.png"} for name in "abc"]}})
        found = self.call("findMany", "products", {
            "where": {"$or": [{"price": {"$gte": 2}}, {"name": "nobody"}], "name": {"$startsWith": "p"}},
            "orderBy": {"price": "desc"}, "limit": 1, "select": ["name"],
            "with": {"gallery": {"where": {"name": {"$ne": "b.png"}}, "sort": "-name", "limit": 1,
                                 "select": ["name"]}}})
        self.assertEqual([(product["name"], [image["name"] for image in product["gallery"]])
                          for product in found["data"]], [("p3", ["c.png"])])
        self.assertTrue(found["meta"]["hasMore"])


class Schemas(Page):
    def test_each_schema_of_the_page_is_applied_once_and_again(self):
        for schema in (ONE_TO_ONE, BOTH, ONE_TO_MANY, SHARED, SHOP):
            with self.subTest(entities=list(schema["entities"])):
                self.call("schema.apply", schema, {"allow_destructive": True})
                before = self.call("ping")["sequence"]
                again = self.call("schema.apply", schema)
                self.assertEqual((again["changed"], again["difference"]), (False, []))
                self.assertEqual(self.call("ping")["sequence"], before)

    def test_what_schema_get_shows_can_be_applied(self):
        self.call("schema.apply", SHOP)
        shown = self.call("schema.get")["schema"]
        self.assertFalse(self.call("schema.apply", shown)["changed"])
        fields = shown["entities"]["products"]["fields"]
        self.assertEqual({"name", "description", "price", "thumbnail", "gallery", "documents"} - set(fields), set())


class Troubleshooting(Page):
    SCHEMA = BOTH

    def test_media_not_appearing_a_with_that_names_no_field_is_told(self):
        self.call("insertOne", "posts", {"title": "t", "cover": {"$create": {"file": png("c")}}})
        error = self.refused("unknown_relation", "findOne", "posts", {"where": {"id": 1}, "with": {"covr": True}})
        self.assertIn("cover", error.hint)
        # Asked for as a field, the error leads to `with`.
        error = self.refused("wrong_operation", "findOne", "posts", {"where": {"id": 1}, "select": ["cover"]})
        self.assertIn('with: {"cover": true}', error.hint)

    def test_relation_not_working_a_missing_or_wrong_mapping_is_refused(self):
        def schema(**changed):
            return {"entities": BOTH["entities"],
                    "relations": {name: changed.get(name, relation) for name, relation in BOTH["relations"].items()
                                  if changed.get(name, relation)}}
        error = self.refused("invalid_schema", "schema.apply", schema(poly_posts_media_cover=None))
        self.assertIn("cover", error.path + error.message)
        self.assertIn("mappedBy", error.message + error.hint)
        error = self.refused("invalid_schema", "schema.apply",
                             schema(poly_posts_media_cover=poly("posts", "covers", True)))
        self.assertIn("covers", error.message)
        self.assertIn('"cover"', " ".join([error.hint, *(v[3] for v in error.violations)]))
        self.assertFalse(self.call("schema.apply", BOTH)["changed"])  # Nothing of it has come in.

    def test_attach_and_detach_on_a_single_medium_name_set(self):
        medium = self.upload("m.png")
        self.call("insertOne", "posts", {"title": "t", "cover": {"$set": medium}})
        for operator, cure in (("$attach", '"$set"'), ("$detach", '{"$set": null}')):
            with self.subTest(operator=operator):
                error = self.refused("wrong_operation", "updateOne", "posts", 1, {"cover": {operator: [medium]}})
                self.assertEqual(error.path, f"cover.{operator}")
                self.assertIn(cure, error.hint)
        self.assertEqual(self.find("posts", 1, "cover")["cover"]["id"], medium)


if __name__ == "__main__":
    unittest.main()
