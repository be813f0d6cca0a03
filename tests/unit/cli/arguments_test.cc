#include "cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "cli/failures.h"

namespace emstore::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

SchemaView shop() {
  const auto field = [](const char* type) { return Map{{"type", type}, {"config", Map()}}; };
  const auto relation = [](const char* name, const char* target, bool unique) {
    Map config{{"reference", name}, {"target", target}, {"inversedBy", "products"}};
    if (unique) config.append("unique", true);
    return Map{{"type", "relation"}, {"config", std::move(config)}};
  };
  const Map products{
      {"name", field("text")},
      {"price", field("number")},
      {"sold", field("boolean")},
      {"tags", field("json")},
      {"since", field("date")},
      {"thumbnail", field("medium")},
      {"gallery", field("media")},
      {"maker_id", relation("maker", "makers", false)},
      {"box_id", relation("box", "boxes", true)},
      {"labels",
       Map{{"type", "links"}, {"config", Map{{"target", "labels"}, {"inversedBy", "products"}}}}}};
  const Map makers{{"name", field("text")}, {"since", field("number")}};
  const Map media{{"name", field("text")}, {"size", field("number")}, {"metadata", field("json")}};
  return SchemaView(Map{{"schema", Map{{"entities", Map{{"products", Map{{"fields", products}}},
                                                        {"makers", Map{{"fields", makers}}},
                                                        {"boxes", Map{{"fields", Map()}}},
                                                        {"labels", Map{{"fields", Map()}}},
                                                        {"media", Map{{"fields", media}}}}}}}});
}

Document document(std::vector<std::string> words) { return document_of(shop(), "products", words); }

Value value_of(const std::string& word) {
  return std::get<Value>(document({word}).members().at(0).content);
}

const Operators& operators_in(const Document& document) {
  return std::get<Operators>(document.members().at(0).content);
}

TEST(Arguments, TakeValuesAsTheSchemaTypesThem) {
  EXPECT_EQ(value_of("name=17"), Value("17"));
  EXPECT_EQ(value_of("name=null"), Value("null"));
  EXPECT_EQ(value_of("name=a=b"), Value("a=b"));
  EXPECT_EQ(value_of("name="), Value(""));
  EXPECT_EQ(value_of("price=999"), Value(999));
  EXPECT_EQ(value_of("price=12.5"), Value(12.5));
  EXPECT_EQ(value_of("price=null"), Value());
  EXPECT_EQ(value_of("price=cheap"), Value("cheap"));  // emstore says what is wrong with it.
  EXPECT_EQ(value_of("price=inf"), Value("inf"));
  EXPECT_EQ(value_of("price=9223372036854775808"), Value(9223372036854775808.0));
  EXPECT_THAT([] { value_of("price=9223372036854775809"); },
              ThrowsMessage<UsageError>(HasSubstr("would be rounded")));
  EXPECT_EQ(value_of("sold=true"), Value(true));
  EXPECT_EQ(value_of("since=2026-11-22"), Value("2026-11-22"));
  EXPECT_EQ(value_of("maker_id=7"), Value(7));
  EXPECT_EQ(value_of("maker_id=0199-ab"), Value("0199-ab"));
  EXPECT_EQ(value_of("maker_id=null"), Value());
  EXPECT_EQ(value_of("tags=[1,\"a\"]"), Value(List{1, "a"}));
  EXPECT_EQ(value_of("name:=null"), Value());
}

TEST(Arguments, MakeOperatorsOfMediaFields) {
  EXPECT_EQ(operators_in(document({"gallery=17,18"})).values(), (Map{{"$set", List{17, 18}}}));
  EXPECT_EQ(operators_in(document({"gallery+=17", "gallery-=3", "gallery+=18"})).values(),
            (Map{{"$detach", List{3}}, {"$attach", List{17, 18}}}));
  EXPECT_EQ(operators_in(document({"thumbnail=17"})).values(), (Map{{"$set", 17}}));
  EXPECT_EQ(operators_in(document({"thumbnail=null"})).values(), (Map{{"$set", nullptr}}));
}

TEST(Arguments, ClearWhatIsSetToNothing) {
  for (const char* nothing : {"thumbnail=null", "thumbnail=", "maker=null", "maker="}) {
    EXPECT_EQ(operators_in(document({nothing})).values(), (Map{{"$set", nullptr}})) << nothing;
    EXPECT_FALSE(operators_in(document({nothing})).creates_one());
    EXPECT_TRUE(operators_in(document({nothing})).files().empty());
  }
  for (const char* nothing : {"gallery=null", "gallery=", "labels=null", "labels="}) {
    EXPECT_EQ(operators_in(document({nothing})).values(), (Map{{"$set", List()}})) << nothing;
  }
  for (const char* nothing : {"gallery+=", "gallery-=", "labels+=", "gallery= ", "gallery=,"}) {
    EXPECT_THAT([&] { document({nothing}); },
                ThrowsMessage<UsageError>(HasSubstr("names nothing")));
  }
  EXPECT_THAT(
      [] {
        document({"gallery=", "gallery=17"});
      },
      ThrowsMessage<UsageError>(HasSubstr("\"gallery\" is cleared and set")));
}

TEST(Arguments, MakeOperatorsOfRelations) {
  EXPECT_EQ(operators_in(document({"maker=7"})).values(), (Map{{"$set", 7}}));
  EXPECT_EQ(operators_in(document({"maker=0199-ab"})).values(), (Map{{"$set", "0199-ab"}}));
  EXPECT_EQ(operators_in(document({"labels+=1", "labels-=2"})).values(),
            (Map{{"$detach", List{2}}, {"$attach", List{1}}}));
  const auto of = [](const char* entity, const char* word) {
    return document_of(shop(), entity, std::vector<std::string>{word});
  };
  EXPECT_EQ(operators_in(of("makers", "products+=1,2")).values(), (Map{{"$attach", List{1, 2}}}));
  EXPECT_EQ(operators_in(of("labels", "products=1")).values(), (Map{{"$set", List{1}}}));
  EXPECT_EQ(operators_in(of("boxes", "products=1")).values(), (Map{{"$set", 1}}));
  EXPECT_THAT([] { document({"maker=@a.png"}); },
              ThrowsMessage<UsageError>(HasSubstr("maker leads to makers, not to media")));
  EXPECT_THAT([] { refuse_value(shop(), "products", "price"); },
              ThrowsMessage<UsageError>(HasSubstr("\"price\" is a value, and links nothing")));
  EXPECT_THAT([] { document({"maker=1,2"}); },
              ThrowsMessage<UsageError>(HasSubstr("takes one record of makers")));
  try {
    document({"price-=1"});
    FAIL() << "went through";
  } catch (const UsageError& error) {
    EXPECT_EQ(error.hint(), "write price=VALUE");  // Not price=1, which means another thing.
  }
}

TEST(Arguments, StoreFilesOfMediaFields) {
  const Document appended = document({"gallery+=@a.png", "gallery+=@b.png"});
  EXPECT_EQ(operators_in(appended).files().size(), 2u);
  EXPECT_TRUE(operators_in(appended).values().empty());

  const Document replaced = document({"gallery=@a.png"});
  EXPECT_EQ(operators_in(replaced).values(), (Map{{"$set", List()}}));
  EXPECT_EQ(operators_in(replaced).files().size(), 1u);

  const Document one = document({"thumbnail=@a.png"});
  EXPECT_TRUE(operators_in(one).creates_one());
  EXPECT_TRUE(operators_in(one).values().empty());
}

TEST(Arguments, QuoteTheWordThatIsWrong) {
  for (const char* word : {"name=Caf\xe9", "maker_id=\xff", "since=\xed\xa0\x80"}) {
    EXPECT_THAT([&] { document({word}); }, ThrowsMessage<UsageError>(HasSubstr("is not UTF-8")));
  }
  EXPECT_THAT([] { document({"name"}); }, ThrowsMessage<UsageError>(HasSubstr("\"name\"")));
  EXPECT_THAT([] { document({"=x"}); }, ThrowsMessage<UsageError>(HasSubstr("\"=x\"")));
  EXPECT_THAT([] { document({"price+=1"}); },
              ThrowsMessage<UsageError>(HasSubstr("price is number")));
  EXPECT_THAT([] { document({"gallery-=@a.png"}); },
              ThrowsMessage<UsageError>(HasSubstr("@a.png")));
  EXPECT_THAT(
      [] {
        document({"name=a", "name=b"});
      },
      ThrowsMessage<UsageError>(HasSubstr("\"name\" is given twice")));
  EXPECT_THAT(
      [] {
        document({"gallery+=17", "gallery:=null"});
      },
      ThrowsMessage<UsageError>(HasSubstr("\"gallery\" is given twice")));
  for (const char* other : {"thumbnail=18", "thumbnail=@a.png", "thumbnail=null"}) {
    EXPECT_THAT(
        [&] {
          document({"thumbnail=@b.png", other});
        },
        ThrowsMessage<UsageError>(HasSubstr("takes one medium")));
  }
  EXPECT_THAT([] { document({"tags={"}); }, ThrowsMessage<UsageError>(HasSubstr("no JSON")));
  EXPECT_THAT([] { document_of(shop(), "product", std::vector<std::string>{"a=b"}); },
              ThrowsMessage<UsageError>(HasSubstr("no entity \"product\"")));
  try {
    document({"galery+=17"});
    FAIL() << "an unknown field went through";
  } catch (const UsageError& error) {
    EXPECT_EQ(error.hint(), "did you mean \"gallery\"?");
  }
}

Map where(std::vector<std::string> expressions) {
  return where_of(shop(), "products", expressions).to_map();
}

TEST(Arguments, ReadConditions) {
  EXPECT_EQ(where({"price>=500"}), (Map{{"price", Map{{"$gte", 500}}}}));
  EXPECT_EQ(where({"price < 5.5"}), (Map{{"price", Map{{"$lt", 5.5}}}}));
  EXPECT_EQ(where({"name=Laptop"}), (Map{{"name", Map{{"$eq", "Laptop"}}}}));
  EXPECT_EQ(where({"name!=>="}), (Map{{"name", Map{{"$ne", ">="}}}}));
  EXPECT_EQ(where({"name^=Lap"}), (Map{{"name", Map{{"$startsWith", "Lap"}}}}));
  EXPECT_EQ(where({"name~%top"}), (Map{{"name", Map{{"$like", "%top"}}}}));
  EXPECT_EQ(where({"id in 1,2"}), (Map{{"id", Map{{"$in", List{1, 2}}}}}));
  EXPECT_EQ(where({"name in 1, b"}), (Map{{"name", Map{{"$in", List{"1", "b"}}}}}));
  EXPECT_EQ(where({"price is null"}), (Map{{"price", Map{{"$isnull", true}}}}));
  EXPECT_EQ(where({"name=this is null"}), (Map{{"name", Map{{"$eq", "this is null"}}}}));
  EXPECT_EQ(where({"name != x is not null"}), (Map{{"name", Map{{"$ne", "x is not null"}}}}));
  EXPECT_EQ(where({"price is not null"}), (Map{{"price", Map{{"$isnull", false}}}}));
  EXPECT_EQ(where({"{\"price\":{\"$gt\":1}}"}), (Map{{"price", Map{{"$gt", 1}}}}));
  EXPECT_EQ(
      where({"price>1", "price<9"}),
      (Map{{"$and", List{Map{{"price", Map{{"$gt", 1}}}}, Map{{"price", Map{{"$lt", 9}}}}}}}));
  EXPECT_EQ(where({"gallery.size>10"}), (Map{{"gallery.size", Map{{"$gt", 10}}}}));
  EXPECT_EQ(where({"gallery.name=10"}), (Map{{"gallery.name", Map{{"$eq", "10"}}}}));
  EXPECT_EQ(where({"gallery.metadata.width in 10,x,true"}),
            (Map{{"gallery.metadata.width", Map{{"$in", List{10, "x", true}}}}}));
  EXPECT_EQ(where({"gallery.id=7"}), (Map{{"gallery.id", Map{{"$eq", 7}}}}));
  EXPECT_EQ(where({"maker_id=7"}), (Map{{"maker_id", Map{{"$eq", 7}}}}));
  EXPECT_EQ(where({"thumbnail=7"}), (Map{{"thumbnail", Map{{"$eq", 7}}}}));
  EXPECT_EQ(where({"maker=7"}), (Map{{"maker", Map{{"$eq", 7}}}}));
  EXPECT_EQ(where({"labels in 1,2"}), (Map{{"labels", Map{{"$in", List{1, 2}}}}}));
  EXPECT_EQ(where({"maker.since>1990"}), (Map{{"maker.since", Map{{"$gt", 1990}}}}));
  EXPECT_EQ(where({"maker.products=3"}), (Map{{"maker.products", Map{{"$eq", 3}}}}));
  EXPECT_EQ(where({}), Map());
  EXPECT_THAT([] { where({"price"}); }, ThrowsMessage<UsageError>(HasSubstr("\"price\"")));
}

TEST(Arguments, ReadWhatToReadAlong) {
  Query query;
  query.with.add(with_of("thumbnail"));
  query.with.add(with_of("gallery:orderBy=-created_at,limit=3"));
  query.with.add(with_of("documents:{\"where\":{\"name\":\"a\"},\"orderBy\":{\"id\":\"desc\"}}"));
  const auto order = [](const char* by) { return List{Map{{"by", by}, {"dir", "desc"}}}; };
  EXPECT_EQ(to_map(query),
            (Map{{"with", Map{{"thumbnail", true},
                              {"gallery", Map{{"orderBy", order("created_at")}, {"limit", 3}}},
                              {"documents",
                               Map{{"where", Map{{"name", "a"}}}, {"orderBy", order("id")}}}}}}));
  const auto lowered = [](const char* word) {
    Query one;
    one.with.add(with_of(word));
    return *to_map(one).find("with")->if_map()->find("gallery")->if_map();
  };
  EXPECT_EQ(lowered("gallery:select=5"), (Map{{"select", List{"5"}}}));
  EXPECT_EQ(lowered("gallery:cursor=5"), (Map{{"cursor", "5"}}));
  for (const auto& wrong : std::map<std::string, std::string>{
           {R"(gallery:where={"size":{"$gt":1}})", " is written as JSON"},
           {"gallery:orderBy=-size,-name", "\"-name\" in --with"},
           {R"(gallery:{"where":5})", "where is an object, not 5"},
           {R"(gallery:{"select":5})", "select is a field or a list of fields, not 5"},
           {R"(gallery:{"select":[5]})", "a field of select is a text, not 5"},
           {R"(gallery:{"cursor":5})", "cursor is a text, not 5"},
           {R"(gallery:{"with":5})", "with is a field, an object or a list, not 5"},
           {R"(gallery:{"with":{"a":false}})", "with a is an object or true, not false"},
           {R"(gallery:{"orderBy":{"id":"up"}})", "\"asc\" or \"desc\", not \"up\""}}) {
    EXPECT_THAT([&] { with_of(wrong.first); }, ThrowsMessage<UsageError>(HasSubstr(wrong.second)));
  }
  EXPECT_THAT([] { with_of("gallery:limt=3"); }, ThrowsMessage<UsageError>(HasSubstr("limt")));
  EXPECT_THAT([] { with_of("gallery:limit=-3"); }, ThrowsMessage<UsageError>(HasSubstr("-3")));
}

TEST(Numbers, AreDecimalAndFitTheWire) {
  EXPECT_EQ(decimal_of("0"), 0u);
  EXPECT_EQ(decimal_of("010"), 10u);
  EXPECT_EQ(decimal_of("9223372036854775807"), 9223372036854775807u);
  for (const char* wrong : {"", "-1", "+1", " 1", "0x5", "1.0", "1k", "9223372036854775808"}) {
    EXPECT_EQ(decimal_of(wrong), std::nullopt) << wrong;
  }
}

TEST(Moments, AreSequencesOrTimes) {
  EXPECT_EQ(as_of_value("42"), Value(42));
  EXPECT_EQ(as_of_value("2026-11-22T15:09:26Z"), Value("2026-11-22T15:09:26Z"));
  EXPECT_TRUE(as_of_value("").is_null());
}

}  // namespace
}  // namespace emstore::cli
