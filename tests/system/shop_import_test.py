#!/usr/bin/env python3
"""A real shop with real pictures, brought in over the socket, read back byte for byte, killed, started again, verified
from inside and from outside. Its data lie beside the source tree; where they are not, there is nothing to test."""
import collections
import hashlib
import json
import os
import pathlib
import signal
import sys
import unittest

import proof
import rpc

SOURCE = pathlib.Path(os.environ.get("EMSTORE_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
SHOP = SOURCE.parent / "shared" / "data" / "shop"


def field(kind, **config):
    return {"type": kind, "config": config}


def poly(source, name, **config):
    return {"type": "poly", "source": source, "target": "media", "config": {"mappedBy": name, **config}}


def schema():
    slug = field("text", required=True)
    return {
        "entities": {
            "products": {"fields": {"slug": slug, "name": field("text", required=True), "description": field("text"),
                                    "category": field("text"), "price": field("number", minimum=0),
                                    "gallery": field("media", mime_types=["image/*"])}},
            "categories": {"fields": {"slug": slug, "name": field("text"), "parent": field("text"),
                                      "background": field("media", max_items=1)}},
            "collections": {"fields": {"slug": slug, "name": field("text"), "description": field("text"),
                                       "products": field("json"), "background": field("media", max_items=1),
                                       "gallery": field("media")}},
            "pages": {"fields": {"slug": slug, "title": field("text"), "content": field("text")}},
            "media": {"type": "system", "fields": {"alt": field("text")}}},
        "relations": {"a": poly("products", "gallery"), "b": poly("categories", "background", targetCardinality=1),
                      "c": poly("collections", "background", targetCardinality=1),
                      "d": poly("collections", "gallery")},
        "indices": {name: {"entity": name, "fields": ["slug"], "unique": True}
                    for name in ("products", "categories", "collections", "pages")}}


def plain(record, *media):
    """What a record has beside its media, without what is nothing."""
    return {name: value for name, value in record.items() if name not in media and value is not None}


class ShopImport(unittest.TestCase):
    FIELDS = {"products": ["gallery"], "categories": ["background"], "collections": ["gallery", "background"], "pages": []}

    def setUp(self):
        self.catalog = json.loads((SHOP / "catalog.json").read_text())
        self.pictures = {path.name: path.read_bytes() for path in sorted((SHOP / "media").iterdir())}
        self.daemon = proof.daemon(self.addCleanup)
        # A collection shows the first picture of each of its products: pictures that are shared.
        first = {item["slug"]: item["media"][0] for item in self.catalog["products"]}
        for item in self.catalog["collections"]:
            item["media"] = [first[slug] for slug in item["products"]]

    def bring_in(self, wire):
        wire.call("schema.apply", schema())
        media = {}
        for name, data in self.pictures.items():
            content = data if len(data) <= 65536 else {"blob": wire.upload(data)}
            media[name] = wire.call("media.upload", content, {"name": name}, {"key": f"picture {name}"})["id"]
        for kind in ("products", "categories", "collections", "pages"):
            for item in self.catalog[kind]:
                document = plain(item, "media", "background")
                if item.get("media"):
                    document["gallery"] = {"$attach": [{"id": media[picture["file"]], "meta": {"alt": picture["alt"]}}
                                                       for picture in item["media"]]}
                if item.get("background"):
                    document["background"] = {"$set": {"id": media[item["background"]]}}
                wire.call("insertOne", kind, document, {"key": f"{kind} {item['slug']}"})

    def picture(self, wire, medium):
        data = b""
        while len(data) < medium["size"]:
            data += wire.call("blob.read", medium["blob"], len(data), 1 << 20)["bytes"]
        return data

    def compare(self, wire):
        """Every record and every picture against the catalogue; how often each picture is used."""
        used = collections.Counter()
        for kind in ("products", "categories", "collections", "pages"):
            fields = self.FIELDS[kind]
            found = wire.call("findMany", kind, {"with": fields})["data"]
            by_slug = {record["slug"]: record for record in found}
            self.assertEqual(len(found), len(self.catalog[kind]))
            for item in self.catalog[kind]:
                record = by_slug[item["slug"]]
                for name, value in plain(item, "media", "background").items():
                    self.assertEqual(record[name], value, (kind, item["slug"], name))
                media = [record["gallery"] if "gallery" in fields else [], [record.get("background")]]
                found_names = [medium["name"] for medium in sum(media, []) if medium]
                wanted = [picture["file"] for picture in item.get("media", [])] + [item.get("background")]
                self.assertEqual(found_names, [name for name in wanted if name])
                used.update(found_names)
        return used

    def compare_pictures(self, wire):
        found = wire.call("findMany", "media", {"orderBy": {"id": "asc"}})["data"]
        self.assertEqual([medium["name"] for medium in found], list(self.pictures))
        for medium in found:
            data = self.pictures[medium["name"]]
            self.assertEqual(medium["sha256"], hashlib.sha256(data).hexdigest(), medium["name"])
            self.assertEqual(self.picture(wire, medium), data, medium["name"])

    def compare_uses(self, wire, used):
        for name, count in used.items():
            found = wire.call("findOne", "media", {"where": {"name": name}, "with": {"reference": True}})["data"]
            self.assertEqual(len(found["reference"]), count, name)

    def test_a_shop_comes_back_as_it_was(self):
        with self.daemon.connect() as wire:
            self.bring_in(wire)
            used = self.compare(wire)
            self.compare_pictures(wire)
            before = wire.call("status")["sequence"]
        self.assertEqual(len(self.catalog["products"]), 32)
        self.assertEqual(len({picture["file"] for item in self.catalog["products"] for picture in item["media"]}), 48)
        self.assertGreater(max(used.values()), 1, "one picture is shared by several")

        self.daemon.end(by=signal.SIGKILL)
        _, report, state = proof.check(self.daemon)
        self.assertEqual((report.differences, state.sequence), ([], before))
        self.daemon.start()
        with self.daemon.connect() as wire:
            self.assertEqual(self.compare(wire), used)
            self.compare_pictures(wire)
            self.compare_uses(wire, used)
            verified = wire.verify()
            self.assertTrue(verified["equal"], verified)
            self.bring_in_again(wire, before)
        print(f"shop: {len(self.catalog['products'])} products, {len(self.pictures)} pictures, "
              f"{sum(map(len, self.pictures.values()))} bytes, the most used one {max(used.values())} times, {before} commits")

    def bring_in_again(self, wire, before):
        """With the same keys: every answer comes from the log, nothing happens."""
        self.bring_in(wire)
        self.assertEqual(wire.call("status")["sequence"], before)


if __name__ == "__main__":
    if not SHOP.is_dir():
        print("shop data is not here")
        sys.exit(0)
    unittest.main()
