#!/usr/bin/env python3
"""Relations between entities, by chance, against a model in memory that knows nothing of how they are kept: what each
mutation answers or refuses, what both sides show, and that an independent fold of the log makes the same rows."""
import os
import random
import unittest

import proof
import rpc

from proof import checker

SEED = int(os.environ.get("EMSTORE_SEED", "20261122"))
STEPS = int(os.environ.get("EMSTORE_STEPS", "600"))


def field(kind, **config):
    return {"type": kind, "config": config}


SCHEMA = {
    "entities": {
        "users": {"fields": {"name": field("text")}},
        "desks": {"fields": {"name": field("text")}},
        "posts": {"fields": {"title": field("text")}},
        "notes": {"fields": {"body": field("text")}},
        "bills": {"fields": {"total": field("number")}},
        "tags": {"fields": {"label": field("text")}}},
    "relations": {
        "author": {"type": "n:1", "source": "posts", "target": "users", "config": {"mappedBy": "author"}},
        "post": {"type": "n:1", "source": "notes", "target": "posts",
                 "config": {"mappedBy": "post", "required": True, "on_delete": "cascade"}},
        "payer": {"type": "n:1", "source": "bills", "target": "users",
                  "config": {"mappedBy": "payer", "on_delete": "restrict"}},
        "desk": {"type": "1:1", "source": "users", "target": "desks", "config": {"mappedBy": "desk"}},
        "tags": {"type": "m:n", "source": "posts", "target": "tags", "config": {}}}}

# entity, field, target, name, name on the target, required, on_delete, unique
VALUES = [("posts", "author_id", "users", "author", "posts", False, "set null", False),
          ("notes", "post_id", "posts", "post", "notes", True, "cascade", False),
          ("bills", "payer_id", "users", "payer", "bills", False, "restrict", False),
          ("users", "desk_id", "desks", "desk", "users", False, "set null", True)]


class Refusal(Exception):
    pass


class Model:
    """Records as maps; a change works on a copy, which counts only if nothing is refused."""

    def __init__(self):
        self.records = {entity: {} for entity in SCHEMA["entities"]}
        self.next = dict.fromkeys(self.records, 1)

    def copy(self):
        other = Model()
        other.records = {entity: {key: dict(value) for key, value in rows.items()}
                         for entity, rows in self.records.items()}
        for rows in other.records.values():
            for record in rows.values():
                if "tags" in record:
                    record["tags"] = list(record["tags"])
        other.next = dict(self.next)
        return other

    def refuse(self, why):
        raise Refusal(why)

    def insert(self, entity, values):
        record = {name: None for source, name, *_ in VALUES if source == entity}
        if entity == "posts":
            record["tags"] = []
        self.records[entity][self.next[entity]] = record
        self.next[entity] += 1
        for name, value in values.items():
            self.lead(entity, self.next[entity] - 1, name, value)
        self.check()
        return self.next[entity] - 1

    def lead(self, entity, key, name, value):
        target, required = next((about[2], about[5]) for about in VALUES if about[:2] == (entity, name))
        if value is None and required:
            raise Refusal("required")
        if value is not None and value not in self.records[target]:
            raise Refusal("record_not_found")
        if key not in self.records[entity]:
            raise Refusal("record_not_found")
        self.records[entity][key][name] = value

    def check(self):
        for entity, name, _, _, _, required, _, unique in VALUES:
            values = [record[name] for record in self.records[entity].values()]
            if required and None in values:
                raise Refusal("required")
            known = [value for value in values if value is not None]
            if unique and len(known) != len(set(known)):
                raise Refusal("not_unique")

    def leads_to(self, entity, name, key):
        return sorted(other for other, record in self.records[entity].items() if record[name] == key)

    def remove(self, entity, key):
        if key not in self.records[entity]:
            raise Refusal("record_not_found")
        going, waiting = {(entity, key)}, [(entity, key)]
        while waiting:
            entity, key = waiting.pop()
            for source, name, target, _, _, _, on_delete, _ in VALUES:
                if target == entity and on_delete == "cascade":
                    new = {(source, other) for other in self.leads_to(source, name, key)} - going
                    going |= new
                    waiting += new
        for source, name, target, _, _, _, on_delete, _ in VALUES:
            for entity, key in going:
                left = [other for other in self.leads_to(source, name, key) if (source, other) not in going]
                if target != entity or not left:
                    continue
                if on_delete == "restrict":
                    raise Refusal("restricted")
                for other in left:
                    self.records[source][other][name] = None
        for entity, key in going:
            if entity == "tags":
                for post in self.records["posts"].values():
                    post["tags"] = [tag for tag in post["tags"] if tag != key]
            del self.records[entity][key]
        self.check()


class Relations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = proof.daemon(cls.addClassCleanup)

    def setUp(self):
        self.chance = random.Random(SEED)
        self.model = Model()

    def any(self, entity):
        """An id of a record, or now and then one that there is not."""
        known = list(self.model.records[entity])
        return self.chance.choice(known) if known and self.chance.random() < 0.95 else 10_000

    def some(self, entity):
        return list(dict.fromkeys(self.any(entity) for _ in range(self.chance.randrange(4))))

    # ---- Steps: each changes the model and says the call --------------------------------------------------

    def step_insert(self, model):
        entity = self.chance.choice(list(model.records))
        values = {name: self.any(target) for source, name, target, *_ in VALUES
                  if source == entity and self.chance.random() < 0.6}
        model.insert(entity, values)
        return "insertOne", entity, values

    def step_value(self, model):
        entity, name, target, side, _, required, _, _ = self.chance.choice(VALUES)
        key = self.any(entity)
        value = None if self.chance.random() < 0.2 else self.any(target)
        by_name = {side: {"$set": value}}
        model.lead(entity, key, name, value)
        model.check()
        return "updateOne", entity, key, by_name if self.chance.random() < 0.5 else {name: value}

    def step_create(self, model):
        key = self.any("posts")
        if key not in model.records["posts"]:
            model.refuse("record_not_found")
        model.records["posts"][key]["author_id"] = model.insert("users", {})
        return "updateOne", "posts", key, {"author": {"$create": {"name": "new"}}}

    def step_inverse(self, model):
        entity, name, target, _, side, required, _, unique = self.chance.choice(VALUES)
        key, operator = self.any(target), self.chance.choice(["$set", "$attach", "$detach"])
        if unique:
            operator = "$set"
        ids = self.some(entity)[:1] if unique else self.some(entity)
        if key not in model.records[target]:
            model.refuse("record_not_found")
        if operator != "$attach":
            let_go = [other for other in model.leads_to(entity, name, key)
                      if (other in ids) == (operator == "$detach")]
            if let_go and required:
                model.refuse("required")
            for other in let_go:
                model.lead(entity, other, name, None)
        if operator != "$detach":
            for other in ids:
                model.lead(entity, other, name, key)
        model.check()
        given = ids if not unique else ids[0] if ids else None
        return "updateOne", target, key, {side: {operator: given}}

    def step_links(self, model):
        key, operator, ids = self.any("posts"), self.chance.choice(["$set", "$attach", "$detach"]), self.some("tags")
        if key not in model.records["posts"]:
            model.refuse("record_not_found")
        tags = model.records["posts"][key]["tags"]
        new = [tag for tag in ids if tag not in tags]
        if operator != "$detach" and any(tag not in model.records["tags"] for tag in new):
            model.refuse("record_not_found")
        if operator == "$set":
            tags[:] = ids
        elif operator == "$attach":
            tags += new
        else:
            tags[:] = [tag for tag in tags if tag not in ids]
        return "updateOne", "posts", key, {"tags": {operator: ids}}

    def step_links_of_tag(self, model):
        key, ids = self.any("tags"), self.some("posts")
        if key not in model.records["tags"] or any(post not in model.records["posts"] for post in ids):
            model.refuse("record_not_found")
        for post in ids:
            if key not in model.records["posts"][post]["tags"]:
                model.records["posts"][post]["tags"].append(key)
        return "updateOne", "tags", key, {"posts": {"$attach": ids}}

    def step_delete(self, model):
        entity = self.chance.choice(list(model.records))
        key = self.any(entity)
        model.remove(entity, key)
        return "deleteOne", entity, key

    def step(self, wire):
        kind = self.chance.choice([self.step_insert] * 3 + [self.step_value] * 2 + [
            self.step_create, self.step_inverse, self.step_inverse, self.step_links, self.step_links,
            self.step_links_of_tag, self.step_delete])
        state = self.chance.getstate()
        after = self.model.copy()
        try:
            call = kind(after)
        except Refusal as refusal:
            return self.refused(wire, kind, state, str(refusal))
        try:
            wire.call(*call)
        except rpc.Refused as error:
            self.fail(f"{call} was refused: {error}")
        self.model = after
        return None

    def refused(self, wire, kind, state, expected):
        """The same step without its rules, to learn the call that is to be refused."""
        self.chance.setstate(state)
        lenient = Lenient(self.model)
        call = kind(lenient)
        with self.assertRaises(rpc.Refused, msg=str(call)) as caught:
            wire.call(*call)
        self.assertEqual(caught.exception.code, expected, call)

    # ---- What is shown ---------------------------------------------------------------------------------

    def compare(self, wire):
        for entity, rows in self.model.records.items():
            names = [about[3] for about in VALUES if about[0] == entity]
            backs = [about for about in VALUES if about[2] == entity]
            names += [about[4] for about in backs] + {"posts": ["tags"], "tags": ["posts"]}.get(entity, [])
            found = wire.call("findMany", entity, {"with": {name: {"select": ["id"]} for name in names}})["data"]
            self.assertEqual([record["id"] for record in found], sorted(rows))
            for record in found:
                self.compare_record(entity, record, backs)

    def compare_record(self, entity, record, backs):
        known = self.model.records[entity][record["id"]]
        for source, name, _, side, *_ in VALUES:
            if source == entity:
                self.assertEqual(record[name], known[name])
                self.assertEqual(record[side] and record[side]["id"], known[name])
        for source, name, _, _, side, _, _, unique in backs:
            ids = self.model.leads_to(source, name, record["id"])
            shown = record[side]
            self.assertEqual(shown and shown["id"] if unique else [one["id"] for one in shown],
                             (ids[0] if ids else None) if unique else ids)
        if entity == "posts":
            self.assertEqual([tag["id"] for tag in record["tags"]], known["tags"])
        if entity == "tags":
            self.assertEqual([post["id"] for post in record["posts"]],
                             sorted(key for key, post in self.model.records["posts"].items()
                                    if record["id"] in post["tags"]))

    def test_relations_do_what_the_model_does(self):
        with self.daemon.connect() as wire:
            wire.call("schema.apply", SCHEMA)
            for number in range(STEPS):
                self.step(wire)
                if number % 50 == 0:
                    self.compare(wire)
            self.compare(wire)
            self.assertTrue(wire.verify()["equal"])
        self.assertEqual(self.daemon.end(), 0)
        report, _ = checker.check(checker.read_rows(proof.dump(self.daemon)), data=self.daemon.data)
        self.assertEqual(report.differences, [])


class Lenient(Model):
    """Refuses nothing."""

    def __init__(self, model):
        super().__init__()
        copy = model.copy()
        self.records = {entity: Anything(rows) for entity, rows in copy.records.items()}
        self.next = copy.next

    def refuse(self, why):
        pass

    def check(self):
        pass

    def lead(self, entity, key, name, value):
        self.records[entity][key][name] = value

    def remove(self, entity, key):
        pass


class Anything(dict):
    """Every record is there."""

    def __contains__(self, key):
        return True

    def __missing__(self, key):
        return {"tags": []}


if __name__ == "__main__":
    unittest.main()
