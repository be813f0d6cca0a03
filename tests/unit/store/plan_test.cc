#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "store/query.h"
#include "tests/unit/store/schemas.h"
#include "tests/unit/store/shop.h"

namespace emstore::store {
namespace {

Plan plan_for(const Shop& shop, const std::string& where, bool is_ready = true) {
  const Query query = *resolve_query(shop.schema, "products", Map{{"where", value_of(where)}});
  return plan_of(shop.schema, query, [is_ready](IndexId) { return is_ready; });
}

TEST(Plan, TakesTheShortestWayThatTheConditionsAllow) {
  const Shop shop;
  struct Case {
    std::string where, text;
  };
  const std::vector<Case> cases{
      {"{}", "scan of products"},
      {"{id: 3}", "by id"},
      {"{id: 3, name: Pen}", "by id"},
      {"{$and: [{price: 1}, {$and: [{id: 3}]}]}", "by id"},
      {"{id: {$in: [3, 1, 3]}}", "by 2 ids"},
      {"{id: {$in: []}}", "nothing can match"},
      {"{id: -1}", "nothing can match"},
      {"{kind: {$in: []}}", "nothing can match"},
      {"{name: Pen}", "index idx_unique_products_name, equality"},
      {"{name: {$startsWith: P}}", "index idx_unique_products_name, range"},
      {"{name: {$startsWith: ''}}", "scan of products"},
      {"{name: {$gt: P}}", "index idx_unique_products_name, range"},
      {"{name: {$between: [A, P]}}", "index idx_unique_products_name, range"},
      {"{name: null}", "index idx_unique_products_name, equality"},
      {"{kind: pen}", "index idx_products_kind_price, equality on 1 of 2 fields"},
      {"{kind: pen, price: 2}", "index idx_products_kind_price, equality"},
      {"{kind: pen, price: {$lt: 2}}",
       "index idx_products_kind_price, equality on 1 of 2 fields, range"},
      {"{kind: {$gt: a}}", "index idx_products_kind_price, range"},
      {"{kind: pen, name: Pen}", "index idx_unique_products_name, equality"},
      {"{kind: pen, price: 2, name: Pen}", "index idx_unique_products_name, equality"},
      {"{kind: pen, price: 2, name: null}", "index idx_products_kind_price, equality"},
      {"{kind: pen, price: 2, id: {$gt: 4}}", "index idx_products_kind_price, equality, range"},
      {"{kind: {$in: [pen, book]}}", "index idx_products_kind_price, equality on 1 of 2 fields"},
      {"{kind: {$isnull: false}}", "index idx_products_kind_price, range"},
      {"{kind: {$or: [{$eq: pen}, {$eq: book}]}, price: 2}",
       "index idx_products_kind_price, equality"},
      {"{name: {$gt: P}, $and: [{name: {$lt: A}}]}", "nothing can match"},
      {"{$or: [{id: {$in: []}}, {kind: {$in: []}}]}", "nothing can match"},
      {"{price: 2}", "scan of products"},
      {"{name: {$ne: Pen}}", "scan of products"},
      {"{name: {$like: 'P%'}}", "index idx_unique_products_name, range"},
      {"{name: {$like: 'P_n'}}", "index idx_unique_products_name, range"},
      {"{name: {$like: '%n'}}", "scan of products"},
      {"{name: {$ilike: 'P%'}}", "scan of products"},
      {"{$or: {name: Pen, id: 3}}", "any of (index idx_unique_products_name, equality; by id)"},
      {"{$or: {name: Pen, price: 3}}", "scan of products"},
      {"{active: true, $or: [{kind: pen, price: 1}, {$or: {id: 3, name: Pen}}]}",
       "any of (index idx_products_kind_price, equality; any of (by id; index "
       "idx_unique_products_name, equality))"},
      {"{$or: [{id: 3}, {id: 5}]}", "by 2 ids"},
      {"{'gallery.id': 3}", "links of gallery to media (by id)"},
      {"{thumbnail: {$in: [3, 4]}}", "links of thumbnail to media (by 2 ids)"},
      {"{active: true, 'gallery.previews.id': 3}",
       "links of gallery to media (links of previews to media (by id))"},
      {"{gallery: 3, name: Pen}", "index idx_unique_products_name, equality"},
      {"{'gallery.size': 3}", "scan of products"},
      {"{$not: {gallery: 3}}", "scan of products"},
      {"{$not: {id: 3}}", "scan of products"},
      {"{id: {$gt: 3}}", "scan of products, some ids"},
      {"{id: {$lte: 3}}", "scan of products, some ids"},
  };
  for (const Case& one : cases) EXPECT_EQ(plan_for(shop, one.where).text, one.text) << one.where;
}

TEST(Plan, LeavesAnIndexAloneUntilItIsReady) {
  const Shop shop;
  EXPECT_EQ(plan_for(shop, "{name: Pen}", false).text, "scan of products");
  EXPECT_EQ(plan_for(shop, "{name: Pen, id: 3}", false).text, "by id");
}

TEST(Plan, FindsWhatHoldsAnIdByWhatRefersToIt) {
  const Map author{{"type", "n:1"},
                   {"source", "posts"},
                   {"target", "users"},
                   {"config", Map{{"mappedBy", "author"}}}};
  const Map entities{{"posts", entity({{"title", field("text")}})},
                     {"users", entity({{"name", field("text")}})}};
  const Schema schema = applied(schema_of_entities(entities, {{"r", author}}));
  const auto text_for = [&schema](const std::string& where) {
    const Query query = *resolve_query(schema, "posts", Map{{"where", value_of(where)}});
    return plan_of(schema, query, [](IndexId) { return true; }).text;
  };
  EXPECT_EQ(text_for("{author_id: 3}"), "what refers to users by author_id");
  EXPECT_EQ(text_for("{author: 3, title: a}"), "what refers to users by author_id");
  EXPECT_EQ(text_for("{author: {$in: [3, 4]}}"), "what refers to users by author_id (2 ids)");
  EXPECT_EQ(text_for("{$or: {author: 3, id: 1}}"),
            "any of (what refers to users by author_id; by id)");
  EXPECT_EQ(text_for("{author_id: 3, id: 1}"), "by id");
  EXPECT_EQ(text_for("{author_id: null}"), "scan of posts");
  EXPECT_EQ(text_for("{author_id: {$gt: 3}}"), "scan of posts");
}

TEST(Plan, LeavesAnIndexAloneForAValueThatIsTooLongForIt) {
  const Shop shop;
  const std::string where = "{name: '" + std::string(2000, 'x') + "'}";
  EXPECT_EQ(plan_for(shop, where).text, "scan of products");
}

TEST(Plan, TakesTheOrderOfAnIndexWhereItCan) {
  const Shop shop;
  struct Case {
    std::string query, text;
    bool sorts;
    Direction direction = Direction::forward;
  };
  const std::string by_kind = "index idx_products_kind_price, ";
  for (const Case& one : std::vector<Case>{
           {"{}", "scan of products", false},
           {"{orderBy: '-id'}", "scan of products", false, Direction::backward},
           {"{orderBy: name}", "scan of products", true},  // Everything is wanted.
           {"{orderBy: name, limit: 3}", "index idx_unique_products_name, order", false},
           {"{orderBy: '-name', limit: 3}", "index idx_unique_products_name, order", false,
            Direction::backward},
           {"{orderBy: name, limit: 3, count: true, where: {active: true}}", "scan of products",
            true},
           {"{orderBy: price, limit: 3}", "scan of products", true},
           {"{orderBy: [kind, price], limit: 3}", by_kind + "order", false},
           {"{orderBy: [kind, '-price'], limit: 3}", "scan of products", true},
           {"{orderBy: kind, limit: 3}", "scan of products", true},  // Ties by id, not by price.
           {"{orderBy: [kind, price, '-id'], limit: 3}", "scan of products", true},
           {"{where: {kind: pen}, orderBy: price}", by_kind + "equality on 1 of 2 fields", false},
           {"{where: {kind: pen}, orderBy: '-price'}", by_kind + "equality on 1 of 2 fields", false,
            Direction::backward},
           {"{where: {kind: pen}, orderBy: [kind, price]}", by_kind + "equality on 1 of 2 fields",
            false},
           {"{where: {kind: pen}}", by_kind + "equality on 1 of 2 fields", true},
           {"{where: {kind: pen, price: 2}}", by_kind + "equality", false},
           {"{where: {kind: pen, price: 2}, orderBy: '-id'}", by_kind + "equality", false,
            Direction::backward},
           {"{where: {kind: {$in: [pen, book]}}, orderBy: price}",
            by_kind + "equality on 1 of 2 fields", true},
           {"{where: {kind: {$in: [pen, book]}}, orderBy: [kind, price]}",
            by_kind + "equality on 1 of 2 fields", false},
           {"{where: {name: {$gt: P}}, orderBy: name}", "index idx_unique_products_name, range",
            false},
           {"{where: {price: 2}, orderBy: [kind, price], limit: 3}", by_kind + "order", false},
           {"{where: {price: 2}, orderBy: [price, '-id']}", "scan of products", false,
            Direction::backward},
           {"{where: {id: {$in: [3, 1]}}}", "by 2 ids", false},
           {"{where: {id: {$in: [3, 1]}}, orderBy: name}", "by 2 ids", true},
       }) {
    const Query query = *resolve_query(shop.schema, "products", map_of(one.query));
    const Plan plan = plan_of(shop.schema, query, [](IndexId) { return true; });
    EXPECT_EQ(plan.text, one.text) << one.query;
    EXPECT_EQ(plan.sorts, one.sorts) << one.query;
    EXPECT_EQ(plan.direction, one.direction) << one.query;
  }
}

// Counts the rows that are looked at.
class CountingReader final : public Reader {
 public:
  explicit CountingReader(const Reader& below) : below_(below) {}

  Result<std::optional<std::string>> get(Family family, std::string_view key) const override {
    ++gets;
    return below_.get(family, key);
  }
  Result<std::vector<std::optional<std::string>>> get_many(
      Family family, std::span<const std::string> keys) const override {
    ++gets_of_many;
    return below_.get_many(family, keys);
  }
  Status scan(Family family, const KeyRange& range, Direction direction,
              const Visit& visit) const override {
    ++scans;
    return below_.scan(family, range, direction, [&](std::string_view key, std::string_view row) {
      ++rows;
      return visit(key, row);
    });
  }

  mutable int gets = 0, gets_of_many = 0, scans = 0, rows = 0;

 private:
  const Reader& below_;
};

void find(
    const Shop& shop, const CountingReader& reader, std::string_view given,
    decltype(static_cast<Result<Found> (*)(const Reader&, const Schema&, const Query&, const Plan&,
                                           const QueryLimits&, Sink&)>(find_one)) how) {
  const Query query = *resolve_query(shop.schema, "products", map_of(given));
  const Plan plan = plan_of(shop.schema, query, [](IndexId) { return true; });
  ValueSink sink;
  EXPECT_TRUE(how(reader, shop.schema, query, plan, shop.limits, sink));
}

Shop gallery_of_twenty(bool covered) {
  Shop shop;
  for (std::uint64_t id = 1; id <= 50; ++id)
    shop.add("products", id, Map{{"name", std::to_string(id)}, {"kind", "pen"}, {"price", id % 2}});
  for (std::uint64_t id = 1; id <= 20; ++id) {
    shop.add_media(id);
    shop.link("products", 7, "gallery", id, covered);
  }
  return shop;
}

TEST(Cost, OfOneRecordWithItsGalleryIsOneLookAndOneScan) {
  const Shop shop = gallery_of_twenty(true);
  const CountingReader reader(shop.rows);
  find(shop, reader, "{where: {id: 7}, with: {gallery: true}}", find_one);
  EXPECT_EQ(reader.gets, 1);
  EXPECT_EQ(reader.gets_of_many, 0);
  EXPECT_EQ(reader.scans, 1);
  EXPECT_EQ(reader.rows, 20);
}

TEST(Cost, OfTargetsWithoutACoverIsOneMoreLookForAll) {
  const Shop shop = gallery_of_twenty(false);
  const CountingReader reader(shop.rows);
  find(shop, reader, "{where: {id: 7}, with: {gallery: true}}", find_one);
  EXPECT_EQ(reader.gets, 1);
  EXPECT_EQ(reader.gets_of_many, 1);
  EXPECT_EQ(reader.scans, 1);
}

TEST(Cost, OfAPageDoesNotGrowWithTheRest) {
  const Shop shop = gallery_of_twenty(true);
  struct Case {
    std::string query;
    int rows;
  };
  for (const Case& one : std::vector<Case>{
           {"{limit: 3}", 4},  // One more says whether there is more.
           {"{limit: 3, orderBy: '-id'}", 4},
           {"{limit: 3, where: {id: {$gt: 40}}}", 4},
           {"{limit: 3, offset: 2}", 6},
           {"{where: {id: {$gte: 40, $lt: 43}}}", 3},
           {"{where: {name: '7'}}", 1},
           {"{limit: 3, orderBy: '-name'}", 4},
           {"{limit: 3, where: {kind: pen}, orderBy: price}", 4},
           {"{where: {gallery: 7}}", 8},  // One link back; then the gallery as far as 7.
           {"{where: {$or: [{name: '7'}, {name: '9'}, {id: 3}]}}", 2},
           {"{where: {kind: pen, price: {$in: [1, 7]}}, limit: 2, orderBy: price}", 3},
           {"{select: [], where: {id: 7}, with: {gallery: {limit: 3}}}", 4},
       }) {
    const CountingReader reader(shop.rows);
    find(shop, reader, one.query, find_many);
    EXPECT_EQ(reader.rows, one.rows) << one.query;
  }
}

TEST(Plan, KnowsARangeOfIdsThatIsAllThatIsWanted) {
  const Shop shop = gallery_of_twenty(false);
  const auto is_range = [&shop](const std::string& query) {
    const Query resolved = *resolve_query(shop.schema, "products", map_of(query));
    return is_range_of_ids(resolved, plan_of(shop.schema, resolved, [](IndexId) { return true; }));
  };
  EXPECT_TRUE(is_range("{where: {id: {$gte: 3}}}"));
  EXPECT_TRUE(is_range("{where: {id: {$gt: 3, $lt: 9}}, orderBy: '-id'}"));
  for (const std::string other :
       {"{}", "{where: {id: 3}}", "{where: {id: {$gte: 3}}, orderBy: price}",
        "{where: {id: {$gte: 3}, price: 7}}", "{where: {$or: [{id: {$gte: 3}}, {price: 7}]}}",
        "{where: {$not: {id: {$gte: 3}}}}"}) {
    EXPECT_FALSE(is_range(other)) << other;
  }
}

// Rows that each page of a walk by cursors looks at.
std::vector<int> rows_of_pages(const Shop& shop, Map given) {
  std::vector<int> rows;
  for (;;) {
    const CountingReader reader(shop.rows);
    const Query query = *resolve_query(shop.schema, "products", given);
    const Plan plan = plan_of(shop.schema, query, [](IndexId) { return true; });
    ValueSink sink;
    const Result<Found> found = find_many(reader, shop.schema, query, plan, shop.limits, sink);
    EXPECT_TRUE(found);
    rows.push_back(reader.rows);
    if (!found || !found->has_more) return rows;
    given.set("cursor", *found->cursor);
  }
}

TEST(Cost, OfALaterPageIsThatOfTheFirst) {
  const Shop shop = gallery_of_twenty(true);
  const std::vector<int> pages{11, 11, 11, 11, 10};
  for (const std::string query :
       {"{limit: 10}", "{limit: 10, orderBy: '-id'}", "{limit: 10, orderBy: name}",
        "{limit: 10, orderBy: '-name'}", "{limit: 10, where: {kind: pen}, orderBy: price}",
        "{limit: 10, where: {kind: pen}, orderBy: '-price'}",
        "{limit: 10, orderBy: [kind, price], where: {kind: {$in: [pen, book]}}}"}) {
    EXPECT_EQ(rows_of_pages(shop, map_of(query)), pages) << query;
  }
}

TEST(Cost, OfTheFirstMatchEndsWithIt) {
  const Shop shop = gallery_of_twenty(true);
  const CountingReader reader(shop.rows);
  find(shop, reader, "{where: {price: 0}}", find_one);
  EXPECT_EQ(reader.rows, 2);
}

TEST(Cost, OfACountOfAllIsOneLook) {
  const Shop shop = gallery_of_twenty(true);
  const CountingReader reader(shop.rows);
  const Query query = *resolve_query(shop.schema, "products", {});
  const Plan plan = plan_of(shop.schema, query, [](IndexId) { return true; });
  EXPECT_EQ(*count(reader, shop.schema, query, plan, shop.limits), 50U);
  EXPECT_EQ(reader.gets, 1);
  EXPECT_EQ(reader.scans, 0);
}

}  // namespace
}  // namespace emstore::store
