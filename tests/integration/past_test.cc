// Reads of the past over the wire: as_of on every read, and what it answers when there is no such
// moment.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire.h"

namespace emstore::testing {
namespace {

// Commit 1 is the schema, 2 to 4 are products, 5 a picture, 6 links it, 7 renames product 1, 8
// deletes product 2.
class Past : public ::testing::Test {
 protected:
  Past() {
    for (const char* name : {"chair", "table", "lamp"}) {
      wire_.result("insertOne", {"products", Map{{"name", name}}});
    }
    wire_.result("media.upload", {Binary{"\x89PNG\r\n\x1a\n picture"}});
    change(1, Map{{"gallery", Map{{"$attach", List{1}}}}});
    change(1, Map{{"name", "stool"}});
    wire_.result("deleteOne", {"products", 2});
  }

  void change(int id, Map document) {
    wire_.result("updateOne", {"products", id, std::move(document)});
  }
  // Its products are goods by now, with a title, and have no gallery.
  static Map shop_with_other_names() {
    Map schema = shop(), fields;
    Map products = *map_at(map_at(schema, "entities"), "products").find("fields")->if_map();
    for (const auto& [name, field] : products) {
      if (name != "name" && name != "gallery") fields.set(name, field);
    }
    const Map title{{"required", true}, {"renamed_from", "name"}};
    fields.set("title", Map{{"type", "text"}, {"config", title}});
    const Map goods{{"fields", fields}, {"config", Map{{"renamed_from", "products"}}}};
    Map thumbnail = map_at(map_at(schema, "relations"), "a");
    thumbnail.set("source", "goods");
    return Map{{"entities", Map{{"goods", goods}}}, {"relations", Map{{"a", thumbnail}}}};
  }
  std::string data(std::string_view method, List params) {
    const Map answer = wire_.result(method, std::move(params));
    return to_string(*answer.find("data"));
  }
  Error refused(Value as_of) {
    const protocol::Reply reply =
        wire_.call("findId", {"products", 1, Map{{"as_of", std::move(as_of)}}});
    EXPECT_TRUE(reply.error);
    return reply.error.value_or(Error{});
  }

  RunningDaemon running_;
  Wire wire_ = connect_to_shop(running_);
};

TEST_F(Past, IsShownByEveryRead) {
  const Map names{{"as_of", 4}, {"select", List{"id", "name"}}};
  EXPECT_EQ(data("findId", {"products", 2, names}), R"({"id":2,"name":"table"})");
  EXPECT_EQ(data("findOne", {"products", names}), R"({"id":1,"name":"chair"})");
  EXPECT_EQ(data("findMany", {"products", names}),
            R"([{"id":1,"name":"chair"},{"id":2,"name":"table"},{"id":3,"name":"lamp"}])");
  EXPECT_EQ(integer_at(wire_.result("count", {"products", Map{{"as_of", 3}}}), "count"), 2);
  EXPECT_EQ(integer_at(wire_.result("count", {"products"}), "count"), 2);
  const Map stool{{"where", Map{{"name", "stool"}}}, {"as_of", 6}};
  EXPECT_FALSE(truth_at(wire_.result("exists", {"products", stool}), "exists"));
  const Map later{{"where", Map{{"name", "stool"}}}, {"as_of", 7}};
  EXPECT_TRUE(truth_at(wire_.result("exists", {"products", later}), "exists"));
}

TEST_F(Past, HasItsSequenceAndVersions) {
  const Map answer = wire_.result("findId", {"products", 1, Map{{"as_of", 6}}});
  EXPECT_EQ(integer_at(map_at(answer, "meta"), "sequence"), 6);
  EXPECT_EQ(integer_at(map_at(answer, "meta"), "version"), 6);
  const Map before = wire_.result("findId", {"products", 1, Map{{"as_of", 5}}});
  EXPECT_EQ(integer_at(map_at(before, "meta"), "version"), 2);
}

TEST_F(Past, ReachesWhatIsReadAlong) {
  const auto gallery = [&](int as_of) {
    return data("findId", {"products", 1,
                           Map{{"as_of", as_of},
                               {"select", List{"id"}},
                               {"with", Map{{"gallery", Map{{"select", List{"id"}}}}}}}});
  };
  EXPECT_EQ(gallery(5), R"({"id":1,"gallery":[]})");
  EXPECT_EQ(gallery(6), R"({"id":1,"gallery":[{"id":1}]})");
}

TEST_F(Past, IsNamedByTimesToo) {
  const Map found = wire_.result("findId", {"products", 1, Map{{"select", List{"created_at"}}}});
  const Value made = *map_at(found, "data").find("created_at");
  const Map answer = wire_.result("findId", {"products", 1, Map{{"as_of", made}}});
  EXPECT_EQ(integer_at(map_at(answer, "meta"), "sequence"), 2);
  const Map last = wire_.result("findId", {"products", 1, Map{{"as_of", "2999-01-01T00:00:00Z"}}});
  EXPECT_EQ(integer_at(map_at(last, "meta"), "sequence"), 8);
}

TEST_F(Past, GoesOnBehindACursor) {
  Map query{{"as_of", 4}, {"orderBy", "-name"}, {"limit", 2}, {"select", List{"name"}}};
  const Map first = wire_.result("findMany", {"products", query});
  EXPECT_EQ(to_string(*first.find("data")), R"([{"name":"table"},{"name":"lamp"}])");
  query.set("cursor", text_at(map_at(first, "meta"), "cursor"));
  EXPECT_EQ(data("findMany", {"products", query}), R"([{"name":"chair"}])");
  query.set("offset", 1);
  EXPECT_EQ(wire_.refusal("findMany", {"products", query}), ErrorCode::invalid_request);
}

TEST_F(Past, WaitsForACommitFirst) {
  const Map both{{"as_of", 2}, {"after", 8}, {"select", List{"name"}}};
  EXPECT_EQ(data("findId", {"products", 1, both}), R"({"name":"chair"})");
}

TEST_F(Past, IsExplained) {
  const Map query{{"as_of", 4}, {"where", Map{{"sku", "x"}}}};
  const Map plan = map_at(wire_.result("explain", {"products", query}), "plan");
  EXPECT_EQ(text_at(plan, "kind"), "scan") << "the keys of an index have no history";
  EXPECT_TRUE(plan.find("rows")->is_null());
  EXPECT_EQ(integer_at(map_at(plan, "past"), "sequence"), 4);
  EXPECT_EQ(integer_at(map_at(plan, "past"), "deleted"), 1);
  const Map now = map_at(wire_.result("explain", {"products", Map{{"as_of", 8}}}), "plan");
  EXPECT_FALSE(now.contains("past"));
}

TEST_F(Past, HasABeginningAndAnEnd) {
  EXPECT_EQ(refused(0).code, ErrorCode::out_of_range);
  EXPECT_EQ(refused(9).message, "commit 9 has not been made; the last is 8");
  EXPECT_EQ(refused(9).path, "as_of");
  EXPECT_EQ(refused("1999-01-01T00:00:00Z").code, ErrorCode::out_of_range);
  EXPECT_EQ(refused("tuesday").code, ErrorCode::wrong_type);
  EXPECT_EQ(refused(List{1}).code, ErrorCode::wrong_type);
  const Map within{{"with", Map{{"gallery", Map{{"as_of", 3}}}}}};
  EXPECT_EQ(wire_.refusal("findOne", {"products", within}), ErrorCode::unsupported);
}

TEST_F(Past, IsTakenBackOnce) {
  const Map options{{"key", "back-7"}};
  const Map first = wire_.result("undo", {7, options});
  EXPECT_EQ(integer_at(first, "sequence"), 9);
  EXPECT_EQ(integer_at(*list_at(first, "results").at(0).if_map(), "id"), 1);
  EXPECT_EQ(data("findId", {"products", 1, Map{{"select", List{"name"}}}}), R"({"name":"chair"})");
  const Map again = wire_.result("undo", {7, options});
  EXPECT_EQ(integer_at(again, "sequence"), 9);
  EXPECT_TRUE(truth_at(again, "replayed"));
  const protocol::Reply refused = wire_.call("undo", {7});
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, ErrorCode::version_mismatch);
  EXPECT_EQ(refused.error->message, "products/1 is not as commit 7 left it: see commit 9");
  EXPECT_EQ(refused.error->hint, "take back the later commits first, the last of them first");
  const Map log = wire_.result("log.read", {Map{{"from", 9}}});
  const Map& request = *list_at(*list_at(log, "commits").at(0).if_map(), "events").at(0).if_map();
  EXPECT_EQ(text_at(request, "reason"), "undo of commit 7");
  EXPECT_EQ(wire_.refusal("undo", {8}), ErrorCode::unsupported);
}

TEST_F(Past, IsNotTakenBackUnderAKeyOfAnotherRequest) {
  const Map options{{"key", "used"}};
  wire_.result("updateOne", {"products", 3, Map{{"name", "lantern"}}, options});  // 9
  // 7, which can be taken back, 9, which the key named, and 8, which cannot be taken back at all.
  for (const int commit : {7, 9, 8}) {
    const protocol::Reply refused = wire_.call("undo", {commit, options});
    ASSERT_TRUE(refused.error) << commit;
    EXPECT_EQ(refused.error->code, ErrorCode::id_reused) << commit;
    EXPECT_EQ(refused.error->message, "the key \"used\" named another request, commit 9");
  }
  EXPECT_EQ(data("findId", {"products", 1, Map{{"select", List{"name"}}}}), R"({"name":"stool"})");
}

TEST_F(Past, IsTakenBackOnceWhateverTheSchemaHasBecome) {
  // A new name, a link that comes back, a record that was made.
  change(1, Map{{"gallery", Map{{"$detach", List{1}}}}});  // 9
  const std::vector<int> commits{9, 7, 4};
  const auto undo = [this](int commit) {
    return wire_.result("undo", {commit, Map{{"key", "back-" + std::to_string(commit)}}});
  };
  std::vector<Map> answers;
  for (const int commit : commits) {
    answers.push_back(undo(commit));
    answers.back().set("replayed", true);
  }
  const auto expect_alike = [&](const char* when) {
    for (std::size_t i = 0; i < commits.size(); ++i) {
      const protocol::Reply again =
          wire_.call("undo", {commits[i], Map{{"key", "back-" + std::to_string(commits[i])}}});
      EXPECT_EQ(to_string(again.result), to_string(Value(answers[i]))) << when;
    }
  };
  expect_alike("before");
  wire_.result("schema.apply", {shop_with_other_names(), Map{{"allow_destructive", true}}});
  expect_alike("with other names, and without the gallery");
  wire_.result("schema.apply", {Map{{"entities", Map{}}}, Map{{"allow_destructive", true}}});
  expect_alike("without anything");
  expect_verified(wire_);
}

TEST_F(Past, TellsWhy) {
  const Map why{{"reason", "a better name"}, {"correlation", "spring"}, {"causation", "ticket 7"}};
  wire_.result("updateOne", {"products", 1, Map{{"name", "seat"}}, why});  // 9
  const Map log = wire_.result("log.read", {Map{{"from", 9}}});
  const Map& request = *list_at(*list_at(log, "commits").at(0).if_map(), "events").at(0).if_map();
  for (const Map::Member& member : why) EXPECT_EQ(*request.find(member.name), member.value);
}

TEST_F(Past, IsLookedForByNamesThatAreGone) {
  const auto commits_of = [this](const char* entity) {
    const Map log = wire_.result("log.read", {Map{{"to", 8}, {"entity", entity}, {"id", 1}}});
    return to_string(*log.find("commits"));
  };
  const std::string before = commits_of("products");
  EXPECT_NE(before, "[]");
  wire_.result("schema.apply", {Map{{"entities", Map{}}}, Map{{"allow_destructive", true}}});
  EXPECT_EQ(commits_of("products"), before);
  const Map wanted{{"from", 1}, {"entity", "products"}, {"field", "name"}};
  EXPECT_EQ(integer_at(wire_.result("subscribe", {wanted}), "from"), 1);
  EXPECT_EQ(wire_.refusal("log.read", {Map{{"entity", "produce"}}}), ErrorCode::unknown_entity);
  EXPECT_EQ(wire_.refusal("subscribe", {Map{{"entity", "produce"}}}), ErrorCode::unknown_entity);
}

TEST_F(Past, HasTheSchemaOfThen) {
  Map next = shop();
  Map& entities = *next.find("entities")->if_map();
  entities.set("shelves", Map{{"fields", Map{{"label", Map{{"type", "text"}}}}}});
  wire_.result("schema.apply", {next});  // 9
  EXPECT_EQ(data("findMany", {"shelves", Map{{"as_of", 9}}}), "[]");
  const protocol::Reply reply = wire_.call("findMany", {"shelves", Map{{"as_of", 8}}});
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->code, ErrorCode::unknown_entity);
  EXPECT_EQ(reply.error->hint, "as of commit 8 the schema is that of commit 1");
}

}  // namespace
}  // namespace emstore::testing
