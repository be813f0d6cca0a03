#include "store/json_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace emstore::store {
namespace {

using ::testing::HasSubstr;

// "fits", or what stands against it.
std::string verdict(const Map& schema, const Value& value) {
  const auto read = JsonSchema::read(schema);
  if (!read) return "schema: " + to_string(read.error());
  const Status status = read->check(value, "it");
  return status ? "fits" : status.error().message;
}

std::string fault_of(const Map& schema) {
  const auto read = JsonSchema::read(schema);
  return read ? "none" : read.error().path + ": " + read.error().message;
}

const Map kString{{"type", "string"}};
const Map kPositive{{"type", "integer"}, {"exclusiveMinimum", 0}};

TEST(JsonSchema, HoldsEveryKeywordAtItsEdges) {
  struct Row {
    Map schema;
    Value value;
    std::string verdict;
  };
  const Value null;
  constexpr std::int64_t kBeyond = 9007199254740992;  // 2^53: the next has no double.
  constexpr double k2To63 = 9223372036854775808.0;
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kGreatest = std::numeric_limits<std::int64_t>::max();
  const Row rows[] = {
      {{}, null, "fits"},
      {{{"type", "null"}}, null, "fits"},
      {{{"type", "boolean"}}, null, "it: is boolean, not null"},
      {{{"type", "integer"}}, 1.0, "fits"},
      {{{"type", "integer"}}, 1.5, "it: is integer, not 1.5"},
      {{{"type", List{"number", "string"}}}, true, "it: is number or string, not true"},
      {{{"type", "array"}}, List{}, "fits"},
      {{{"type", "object"}}, List{}, "it: is object, not []"},
      {{{"enum", List{1, "a", Map{{"x", 1}, {"y", 2}}}}}, Map{{"y", 2.0}, {"x", 1.0}}, "fits"},
      {{{"enum", List{1, "a"}}}, "b", "it: \"b\" is none of the values allowed"},
      {{{"const", List{1}}}, List{1.0}, "fits"},
      {{{"const", "1"}}, 1.0, "it: 1 is none of the values allowed"},
      {{{"const", 1}, {"enum", List{1, 2}}}, 1, "fits"},
      {{{"const", 1}, {"enum", List{1, 2}}}, 2, "it: 2 is none of the values allowed"},
      {{{"enum", List{1, 2}}, {"const", 1}}, 1, "fits"},
      {{{"enum", List{1, 2}}, {"const", 1}}, 2, "it: 2 is none of the values allowed"},
      {{{"const", 1}, {"enum", List{2}}}, 1, "it: 1 is none of the values allowed"},
      {{{"const", 1}, {"enum", List{2}}}, 2, "it: 2 is none of the values allowed"},
      {{{"minimum", 2}}, 2.0, "fits"},
      {{{"minimum", 2}}, 1.9, "it: 1.9 is not at least 2"},
      {{{"minimum", 2}}, "text", "fits"},
      {{{"exclusiveMaximum", 2}}, 2.0, "it: 2 is not less than 2"},
      {{{"maximum", kBeyond}}, kBeyond, "fits"},
      {{{"maximum", kBeyond}}, kBeyond + 1, "it: 9007199254740993 is not at most 9007199254740992"},
      {{{"multipleOf", 2}}, kBeyond + 1, "it: 9007199254740993 is not a multiple of 2"},
      {{{"multipleOf", k2To63}}, kLeast, "fits"},
      {{{"multipleOf", k2To63}},
       kLeast + 1,
       "it: -9223372036854775807 is not a multiple of 9223372036854775808"},
      {{{"multipleOf", k2To63}},
       kGreatest,
       "it: 9223372036854775807 is not a multiple of 9223372036854775808"},
      {{{"multipleOf", 2 * k2To63}},
       kLeast,
       "it: -9223372036854775808 is not a multiple of 18446744073709551616"},
      {{{"multipleOf", 2 * k2To63}}, 0, "fits"},
      {{{"multipleOf", 3}}, 1e20, "it: 1e+20 is not a multiple of 3"},
      {{{"multipleOf", 0.01}}, 19.99, "fits"},
      {{{"multipleOf", 0.01}}, 19.995, "it: 19.995 is not a multiple of 0.01"},
      {{{"minLength", 2}}, "\xC3\xA4", "it: has 1 characters, and needs 2"},
      {{{"maxLength", 1}}, "\xC3\xA4", "fits"},
      {{{"pattern", "^a"}}, "ba", "it: \"ba\" does not match the pattern \"^a\""},
      {{{"format", "date"}}, "2026-02-30", "it: \"2026-02-30\" is no date"},
      {{{"format", "date-time"}}, "2026-02-28T10:00:00Z", "fits"},
      {{{"format", "time"}}, "25:00:00Z", "it: \"25:00:00Z\" is no time"},
      {{{"format", "email"}}, "a@b.example", "fits"},
      {{{"format", "email"}}, "a b@c", "it: \"a b@c\" is no email"},
      {{{"format", "hostname"}}, "-a", "it: \"-a\" is no hostname"},
      {{{"format", "ipv4"}}, "127.0.0.256", "it: \"127.0.0.256\" is no ipv4"},
      {{{"format", "uri"}}, "https://a.example/?b=%20#c", "fits"},
      {{{"format", "uri"}}, "no uri", "it: \"no uri\" is no uri"},
      {{{"format", "uuid"}},
       "018f2b6e-7e2a-7000-8000-00000000000Z",
       "it: \"018f2b6e-7e2a-7000-8000-00000000000Z\" is no uuid"},
      {{{"items", kString}}, List{"a", 1}, "it[1]: is string, not 1"},
      {{{"items", List{kString}}, {"additionalItems", false}}, List{"a"}, "fits"},
      {{{"items", List{kString}}, {"additionalItems", false}},
       List{"a", 1},
       "it[1]: is not allowed"},
      {{{"minItems", 1}}, List{}, "it: has 0 items, and needs 1"},
      {{{"maxItems", 1}}, List{1, 2}, "it: has 2 items, and may have 1"},
      {{{"uniqueItems", true}}, List{1, 1.0}, "it: has an item twice"},
      {{{"uniqueItems", true}}, List{1, "1", List{1}}, "fits"},
      {{{"uniqueItems", true}}, List{kBeyond, kBeyond + 1}, "fits"},
      {{{"uniqueItems", true}}, List{kBeyond, 9007199254740992.0}, "it: has an item twice"},
      {{{"const", kBeyond}}, kBeyond + 1, "it: 9007199254740993 is none of the values allowed"},
      {{{"contains", kString}}, List{1}, "it: has no item that fits \"contains\""},
      {{{"contains", kString}}, List{1, "a"}, "fits"},
      {{{"required", List{"a"}}}, Map{{"b", 1}}, "it: has no \"a\""},
      {{{"minProperties", 1}}, Map{}, "it: has 0 properties, and needs 1"},
      {{{"properties", Map{{"a", Map{{"properties", Map{{"b", kPositive}}}}}}}},
       Map{{"a", Map{{"b", 0}}}},
       "it.a.b: 0 is not greater than 0"},
      {{{"properties", Map{{"width", kPositive}}}, {"additionalProperties", false}},
       Map{{"widht", 1}},
       "it.widht: is not a property of the schema; did you mean \"width\"?"},
      {{{"patternProperties", Map{{"^n_", kPositive}}}, {"additionalProperties", kString}},
       Map{{"n_a", 1}, {"b", "c"}},
       "fits"},
      {{{"patternProperties", Map{{"^n_", kPositive}}}},
       Map{{"n_a", "x"}},
       "it.n_a: is integer, not \"x\""},
      {{{"propertyNames", Map{{"maxLength", 2}}}},
       Map{{"abc", 1}},
       "it.abc: has 3 characters, and may have 2"},
      {{{"dependencies", Map{{"a", List{"b"}}}}}, Map{{"a", 1}}, "it: has \"a\" and no \"b\""},
      {{{"dependentSchemas", Map{{"a", Map{{"required", List{"c"}}}}}}},
       Map{{"a", 1}},
       "it: has no \"c\""},
      {{{"allOf", List{kString, Map{{"minLength", 2}}}}}, "a", "it: has 1 characters, and needs 2"},
      {{{"anyOf", List{kString, kPositive}}}, 0, "it: fits none of the 2 schemas of anyOf"},
      {{{"anyOf", List{kString, kPositive}}}, 1, "fits"},
      {{{"oneOf", List{kPositive, Map{{"maximum", 5}}}}},
       3,
       "it: fits 2 of the 2 schemas of oneOf, not one"},
      {{{"oneOf", List{kPositive, Map{{"maximum", 5}}}}}, 7, "fits"},
      {{{"not", kString}}, "a", "it: fits the schema of not"},
      {{{"if", kString}, {"then", Map{{"minLength", 2}}}, {"else", kPositive}},
       "a",
       "it: has 1 characters, and needs 2"},
      {{{"if", kString}, {"then", Map{{"minLength", 2}}}, {"else", kPositive}},
       -1,
       "it: -1 is not greater than 0"},
      {{{"properties", Map{{"a", true}, {"b", false}}}}, Map{{"a", 1}}, "fits"},
      {{{"properties", Map{{"a", true}, {"b", false}}}}, Map{{"b", 1}}, "it.b: is not allowed"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(verdict(row.schema, row.value), row.verdict) << to_string(Value(row.schema));
  }
}

TEST(JsonSchema, FollowsReferencesWithinTheDocument) {
  const Map tree{
      {"$ref", "#/definitions/no~1de"},
      {"definitions",
       Map{{"no/de", Map{{"type", "object"},
                         {"properties", Map{{"children", Map{{"items", Map{{"$ref", "#"}}}}}}}}}}}};
  EXPECT_EQ(verdict(tree, Map{{"children", List{Map{}, Map{{"children", List{}}}}}}), "fits");
  EXPECT_EQ(verdict(tree, Map{{"children", List{Map{}, Map{{"children", List{1}}}}}}),
            "it.children[1].children[0]: is object, not 1");
  EXPECT_EQ(fault_of({{"$ref", "#/definitions/none"}}),
            "$ref: \"#/definitions/none\" leads nowhere");
  EXPECT_THAT(fault_of({{"$ref", "https://elsewhere.example/s"}}), HasSubstr("out of the schema"));
  EXPECT_EQ(fault_of({{"$ref", "#"}}), "$ref: a $ref leads back to itself");
  EXPECT_EQ(fault_of({{"$defs",
                       Map{{"a", Map{{"$ref", "#/$defs/b"}}}, {"b", Map{{"$ref", "#/$defs/a"}}}}}}),
            "$ref: a $ref leads back to itself");
}

TEST(JsonSchema, RefusesWhatItCannotHoldValuesAgainst) {
  EXPECT_EQ(fault_of({{"properties", Map{{"a", Map{{"minimun", 1}}}}}}),
            "properties.a.minimun: the keyword \"minimun\" of JSON Schema is not supported");
  EXPECT_EQ(JsonSchema::read({{"minimun", 1}}).error().hint, "did you mean \"minimum\"?");
  EXPECT_EQ(JsonSchema::read({{"unevaluatedItems", 1}}).error().code, ErrorCode::unsupported);
  EXPECT_THAT(fault_of({{"format", "iri"}}), HasSubstr("the format \"iri\" is not supported"));
  EXPECT_THAT(fault_of({{"pattern", "(?=a)"}}), HasSubstr("is not RE2"));
  EXPECT_THAT(fault_of({{"type", "text"}}), HasSubstr("no value is of type \"text\""));
  EXPECT_THAT(fault_of({{"type", List{}}}), HasSubstr("names no type"));
  EXPECT_THAT(fault_of({{"multipleOf", 0}}), HasSubstr("a number above 0"));
  EXPECT_THAT(fault_of({{"minLength", -1}}), HasSubstr("a whole number from 0"));
  EXPECT_THAT(fault_of({{"items", 1}}), HasSubstr("is a schema (a map, true or false), not 1"));
  EXPECT_THAT(fault_of({{"anyOf", List{}}}), HasSubstr("is a list of schemas"));
  EXPECT_THAT(fault_of({{"required", "a"}}), HasSubstr("is a list of texts"));
}

TEST(JsonSchema, BoundsItsSizeItsDepthAndItsWork) {
  Map properties;
  for (std::size_t i = 0; i + 1 < kJsonSchemaNodesMax; ++i) {
    properties.append("p" + std::to_string(i), Map{});
  }
  EXPECT_EQ(fault_of({{"properties", properties}}), "none");
  properties.append("one_more", Map{});
  EXPECT_THAT(fault_of({{"properties", properties}}), HasSubstr("more than 1000 parts"));

  const auto nested = [](int depth) {
    Map schema;
    for (int i = 0; i < depth; ++i) schema = Map{{"not", std::move(schema)}};
    return schema;
  };
  EXPECT_EQ(fault_of(nested(32)), "none");
  EXPECT_THAT(fault_of(nested(33)), HasSubstr("deeper than 32 levels"));

  // Each level of the schema asks both branches of the next: 2^30 checks, were they not counted.
  Map definitions{{"d30", kString}};
  for (int i = 29; i >= 0; --i) {
    const Map next{{"$ref", "#/definitions/d" + std::to_string(i + 1)}};
    definitions.append("d" + std::to_string(i), Map{{"anyOf", List{next, next}}});
  }
  const Map bomb{{"$ref", "#/definitions/d0"}, {"definitions", definitions}};
  EXPECT_EQ(verdict(bomb, "a"), "fits");
  EXPECT_THAT(verdict(bomb, 1), HasSubstr("takes more than 1000000 steps"));

  // It leads to itself without a step into the value.
  EXPECT_THAT(verdict({{"allOf", List{Map{{"$ref", "#"}}}}}, 1), HasSubstr("takes more than"));

  const List numbers(400'000, Value(1));
  EXPECT_EQ(verdict({{"items", Map{{"type", "integer"}}}}, numbers), "fits");
  EXPECT_THAT(verdict({{"items", Map{{"not", Map{{"not", kPositive}}}}}}, numbers),
              HasSubstr("takes more than"));
}

TEST(JsonSchema, MakesADefaultOfItsProperties) {
  const auto made = [](const Map& schema) {
    return to_string(JsonSchema::read(schema)->default_value().value_or("nothing"));
  };
  EXPECT_EQ(made({{"default", 7}}), "7");
  EXPECT_EQ(made({{"type", "object"}}), "\"nothing\"");
  EXPECT_EQ(made({{"properties",
                   Map{{"a", Map{{"default", 1}}},
                       {"b", Map{}},
                       {"c", Map{{"properties", Map{{"d", Map{{"default", nullptr}}}}}}}}}}),
            "{\"a\":1,\"c\":{\"d\":null}}");
}

TEST(JsonSchema, IsEqualWhenItsSourceIs) {
  EXPECT_EQ(JsonSchema(), *JsonSchema::read({}));
  EXPECT_EQ(*JsonSchema::read(kString), *JsonSchema::read(kString));
  EXPECT_NE(*JsonSchema::read(kString), *JsonSchema::read(kPositive));
}

}  // namespace
}  // namespace emstore::store
