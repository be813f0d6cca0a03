// What is different between two commits, as the client tells it: across renames, limits of lists,
// and what came and went.
#include <gtest/gtest.h>

#include <emstore/client.hpp>

#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "wire.h"

namespace emstore::testing {
namespace {

using Kind = FieldDifference::Kind;

Map text() { return Map{{"type", "text"}}; }

Map renamed(Map field, const char* from) {
  field.set("config", Map{{"renamed_from", from}});
  return field;
}

// "title: \"One\" → \"Two\"; pics media: …": every field with its kind.
std::string fields_of(const Difference& one) {
  std::string told;
  for (const FieldDifference& field : one.fields) {
    if (field.field == "id" || field.field == "created_at") continue;
    const char* kind = field.kind == Kind::media   ? " media"
                       : field.kind == Kind::links ? " links"
                                                   : "";
    told += (told.empty() ? "" : "; ") + field.field + (field.is_replaced ? " replaced" : "") +
            kind + ": " + to_string(field.before) + " -> " + to_string(field.after);
  }
  return told;
}

std::string links(std::initializer_list<int> ids) {
  List told;
  for (const int id : ids) told.emplace_back(Map{{"id", id}, {"meta", Value()}});
  return to_string(Value(told));
}

File picture(const char* bytes) { return File::bytes(bytes, "picture.png"); }

class Differences : public ::testing::Test {
 protected:
  // Posts have these fields, and tags and a few pictures of which a read gives two at once.
  std::uint64_t apply(Map fields, const std::string& posts = "posts", Map config = {},
                      bool has_pictures = true) {
    Map relations{{"tags", Map{{"type", "m:n"}, {"source", posts}, {"target", "tags"}}}};
    if (has_pictures) {
      fields.set("pics", Map{{"type", "media"}});
      const Map poly{{"mappedBy", "pics"}, {"with_limit", 2}};
      relations.set(
          "pics", Map{{"type", "poly"}, {"source", posts}, {"target", "media"}, {"config", poly}});
    }
    const Map entities{{posts, Map{{"fields", std::move(fields)}, {"config", std::move(config)}}},
                       {"tags", Map{{"fields", Map{{"label", text()}}}}}};
    return client_
        .apply(Map{{"entities", entities}, {"relations", std::move(relations)}},
               {.allow_destructive = true})
        .sequence;
  }

  std::uint64_t insert(const Document& document, const std::string& entity = "posts") {
    return client_.mutator(entity).insert_one(document).sequence();
  }
  std::uint64_t update(const Value& id, const Document& document,
                       const std::string& entity = "posts") {
    return client_.mutator(entity).update_one(id, document).sequence();
  }

  std::vector<Difference> told(const DiffQuery& query) {
    std::vector<Difference> all;
    const std::uint64_t count = client_.diff(query, [&](const Difference& one) {
      all.push_back(one);
      return true;
    });
    EXPECT_EQ(count, all.size());
    return all;
  }
  // entity/id, and its fields when it was there before and is after.
  std::vector<std::string> lines(const DiffQuery& query) {
    std::vector<std::string> all;
    for (const Difference& one : told(query)) {
      const char* what = !one.before ? " created" : !one.after ? " deleted" : " ";
      all.push_back(one.entity + "/" + to_string(one.id) + what +
                    (one.before && one.after ? fields_of(one) : ""));
    }
    return all;
  }
  // With both overloads.
  Error refused(const DiffQuery& query) {
    std::optional<Error> error;
    const DiffVisitor nobody = [](const Difference&) { return true; };
    EXPECT_EQ(client_.diff(query, nobody, error), 0U);
    try {
      client_.diff(query, nobody);
      ADD_FAILURE() << "not refused";
    } catch (const Failure& thrown) {
      EXPECT_EQ(error, thrown.error());
    }
    return error.value_or(Error{});
  }

  RunningDaemon running_;
  Client client_ = emstore::connect(
      Options{.socket = running_.config().socket.path, .retry_for = std::chrono::milliseconds(0)});
};

using Lines = std::vector<std::string>;

TEST_F(Differences, AreOfValuesAndOfLinksByWhereTheyLead) {
  apply(Map{{"title", text()}});
  insert({{"label", "new"}}, "tags");
  const std::uint64_t from = insert({{"title", "One"}});
  insert({{"title", "Two"}});
  client_.mutator("posts").delete_one(2);
  update(1, {{"title", "Uno"}, {"tags", attach({1})}});
  const std::uint64_t to = update(1, {{"pics", create({picture("a"), picture("b")})}});
  EXPECT_EQ(lines({from, to}), (Lines{"media/1 created", "media/2 created",
                                      "posts/1 title: \"One\" -> \"Uno\"; pics media: null -> " +
                                          links({1, 2}) + "; tags links: null -> " + links({1})}))
      << "posts/2 came and went";
  EXPECT_EQ(lines({.from = from, .to = from}), Lines{});
}

TEST_F(Differences, HaveTheRecordAsItWas) {
  apply(Map{{"title", text()}});
  insert({{"title", "One"}});
  const std::uint64_t made = insert({{"title", "Two"}});
  client_.mutator("posts").delete_one(1);
  const std::uint64_t last = update(2, {{"title", "Due"}});
  const std::vector<Difference> all = told({.from = made, .to = last});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].before.value()["title"], Value("One"));
  EXPECT_FALSE(all[0].after);
  EXPECT_EQ(fields_of(all[0]), "title: \"One\" -> null");
  EXPECT_EQ(all[1].before.value()["title"], Value("Two"));
  EXPECT_EQ(all[1].after.value()["title"], Value("Due"));
  const std::vector<Difference> created = told({.from = 0, .to = made, .entity = "posts", .id = 2});
  ASSERT_EQ(created.size(), 1U);
  EXPECT_FALSE(created[0].before);
  EXPECT_EQ(fields_of(created[0]), "title: null -> \"Two\"");
  EXPECT_EQ(created[0].fields.front().field, "id");
}

TEST_F(Differences, ReadListsOfLinksToTheirEnd) {
  apply({});
  const std::uint64_t from = insert(
      {{"pics", create({picture("a"), picture("b"), picture("c"), picture("d"), picture("e")})}});
  const std::uint64_t to = update(1, {{"pics", detach({4})}});
  const std::vector<Difference> all = told({.from = from, .to = to});
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(fields_of(all[0]),
            "pics media: " + links({1, 2, 3, 4, 5}) + " -> " + links({1, 2, 3, 5}));
  EXPECT_EQ(all[0].before->at("pics").size(), 5U);
  EXPECT_EQ(all[0].before->more("pics"), "");
  client_.undo(to);
  EXPECT_EQ(lines({.from = from, .to = to + 1}), Lines{});
}

TEST_F(Differences, FollowWhatIsRenamedAndTellWhatIsReplaced) {
  apply(Map{{"title", text()}, {"body", text()}});
  const std::uint64_t from = insert({{"title", "One"}, {"body", "Text"}});
  apply(Map{{"headline", renamed(text(), "title")}}, "articles", Map{{"renamed_from", "posts"}});
  apply(Map{{"headline", text()}, {"body", text()}}, "articles");
  const std::uint64_t to = update(1, {{"headline", "Uno"}, {"body", "New"}}, "articles");
  for (const char* name : {"posts", "articles"}) {
    EXPECT_EQ(lines({.from = from, .to = to, .entity = name, .id = 1}),
              Lines{"articles/1 headline: \"One\" -> \"Uno\"; body: null -> \"New\"; "
                    "body replaced: \"Text\" -> null"});
  }
}

TEST_F(Differences, AreNoneOfAFieldThatCameAndLinksNothing) {
  apply(Map{{"title", text()}}, "posts", {}, false);
  const std::uint64_t from = insert({{"title", "One"}});
  apply(Map{{"title", text()}});
  update(1, {{"pics", create({picture("a")})}});
  const std::uint64_t to = update(1, {{"pics", detach({1})}});
  EXPECT_EQ(lines({.from = from, .to = to, .entity = "posts"}), Lines{});
}

TEST_F(Differences, AreNoneOfFieldsInAnotherOrder) {
  apply(Map{{"title", text()}, {"body", text()}});
  const std::uint64_t from = insert({{"title", "One"}, {"body", "Text"}});
  apply(Map{{"body", text()}, {"title", text()}});
  update(1, {{"title", "Uno"}});
  const std::uint64_t to = update(1, {{"title", "One"}});
  EXPECT_EQ(lines({.from = from, .to = to}), Lines{});
}

TEST_F(Differences, ComeByEntitiesAndIds) {
  apply(Map{{"title", text()}});
  for (int i = 0; i < 11; ++i) insert({{"title", "One"}});
  const std::uint64_t from = insert({{"label", "new"}}, "tags");
  for (const int id : {11, 2, 10}) update(id, {{"title", "Uno"}});
  const std::uint64_t to = client_.mutator("tags").delete_one(1).sequence();
  std::vector<Value> ids;
  for (const Difference& one : told({.from = from, .to = to})) ids.push_back(one.id);
  EXPECT_EQ(ids, (std::vector<Value>{2, 10, 11, 1}));
}

TEST_F(Differences, AreRefusedForWhatIsNotThere) {
  apply(Map{{"title", text()}});
  const std::uint64_t last = insert({{"title", "One"}});
  const std::string later = std::to_string(last + 1);
  EXPECT_EQ(refused({.from = 0, .to = last + 1}).message, "commit " + later + " has not been made");
  EXPECT_EQ(refused({.from = last + 1, .to = last + 2}).code, ErrorCode::out_of_range);
  EXPECT_EQ(refused({.from = last, .to = last - 1}).code, ErrorCode::out_of_range);
  EXPECT_EQ(refused({.from = last, .to = last - 1}).path, "from");
  const Error unknown = refused({.from = 0, .to = last, .entity = "post"});
  EXPECT_EQ(unknown.code, ErrorCode::unknown_entity);
  EXPECT_EQ(unknown.hint, "did you mean \"posts\"?");
  for (const Value& id : {Value("x"), Value(0), Value(1.5)}) {
    const Error wrong = refused({.from = 0, .to = last, .entity = "posts", .id = id});
    EXPECT_EQ(wrong.code, ErrorCode::wrong_type);
    EXPECT_EQ(wrong.path, "id");
  }
  EXPECT_EQ(refused({.from = 0, .to = last, .id = 1}).code, ErrorCode::invalid_request);
}

TEST_F(Differences, AreReadOneAtATime) {
  apply(Map{{"title", text()}});
  insert({{"title", "One"}});
  const std::uint64_t last = insert({{"title", "Two"}});
  const DiffQuery query{.from = 0, .to = last};
  int seen = 0;
  EXPECT_EQ(client_.diff(query, [&](const Difference&) { return ++seen < 1; }), 1U);
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(client_.diff(query,
                         [&](const Difference& one) {
                           return client_.repository(one.entity).find_id(one.id).has_value();
                         }),
            2U);
  // What is not read yet when the first one is shown cannot be read any more.
  std::optional<Error> error;
  seen = 0;
  client_.diff(
      query,
      [&](const Difference&) {
        running_.stop();
        EXPECT_TRUE(running_.wait());
        return ++seen > 0;
      },
      error);
  EXPECT_EQ(seen, 1);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::unreachable);
}

}  // namespace
}  // namespace emstore::testing
