#!/usr/bin/env python3
"""Pages of the lists within `with`, and orders by ways into json: what is read page by page is what is read at once,
also while others write; and values of any kind come in the order that docs/protocol.md says, against Python's own."""
import os
import random
import unittest

import rpc

SEED = int(os.environ.get("EMSTORE_SEED", "20261122"))


def field(kind, **config):
    return {"type": kind, "config": config}


SCHEMA = {
    "entities": {
        "albums": {"fields": {"name": field("text"), "pictures": field("media"), "extra": field("json")}},
        "songs": {"fields": {"name": field("text"), "extra": field("json")}},
        "tags": {"fields": {"label": field("text")}},
        "media": {"type": "system", "fields": {"alt": field("text"), "rank": field("number")}}},
    "relations": {
        "pictures": {"type": "poly", "source": "albums", "target": "media", "config": {"mappedBy": "pictures"}},
        "album": {"type": "n:1", "source": "songs", "target": "albums", "config": {"mappedBy": "album"}},
        "tags": {"type": "m:n", "source": "albums", "target": "tags", "config": {}}}}


class Pages(unittest.TestCase):
    def setUp(self):
        self.daemon = rpc.Daemon()
        self.addCleanup(lambda: self.assertEqual(self.daemon.stop(), 0))
        self.wire = self.daemon.connect()
        self.addCleanup(self.wire.close)
        self.call = self.wire.call
        self.dice = random.Random(SEED)
        self.call("schema.apply", SCHEMA)

    def media(self, count):
        return [self.call("media.upload", b"%d" % i, {"name": f"{i}", "rank": self.dice.randrange(5)})["id"]
                for i in range(count)]

    def page(self, name, query, album=1, **options):
        record = self.call("findId", "albums", album, {"with": {name: query}, **options})["data"]
        return record[name], record.get("$more", {}).get(name)

    def pages(self, name, query, limit, between=lambda: None, **options):
        """All items of a list, page by page; `between` happens between two of them."""
        items, more = self.page(name, {**query, "limit": limit}, **options)
        while more is not None:
            between()
            self.assertLessEqual(len(items), 10_000)
            found, more = self.page(name, {**query, "limit": limit, "cursor": more}, **options)
            items = items + found
        return items

    def test_pages_make_the_whole_of_every_kind_of_list(self):
        media = self.media(23)
        self.call("insertOne", "albums", {"pictures": {"$set": self.dice.sample(media, 23)}})
        self.call("insertOne", "albums", {"pictures": {"$set": media}})
        for i in range(11):
            self.call("insertOne", "songs", {"name": f"{i % 4}", "album_id": 1 + (i == 5), "extra": {"n": i % 3}})
            self.call("insertOne", "tags", {"label": f"{i}"})
        self.call("updateOne", "albums", 1, {"tags": {"$set": self.dice.sample(range(1, 12), 11)}})
        for name, query in [
                ("pictures", {}), ("pictures", {"orderBy": "rank"}), ("pictures", {"orderBy": ["-rank", "name"]}),
                ("pictures", {"orderBy": "-id"}), ("pictures", {"where": {"rank": {"$gt": 1}}}),
                ("pictures", {"where": {"rank": {"$gt": 1}}, "orderBy": "-rank"}), ("pictures", {"select": ["id"]}),
                ("songs", {}), ("songs", {"orderBy": "name"}), ("songs", {"orderBy": "-extra.n"}), ("tags", {})]:
            whole, none = self.page(name, query)
            self.assertIsNone(none)
            for limit in (1, 2, len(whole) - 1, len(whole), len(whole) + 1):
                with self.subTest(name=name, query=query, limit=limit):
                    self.assertEqual(self.pages(name, query, limit), whole)

    def test_the_last_page_says_that_it_is_the_last(self):
        self.call("insertOne", "albums", {"pictures": {"$set": self.media(4)}})
        for limit, more in [(3, True), (4, False), (5, False)]:
            record = self.call("findOne", "albums", {"with": {"pictures": {"limit": limit}}})["data"]
            self.assertEqual("$more" in record, more, limit)
        self.assertNotIn("$more", self.call("findOne", "albums", {"with": "pictures"})["data"])
        # Two lists of one record, and lists of many records, each for itself.
        self.call("insertOne", "songs", {"album_id": 1})
        found = self.call("findMany", "albums", {"with": {"pictures": {"limit": 1}, "songs": {"limit": 1}}})["data"]
        self.assertEqual([list(record["$more"]) for record in found], [["pictures"]])

    def test_lists_within_lists_have_pages_too(self):
        self.call("insertOne", "albums", {"pictures": {"$set": self.media(3)}})
        self.call("insertOne", "songs", {"album_id": 1})
        inner = {"with": {"album": {"with": {"pictures": {"limit": 2}}}}}
        album = self.call("findOne", "songs", inner)["data"]["album"]
        inner["with"]["album"]["with"]["pictures"]["cursor"] = album["$more"]["pictures"]
        rest = self.call("findOne", "songs", inner)["data"]["album"]
        self.assertEqual([len(album["pictures"]), len(rest["pictures"]), "$more" in rest], [2, 1, False])

    def test_what_stays_in_its_place_comes_once_while_others_write(self):
        media = self.media(60)
        self.call("insertOne", "albums", {"pictures": {"$set": media[:40]}})
        stays, moves = media[:20], media[20:40]

        def disturb():
            for _ in range(3):
                some = self.dice.choice(moves + media[40:])
                at = self.dice.choice(["first", "last", {"before": self.dice.choice(stays)},
                                       {"after": self.dice.choice(stays)}])
                operator = {"$attach": [{"id": some, "at": at}]} if self.dice.random() < 0.6 else {"$detach": [some]}
                self.call("updateOne", "albums", 1, {"pictures": operator})

        for query in ({}, {"orderBy": "-rank"}, {"orderBy": "name"}):
            for limit in (3, 7):
                ids = [item["id"] for item in self.pages("pictures", query, limit, disturb)]
                self.assertEqual([ids.count(one) for one in stays], [1] * 20, (query, limit))
        ids = [item["id"] for item in self.pages("pictures", {}, 3, disturb) if item["id"] in stays]
        self.assertEqual(ids, stays)

    def test_pages_of_the_past_are_those_of_then(self):
        media = self.media(9)
        then = self.call("insertOne", "albums", {"pictures": {"$set": media}})["sequence"]
        for i in range(5):
            self.call("insertOne", "songs", {"album_id": 1})
        songs = self.call("ping")["sequence"]
        self.call("updateOne", "albums", 1, {"pictures": {"$set": media[::-2]}, "songs": {"$set": [2]}})
        for name, sequence, count in [("pictures", then, 9), ("songs", songs, 5)]:
            whole, _ = self.page(name, {}, as_of=sequence)
            self.assertEqual(len(whole), count)
            self.assertEqual(self.pages(name, {}, 2, as_of=sequence), whole)

    def test_a_cursor_serves_its_own_list_alone(self):
        media = self.media(5)
        for _ in range(2):
            self.call("insertOne", "albums", {"pictures": {"$set": media}})
        _, more = self.page("pictures", {"limit": 2})
        top = self.call("findMany", "albums", {"limit": 1})["meta"]["cursor"]
        wrong = [
            ({"limit": 2, "cursor": more}, 2), ({"limit": 2, "cursor": more, "orderBy": "name"}, 1),
            ({"limit": 2, "cursor": more, "where": {"rank": 1}}, 1), ({"cursor": top}, 1), ({"cursor": "zz"}, 1),
            ({"cursor": ""}, 1), ({"cursor": more[:-2]}, 1)]
        for query, album in wrong:
            with self.subTest(query):
                with self.assertRaises(rpc.Refused) as caught:
                    self.page("pictures", query, album)
                self.assertEqual((caught.exception.code, caught.exception.path),
                                 ("wrong_cursor", "with.pictures.cursor"))
        for query, code, path in [
                ({"with": {"pictures": {"cursor": more, "offset": 1}}}, "invalid_request", "with.pictures.offset"),
                ({"with": {"pictures": {"cursor": 5}}}, "wrong_type", "with.pictures.cursor"),
                ({"cursor": more}, "wrong_cursor", "cursor")]:
            with self.assertRaises(rpc.Refused) as caught:
                self.call("findMany", "albums", query)
            self.assertEqual((caught.exception.code, caught.exception.path), (code, path))
        self.call("insertOne", "songs", {"album_id": 1})
        with self.assertRaises(rpc.Refused) as caught:
            self.call("findMany", "songs", {"with": {"album": {"cursor": more}}})
        self.assertEqual(caught.exception.code, "wrong_operation")


def rank(value):
    """Where docs/protocol.md puts a value: nothing, booleans, numbers, texts."""
    if isinstance(value, bool):
        return (1, value)
    if isinstance(value, (int, float)):
        return (2, value)
    return (3, value.encode()) if isinstance(value, str) else (0,)


class JsonOrder(unittest.TestCase):
    VALUES = [None, True, False, 0, -1, 3, 2.5, 1e300, -7, 2 ** 53, "", "a", "B", "ä", "10", [1], [], {"x": 1}, {}]

    def test_values_of_any_kind_come_in_the_declared_order(self):
        daemon = rpc.Daemon()
        dice = random.Random(SEED)
        with daemon.connect() as wire:
            wire.call("schema.apply", {"entities": {"e": {"fields": {
                "j": field("json", default_value={"a": {"b": [5, "default"]}}), "n": field("number")}}}})
            rows = []
            for number in range(80):
                value, other = dice.choice(self.VALUES), dice.choice(self.VALUES)
                j = dice.choice([{"a": {"b": [value, other]}}, {"a": {"b": [value]}}, {"a": value}, None, [value]])
                rows.append({"j": j, "n": number % 3})
            rows += [{"n": number % 3} for number in range(4)]  # With the default.
            ids = [one["id"] for one in wire.call("insertMany", "e", rows)["data"]]
            stored = {one["id"]: one for one in wire.call("findMany", "e")["data"]}

            def at(record, *way):
                for name in way:
                    if isinstance(record, list):
                        record = record[int(name)] if name.isdigit() and int(name) < len(record) else None
                    else:
                        record = record.get(name) if isinstance(record, dict) else None
                return record

            for way in ("a.b.0", "a.b.1", "a", "a.b", "0", "a.c", "a.b.x", "a.b.7"):
                for terms in ([f"j.{way}"], [f"-j.{way}"], ["n", f"-j.{way}"], [f"j.{way}", "-n"]):
                    expected = list(ids)
                    if terms[-1].startswith("-"):
                        expected.reverse()
                    for term in reversed(terms):
                        name = term.lstrip("-").split(".")
                        expected.sort(key=lambda one: rank(at(stored[one], *name)), reverse=term.startswith("-"))
                    # Python's sort is stable also when reversed: equal ones stay as they were.
                    with self.subTest(terms):
                        found = [one["id"] for one in wire.call("findMany", "e", {"orderBy": terms})["data"]]
                        self.assertEqual(found, expected)
                        self.assertEqual(self.paged(wire, terms), expected)
            for name, code in [("j", "wrong_operation"), ("j.", "invalid_request"), ("j.a..b", "invalid_request"),
                               ("n.a", "wrong_operation"), ("k.a", "unknown_field")]:
                with self.assertRaises(rpc.Refused) as caught:
                    wire.call("findMany", "e", {"orderBy": name})
                self.assertEqual((caught.exception.code, caught.exception.path), (code, "orderBy"))
        self.assertEqual(daemon.stop(), 0)

    def paged(self, wire, terms):
        ids, cursor = [], {}
        while True:
            answer = wire.call("findMany", "e", {"orderBy": terms, "limit": 17, **cursor})
            ids += [one["id"] for one in answer["data"]]
            if not answer["meta"]["hasMore"]:
                return ids
            cursor = {"cursor": answer["meta"]["cursor"]}


if __name__ == "__main__":
    unittest.main()
