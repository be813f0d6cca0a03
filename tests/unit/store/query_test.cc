#include "store/query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/unit/store/shop.h"

namespace emstore::store {
namespace {

struct Asked {
  std::string query;
  std::string answer;
};

// Products 1 to 4; media 1 to 5: a thumbnail, a gallery with data at one link, three documents,
// previews.
Shop linked_shop() {
  Shop shop;
  for (std::uint64_t id = 1; id <= 5; ++id) {
    shop.add_media(id, id % 2 == 0 ? "{mime_type: 'application/pdf'}" : "{alt: 'odd'}");
  }
  shop.add("products", 1, "{name: Laptop, price: 999}");
  shop.add("products", 2,
           "{name: Lamp, price: 20, made: '2024-02-29', seen: '2024-01-01T00:00:00Z', extra: {a: "
           "[1, null]}}");
  shop.add("products", 3, "{name: Pen, price: 20, stock: 0, secret: hush}");
  shop.add("products", 4, "{name: Book}");
  shop.link("products", 1, "thumbnail", 1);
  shop.link("products", 1, "gallery", 3, true, "{alt: 'front'}");
  shop.link("products", 1, "gallery", 1, false);
  shop.link("products", 1, "gallery", 2);
  for (const std::uint64_t id : {2U, 4U, 5U}) shop.link("products", 1, "documents", id);
  shop.link("products", 2, "gallery", 1);
  shop.link("media", 3, "previews", 4);
  shop.link("media", 3, "previews", 5, false);
  return shop;
}

TEST(FindOne, ShowsFieldsInTheirOrderThenTimes) {
  EXPECT_EQ(find_one(linked_shop(), "products", "{where: {id: 2}}").text,
            R"({"id":2,"name":"Lamp","price":20,"active":null,"made":"2024-02-29",)"
            R"("seen":2024-01-01T00:00:00Z,"kind":null,"extra":{"a":[1,null]},"stock":7,)"
            R"("created_at":1970-01-01T00:00:02Z,"updated_at":1970-01-01T00:00:02Z})");
}

TEST(FindOne, GivesNullWhenNothingMatches) {
  const Reply reply = find_one(linked_shop(), "products", "{where: {id: 77}}");
  EXPECT_EQ(reply.text, "null");
  EXPECT_EQ(reply.found.items, 0U);
}

TEST(FindOne, TellsTheVersionOfTheRecord) {
  EXPECT_EQ(find_one(linked_shop(), "products", "{where: {name: Pen}}").found.version, 3U);
}

TEST(FindOne, TakesTheFirstInTheOrderAskedFor) {
  const Shop shop = linked_shop();
  EXPECT_EQ(find_one(shop, "products", "{orderBy: '-price', select: [id]}").text, R"({"id":1})");
  EXPECT_EQ(find_one(shop, "products", "{orderBy: '-price', offset: 1, select: [id]}").text,
            R"({"id":3})");
  EXPECT_EQ(find_one(shop, "products", "{orderBy: price, select: [id]}").text, R"({"id":4})");
}

TEST(FindMany, OrdersByEveryForm) {
  const Shop shop = linked_shop();
  const std::vector<Asked> cases{
      {"{}", "1 2 3 4"},
      {"{orderBy: '-id'}", "4 3 2 1"},
      {"{orderBy: name}", "4 2 1 3"},
      {"{sort: '-name'}", "3 1 2 4"},
      {"{orderBy: {name: desc}}", "3 1 2 4"},
      {"{sort: {by: name, dir: desc}}", "3 1 2 4"},
      {"{sort: {by: name}}", "4 2 1 3"},
      {"{orderBy: price}", "4 2 3 1"},
      {"{orderBy: '-price'}", "1 3 2 4"},
      {"{orderBy: [price, '-id']}", "4 3 2 1"},
      {"{orderBy: {price: asc, name: desc}}", "4 3 2 1"},
      {"{orderBy: [{price: desc}, {by: created_at, dir: asc}]}", "1 2 3 4"},
      {"{orderBy: stock}", "3 1 2 4"},
      {"{orderBy: '-updated_at'}", "4 3 2 1"},
      {"{orderBy: []}", "1 2 3 4"},
      {"{orderBy: '-id', where: {id: {$in: [1, 4, 3]}}}", "4 3 1"},
      {"{orderBy: '-id', where: {name: {$gt: L}}}", "3 2 1"},
  };
  for (const Asked& one : cases)
    EXPECT_EQ(ids(shop, "products", one.query), one.answer) << one.query;
}

TEST(FindMany, OrdersAsTheSchemaSaysWhenNobodyElseDoes) {
  Shop shop = linked_shop();
  shop.schema.entities.back().sort_field = "name";
  shop.schema.entities.back().sort_direction = "desc";
  ASSERT_EQ(shop.schema.entities.back().name, "products");
  EXPECT_EQ(ids(shop, "products", "{}"), "3 1 2 4");
  EXPECT_EQ(ids(shop, "products", "{orderBy: id}"), "1 2 3 4");
}

TEST(FindMany, CutsToOffsetAndLimitAndSaysWhetherThereIsMore) {
  const Shop shop = linked_shop();
  struct Cut {
    std::string query, ids;
    bool has_more;
  };
  for (const Cut& cut : std::vector<Cut>{
           {"{limit: 2}", "1 2", true},
           {"{limit: 2, offset: 2}", "3 4", false},
           {"{limit: 4}", "1 2 3 4", false},
           {"{limit: 3}", "1 2 3", true},
           {"{offset: 9}", "", false},
           {"{offset: 1}", "2 3 4", false},
           {"{limit: 9007199254740991}", "1 2 3 4", false},
           {"{limit: 2, orderBy: '-id'}", "4 3", true},
           {"{limit: 2, offset: 1, orderBy: name}", "2 1", true},
           {"{limit: 2, offset: 2, orderBy: name}", "1 3", false},
           {"{offset: 3, orderBy: name}", "3", false},
           {"{limit: 1, where: {price: 20}}", "2", true},
           {"{limit: 1, offset: 1, where: {price: 20}}", "3", false},
       }) {
    EXPECT_EQ(ids(shop, "products", cut.query), cut.ids) << cut.query;
    EXPECT_EQ(find_many(shop, "products", cut.query).found.has_more, cut.has_more) << cut.query;
  }
}

TEST(FindMany, KeepsTheFirstOfManyWithoutKeepingThemAll) {
  Shop shop;
  for (std::uint64_t id = 1; id <= 500; ++id) {
    shop.add("products", id, Map{{"name", std::to_string(id)}, {"price", (id * 137) % 500}});
  }
  EXPECT_EQ(ids(shop, "products", "{orderBy: '-price', limit: 3, select: [price]}"), "427 354 281");
  const Reply reply =
      find_many(shop, "products", "{orderBy: price, offset: 2, limit: 3, select: [price, name]}");
  EXPECT_EQ(reply.text,
            R"([{"price":2,"name":"146"},{"price":3,"name":"219"},{"price":4,"name":"292"}])");
  EXPECT_TRUE(reply.found.has_more);
}

TEST(FindMany, CountsAllThatMatchWhenAsked) {
  const Shop shop = linked_shop();
  EXPECT_EQ(find_many(shop, "products", "{limit: 1, count: true}").found.count, 4U);
  EXPECT_EQ(find_many(shop, "products", "{limit: 1, count: true, where: {price: 20}}").found.count,
            2U);
  EXPECT_EQ(
      find_many(shop, "products", "{count: true, where: {price: 20}, orderBy: name}").found.count,
      2U);
  EXPECT_EQ(find_many(shop, "products", "{limit: 1}").found.count, std::nullopt);
  EXPECT_EQ(find_one(shop, "products", "{count: true, where: {price: 20}}").found.count, 2U);
}

TEST(Count, CountsWhatMatchesWhateverTheLimit) {
  const Shop shop = linked_shop();
  const auto counted = [&shop](std::string_view given) {
    const Query query = *resolve_query(shop.schema, "products", map_of(given));
    const Plan plan = plan_of(shop.schema, query, [](IndexId) { return true; });
    return *count(shop.rows, shop.schema, query, plan, shop.limits);
  };
  EXPECT_EQ(counted("{}"), 4U);
  EXPECT_EQ(counted("{where: {price: {$gt: 0}}, limit: 1, offset: 1, orderBy: price}"), 3U);
  EXPECT_EQ(counted("{where: {id: {$in: []}}}"), 0U);
}

TEST(Select, GivesWhatIsNamedInThatOrder) {
  const Shop shop = linked_shop();
  const std::vector<Asked> cases{
      {"{where: {id: 3}, select: [price, id, secret]}", R"([{"price":20,"id":3,"secret":"hush"}])"},
      {"{where: {id: 3}, select: ['$version', updated_at]}",
       R"([{"$version":3,"updated_at":1970-01-01T00:00:03Z}])"},
      {"{where: {id: 3}, select: []}", "[{}]"},
  };
  for (const Asked& one : cases)
    EXPECT_EQ(find_many(shop, "products", one.query).text, one.answer) << one.query;
}

TEST(Select, GivesWhatReadersOfBkndLookForInMedia) {
  EXPECT_EQ(
      find_one(linked_shop(), "media",
               "{where: {id: 1}, select: [path, etag, modified_at, reference, entity_id]}")
          .text,
      R"({"path":"xxh3-128:01000000000000000000000000000000",)"
      R"("etag":"\"0101010101010101010101010101010101010101010101010101010101010101\"",)"
      R"("modified_at":1970-01-01T00:00:01Z,"reference":"products.thumbnail","entity_id":1})");
  Shop unused;
  unused.add_media(1);
  EXPECT_EQ(find_one(unused, "media", "{select: [reference, entity_id]}").text,
            R"({"reference":null,"entity_id":null})");
}

TEST(With, GivesOneMediaAsAMapOrNull) {
  const Shop shop = linked_shop();
  EXPECT_EQ(
      find_many(shop, "products", "{limit: 2, select: [id], with: {thumbnail: {select: [name]}}}")
          .text,
      R"([{"id":1,"thumbnail":{"name":"1.png"}},{"id":2,"thumbnail":null}])");
  EXPECT_EQ(
      find_one(shop, "products", "{select: [], with: {thumbnail: {where: {id: 2}, select: [id]}}}")
          .text,
      R"({"thumbnail":null})");
}

TEST(With, GivesManyMediaInTheOrderOfTheirLinks) {
  EXPECT_EQ(
      find_one(linked_shop(), "products", "{where: {id: 1}, select: [id], with: gallery}").text,
      R"({"id":1,"gallery":[)"
      R"({"id":3,"name":"3.png","mime_type":"image/png","claimed_type":null,"size":300,)"
      R"("blob":"xxh3-128:03000000000000000000000000000000",)"
      R"("sha256":"0303030303030303030303030303030303030303030303030303030303030303",)"
      R"("metadata":null,"alt":"odd","created_at":1970-01-01T00:00:03Z,"updated_at":1970-01-01T00:00:03Z,)"
      R"("$link":{"position":"0000000100000000","meta":{"alt":"front"}}},)"
      R"({"id":1,"name":"1.png","mime_type":"image/png","claimed_type":null,"size":100,)"
      R"("blob":"xxh3-128:01000000000000000000000000000000",)"
      R"("sha256":"0101010101010101010101010101010101010101010101010101010101010101",)"
      R"("metadata":null,"alt":"odd","created_at":1970-01-01T00:00:01Z,"updated_at":1970-01-01T00:00:01Z,)"
      R"("$link":{"position":"0000000100000001","meta":null}},)"
      R"({"id":2,"name":"2.png","mime_type":"application/pdf","claimed_type":null,"size":200,)"
      R"("blob":"xxh3-128:02000000000000000000000000000000",)"
      R"("sha256":"0202020202020202020202020202020202020202020202020202020202020202",)"
      R"("metadata":null,"alt":null,"created_at":1970-01-01T00:00:02Z,"updated_at":1970-01-01T00:00:02Z,)"
      R"("$link":{"position":"0000000100000002","meta":null}}]})");
}

constexpr std::string_view kMore = ",\"$more\":{";

// Without what says where lists go on.
std::string without_more(std::string text) {
  for (std::size_t begin = 0; (begin = text.find(kMore)) != std::string::npos;) {
    text.erase(begin, text.find('}', begin) + 1 - begin);
  }
  return text;
}

TEST(With, SaysWhereAListGoesOnThatALimitCut) {
  const Shop shop = linked_shop();
  const auto page = [&shop](Map gallery) {
    gallery.set("select", List{"id"});
    const Map query{{"where", Map{{"id", 1}}},
                    {"select", List{}},
                    {"with", Map{{"gallery", std::move(gallery)}}}};
    return find_many(shop, "products", query).text;
  };
  const std::string first = page({{"limit", 2}});
  EXPECT_EQ(without_more(first), R"([{"gallery":[{"id":3},{"id":1}]}])");
  const std::size_t begin = first.find("\"gallery\":\"", first.find(kMore)) + 11;
  const std::string cursor = first.substr(begin, first.find('"', begin) - begin);
  EXPECT_EQ(page({{"limit", 2}, {"cursor", cursor}}), R"([{"gallery":[{"id":2}]}])");
  EXPECT_EQ(page({{"limit", 3}}), R"([{"gallery":[{"id":3},{"id":1},{"id":2}]}])");
}

TEST(With, TakesEveryFormAndOption) {
  const Shop shop = linked_shop();
  const std::vector<Asked> cases{
      {"{gallery: {select: [id]}}", R"({"gallery":[{"id":3},{"id":1},{"id":2}]})"},
      {"{gallery: {select: [id], orderBy: {created_at: desc}}}",
       R"({"gallery":[{"id":3},{"id":2},{"id":1}]})"},
      {"{gallery: {select: [id], sort: '-id', limit: 1, offset: 1}}", R"({"gallery":[{"id":2}]})"},
      {"{gallery: {select: [id], offset: 1}}", R"({"gallery":[{"id":1},{"id":2}]})"},
      {"{gallery: {select: [id], where: {mime_type: {$startsWith: 'application/'}}}}",
       R"({"gallery":[{"id":2}]})"},
      {"{gallery: {select: [id], where: {alt: odd}, limit: 1, offset: 1}}",
       R"({"gallery":[{"id":1}]})"},
      {"{gallery: {select: [id, '$link'], limit: 1}}",
       R"({"gallery":[{"id":3,"$link":{"position":"0000000100000000","meta":{"alt":"front"}}}]})"},
      {"{gallery: false}", "{}"},
      {"{documents: {select: [id]}}", R"({"documents":[{"id":2},{"id":4}]})"},
      {"{documents: {select: [id], limit: 9}}", R"({"documents":[{"id":2},{"id":4},{"id":5}]})"},
      {"{documents: {select: [id]}, gallery: {select: [id], limit: 1}}",
       R"({"documents":[{"id":2},{"id":4}],"gallery":[{"id":3}]})"},
      {"{gallery: {select: [id], limit: 1, with: {previews: {select: [id], orderBy: '-id'}}}}",
       R"({"gallery":[{"id":3,"previews":[{"id":5},{"id":4}]}]})"},
      {"{gallery: {select: [id], limit: 1, with: {reference: true, previews: false}}}",
       R"({"gallery":[{"id":3,"reference":[{"entity":"products","field":"gallery","entity_id":1,)"
       R"("position":"0000000100000000","meta":{"alt":"front"}}]}]})"},
  };
  for (const Asked& one : cases) {
    const Map query{{"where", Map{{"id", 1}}}, {"select", List{}}, {"with", value_of(one.query)}};
    const Map first{
        {"where", Map{{"id", 1}}}, {"limit", 1}, {"select", List{}}, {"with", value_of(one.query)}};
    for (const Map& asked : {first, query}) {
      const std::string text = find_many(shop, "products", asked).text;
      EXPECT_EQ(without_more(text), "[" + one.answer + "]") << one.query;
    }
  }
}

TEST(With, MeansTheSameByTrueANameAListOrAMap) {
  const Shop shop = linked_shop();
  const auto answer = [&shop](std::string_view with) {
    return find_many(shop, "products", Map{{"with", value_of(with)}}).text;
  };
  EXPECT_EQ(answer("[thumbnail, gallery, documents]"), answer("true"));
  EXPECT_EQ(answer("{thumbnail: true, gallery: {}, documents: true}"), answer("true"));
  EXPECT_EQ(answer("gallery"), answer("[gallery]"));
  EXPECT_NE(answer("gallery"), answer("thumbnail"));
  EXPECT_EQ(answer("false"), find_many(shop, "products", "{}").text);
}

TEST(With, ReadsTargetsWhoseFieldsAreTooLongForACover) {
  Shop shop;
  shop.add_media(1, "{alt: short}");
  shop.add("media", 2, Map{{"name", "2.png"}, {"alt", std::string(600, 'x')}});
  shop.add("products", 1, "{name: A}");
  shop.link("products", 1, "gallery", 2);
  shop.link("products", 1, "gallery", 1);
  EXPECT_EQ(find_one(shop, "products", "{select: [], with: {gallery: {select: [name]}}}").text,
            R"({"gallery":[{"name":"2.png"},{"name":"1.png"}]})");
  EXPECT_EQ(
      find_one(shop, "products",
               "{select: [], with: {gallery: {select: [name], where: {alt: {$endsWith: x}}}}}")
          .text,
      R"({"gallery":[{"name":"2.png"}]})");
  EXPECT_EQ(
      find_one(shop, "products", "{select: [], with: {gallery: {select: [name], orderBy: '-alt'}}}")
          .text,
      R"({"gallery":[{"name":"2.png"},{"name":"1.png"}]})");
}

TEST(Reference, ListsAllUsesTheOldestFirst) {
  const Shop shop = linked_shop();
  EXPECT_EQ(
      find_one(shop, "media", "{where: {id: 1}, select: [id], with: {reference: true}}").text,
      R"({"id":1,"reference":[)"
      R"({"entity":"products","field":"thumbnail","entity_id":1,"position":"","meta":null},)"
      R"({"entity":"products","field":"gallery","entity_id":1,"position":"0000000100000001","meta":null},)"
      R"({"entity":"products","field":"gallery","entity_id":2,"position":"0000000100000000","meta":null}]})");
  EXPECT_EQ(find_one(shop, "media",
                     "{where: {id: 1}, select: [], with: {reference: {limit: 1, offset: 2}}}")
                .text,
            R"({"reference":[{"entity":"products","field":"gallery","entity_id":2,)"
            R"("position":"0000000100000000","meta":null}]})");
  Shop unused;
  unused.add_media(1);
  EXPECT_EQ(find_one(unused, "media", "{select: [], with: reference}").text, R"({"reference":[]})");
}

TEST(Limits, AreReachedButNotExceeded) {
  Shop shop = linked_shop();
  const std::string gallery = "{where: {id: 1}, select: [], with: {gallery: {select: []}}}";
  shop.limits.items_max = 4;
  EXPECT_EQ(ids(shop, "products", "{}"), "1 2 3 4");
  EXPECT_EQ(ids(shop, "products", "{orderBy: name}"), "4 2 1 3");
  EXPECT_EQ(find_many(shop, "products", gallery).text, R"([{"gallery":[{},{},{}]}])");
  shop.limits.items_max = 3;
  const std::string too_many =
      "result_too_large at limit: the result has more than 3 records, `with` included; page with "
      "limit and cursor; within `with`, limit and offset";
  EXPECT_EQ(ids(shop, "products", "{}"), too_many);
  EXPECT_EQ(ids(shop, "products", "{orderBy: name}"), too_many);
  EXPECT_EQ(ids(shop, "products", "{limit: 9}"), too_many);
  EXPECT_EQ(ids(shop, "products", "{limit: 3}"), "1 2 3");
  EXPECT_EQ(find_many(shop, "products", gallery).text, too_many);
  EXPECT_EQ(ids(shop, "products", "{orderBy: price, offset: 2, limit: 2}"),
            "result_too_large at offset: offset and limit reach beyond 3 records that have to be "
            "put in order; page with limit and cursor");
  shop.limits.items_max = 2;
  EXPECT_EQ(find_many(shop, "products", gallery).text,
            "result_too_large at with.gallery.limit: the result has more than 2 records, `with` "
            "included; page with limit and cursor; within `with`, limit and offset");
  EXPECT_EQ(find_one(shop, "media", "{where: {id: 1}, with: reference}").text,
            "result_too_large at with.reference.limit: the result has more than 2 records, `with` "
            "included; page with limit and cursor; within `with`, limit and offset");
}

TEST(Limits, BoundTheValuesThatAreToBePutInOrder) {
  Shop shop;
  for (std::uint64_t id = 1; id <= 40; ++id) {
    shop.add("products", id, Map{{"name", std::to_string(id)}, {"secret", std::string(100, 'x')}});
  }
  shop.limits.result_bytes_max = 4'000;
  const auto asked = [&shop](const std::string& limit) {
    return ids(shop, "products", "{orderBy: secret, where: {id: {$lte: " + limit + "}}}");
  };
  EXPECT_EQ(asked("39").substr(0, 5), "1 2 3");
  EXPECT_EQ(asked("40").substr(0, 5), "1 2 3");
  shop.limits.result_bytes_max = 3'999;
  EXPECT_EQ(asked("40"),
            "result_too_large at orderBy: the values to be put in order take more than 3999 bytes; "
            "page with limit and cursor, or order by a field with shorter values");
}

TEST(Limits, BoundTheBytesAndTheRowsLookedAt) {
  Shop shop = linked_shop();
  const std::size_t bytes = [&shop] {
    ValueSink sink;
    const Query query = *resolve_query(shop.schema, "products", {});
    const Plan plan = plan_of(shop.schema, query, [](IndexId) { return true; });
    EXPECT_TRUE(find_many(shop.rows, shop.schema, query, plan, shop.limits, sink));
    return sink.bytes_written();
  }();
  shop.limits.result_bytes_max = bytes;
  EXPECT_EQ(find_many(shop, "products", "{}").found.items, 4U);
  shop.limits.result_bytes_max = bytes - 1;
  EXPECT_EQ(find_many(shop, "products", "{}").text,
            "result_too_large at limit: the result takes more than " + std::to_string(bytes - 1) +
                " bytes; page with limit and cursor, or select fewer fields");
  shop.limits = {};
  shop.limits.examined_max = 4;
  EXPECT_EQ(ids(shop, "products", "{where: {price: {$gt: 100}}}"), "1");
  shop.limits.examined_max = 3;
  EXPECT_EQ(ids(shop, "products", "{where: {price: {$gt: 100}}}"),
            "result_too_large at where: the query looked at 3 rows, which is the limit, and had "
            "not ended; ask "
            "for ids or for values of an indexed field");
  EXPECT_EQ(ids(shop, "products", "{where: {name: Book}}"), "4");
}

TEST(Query, TakesAnOptionThatIsNilAsLeftOut) {
  const Shop shop = linked_shop();
  for (const char* name :
       {"where", "with", "select", "orderBy", "sort", "limit", "offset", "cursor", "count"}) {
    EXPECT_EQ(ids(shop, "products", Map{{name, nullptr}}), "1 2 3 4") << name;
  }
  EXPECT_EQ(ids(shop, "products", "{sort: '-id', orderBy: null, limit: 2, cursor: null}"), "4 3");
  EXPECT_EQ(ids(shop, "products", "{orderBy: {by: name, dir: null}}"), "4 2 1 3");
  for (const char* name :
       {"where", "with", "select", "orderBy", "sort", "limit", "offset", "cursor"}) {
    const Map query{{"where", Map{{"id", 1}}},
                    {"select", List{}},
                    {"with", Map{{"gallery", Map{{name, nullptr}}}}}};
    const Map plain{
        {"where", Map{{"id", 1}}}, {"select", List{}}, {"with", Map{{"gallery", true}}}};
    EXPECT_EQ(find_many(shop, "products", query).text, find_many(shop, "products", plain).text)
        << name;
  }
  EXPECT_EQ(
      find_one(shop, "media", "{where: {id: 1}, select: [], with: {reference: {limit: null}}}")
          .text,
      find_one(shop, "media", "{where: {id: 1}, select: [], with: reference}").text);
  EXPECT_EQ(find_many(shop, "products", "{wher: null}").text,
            "unknown_option at wher: a query has no option \"wher\"; did you mean \"where\"?");
}

TEST(Query, RefusesWhatItDoesNotKnow) {
  const Shop shop = linked_shop();
  const std::vector<Asked> cases{
      {"{wher: {}}",
       "unknown_option at wher: a query has no option \"wher\"; did you mean \"where\"?"},
      {"{join: [a]}",
       "unsupported at join: \"join\" is not supported; `with` brings linked records along"},
      {"{limit: -1}",
       "out_of_range at limit: -1 is no integer from 1; leave it out for no limit; `count` and "
       "`exists` give no records"},
      {"{limit: 0}",
       "out_of_range at limit: 0 is no integer from 1; leave it out for no limit; `count` and "
       "`exists` give no records"},
      {"{limit: 1.0}", "wrong_type at limit: an integer is expected, not number"},
      {"{offset: -1}", "out_of_range at offset: -1 is no integer from 0"},
      {"{offset: 1.0}", "wrong_type at offset: an integer is expected, not number"},
      {"{offset: 'a'}", "wrong_type at offset: an integer is expected, not text"},
      {"{with: {gallery: {limit: 0}}}",
       "out_of_range at with.gallery.limit: 0 is no integer from 1; leave it out for no limit; "
       "`count` and `exists` give no records"},
      {"{count: 1}", "wrong_type at count: true or false is expected, not integer"},
      {"{orderBy: pric}",
       "unknown_field at orderBy: products has no field \"pric\"; did you mean \"price\"?"},
      {"{orderBy: [name, {pric: asc}]}",
       "unknown_field at orderBy[1].pric: products has no field \"pric\"; did you mean \"price\"?"},
      {"{orderBy: {name: down}}",
       "invalid_request at orderBy.name: \"down\" is no direction; write \"asc\" or \"desc\""},
      {"{orderBy: extra}", "wrong_operation at orderBy: \"extra\" has no order"},
      {"{orderBy: gallery}", "wrong_operation at orderBy: \"gallery\" has no order"},
      {"{orderBy: 1}",
       "wrong_type at orderBy: a name, a map or a list of them is expected, not integer"},
      {"{sort: {by: name, direction: asc}}",
       "unknown_option at sort.direction: a query has no option \"direction\""},
      {"{sort: id, orderBy: id}",
       "invalid_request at sort: orderBy and sort say the same thing; leave one of them out"},
      {"{select: name}", "wrong_type at select: a list of names is expected, not text"},
      {"{select: [id, nam]}",
       "unknown_field at select[1]: products has no field \"nam\"; did you mean \"name\"?"},
      {"{select: [id, id]}", "duplicate_item at select[1]: \"id\" is selected twice"},
      {"{select: [gallery]}",
       "wrong_operation at select[0]: \"gallery\" holds links, no value; ask for it by with: "
       "{\"gallery\": true}"},
      {"{select: ['$link']}",
       "wrong_operation at select[0]: $link belongs to the items of a `with`"},
      {"{with: galery}",
       "unknown_relation at with: products has no relation \"galery\"; did you mean \"gallery\"?"},
      {"{with: {galery: true}}",
       "unknown_relation at with.galery: products has no relation \"galery\"; did you mean "
       "\"gallery\"?"},
      {"{with: {galery: false}}",
       "unknown_relation at with.galery: products has no relation \"galery\"; did you mean "
       "\"gallery\"?"},
      {"{with: [name]}",
       "unknown_relation at with[0]: \"name\" of products is a value, not a relation; it is in the "
       "result without `with`"},
      {"{with: {reference: true}}",
       "unknown_relation at with.reference: products has no relation \"reference\""},
      {"{with: [gallery, gallery]}", "duplicate_item at with[1]: \"gallery\" is asked for twice"},
      {"{with: {gallery: 1}}",
       "wrong_type at with.gallery: true or a map of options is expected, not integer"},
      {"{with: 1}",
       "wrong_type at with: true, a name, a list of names or a map is expected, not integer"},
      {"{with: {gallery: {orderBy: nam}}}",
       "unknown_field at with.gallery.orderBy: media has no field \"nam\"; did you mean \"name\"?"},
      {"{with: {gallery: {where: {nam: 1}}}}",
       "unknown_field at with.gallery.where.nam: media has no field \"nam\"; did you mean "
       "\"name\"?"},
      {"{with: {gallery: {count: true}}}",
       "unknown_option at with.gallery.count: a query has no option \"count\""},
      {"{with: {gallery: {select: [reference], with: reference}}}",
       "duplicate_item at with.gallery.select: reference is both selected and asked for by `with`; "
       "leave one of "
       "them out"},
      {"{with: {gallery: {with: {reference: {where: {}}}}}}",
       "unknown_option at with.gallery.with.reference.where: a query has no option \"where\""},
  };
  for (const Asked& one : cases)
    EXPECT_EQ(find_many(shop, "products", one.query).text, one.answer) << one.query;
}

TEST(Query, TellsAllThatIsWrongWithIt) {
  const Shop shop = linked_shop();
  const Result<Query> query = resolve_query(shop.schema, "products", map_of(R"({
    wher: {}, join: 1, count: 3, limit: 0, offset: x,
    where: {prise: 1, price: {$gt: x, $like: y, $between: [a, b]}, $or: [{name: 5}, 7],
            $not: {$nor: []}, id: {$in: [1, a, b]}, 'gallery.nme': x},
    orderBy: [nam, {price: down, kindd: asc}],
    select: [nme, 4, price, price],
    with: {galery: true, gallery: {limit: x, selct: [], where: {altt: 1}}}})"));
  ASSERT_FALSE(query);
  std::vector<std::string> paths;
  for (const Error& violation : query.error().violations) paths.push_back(violation.path);
  EXPECT_THAT(
      paths, ::testing::ElementsAre(
                 "wher", "join", "where.prise", "where.price.$gt", "where.price.$like",
                 "where.price.$between[0]", "where.price.$between[1]", "where.$or[0].name",
                 "where.$or[1]", "where.$not.$nor", "where.id.$in[1]", "where.id.$in[2]",
                 "where.gallery.nme", "orderBy[0]", "orderBy[1].price", "orderBy[1].kindd", "limit",
                 "offset", "select[0]", "select[1]", "select[3]", "with.galery",
                 "with.gallery.selct", "with.gallery.where.altt", "with.gallery.limit", "count"));
  EXPECT_EQ(query.error().path, "wher");
}

TEST(Query, CallsASingleFaultByItself) {
  const Shop shop = linked_shop();
  const Result<Query> query = resolve_query(shop.schema, "products", map_of("{limit: 0}"));
  ASSERT_FALSE(query);
  EXPECT_EQ(query.error().path, "limit");
  EXPECT_TRUE(query.error().violations.empty());
}

TEST(Query, TellsOfAHundredFaultsAtMost) {
  const Shop shop = linked_shop();
  List faults;
  for (int i = 0; i < 101; ++i) faults.emplace_back(Map{{"nme", i}});
  const auto told = [&](std::size_t count) {
    faults.resize(count);
    const Result<Query> query =
        resolve_query(shop.schema, "products", {{"where", Map{{"$or", faults}}}});
    return query ? 0 : query.error().violations.size();
  };
  EXPECT_EQ(told(101), kQueryViolationsMax);
  EXPECT_EQ(told(100), 100U);
  EXPECT_EQ(told(99), 99U);
}

TEST(Query, RefusesAnEntityThatTheSchemaDoesNotHave) {
  const Reply reply = find_many(linked_shop(), "product", "{}");
  EXPECT_TRUE(reply.text.starts_with("unknown_entity at entity: ")) << reply.text;
  EXPECT_NE(reply.text.find("did you mean \"products\"?"), std::string::npos) << reply.text;
}

TEST(Query, TellsDamageFromAbsence) {
  Shop shop = linked_shop();
  shop.rows.apply({Family::records, record_key(shop.record("media", 1)), std::nullopt});
  EXPECT_TRUE(find_one(shop, "products", "{where: {id: 1}, with: gallery}")
                  .text.starts_with("corrupt_index"));
  EXPECT_EQ(find_one(shop, "media", "{where: {id: 1}}").text, "null");
  shop.rows.apply({Family::records, record_key(shop.record("products", 4)), "\xc1"});
  EXPECT_TRUE(find_many(shop, "products", "{}").text.starts_with("corrupt_index"));
  EXPECT_TRUE(
      find_many(shop, "products", "{where: {name: Book}}").text.starts_with("corrupt_index"));
  shop.rows.apply({Family::records, record_key(shop.record("products", 4)), std::nullopt});
  EXPECT_TRUE(
      find_many(shop, "products", "{where: {name: Book}}").text.starts_with("corrupt_index"));
}

}  // namespace
}  // namespace emstore::store
