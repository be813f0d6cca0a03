// What a program writes, and what goes over the wire for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <emstore/client.hpp>
#include <limits>

namespace emstore {
namespace {

TEST(Operators, AreWrittenAsTheWireHasThem) {
  EXPECT_EQ(attach({17, 18}).values(), (Map{{"$attach", List{17, 18}}}));
  EXPECT_EQ(attach(std::vector<std::int64_t>{17, 18}).values(), (Map{{"$attach", List{17, 18}}}));
  EXPECT_EQ(detach(3).values(), (Map{{"$detach", List{3}}}));
  EXPECT_EQ(set({17, 21}).values(), (Map{{"$set", List{17, 21}}}));
  EXPECT_EQ(set({17}).values(), (Map{{"$set", List{17}}}));
  EXPECT_EQ(set({}).values(), (Map{{"$set", List()}}));
  EXPECT_EQ(set(17).values(), (Map{{"$set", 17}}));
  EXPECT_EQ(set(nullptr).values(), (Map{{"$set", nullptr}}));
  EXPECT_EQ(attach({1}).set(nullptr).values(), (Map{{"$attach", List{1}}, {"$set", nullptr}}));
  EXPECT_EQ(attach({1}).detach({2}).values(), (Map{{"$attach", List{1}}, {"$detach", List{2}}}));
}

TEST(Operators, AddUpWhenTheyAreGivenTwice) {
  EXPECT_EQ(attach({1}).attach({2, 3}).detach({4}).detach({5}).values(),
            (Map{{"$attach", List{1, 2, 3}}, {"$detach", List{4, 5}}}));
  EXPECT_EQ(attach({1}).set({2}).set({3}).values(), (Map{{"$attach", List{1}}, {"$set", List{3}}}));
}

TEST(Operators, TakeATextForOneIdAndNotForItsLetters) {
  const std::string id = "0195c2de";
  EXPECT_EQ(attach(std::string_view(id)).values(), (Map{{"$attach", List{id}}}));
  EXPECT_EQ(detach(id).values(), (Map{{"$detach", List{id}}}));
  static_assert(!RangeOfItems<std::u8string>);
  static_assert(!RangeOfItems<std::vector<char>>);
}

TEST(Item, IsNeitherNothingNorALetter) {
  static_assert(!std::constructible_from<Item, std::nullptr_t>);
  static_assert(!std::constructible_from<Item, char>);
  static_assert(!std::constructible_from<Item, wchar_t>);
  static_assert(std::constructible_from<Item, bool> && std::constructible_from<Item, unsigned>);
}

TEST(File, IsNamedByWhateverNamesAFile) {
  const std::string path = "/somewhere/a.png";
  for (const File& file :
       {File(path), File(path.c_str()), File(std::string_view(path)),
        File(std::filesystem::path(path)), File(std::filesystem::directory_entry(path))}) {
    EXPECT_EQ(std::get<std::filesystem::path>(file.source()), path);
    EXPECT_EQ(file.fields(), (Map{{"name", "a.png"}}));
  }
  EXPECT_EQ(std::get<std::string>(File::bytes("content", "a.png").source()), "content");
}

// What {} means is clear. Compiled, never called.
[[maybe_unused]] void say_nothing(Client& client, std::error_code& error) {
  client.apply({});
  client.apply({}, error);
  client.apply({{"entities", Map()}});
  client = connect({});
  client = connect(std::string("/run/sock"));
  client = connect("/run/sock");
}

TEST(Item, CarriesPlaceAndMeta) {
  EXPECT_EQ(item(17).to_value(), Value(17));
  EXPECT_EQ(item(17).first().to_value(), Value(Map{{"id", 17}, {"at", "first"}}));
  EXPECT_EQ(item(17).before(3).meta({{"alt", "side"}}).to_value(),
            Value(Map{{"id", 17}, {"at", Map{{"before", 3}}}, {"meta", Map{{"alt", "side"}}}}));
}

TEST(Where, IsWrittenAsTheWireHasIt) {
  const Where where{{"price", gte(500) && lt(900)},
                    {"name", starts_with("Lap")},
                    {"id", in({1, 2})},
                    {"sold", nullptr}};
  EXPECT_EQ(where.to_map(), (Map{{"price", Map{{"$gte", 500}, {"$lt", 900}}},
                                 {"name", Map{{"$startsWith", "Lap"}}},
                                 {"id", Map{{"$in", List{1, 2}}}},
                                 {"sold", nullptr}}));
  const Where either{any_of({Where{{"a", 1}}, Where{{"b", 2}}})};
  EXPECT_EQ(either.to_map(), (Map{{"$or", List{Map{{"a", 1}}, Map{{"b", 2}}}}}));
}

TEST(Condition, LosesNoTestOfTwoWithOneOperator) {
  EXPECT_EQ((ne(1) && ne(2)).to_map(), (Map{{"$ne", 1}, {"$and", List{Map{{"$ne", 2}}}}}));
  EXPECT_EQ((gte(3) && lt(9) && gte(1) && gte(2)).to_map(),
            (Map{{"$gte", 3}, {"$lt", 9}, {"$and", List{Map{{"$gte", 1}}, Map{{"$gte", 2}}}}}));
  EXPECT_EQ((ne(1) && (ne(2) && ne(3))).to_map(),
            (Map{{"$ne", 1}, {"$and", List{Map{{"$ne", 3}}, Map{{"$ne", 2}}}}}));
}

TEST(Where, LosesNoTermOfTwoForOneField) {
  const Where where{{"price", gte(1)}, {"price", lte(9)}};
  EXPECT_EQ(where.to_map(),
            (Map{{"price", Map{{"$gte", 1}}}, {"$and", List{Map{{"price", Map{{"$lte", 9}}}}}}}));
}

TEST(Query, IsWrittenAsTheWireHasIt) {
  const Query query{
      .where = {{"id", 1}},
      .with = {"thumbnail", {"gallery", {.order_by = {desc("created_at")}, .limit = 3}}},
      .select = {"name"},
      .order_by = {asc("name"), desc("price")},
      .limit = 20,
      .offset = 40,
      .count = true};
  EXPECT_EQ(to_map(query),
            (Map{{"where", Map{{"id", 1}}},
                 {"with",
                  Map{{"thumbnail", true},
                      {"gallery", Map{{"orderBy", List{Map{{"by", "created_at"}, {"dir", "desc"}}}},
                                      {"limit", 3}}}}},
                 {"select", List{"name"}},
                 {"orderBy",
                  List{Map{{"by", "name"}, {"dir", "asc"}}, Map{{"by", "price"}, {"dir", "desc"}}}},
                 {"limit", 20},
                 {"offset", 40},
                 {"count", true}}));
  EXPECT_EQ(to_map(Query{}), Map());
}

TEST(Query, RefusesWhatItCannotSay) {
  const auto error_of = [](const Query& query) {
    try {
      to_map(query);
    } catch (const Failure& failure) {
      return failure.error();
    }
    return Error{};
  };
  const Query late{.with = {{"gallery", {.with = {{"reference", {.after = 7}}}}}}};
  EXPECT_EQ(error_of(late).code, ErrorCode::unknown_option);
  EXPECT_EQ(error_of(late).path, "with.gallery.with.reference.after");
  const Query early{.with = {{"gallery", {.as_of = 7}}}};
  EXPECT_EQ(error_of(early).path, "with.gallery.as_of");
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(to_map({.limit = kMost}), (Map{{"limit", kMost}}));
  EXPECT_EQ(error_of({.limit = kMost + 1}).code, ErrorCode::out_of_range);
  EXPECT_EQ(error_of({.with = {{"gallery", {.offset = kMost + 1}}}}).path, "with.gallery.offset");
}

TEST(Schema, TakesTheLastLabelsOfAField) {
  schema::Field once = schema::enumeration("size", {"s", "m"});
  once.labels({"small", "medium"});
  schema::Field twice = schema::enumeration("size", {"s", "m"});
  twice.labels({"little"}).labels({"small", "medium"});
  EXPECT_EQ(twice.config(), once.config());
}

TEST(Schema, MakesTheRelationOfEveryMediaField) {
  const Map map =
      Schema{schema::entity("posts", {schema::text("title").required(), schema::medium("cover"),
                                      schema::media("images").max_items(5)}),
             schema::index("posts", {"title"}).unique()}
          .to_map();
  const Map* fields =
      map.find("entities")->if_map()->find("posts")->if_map()->find("fields")->if_map();
  EXPECT_EQ(*fields->find("title"),
            Value(Map{{"type", "text"}, {"config", Map{{"required", true}}}}));
  EXPECT_EQ(*fields->find("images"),
            Value(Map{{"type", "media"}, {"config", Map{{"max_items", 5}}}}));
  EXPECT_EQ(*map.find("relations"),
            Value(Map{{"poly_posts_media_cover",
                       Map{{"type", "poly"},
                           {"source", "posts"},
                           {"target", "media"},
                           {"config", Map{{"mappedBy", "cover"}, {"targetCardinality", 1}}}}},
                      {"poly_posts_media_images", Map{{"type", "poly"},
                                                      {"source", "posts"},
                                                      {"target", "media"},
                                                      {"config", Map{{"mappedBy", "images"}}}}}}));
  EXPECT_EQ(*map.find("indices"),
            Value(Map{{"idx_unique_posts_title",
                       Map{{"entity", "posts"}, {"fields", List{"title"}}, {"unique", true}}}}));
}

TEST(Record, GivesFieldsAsWhatTheyAre) {
  const Record record(
      Map{{"id", 4},
          {"name", "Mug"},
          {"price", 12.5},
          {"count", 3.0},
          {"sold", true},
          {"note", nullptr},
          {"gallery", List{Map{{"id", 8}, {"name", "a.png"}}, Map{{"id", 9}, {"name", "b.png"}}}},
          {"thumbnail", Map{{"id", 8}, {"name", "a.png"}}},
          {"$more", Map{{"gallery", "00ff"}}}});
  EXPECT_EQ(record.more("gallery"), "00ff");
  EXPECT_EQ(record.more("thumbnail"), "");
  EXPECT_EQ(record.id(), Value(4));
  EXPECT_EQ(record.get<std::string>("name"), "Mug");
  EXPECT_EQ(record.get<double>("price"), 12.5);
  EXPECT_EQ(record.get<double>("id"), 4.0);
  EXPECT_EQ(record.get<std::int64_t>("count"), 3);
  EXPECT_TRUE(record.get<bool>("sold"));
  EXPECT_EQ(record.get<std::optional<std::string>>("note"), std::nullopt);
  EXPECT_EQ(record.get<std::optional<std::string>>("name"), "Mug");
  EXPECT_TRUE(record["nothing like that"].is_null());
  EXPECT_EQ(record.at("gallery")[1].get<std::string>("name"), "b.png");
  EXPECT_EQ(record.at("thumbnail").size(), 1u);
  std::string names;
  for (const RecordView medium : record.at("gallery")) names += medium.get<std::string>("name");
  EXPECT_EQ(names, "a.pngb.png");
}

TEST(Record, SaysWhatIsWrong) {
  const Record record(Map{{"name", "Mug"}, {"price", 12.5}, {"gallery", List()}});
  const auto code_of = [](auto&& action) {
    try {
      action();
    } catch (const Failure& failure) {
      return failure.error().code;
    }
    return ErrorCode::internal;
  };
  EXPECT_EQ(code_of([&] { record.get<double>("name"); }), ErrorCode::wrong_type);
  EXPECT_EQ(code_of([&] { record.get<std::int64_t>("price"); }), ErrorCode::wrong_type);
  EXPECT_EQ(code_of([&] { record.get<std::string>("nothing"); }), ErrorCode::wrong_type);
  EXPECT_EQ(code_of([&] { record.at("documents"); }), ErrorCode::unknown_relation);
  EXPECT_EQ(code_of([&] { record.at("name"); }), ErrorCode::wrong_type);
  EXPECT_EQ(code_of([&] { record.at("gallery")[0]; }), ErrorCode::out_of_range);
}

TEST(ErrorOut, TakesTheCodeOrTheWholeError) {
  std::error_code code = ErrorCode::internal;
  ErrorOut(code).clear();
  EXPECT_FALSE(code);
  std::optional<Error> error;
  ErrorOut(error).set({ErrorCode::unknown_field, "no such field", "update.galery", "gallery?", {}});
  EXPECT_EQ(error->path, "update.galery");
  EXPECT_EQ(Failure(*error).code(), ErrorCode::unknown_field);
}

}  // namespace
}  // namespace emstore
