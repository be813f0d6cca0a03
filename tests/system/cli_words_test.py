#!/usr/bin/env python3
"""The command line, word by word: what is typed is what is meant, and what cannot be meant is refused."""
import unittest

import cli_test


class Find(cli_test.ShopCase):
    def test_an_id_counts_in_whatever_is_asked(self):
        for words, said in {("77", "--exists"): "no\n", ("1", "--exists"): "yes\n", ("77", "--count"): "0\n",
                            ("1", "--count"): "1\n", ("1", "--count", "-w", "name=Mug"): "0\n"}.items():
            self.assertEqual(self.out("find", "products", *words), said, words)
        plan = self.json("find", "products", 1, "-w", "name=Mug", "--explain")[0]
        self.assertEqual((plan["kind"], plan["filters"]), ("ids", True))

    def test_what_does_not_apply_is_refused(self):
        for one in ("--count", "--exists"):
            for other in (("--limit", 1), ("--offset", 1), ("--select", "id"), ("--with", "gallery"),
                          ("--order-by", "id"), ("--cursor", "00"), ("--explain",)):
                said = self.refused(2, "find", "products", one, *other)
                self.assertIn(one, said)
                self.assertIn(other[0], said)
        self.assertIn("--exists", self.refused(2, "find", "products", "--count", "--exists"))

    def test_an_empty_word_is_refused(self):
        for words in (("find", "products", ""), ("find", "products", "--as-of", ""), ("log", ""),
                      ("insert", "products", "name=x", "--key", "")):
            self.assertIn("an empty word", self.refused(2, *words))

class Numbers(cli_test.ShopCase):
    def test_they_are_decimal(self):
        self.assertEqual(self.json("show", "003")[0]["sequence"], 3)
        self.assertEqual([c["sequence"] for c in self.json("log", "--from", "02", "--limit", "01")], [2])
        for words in (("show", "-1"), ("show", "0x2"), ("log", "--limit", "-1"), ("gc", "--grace", "-1"),
                      ("undo", "9223372036854775808"), ("find", "products", "--offset", "1e3"),
                      ("delete", "products", "--all", "--limit", "")):
            said = self.refused(2, *words)
            self.assertIn(f'"{words[-1]}" is no whole number from 0 to 9223372036854775807', said)


if __name__ == "__main__":
    unittest.main()
