#include "store/cursor.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/store/shop.h"

namespace emstore::store {
namespace {

Shop twelve_products() {
  Shop shop;
  for (std::uint64_t id = 1; id <= 12; ++id) {
    Map fields{{"name", "n" + std::to_string(id % 7) + std::to_string(id)},
               {"active", id % 2 == 0}};
    if (id % 3 != 0) fields.set("price", static_cast<double>(id % 4) - 1.5);
    fields.set("kind", id % 5 == 0 ? "pen" : "book");
    shop.add("products", id, fields);
  }
  return shop;
}

std::string page_ids(const Value& list) {
  std::string text;
  for (const Value& item : *list.if_list()) text += to_string(*item.if_map()->find("id")) + ' ';
  return text;
}

// All pages, one after the other: "1 2 | 3 4 | 5".
std::string walk(const Shop& shop, Map query, std::int64_t limit) {
  query.set("limit", limit);
  std::string text;
  for (;;) {
    const Reply page = find_many(shop, "products", query);
    if (page.value.if_list() == nullptr) return page.text;
    text += page_ids(page.value);
    if (page.found.has_more != page.found.cursor.has_value()) return "a cursor that is not due";
    if (!page.found.has_more) return text;
    query.set("cursor", *page.found.cursor);
  }
}

TEST(Cursor, LeadsThroughEveryOrderWithoutGapsAndTwins) {
  const Shop shop = twelve_products();
  for (const std::string query :
       {"{}", "{orderBy: '-id'}", "{orderBy: name}", "{orderBy: '-name'}", "{orderBy: price}",
        "{orderBy: '-price'}", "{orderBy: ['-price', active, '-id']}", "{orderBy: '-created_at'}",
        "{orderBy: [kind, price]}", "{where: {kind: book}, orderBy: '-price'}",
        "{where: {kind: {$in: [pen, book]}}, orderBy: [kind, price]}",
        "{where: {price: {$isnull: true}}, orderBy: name}",
        "{where: {id: {$in: [1, 5, 7, 9, 11]}}, orderBy: '-id'}",
        "{where: {id: {$in: [1, 5, 7, 9, 11]}}, orderBy: price}",
        "{where: {$or: [{id: 3}, {name: n44}, {kind: pen}]}}",
        "{where: {kind: book, active: true}, count: true}"}) {
    const std::string all = walk(shop, map_of(query), 100);
    EXPECT_GT(all.size(), 5U) << query;
    for (const std::int64_t limit : {1, 2, 5}) {
      EXPECT_EQ(walk(shop, map_of(query), limit), all) << query << " by " << limit;
    }
  }
}

TEST(Cursor, StaysWhereItIsWhileRecordsComeAndGo) {
  Shop shop = twelve_products();
  Map query = map_of("{orderBy: name, limit: 3}");
  const Reply first = find_many(shop, "products", query);
  EXPECT_EQ(page_ids(first.value), "7 1 8 ");
  shop.add("products", 13, "{name: a}");     // Before the place: belongs to the page that is gone.
  shop.add("products", 14, "{name: n18x}");  // Behind it: is next.
  query.set("cursor", *first.found.cursor);
  EXPECT_EQ(page_ids(find_many(shop, "products", query).value), "14 2 9 ");
}

TEST(Cursor, CountsAllWhateverThePage) {
  const Shop shop = twelve_products();
  Map query = map_of("{where: {active: true}, orderBy: name, limit: 2, count: true}");
  const Reply first = find_many(shop, "products", query);
  query.set("cursor", *first.found.cursor);
  const Reply second = find_many(shop, "products", query);
  EXPECT_EQ(first.found.count, 6U);
  EXPECT_EQ(second.found.count, 6U);
}

TEST(Cursor, ServesThePagesOfItsQueryOnly) {
  const Shop shop = twelve_products();
  const std::string cursor =
      *find_many(shop, "products", "{where: {active: true}, orderBy: name, limit: 2}").found.cursor;
  const auto asked = [&](std::string_view given) {
    Map query = map_of(given);
    query.set("cursor", cursor);
    return find_many(shop, "products", query).text;
  };
  const std::string refusal =
      "wrong_cursor at cursor: the cursor is of another query; repeat the entity, where and "
      "orderBy "
      "of the page before";
  EXPECT_EQ(asked("{where: {active: false}, orderBy: name, limit: 2}"), refusal);
  EXPECT_EQ(asked("{where: {active: true}, orderBy: '-name', limit: 2}"), refusal);
  EXPECT_EQ(asked("{where: {active: true}, limit: 2}"), refusal);
  EXPECT_EQ(asked("{where: {active: true}, orderBy: name, limit: 2, offset: 2}"),
            "invalid_request at offset: cursor and offset both say where a page begins; leave one "
            "of them out");
  // What the page shows and how much of it may change.
  EXPECT_EQ(asked("{where: {active: true}, orderBy: name, limit: 1, select: [id]}"),
            "[{\"id\":10}]");
  EXPECT_NE(asked("{where: {active: true}, orderBy: name}").front(), 'w');
}

TEST(Cursor, RefusesWhatIsNone) {
  const Shop shop = twelve_products();
  for (const Value& cursor :
       std::vector<Value>{"", "zz", "01", "93010203", "94c0c0c0c0", std::string(1000, 'a')}) {
    const Reply reply = find_many(shop, "products", Map{{"limit", 2}, {"cursor", cursor}});
    EXPECT_TRUE(reply.text.starts_with("wrong_cursor at cursor: ")) << reply.text;
  }
  EXPECT_TRUE(find_many(shop, "products", Map{{"limit", 2}, {"cursor", 7}})
                  .text.starts_with("wrong_type at cursor: "));
  EXPECT_TRUE(find_many(shop, "products", "{with: {gallery: {cursor: x}}}")
                  .text.starts_with("wrong_cursor at with.gallery.cursor: "));
}

TEST(Cursor, SurvivesEveryCut) {
  const Shop shop = twelve_products();
  const std::string cursor =
      *find_many(shop, "products", "{orderBy: [name, price], limit: 2}").found.cursor;
  for (std::size_t size = 0; size < cursor.size(); ++size) {
    Map query = map_of("{orderBy: [name, price], limit: 2}");
    query.set("cursor", cursor.substr(0, size));
    EXPECT_TRUE(find_many(shop, "products", query).text.starts_with("wrong_cursor")) << size;
  }
}

}  // namespace
}  // namespace emstore::store
