// What a schema gets wrong, as its sender is told.
#include "store/wanted_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/pack.h"
#include "tests/unit/store/schemas.h"

namespace emstore::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(WantedSchema, RefusesAMediaFieldWithoutRelation) {
  EXPECT_THAT(
      violations(schema_of_entities({{"posts", entity({{"cover", medium_of("posts")}})}})),
      ElementsAre("entities.posts.fields.cover: posts.cover is a media field without a relation "
                  "(add to relations: \"poly_posts_media_cover\": {type: \"poly\", source: "
                  "\"posts\", target: \"media\", config: {mappedBy: \"cover\"}})"));
}

TEST(WantedSchema, TakesWhatSchemaGetAnswersWith) {
  const Map answer{{"version", 7}, {"schema", seed_posts()}, {"indexes", List{}}};
  EXPECT_THAT(violations(answer), ElementsAre("accepted"));
  EXPECT_EQ(read_wanted_schema(answer).entities.size(),
            read_wanted_schema(seed_posts()).entities.size());
  Map more = answer;
  more.set("indices", Map());
  EXPECT_THAT(violations(more), ElementsAre(HasSubstr("unknown key \"indices\"")));
  EXPECT_THAT(violations({{"schema", 1}}),
              ElementsAre(HasSubstr("unknown key \"schema\""), HasSubstr("needs its entities")));
}

TEST(WantedSchema, RefusesARelationWhoseFieldIsNotThere) {
  Map wanted = seed_posts();
  relate(*wanted.find("relations")->if_map(), "posts", "covr", false);
  EXPECT_THAT(violations(wanted),
              ElementsAre("relations.poly_posts_media_covr.config.mappedBy: no field \"covr\" on "
                          "posts (did you mean \"cover\"?)"));
  wanted = seed_posts();
  relate(*wanted.find("relations")->if_map(), "posts", "title", false);
  EXPECT_THAT(violations(wanted),
              ElementsAre("relations.poly_posts_media_title.config.mappedBy: posts.title is of "
                          "type text, which has no relation to media (use type \"medium\" or "
                          "\"media\")"));
}

TEST(WantedSchema, RefusesRelationsThatMakeNoSense) {
  const auto with = [](Map relation) {
    Map wanted = seed_products();
    wanted.find("relations")->if_map()->set("r", std::move(relation));
    return violations(wanted);
  };
  const Map poly{{"type", "poly"}, {"source", "products"}, {"target", "media"}};
  const auto altered = [&poly](const char* name, Value value) {
    Map relation = poly;
    relation.set(name, std::move(value));
    return relation;
  };
  EXPECT_THAT(with(poly), ElementsAre(HasSubstr("the relation names no field of products")));
  EXPECT_THAT(with(altered("config", Map{{"mappedBy", "images"}})),
              ElementsAre(HasSubstr("products.images has two relations")));
  EXPECT_THAT(
      with(altered("source", "product")),
      ElementsAre("relations.r.source: no entity \"product\" (did you mean \"products\"?)"));
  EXPECT_THAT(with(altered("target", "products")), ElementsAre(HasSubstr("lead to media")));
  EXPECT_THAT(with(altered("type", "poli")), ElementsAre(HasSubstr("did you mean \"poly\"?")));
  EXPECT_THAT(with({{"type", "poly"}}), ElementsAre(HasSubstr("needs type, source and target")));
}

TEST(WantedSchema, RefusesACardinalityThatIsNotOne) {
  Map wanted = seed_products();
  wanted.find("relations")
      ->if_map()
      ->find("poly_products_media_images")
      ->if_map()
      ->set("config", Map{{"mappedBy", "images"}, {"targetCardinality", 3}, {"inversedBy", "x"}});
  EXPECT_THAT(violations(wanted),
              ElementsAre("relations.poly_products_media_images.config.inversedBy: unknown key "
                          "\"inversedBy\"",
                          HasSubstr("targetCardinality is 1 or left out, not 3")));
}

TEST(WantedSchema, SuggestsOptionsTypesAndKeys) {
  EXPECT_THAT(violations_of_field("text", {{"reqired", true}}),
              ElementsAre("entities.things.fields.it.config.reqired: text fields have no option "
                          "\"reqired\" (did you mean \"required\"?)"));
  EXPECT_THAT(violations_of_field("number", {{"maxLength", 3}}),
              ElementsAre(HasSubstr("number fields have no option \"maxLength\"")));
  EXPECT_THAT(violations_of_field("txt", {}),
              ElementsAre("entities.things.fields.it.type: no field can be of type \"txt\" (did "
                          "you mean \"text\"?)"));
  EXPECT_THAT(violations(Map{{"entities", Map{}}, {"indexes", Map{}}}),
              ElementsAre("indexes: unknown key \"indexes\" (did you mean \"indices\"?)"));
  EXPECT_THAT(violations(schema_of_entities({{"a", Map{{"feilds", Map{}}}}})),
              ElementsAre("entities.a.feilds: unknown key \"feilds\" (did you mean \"fields\"?)"));
}

TEST(WantedSchema, RefusesOptionsOfTheWrongType) {
  const std::string path = "entities.things.fields.it.config.";
  EXPECT_THAT(violations_of_field("text", {{"required", "yes"}}),
              ElementsAre(path + "required: \"required\" is true or false, not \"yes\""));
  EXPECT_THAT(violations_of_field("text", {{"maxLength", -1}}),
              ElementsAre(path + "maxLength: \"maxLength\" is a whole number from 0, not -1"));
  EXPECT_THAT(violations_of_field("text", {{"maxLength", 1.5}}), ElementsAre(HasSubstr("1.5")));
  EXPECT_THAT(violations_of_field("number", {{"minimum", std::nan("")}}),
              ElementsAre(HasSubstr("\"minimum\" is a number")));
  EXPECT_THAT(violations_of_field("text", {{"fillable", List{"sometimes"}}}),
              ElementsAre(HasSubstr("a list of create, read, update, delete")));
  EXPECT_THAT(violations_of_field("text", {{"virtual", true}}),
              ElementsAre(HasSubstr("only fields of links are virtual")));
  EXPECT_THAT(violations_of_field("number", {{"default_value", "a"}}),
              ElementsAre(HasSubstr("a value of the field's own type")));
  EXPECT_THAT(violations_of_field("enum", {{"options", List{"a"}}}),
              ElementsAre(HasSubstr("{type: \"strings\""), HasSubstr("is an enum without values")));
  EXPECT_THAT(violations_of_field("datetime", {{"type", "date"}}),
              ElementsAre(HasSubstr("\"type\" is \"datetime\", as the field")));
  EXPECT_THAT(violations_of_field("date", {{"timezone", "Europe/Berlin"}}),
              ElementsAre(HasSubstr("emstore keeps dates and times in UTC")));
  EXPECT_THAT(violations_of_field("date", {{"min_date", "soon"}}),
              ElementsAre(HasSubstr("\"min_date\" is a date such as")));
  EXPECT_THAT(violations_of_field("text", {{"hidden", List{"never"}}}),
              ElementsAre(HasSubstr("form, table, submit")));
  EXPECT_THAT(violations_of_field("text", {{"fillable", List{"form"}}}),
              ElementsAre(HasSubstr("a list of create, read, update, delete")));
  EXPECT_THAT(violations_of_field("jsonschema", {{"schema", Map{{"minimun", 1}}}}),
              ElementsAre(HasSubstr("(minimun: the keyword \"minimun\" of JSON Schema is not "
                                    "supported; did you mean \"minimum\"?)")));
}

TEST(WantedSchema, RefusesOptionsThatContradictEachOther) {
  EXPECT_THAT(violations_of_field("text", {{"minLength", 5}, {"maxLength", 3}}),
              ElementsAre("entities.things.fields.it.config.minLength: things.it has minLength 5 "
                          "over maxLength 3"));
  EXPECT_THAT(violations_of_field("text", {{"pattern", "(a"}}),
              ElementsAre(HasSubstr("which is not RE2")));
  EXPECT_THAT(violations_of_field("date", {{"min_date", "2020-01-02"}, {"max_date", "2020-01-01"}}),
              ElementsAre(HasSubstr("has a min_date after its max_date")));
  EXPECT_THAT(violations_of_field("text", {{"required", true}, {"fillable", List{"update"}}}),
              ElementsAre(HasSubstr("not fillable when a record is created")));
  EXPECT_THAT(violations_of_field("jsonschema",
                                  {{"schema", Map{{"type", "object"}}}, {"default_value", List{}}}),
              ElementsAre(HasSubstr("has a default that does not fit: it: is object, not []")));
  EXPECT_THAT(violations_of_field("number", {{"minimum", 5}, {"maximum", 3}}),
              ElementsAre(HasSubstr("no number lies between")));
  EXPECT_THAT(violations_of_field("number", {{"minimum", 3}, {"maximum", 3}}),
              ElementsAre("accepted"));
  EXPECT_THAT(violations_of_field("number", {{"exclusiveMinimum", 3}, {"maximum", 3}}),
              ElementsAre(HasSubstr("no number lies between")));
  EXPECT_THAT(violations_of_field("number", {{"multipleOf", 0}}),
              ElementsAre(HasSubstr("not above 0")));
  EXPECT_THAT(violations_of_field("enum", {}), ElementsAre(HasSubstr("an enum without values")));
  EXPECT_THAT(violations_of_field("enum", {{"enum", List{"a", "a"}}}),
              ElementsAre(HasSubstr("has the value \"a\" twice")));
  EXPECT_THAT(violations_of_field("text", {{"default_value", "long"}, {"maxLength", 3}}),
              ElementsAre(HasSubstr("has a default that does not fit: it has 4 characters")));
  EXPECT_THAT(violations_of_field("enum", {{"default_value", "c"}, {"enum", List{"a"}}}),
              ElementsAre(HasSubstr("it cannot be \"c\"")));
  EXPECT_THAT(violations_of_field("text", {{"required", true}, {"fillable", false}}),
              ElementsAre(HasSubstr("no record could be written")));
}

TEST(WantedSchema, RefusesMediaOptionsThatMakeNoSense) {
  const auto with = [](const char* type, Map config) {
    Map relations;
    relate(relations, "things", "it", false);
    return violations(schema_of_entities(
        {{"things", entity({{"it", field(type, std::move(config))}})}}, relations));
  };
  EXPECT_THAT(with("media", {{"min_items", 3}, {"max_items", 2}}),
              ElementsAre(HasSubstr("min_items 3 over max_items 2")));
  EXPECT_THAT(with("media", {{"max_items", 0}}), ElementsAre(HasSubstr("max_items 0")));
  EXPECT_THAT(with("media", {{"max_bytes", 0}}), ElementsAre(HasSubstr("max_bytes 0")));
  EXPECT_THAT(with("media", {{"max_bytes", -1}}), ElementsAre(HasSubstr("max_bytes")));
  EXPECT_THAT(with("media", {{"with_limit", 0}}), ElementsAre(HasSubstr("with_limit 0")));
  EXPECT_THAT(with("medium", {{"max_items", 2}}), ElementsAre(HasSubstr("links one media")));
  EXPECT_THAT(with("medium", {{"min_items", 2}}),
              ElementsAre(HasSubstr("min_items 2 over max_items 1")));
  EXPECT_THAT(with("media", {{"mime_types", List{"image/*", "png", "/x"}}}),
              ElementsAre(HasSubstr("\"png\""), HasSubstr("\"/x\"")));
  EXPECT_THAT(with("media", {{"on_delete", "cascade"}}),
              ElementsAre(HasSubstr("\"detach\", \"collect\" or \"restrict\"")));
  EXPECT_THAT(with("media", {{"default_value", 1}}),
              ElementsAre(HasSubstr("media fields have no option \"default_value\"")));
  EXPECT_THAT(with("media", {{"entity", "posts"}}), ElementsAre(HasSubstr("names the owner")));
}

TEST(WantedSchema, RefusesNamesThatAreNone) {
  for (const char* name : {"", "1st", "$set", "a b", "a.b", "größe"}) {
    EXPECT_THAT(violations(things({{name, field("text")}})),
                ElementsAre(HasSubstr("cannot be a name")))
        << name;
    EXPECT_THAT(violations(schema_of_entities({{name, Map{}}})),
                ElementsAre(HasSubstr("cannot be a name")))
        << name;
  }
  EXPECT_THAT(violations(things({{std::string(64, 'a'), field("text")}})), ElementsAre("accepted"));
  EXPECT_THAT(violations(things({{std::string(65, 'a'), field("text")}})),
              ElementsAre(HasSubstr("cannot be a name")));
}

TEST(WantedSchema, RefusesReservedNamesOfOtherTypes) {
  EXPECT_THAT(violations(things({{"id", field("text")}})),
              ElementsAre("entities.things.fields.id: every record has an id; \"id\" cannot be of "
                          "type \"text\" (use another name)"));
  EXPECT_THAT(violations(things({{"created_at", field("text")}})),
              ElementsAre(HasSubstr("things.created_at is emstore's own, of type \"datetime\"")));
  const auto on_media = [](const char* name, const char* type) {
    return violations(schema_of_entities({{"media", Map{{"fields", Map{{name, field(type)}}}}}}));
  };
  EXPECT_THAT(on_media("size", "text"), ElementsAre(HasSubstr("media.size is emstore's own")));
  EXPECT_THAT(on_media("path", "number"), ElementsAre(HasSubstr("media.path is emstore's own")));
  EXPECT_THAT(on_media("size", "number"), ElementsAre("accepted"));
  EXPECT_THAT(violations(things({{"path", field("number")}})), ElementsAre("accepted"));
}

TEST(WantedSchema, RefusesFieldsOfMediaThatAnUploadCouldNotName) {
  for (const char* name : {"file", "type"}) {
    EXPECT_THAT(
        violations(schema_of_entities({{"media", Map{{"fields", Map{{name, field("text")}}}}}})),
        ElementsAre(HasSubstr("is what $create and media.upload call the")));
    EXPECT_THAT(violations(things({{name, field("text")}})), ElementsAre("accepted"));
  }
}

TEST(WantedSchema, RefusesConfigThatChangesWhatIsEmstoresOwn) {
  const auto told = [](const char* name, const char* type, Map config) {
    return violations(things({{name, field(type, std::move(config))}}));
  };
  EXPECT_THAT(told("id", "primary", {{"format", "integer"}, {"zzz", 1}}),
              ElementsAre(HasSubstr("entities.things.fields.id.config.zzz: ")));
  EXPECT_THAT(told("created_at", "datetime", {{"zzz", 1}}),
              ElementsAre(HasSubstr("entities.things.fields.created_at.config.zzz: ")));
  EXPECT_THAT(told("created_at", "datetime", {{"hidden", true}}),
              ElementsAre("entities.things.fields.created_at.config.hidden: things.created_at is "
                          "emstore's own; its \"hidden\" cannot be changed (leave it out)"));
  EXPECT_THAT(told("updated_at", "datetime", {{"renamed_from", "changed"}}),
              ElementsAre(HasSubstr("its \"renamed_from\" cannot be changed")));
  EXPECT_THAT(
      told("created_at", "date", {{"type", "datetime"}, {"required", true}, {"fillable", false}}),
      ElementsAre("accepted"));
  const auto on_media = [](const char* name, const char* type, Map config) {
    return violations(schema_of_entities(
        {{"media", Map{{"fields", Map{{name, field(type, std::move(config))}}}}}}));
  };
  EXPECT_THAT(on_media("name", "text", {{"maxLength", 3}, {"required", true}}),
              ElementsAre(HasSubstr("its \"maxLength\" cannot be changed"),
                          HasSubstr("its \"required\" cannot be changed")));
  EXPECT_THAT(on_media("size", "number", {{"zzz", 1}}),
              ElementsAre(HasSubstr("entities.media.fields.size.config.zzz: ")));
  EXPECT_THAT(on_media("size", "number", {{"required", false}, {"fillable", false}}),
              ElementsAre("accepted"));
  EXPECT_THAT(on_media("reference", "text",
                       {{"hidden", true}, {"fillable", List{"create"}}, {"required", false}}),
              ElementsAre("accepted"));
}

TEST(WantedSchema, SaysByNameWhatItCannotDoYet) {
  const auto all_unsupported = [](const std::vector<std::string>& lines) {
    EXPECT_THAT(lines, ::testing::Each(::testing::EndsWith("[unsupported]")));
    return lines;
  };
  EXPECT_THAT(all_unsupported(violations_of_field("date", {{"type", "week"}})),
              ElementsAre(HasSubstr("a week is no point in time: keep its first day")));
  EXPECT_THAT(all_unsupported(violations(schema_of_entities(
                  {{"media", Map{{"config", Map{{"primary_format", "uuid"}}}}}}))),
              ElementsAre(HasSubstr("ids of media are integers")));
  EXPECT_THAT(all_unsupported(violations(schema_of_entities({{"users", Map{{"type", "system"}}}}))),
              ElementsAre(HasSubstr("users is of type \"system\"")));
}

TEST(WantedSchema, RefusesMediaFieldsOfMediaItself) {
  Map relations;
  relate(relations, "media", "preview", true);
  EXPECT_THAT(violations(schema_of_entities(
                  {{"media", Map{{"fields", Map{{"preview", field("medium")}}}}}}, relations)),
              ElementsAre("entities.media.fields.preview: media fields of media itself are not "
                          "supported (link media from another entity) [unsupported]"));
}

TEST(WantedSchema, LooksAtAThousandFieldsAndNoMore) {
  Map fields;
  for (int i = 0; i < 1000; ++i) fields.append("f" + std::to_string(i), field("text"));
  EXPECT_THAT(violations(things(fields)), ElementsAre("accepted"));
  fields.append("one_more", field("text"));
  EXPECT_THAT(violations(things(fields)),
              ElementsAre("entities.things.fields: \"fields\" has 1001 members, more than 1000"));
}

TEST(WantedSchema, RefusesAnotherKindForAField) {
  const Schema current = applied(things({{"a", field("text")}}));
  EXPECT_THAT(violations(things({{"a", field("number")}}), current),
              ElementsAre("entities.things.fields.a: things.a is of type text and cannot become "
                          "number (add a new field with another name)"));
}

TEST(WantedSchema, RefusesIndexesThatMakeNoSense) {
  const auto with = [](Map index) {
    Map wanted = seed_shop();
    wanted.find("indices")->if_map()->set("i", std::move(index));
    return violations(wanted);
  };
  const auto over = [&with](List fields) {
    return with({{"entity", "products"}, {"fields", std::move(fields)}});
  };
  EXPECT_THAT(over({"name", "price"}), ElementsAre("accepted"));
  EXPECT_THAT(over({"nam"}),
              ElementsAre("indices.i.fields[0]: no field \"nam\" on products (did you mean "
                          "\"name\"?)"));
  EXPECT_THAT(over({"name", "gallery"}),
              ElementsAre(HasSubstr("indices.i.fields[1]: products.gallery is of type media")));
  EXPECT_THAT(over({"name", "name"}), ElementsAre(HasSubstr("twice")));
  EXPECT_THAT(over({"id"}), ElementsAre(HasSubstr("found by id without an index")));
  EXPECT_THAT(over({"created_at"}), ElementsAre(HasSubstr("[unsupported]")));
  EXPECT_THAT(over({}), ElementsAre(HasSubstr("a list of its fields")));
  EXPECT_THAT(over(List(17, "name")), ElementsAre(HasSubstr("more than 16")));
  EXPECT_THAT(with({{"entity", "product"}, {"fields", List{"name"}}}),
              ElementsAre(HasSubstr("did you mean \"products\"?")));
  EXPECT_THAT(with({{"entity", "products"}, {"fields", List{"name"}}, {"unique", 1}}),
              ElementsAre(HasSubstr("\"unique\" is true or false, not 1")));
}

TEST(WantedSchema, ListsAllViolationsUpToAHundred) {
  Map fields;
  for (int i = 0; i < 130; ++i) fields.set("f" + std::to_string(i), field("txt"));
  const auto change = change_schema(initial_schema(), things(fields));
  ASSERT_FALSE(change);
  ASSERT_EQ(change.error().violations.size(), 100U);
  EXPECT_EQ(change.error().path, change.error().violations.front().path);
  EXPECT_EQ(change.error().path, "entities.things.fields.f0.type");
}

// One slip is told once: what names a refused field or entity is not refused for that again.
TEST(WantedSchema, TellsOneSlipOnce) {
  Map relations;
  relate(relations, "posts", "cover", true);
  const Map index{{"entity", "posts"}, {"fields", List{"cover"}}};
  EXPECT_THAT(violations(schema_of_entities({{"posts", entity({{"cover", field("medum")}})}},
                                            relations, {{"i", index}})),
              ElementsAre(HasSubstr("did you mean \"medium\"?")));
}

TEST(WantedSchema, RefusesAnythingThatIsNoSchema) {
  EXPECT_THAT(violations({}), ElementsAre(HasSubstr("entities: a schema needs its entities")));
  EXPECT_THAT(violations({{"entities", List{}}}),
              ElementsAre("entities: \"entities\" is a map, not list"));
  EXPECT_THAT(violations(schema_of_entities({{"a", 1}})),
              ElementsAre("entities.a: an entity is a map {fields, config}, not 1"));
  EXPECT_THAT(violations(things({{"a", "text"}})), ElementsAre(HasSubstr("a field is a map")));
  EXPECT_THAT(violations(schema_of_entities({}, {{"r", 1}}, {{"i", "x"}})),
              ElementsAre("relations.r: a relation is a map, not 1",
                          "indices.i: an index is a map, not \"x\""));
}

}  // namespace
}  // namespace emstore::store
