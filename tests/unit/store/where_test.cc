#include "store/where.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/store/shop.h"

namespace emstore::store {
namespace {

// name price active made kind extra; 5 has nothing but its name.
Shop five_products() {
  Shop shop;
  shop.add("products", 1,
           "{name: 'Apple', price: 1.5, active: true, made: '2024-01-01', kind: book, extra: {a: "
           "1, b: [2]}}");
  shop.add(
      "products", 2,
      "{name: 'apple pie', price: -2, active: false, made: '2024-06-30', kind: lamp, extra: [1]}");
  shop.add(
      "products", 3,
      "{name: 'Äpfel 100%', price: 10, active: true, made: '2025-01-01', kind: pen, stock: 0}");
  shop.add("products", 4,
           "{name: 'a_b', price: 1.5, seen: '2024-01-01T00:00:00.5Z', kind: book, extra: 'x'}");
  shop.add("products", 5, "{name: 'Straße'}");
  return shop;
}

struct Asked {
  std::string where;
  std::string ids;
};

void expect_ids(const Shop& shop, const std::vector<Asked>& cases) {
  for (const Asked& one : cases) {
    EXPECT_EQ(ids(shop, "products", Map{{"where", value_of(one.where)}}), one.ids) << one.where;
  }
}

TEST(Where, ComparesValuesOfEveryKind) {
  expect_ids(five_products(), {
                                  {"{price: 1.5}", "1 4"},
                                  {"{price: {$eq: 10}}", "3"},
                                  {"{price: {$gt: 1.5}}", "3"},
                                  {"{price: {$gte: 1.5}}", "1 3 4"},
                                  {"{price: {$lt: 1.5}}", "2"},
                                  {"{price: {$lte: 1.5}}", "1 2 4"},
                                  {"{price: {$between: [-2, 1.5]}}", "1 2 4"},
                                  {"{price: {$between: [5, 1]}}", ""},
                                  {"{name: {$gt: 'a_b'}}", "2 3"},
                                  {"{active: true}", "1 3"},
                                  {"{active: {$ne: true}}", "2"},
                                  {"{active: {$lt: true}}", "2"},
                                  {"{made: '2024-06-30'}", "2"},
                                  {"{made: {$gte: '2024-06-30'}}", "2 3"},
                                  {"{seen: '2024-01-01T01:00:00.5+01:00'}", "4"},
                                  {"{seen: {$lt: '2024-01-01T00:00:01Z'}}", "4"},
                                  {"{kind: lamp}", "2"},
                                  {"{kind: 'no such kind'}", ""},
                                  {"{kind: {$in: [pen, book]}}", "1 3 4"},
                                  {"{secret: {$isnull: true}}", "1 2 3 4 5"},
                              });
}

TEST(Where, ComparesWhatEveryRecordHas) {
  expect_ids(five_products(), {
                                  {"{id: 2}", "2"},
                                  {"{id: {$ne: 2}}", "1 3 4 5"},
                                  {"{id: {$gt: 3}}", "4 5"},
                                  {"{id: {$gte: 3, $lt: 5}}", "3 4"},
                                  {"{id: {$gt: -1}}", "1 2 3 4 5"},
                                  {"{id: {$lt: 0}}", ""},
                                  {"{id: -7}", ""},
                                  {"{id: {$in: [5, 1, 99, 1]}}", "1 5"},
                                  {"{id: {$notin: [1, 2]}}", "3 4 5"},
                                  {"{created_at: '1970-01-01T00:00:03Z'}", "3"},
                                  {"{updated_at: {$gt: '1970-01-01T00:00:03Z'}}", "4 5"},
                                  {"{id: {$isnull: true}}", ""},
                              });
}

TEST(Where, ReadsTheDefaultOfAFieldWhereARecordHasNone) {
  expect_ids(five_products(),
             {{"{stock: 7}", "1 2 4 5"}, {"{stock: {$isnull: true}}", ""}, {"{stock: 0}", "3"}});
}

TEST(Where, KnowsThreeTruths) {
  expect_ids(five_products(),
             {
                 {"{price: null}", "5"},
                 {"{price: {$eq: null}}", "5"},
                 {"{price: {$ne: null}}", "1 2 3 4"},
                 {"{price: {$isnull: false}}", "1 2 3 4"},
                 {"{price: {$ne: 10}}", "1 2 4"},
                 {"{price: {$in: [10]}}", "3"},
                 {"{price: {$notin: [10]}}", "1 2 4"},
                 {"{price: {$in: []}}", ""},
                 {"{price: {$notin: []}}", "1 2 3 4 5"},
                 {"{$not: {price: 10}}", "1 2 4"},
                 {"{$not: {$not: {price: 10}}}", "3"},
                 {"{$not: {price: {$isnull: true}}}", "1 2 3 4"},
                 // Unknown AND no is no, and its negation yes.
                 {"{$not: {price: 10, id: 1}}", "1 2 3 4 5"},
                 // Unknown OR yes is yes; unknown OR no is unknown, and so is its negation.
                 {"{$or: [{price: 10}, {id: 5}]}", "3 5"},
                 {"{$not: {$or: [{price: 10}, {id: 4}]}}", "1 2"},
             });
}

TEST(Where, JoinsConditionsByAndUnlessToldOtherwise) {
  expect_ids(five_products(), {
                                  {"{}", "1 2 3 4 5"},
                                  {"{price: 1.5, name: 'Apple'}", "1"},
                                  {"{price: {$gt: 0, $lt: 5}}", "1 4"},
                                  {"{$and: [{price: 1.5}, {name: 'Apple'}]}", "1"},
                                  {"{$and: {price: 1.5, name: 'Apple'}}", "1"},
                                  {"{$or: {price: 10, name: 'Apple'}}", "1 3"},
                                  {"{$or: {price: {$gt: 0, $lt: 5}, id: 5}}", "1 4 5"},
                                  {"{price: 1.5, $or: {name: 'Apple', id: 3}}", "1"},
                                  {"{$or: [{price: 1.5, kind: book}, {$and: [{id: {$gt: 1}}, {$or: "
                                   "{id: 5, name: 'a_b'}}]}]}",
                                   "1 4 5"},
                                  {"{$or: []}", ""},
                                  {"{$or: [{}]}", "1 2 3 4 5"},
                                  {"{$and: []}", "1 2 3 4 5"},
                                  {"{$not: {}}", ""},
                                  {"{price: {$or: [{$lt: 0}, 10, {$eq: null}]}}", "2 3 5"},
                                  {"{price: {$not: {$gt: 5}}}", "1 2 4"},
                                  {"{price: {$and: {$gt: 0, $lt: 5}}}", "1 4"},
                              });
}

TEST(Where, LooksIntoTexts) {
  expect_ids(five_products(),
             {
                 {"{name: {$startsWith: 'a'}}", "2 4"}, {"{name: {$startsWith: ''}}", "1 2 3 4 5"},
                 {"{name: {$endsWith: '%'}}", "3"},     {"{name: {$contains: 'pple'}}", "1 2"},
                 {"{name: {$contains: 'PPLE'}}", ""},   {"{name: {$like: 'a%'}}", "2 4"},
                 {"{name: {$like: '%pp%e'}}", "1 2"},   {"{name: {$like: '_pfel%'}}", "3"},
                 {"{name: {$like: 'a_b'}}", "4"},       {"{name: {$like: 'a__'}}", "4"},
                 {"{name: {$like: 'a%e'}}", "2"},       {"{name: {$like: ''}}", ""},
                 {"{name: {$like: '%'}}", "1 2 3 4 5"}, {R"({name: {$like: '%\%'}})", "3"},
                 {R"({name: {$like: 'a\_b'}})", "4"},   {R"({name: {$like: 'Appl\_'}})", ""},
                 {"{name: {$ilike: 'APPLE%'}}", "1 2"}, {"{name: {$ilike: 'äPFEL%'}}", "3"},
                 {"{name: {$ilike: 'STRASSE'}}", "5"},  {"{name: {$like: 'STRASSE'}}", ""},
                 {"{name: {$ilike: 'stra__e'}}", "5"},  {"{name: {$ilike: 'stra_e'}}", ""},
                 {"{kind: {$startsWith: 'b'}}", "1 4"},
             });
}

TEST(Where, ComparesJsonValuesAsAWhole) {
  expect_ids(five_products(), {
                                  {"{extra: {b: [2.0], a: 1}}", "1"},
                                  {"{extra: {a: 1}}", ""},
                                  {"{extra: {$eq: [1]}}", "2"},
                                  {"{extra: 'x'}", "4"},
                                  {"{extra: {$ne: 'x'}}", "1 2"},
                                  {"{extra: {$isnull: true}}", "3 5"},
                                  {"{extra: null}", "3 5"},
                              });
}

TEST(Where, TellsIntegersOfJsonApartThatNoDoubleHolds) {
  Shop shop;
  shop.add("products", 1, "{name: a, extra: {n: 9007199254740992, list: [9007199254740992]}}");
  shop.add("products", 2, "{name: b, extra: {n: 9007199254740993, list: [9007199254740993]}}");
  shop.add("products", 3, "{name: c, extra: {n: 9007199254740992.0, list: [9007199254740992.0]}}");
  shop.add("products", 4, "{name: d, extra: {n: 9223372036854775807}}");
  shop.add("products", 5, "{name: e, extra: {n: 9223372036854775808.0}}");
  expect_ids(shop, {
                       {"{'extra.n': 9007199254740993}", "2"},
                       {"{'extra.n': 9007199254740992}", "1 3"},
                       {"{'extra.n': 9007199254740992.0}", "1 3"},
                       {"{'extra.n': {$ne: 9007199254740993}}", "1 3 4 5"},
                       {"{'extra.n': {$gt: 9007199254740992}}", "2 4 5"},
                       {"{'extra.n': {$gt: 9007199254740992.0}}", "2 4 5"},
                       {"{'extra.n': {$lt: 9007199254740993}}", "1 3"},
                       {"{'extra.n': {$gt: 9223372036854775807}}", "5"},
                       {"{'extra.n': {$in: [9007199254740993, 9007199254740992.0, 1]}}", "1 2 3"},
                       {"{'extra.n': {$in: [9223372036854775808.0]}}", "5"},
                       {"{'extra.list': [9007199254740993]}", "2"},
                       {"{'extra.list': [9007199254740992]}", "1 3"},
                   });
  EXPECT_EQ(ids(shop, "products", "{orderBy: '-extra.n'}"), "5 4 2 3 1");
}

TEST(Where, FindsMediaByWhatIsReadOnly) {
  Shop shop;
  shop.add_media(1);
  shop.add_media(2, "{mime_type: 'application/pdf', metadata: {width: 3}}");
  const std::string address = "'xxh3-128:02000000000000000000000000000000'";
  const std::string digest = "'0202020202020202020202020202020202020202020202020202020202020202'";
  const std::vector<std::string> conditions{
      "{blob: " + address + "}",
      "{path: " + address + "}",
      "{blob: {$in: [" + address + "]}}",
      "{sha256: " + digest + "}",
      "{sha256: {$ne: null}, id: 2}",
      "{size: 200}",
      "{modified_at: '1970-01-01T00:00:02Z'}",
      "{mime_type: {$startsWith: 'application/'}}",
      "{metadata: {width: 3}}",
  };
  for (const std::string& where : conditions) {
    EXPECT_EQ(ids(shop, "media", Map{{"where", value_of(where)}}), "2") << where;
  }
}

TEST(Where, ReadsFieldsThatLieInARowOfTheirOwn) {
  Shop shop;
  shop.add("products", 1, Map{{"name", "long"}, {"price", 3}, {"secret", std::string(2000, 'x')}});
  expect_ids(shop, {{"{price: 3}", "1"}, {"{secret: {$endsWith: 'xx'}}", "1"}, {"{price: 4}", ""}});
}

TEST(Where, RefusesWhatItCannotMean) {
  const Shop shop = five_products();
  const std::vector<Asked> cases{
      {"{nam: 1}",
       "unknown_field at where.nam: products has no field \"nam\"; did you mean \"name\"?"},
      {"{name: {$foundation: 1}}",
       "unknown_operator at where.name.$foundation: there is no operator \"$foundation\""},
      {"{price: {$gtt: 1}}",
       "unknown_operator at where.price.$gtt: there is no operator \"$gtt\"; did you mean "
       "\"$gt\"?"},
      {"{price: {gt: 1}}",
       "unknown_operator at where.price.gt: there is no operator \"gt\"; did you mean \"$gt\"?"},
      {"{$orr: []}",
       "unknown_operator at where.$orr: there is no operator \"$orr\"; did you mean \"$or\"?"},
      {"{$gt: 1}",
       "wrong_operation at where.$gt: $gt stands under a field; write {\"<field>\": {\"$gt\": …}}"},
      {"{price: {}}",
       "invalid_request at where.price: no operator for \"price\"; leave the field out to ask "
       "nothing of it"},
      {"{price: {$startsWith: 'a'}}",
       "wrong_operation at where.price.$startsWith: $startsWith does not fit \"price\", which is "
       "of type number"},
      {"{id: {$like: 'a'}}",
       "wrong_operation at where.id.$like: $like does not fit \"id\", which is of type id"},
      {"{extra: {$gt: [1]}}",
       "wrong_type at where.extra.$gt: a number, a text or a boolean is expected, not list; lists "
       "and maps are compared as a whole by $eq and $ne"},
      {"{extra: {$in: [1, {a: 1}]}}",
       "wrong_type at where.extra.$in[1]: a number, a text or a boolean is expected, not map; "
       "lists and maps are compared as a whole by $eq and $ne"},
      {"{id: 'seven'}", "wrong_type at where.id: \"seven\" is no id; ids here are integers"},
      {"{id: 1.5}", "wrong_type at where.id: 1.5 is no id; ids here are integers"},
      {"{id: 2.0}", "wrong_type at where.id: 2 is no id; ids here are integers"},
      {"{gallery: {$in: [1, 2.0]}}",
       "wrong_type at where.gallery.$in[1]: 2 is no id; ids here are integers"},
      {"{price: {$gt: null}}",
       "wrong_type at where.price.$gt: nothing can be compared with null; ask {\"$isnull\": true} "
       "or false"},
      {"{price: {$in: [1, null]}}",
       "wrong_type at where.price.$in[1]: nothing can be compared with null; ask {\"$isnull\": "
       "true} or false"},
      {"{price: {$in: 1}}", "wrong_type at where.price.$in: a list of values is expected"},
      {"{price: {$between: [1]}}",
       "wrong_type at where.price.$between: $between takes a list of two: the least and the "
       "greatest"},
      {"{price: {$isnull: 'yes'}}",
       "wrong_type at where.price.$isnull: $isnull takes true or false, not \"yes\""},
      {"{name: {$contains: 1}}",
       "wrong_type at where.name.$contains: a text is expected, not integer"},
      {R"({name: {$like: 'a\'}})",
       R"(invalid_request at where.name.$like: a pattern that ends in a single \; write \\ for the sign itself)"},
      {"{$or: 1}", "wrong_type at where.$or: conditions, or a list of them, are expected"},
      {"{$and: [{}, 1]}", "wrong_type at where.$and[1]: a map of conditions is expected"},
      {"{$or: [{id: 1}, {nam: 1}]}",
       "unknown_field at where.$or[1].nam: products has no field \"nam\"; did you mean \"name\"?"},
      {"{'extra..a': 1}",
       "invalid_request at where.extra..a: a name is missing between two points; write the names "
       "of the way with one point between them"},
      {"{'extra.': 1}",
       "invalid_request at where.extra.: a name is missing between two points; write the names of "
       "the way with one point between them"},
      {"{'price.a': 1}",
       "wrong_operation at where.price.a: \"price\" of products has nothing within it; a path "
       "leads "
       "into json fields and through relations"},
      {"{'galery.size': 1}",
       "unknown_field at where.galery.size: products has no field \"galery\"; did you mean "
       "\"gallery\"?"},
      {"{'gallery.sise': 1}",
       "unknown_field at where.gallery.sise: media has no field \"sise\"; did you mean \"size\"?"},
      {"{'gallery.size': 'x'}",
       "wrong_type at where.gallery.size: size is of type number, not text \"x\"; send a number"},
      {"{gallery: {$gt: 1}}",
       "wrong_operation at where.gallery.$gt: $gt does not fit \"gallery\", which is of type "
       "media"},
      {"{gallery: 'x'}", "wrong_type at where.gallery: \"x\" is no id; ids here are integers"},
      {"[]",
       "wrong_type at where: a map of conditions is expected, not list; leave it out to ask for "
       "everything"},
  };
  for (const Asked& one : cases) {
    EXPECT_EQ(ids(shop, "products", Map{{"where", value_of(one.where)}}), one.ids) << one.where;
  }
}

TEST(Where, NamesThePlaceOfALiteralOfTheWrongType) {
  const Shop shop = five_products();
  for (const auto& [where, path] : std::vector<std::pair<std::string, std::string>>{
           {"{price: {$gte: 'cheap'}}", "wrong_type at where.price.$gte: "},
           {"{price: 'cheap'}", "wrong_type at where.price: "},
           {"{name: 1}", "wrong_type at where.name: "},
           {"{active: 1}", "wrong_type at where.active: "},
           {"{made: 'tomorrow'}", "wrong_type at where.made: "},
           {"{created_at: 'tomorrow'}", "wrong_type at where.created_at: "},
           {"{price: {$in: [1, 'a']}}", "wrong_type at where.price.$in[1]: "},
           {"{price: {$between: [1, true]}}", "wrong_type at where.price.$between[1]: "},
           {"{price: [1, 2]}", "wrong_type at where.price: "}}) {
    const std::string refusal = ids(shop, "products", Map{{"where", value_of(where)}});
    EXPECT_TRUE(refusal.starts_with(path)) << where << " gives " << refusal;
  }
}

TEST(Where, TellsHowSeveralValuesAreAskedFor) {
  const std::string refusal = ids(five_products(), "products", "{where: {price: [1, 2]}}");
  EXPECT_NE(refusal.find("{\"$in\": […]}"), std::string::npos) << refusal;
}

TEST(Where, LooksIntoJson) {
  Shop shop;
  shop.add("products", 1, "{name: a, extra: {width: 640, tags: [red, {deep: true}], '0': zero}}");
  shop.add("products", 2, "{name: b, extra: {width: 1024.5, tags: []}}");
  shop.add("products", 3, "{name: c, extra: {width: '640', tags: null}}");
  shop.add("products", 4, "{name: d, extra: [640, [1, 2]]}");
  shop.add("products", 5, "{name: e}");
  expect_ids(shop, {
                       {"{'extra.width': 640}", "1"},
                       {"{'extra.width': {$gt: 100}}", "1 2"},
                       {"{'extra.width': {$gt: '100'}}", "3"},
                       {"{'extra.width': {$ne: 640}}", "2 3"},
                       {"{'extra.width': {$not: {$lt: 700}}}", "2 3"},
                       {"{'extra.width': {$between: [640, 1024.5]}}", "1 2"},
                       {"{'extra.width': {$in: [640, '640', true]}}", "1 3"},
                       {"{'extra.width': {$notin: [640]}}", "2 3"},
                       {"{'extra.width': null}", "4 5"},
                       {"{'extra.width': {$isnull: false}}", "1 2 3"},
                       {"{'extra.width': {$startsWith: '6'}}", "3"},
                       {"{'extra.tags.0': red}", "1"},
                       {"{'extra.tags.0': {$like: 'R%'}}", ""},
                       {"{'extra.tags.0': {$ilike: 'R%'}}", "1"},
                       {"{'extra.tags.1.deep': true}", "1"},
                       {"{'extra.tags.1': {deep: true}}", "1"},
                       {"{'extra.tags.1.deep.deeper': null}", "1 2 3 4 5"},
                       {"{'extra.tags.-1': null}", "1 2 3 4 5"},
                       {"{'extra.tags': []}", "2"},
                       {"{'extra.0': {$gte: 640}}", "4"},
                       {"{'extra.0': zero}", "1"},
                       {"{'extra.1.1': 2}", "4"},
                       {"{'extra.1.2': 2}", ""},
                       {"{'extra.1': {$in: [1, 2]}}", ""},
                   });
}

TEST(Where, LooksThroughRelations) {
  Shop shop;
  for (std::uint64_t id = 1; id <= 4; ++id) {
    shop.add_media(id, id % 2 == 0 ? "{mime_type: 'application/pdf', metadata: {width: 9}}" : "{}");
    shop.add("products", id, Map{{"name", std::to_string(id)}});
  }
  shop.link("products", 1, "thumbnail", 1);
  shop.link("products", 1, "gallery", 2);
  shop.link("products", 2, "thumbnail", 4, false);
  shop.link("products", 2, "gallery", 1, false);
  shop.link("products", 2, "gallery", 3);
  shop.link("products", 3, "gallery", 4);
  shop.link("media", 1, "previews", 3);
  expect_ids(shop, {
                       {"{'thumbnail.mime_type': 'image/png'}", "1"},
                       {"{'thumbnail.id': 4}", "2"},
                       {"{thumbnail: 4}", "2"},
                       {"{thumbnail: {$in: [1, 4, 9]}}", "1 2"},
                       {"{thumbnail: null}", "3 4"},
                       {"{thumbnail: {$isnull: false}}", "1 2"},
                       {"{thumbnail: {$ne: 4}}", "1 3 4"},
                       {"{gallery: 3}", "2"},
                       {"{gallery: null}", "4"},
                       {"{gallery: {$notin: [1, 2]}}", "3 4"},
                       {"{'gallery.mime_type': {$startsWith: 'application/'}}", "1 3"},
                       {"{'gallery.mime_type': {$ne: 'application/pdf'}}", "2"},
                       {"{$not: {'gallery.mime_type': 'application/pdf'}}", "2 4"},
                       {"{'gallery.size': {$gte: 300}, 'gallery.id': {$lt: 4}}", "2"},
                       {"{'gallery.metadata.width': {$gt: 5}}", "1 3"},
                       {"{'gallery.alt': null}", "1 2 3"},
                       {"{'gallery.previews.id': 3}", "2"},
                       {"{'gallery.previews': null}", "1 2 3"},
                       {"{$or: {'thumbnail.size': 100, 'gallery.size': 400}}", "1 3"},
                   });
}

TEST(Where, IsBoundedInTheLinksItLooksAt) {
  Shop shop;
  shop.add("products", 1, "{name: a}");
  for (std::uint64_t id = 1; id <= 9; ++id) {
    shop.add_media(id);
    shop.link("products", 1, "gallery", id);
  }
  const auto asked = [&shop] { return ids(shop, "products", "{where: {'gallery.size': 900}}"); };
  shop.limits.examined_max = 10;  // The product and its nine links.
  EXPECT_EQ(asked(), "1");
  shop.limits.examined_max = 9;
  EXPECT_TRUE(asked().starts_with("result_too_large at where: ")) << asked();
}

TEST(Where, IsBoundedInSize) {
  const Shop shop = five_products();
  const auto asked = [&](std::size_t conditions, std::size_t operands) {
    List any, values;
    while (any.size() < conditions) any.push_back(Map{{"price", 99}});
    while (values.size() < operands) values.push_back(1000 + values.size());
    Map where;
    if (!any.empty()) where.set("$or", std::move(any));
    if (!values.empty()) where.set("price", Map{{"$in", std::move(values)}});
    return ids(shop, "products", Map{{"where", std::move(where)}});
  };
  const std::string refusal = "value_too_large at where: ";
  EXPECT_EQ(asked(kConditionsMax - 2, 0), "");
  EXPECT_EQ(asked(kConditionsMax - 1, 0), "");
  EXPECT_TRUE(asked(kConditionsMax, 0).starts_with(refusal));
  EXPECT_EQ(asked(0, kOperandsMax - 1), "");
  EXPECT_EQ(asked(0, kOperandsMax), "");
  EXPECT_TRUE(asked(0, kOperandsMax + 1).starts_with(refusal));
}

TEST(Like, IsBoundedInLength) {
  const std::string longest(kLikePatternBytesMax, 'a');
  EXPECT_TRUE(LikePattern::of(longest, Case::matters)->matches(longest));
  EXPECT_EQ(LikePattern::of(longest + "a", Case::matters).error().code, ErrorCode::too_long);
}

TEST(Like, TriesEveryPlaceForWhatFollowsARun) {
  const LikePattern pattern = *LikePattern::of("%ab%a_c", Case::matters);
  EXPECT_TRUE(pattern.matches("xabaabaac aac"));
  EXPECT_TRUE(pattern.matches("ababc"));
  EXPECT_FALSE(pattern.matches("abac"));
  EXPECT_FALSE(pattern.matches("aac"));
}

}  // namespace
}  // namespace emstore::store
