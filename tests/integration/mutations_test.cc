// Mutations of several records over a real socket: what they take and answer, and what many clients
// at once cannot break.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "wire.h"

namespace emstore::testing {
namespace {

constexpr std::size_t kClients = 16;

Map document(const std::string& name) { return Map{{"name", name}, {"sku", name}}; }
Map ref(const char* name) { return Map{{"$ref", name}}; }
Map file(const char* bytes) { return Map{{"file", Binary{bytes}}}; }

std::vector<std::string> paths_of(const protocol::Reply& reply) {
  std::vector<std::string> paths;
  if (!reply.error) return paths;
  for (const Error& violation : reply.error->violations) paths.push_back(violation.path);
  return paths;
}

std::vector<std::int64_t> ids_in(const List& records) {
  std::vector<std::int64_t> ids;
  for (const Value& record : records) ids.push_back(integer_at(*record.if_map(), "id"));
  return ids;
}

TEST(Mutations, InsertChangeAndDeleteManyAtOnce) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const Map inserted =
      wire.result("insertMany", {"products", List{document("a"), document("b"), document("c")}});
  EXPECT_EQ(ids_in(list_at(inserted, "data")), (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(text_at(map_at(*list_at(inserted, "data")[1].if_map(), "data"), "name"), "b");
  const Map where{{"id", Map{{"$gte", 2}}}};
  const Map changed = wire.result(
      "updateWhere", {"products", where, Map{{"name", "x"}}, Map{{"limit", 1}, {"key", "k"}}});
  EXPECT_EQ(ids_in(list_at(changed, "data")), std::vector<std::int64_t>{2});
  EXPECT_TRUE(truth_at(changed, "hasMore"));
  EXPECT_EQ(integer_at(changed, "sequence"), integer_at(inserted, "sequence") + 1);
  wire.result("deleteOne", {"products", 2});
  const Map again = wire.result(
      "updateWhere", {"products", where, Map{{"name", "x"}}, Map{{"limit", 1}, {"key", "k"}}});
  EXPECT_TRUE(truth_at(again, "replayed"));
  EXPECT_EQ(list_at(again, "data"), list_at(changed, "data"));
  EXPECT_EQ(wire.refusal("deleteWhere", {"products", Map{}}), ErrorCode::invalid_request);
  const Map gone = wire.result("deleteWhere", {"products", Map{}, Map{{"all", true}}});
  EXPECT_EQ(ids_in(list_at(gone, "data")), (std::vector<std::int64_t>{1, 3}));
  EXPECT_FALSE(truth_at(gone, "hasMore"));
}

TEST(Mutations, AnswerEachOperationOfATransaction) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const List operations{
      Map{{"media.upload", List{Binary{"front"}, Map{{"name", "front.txt"}}}}, {"as", "front"}},
      Map{{"insertMany", List{"media", List{file("one"), file("two")}}}, {"as", "more"}},
      Map{{"insertOne", List{"products", document("a")}}, {"as", "a"}},
      Map{{"updateOne", List{"products", ref("a"),
                             Map{{
                                     "gallery",
                                     Map{{"$attach", List{ref("front"), ref("more[1]")}}},
                                 },
                                 {"thumbnail", Map{{"$create", file("three")}}}}}}},
      Map{{"check", List{"products", ref("a")}}, {"where", Map{{"sku", "a"}}}},
      Map{{"updateWhere", List{"products", Map{{"sku", "a"}}, Map{{"name", "b"}}}}}};
  const Map options{{"key", "once"}, {"reason", "opening"}};
  const Map done = wire.result("transaction", {operations, options});
  const List& results = list_at(done, "results");
  ASSERT_EQ(results.size(), operations.size());
  EXPECT_EQ(ids_in(list_at(*results[1].if_map(), "data")), (std::vector<std::int64_t>{2, 3}));
  const Map& changes = map_at(*results[3].if_map(), "changes");
  EXPECT_EQ(list_at(map_at(changes, "gallery"), "added"), (List{1, 3}));
  EXPECT_EQ(list_at(map_at(changes, "thumbnail"), "added"), List{4});
  EXPECT_TRUE(results[4].is_null());
  EXPECT_FALSE(truth_at(*results[5].if_map(), "hasMore"));
  const Map again = wire.result("transaction", {operations, options});
  EXPECT_TRUE(truth_at(again, "replayed"));
  EXPECT_EQ(list_at(again, "results"), results);
}

TEST(Mutations, NameThePlaceOfWhatIsWrongInATransaction) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const List misshapen{7,
                       Map{{"updateOen", List{}}},
                       Map{{"updateOne", List{"products", 1}}},
                       Map{{"updateOne", List{"products", 1, Map{}, Map{}}}},
                       Map{{"updateOne", List{"products", 1, "x"}}},
                       Map{{"insertOne", List{"products", Map{}}}, {"expected", 1}},
                       Map{{"deleteOne", List{"products", 1}}, {"as", "x"}},
                       Map{{"deleteOne", List{"products", 1}}, {"key", "x"}},
                       Map{{"insertOne", List{"products", Map{}}}, {"as", 1}},
                       Map{{"check", List{"products"}}},
                       Map{{"check", List{"products", 1}}, {"exists", false}, {"expected", 4}}};
  EXPECT_EQ(paths_of(wire.call("transaction", {Value(misshapen)})),
            (std::vector<std::string>{"operations[0]", "operations[1]",
                                      "operations[2].updateOne[2]", "operations[3].updateOne[3]",
                                      "operations[4].updateOne[2]", "operations[5].expected",
                                      "operations[6].as", "operations[7].key", "operations[8].as",
                                      "operations[9].check", "operations[10].expected"}));
  const List wrong{Map{{"check", List{"products", 5}}},
                   Map{{"insertOne", List{"products", document("a")}}, {"as", "a"}},
                   Map{{"updateOne", List{"products", ref("a"),
                                          Map{{"gallery", Map{{"$attach", List{ref("b"), 9}}}}}}}},
                   Map{{"deleteOne", List{"prodcuts", 1}}}};
  EXPECT_EQ(paths_of(wire.call("transaction", {Value(wrong)})),
            (std::vector<std::string>{"operations[0].id", "operations[2].gallery.$attach[0]",
                                      "operations[3].entity"}));
  EXPECT_EQ(integer_at(wire.result("count", {"products"}), "count"), 0);
}

TEST(Mutations, RefuseAFileThatIsMoreThanABlob) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const Map two{{"blob", "xxh3-128:99aa06d3014798d86001c324468d497f"}, {"name", "x"}};
  const protocol::Reply reply = wire.call("media.upload", {two});
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->code, ErrorCode::unknown_option);
  EXPECT_EQ(reply.error->path, "file.name");
}

TEST(Mutations, RefuseAFieldThatIsGivenNoOperator) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const protocol::Reply reply =
      wire.call("insertOne", {"products", Map{{"name", "a"}, {"gallery", Map{}}}});
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->code, ErrorCode::wrong_operation);
  EXPECT_EQ(reply.error->path, "gallery");
  for (const char* name : {"$set", "$create", "$attach", "$detach"}) {
    EXPECT_NE(reply.error->hint.find(name), std::string::npos) << name;
  }
}

TEST(Mutations, TakeAnOptionThatIsNilAsLeftOut) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const Map insert{{"insertOne", List{"products", document("a")}}, {"as", nullptr}};
  const auto reply = wire.call("transaction", {Value(List{insert})});
  EXPECT_FALSE(reply.error) << (reply.error ? to_string(*reply.error) : "");
  const Map query{{"where", nullptr}, {"with", nullptr}, {"select", nullptr}};
  EXPECT_FALSE(wire.call("findId", {"products", 1, query}).error);
}

TEST(Mutations, FindNothingByAnIdThatIsNone) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  EXPECT_EQ(wire.refusal("findId", {"products", 1.0}), ErrorCode::wrong_type);
  EXPECT_EQ(wire.refusal("findId", {"products", nullptr}), ErrorCode::wrong_type);
  const protocol::Reply reply =
      wire.call("findId", {"products", "01935a2e-7b10-7d3c-8a41-0f6d1f2b9c55"});
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->path, "id");
}

// ---- Many clients at once -----------------------------------------------------------------------

// Runs `work` on a thread and a connection for each client.
void with_clients(RunningDaemon& running,
                  const std::function<void(Wire& wire, std::size_t client)>& work) {
  std::vector<std::thread> threads;
  for (std::size_t client = 0; client < kClients; ++client) {
    threads.emplace_back([&, client] {
      Wire wire = running.connect();
      work(wire, client);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// How many galleries the media stands in, as one read sees it, and in which product.
std::vector<std::int64_t> places_of(Wire& wire, std::int64_t media) {
  const Map query{{"where", Map{{"id", media}}}, {"with", Map{{"reference", true}}}};
  const Map found = wire.result("findOne", {"media", query});
  std::vector<std::int64_t> owners;
  for (const Value& use : list_at(map_at(found, "data"), "reference")) {
    owners.push_back(integer_at(*use.if_map(), "entity_id"));
  }
  return owners;
}

TEST(Mutations, KeepAMovedMediaInExactlyOneOfTwoGalleries) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  wire.result("insertOne",
              {"products", Map{{"name", "a"}, {"gallery", Map{{"$create", file("m")}}}}});
  wire.result("insertOne", {"products", Map{{"name", "b"}}});
  std::atomic<std::size_t> moved = 0, refused = 0, wrong = 0;
  with_clients(running, [&](Wire& own, std::size_t) {
    for (int i = 0; i < 12; ++i) {
      const std::vector<std::int64_t> places = places_of(own, 1);
      if (places.size() != 1) ++wrong;
      const std::int64_t from = places.empty() ? 1 : places.front();
      const Map is_there{{"id", from}};
      const List operations{
          Map{{"check", List{"products", from}}, {"where", Map{{"id", from}}}},
          Map{{"updateOne", List{"products", from, Map{{"gallery", Map{{"$detach", List{1}}}}}}},
              {"expected",
               integer_at(map_at(own.result("findOne",
                                            {"products", Map{{"where", is_there},
                                                             {"select", List{"id", "$version"}}}}),
                                 "data"),
                          "$version")}},
          Map{{"updateOne",
               List{"products", 3 - from, Map{{"gallery", Map{{"$attach", List{1}}}}}}}}};
      const protocol::Reply reply = own.call("transaction", {Value(operations)});
      ++(reply.error ? refused : moved);
      if (reply.error && reply.error->code != ErrorCode::version_mismatch) ++wrong;
      if (places_of(own, 1).size() != 1) ++wrong;
    }
  });
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(moved, 0u);
  EXPECT_EQ(moved + refused, 12 * kClients);
  EXPECT_EQ(places_of(wire, 1).size(), 1u);
}

TEST(Mutations, NeverPutMoreIntoAGalleryThanItHolds) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  wire.result("insertOne", {"products", Map{{"name", "a"}}});
  List files;
  for (std::size_t i = 0; i < 2 * kClients; ++i) files.push_back(file(std::to_string(i).c_str()));
  wire.result("insertMany", {"media", files});
  std::atomic<std::size_t> attached = 0, wrong = 0;
  with_clients(running, [&](Wire& own, std::size_t client) {
    for (const std::size_t media : {2 * client + 1, 2 * client + 2}) {
      const Map attach{{"gallery", Map{{"$attach", List{media}}}}};
      const protocol::Reply reply =
          own.call("updateWhere", {"products", Map{{"name", "a"}}, attach});
      if (!reply.error) ++attached;
      if (reply.error && reply.error->code != ErrorCode::too_many_items) ++wrong;
    }
  });
  EXPECT_EQ(attached, 10u);
  EXPECT_EQ(wrong, 0u);
  const Map query{{"where", Map{{"id", 1}}}, {"with", List{"gallery"}}};
  EXPECT_EQ(list_at(map_at(wire.result("findOne", {"products", query}), "data"), "gallery").size(),
            10u);
}

TEST(Mutations, NeverGiveTwoRecordsTheSameUniqueValue) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  std::atomic<std::size_t> accepted = 0, wrong = 0;
  with_clients(running, [&](Wire& own, std::size_t client) {
    const std::string name = std::to_string(client);
    for (const char* sku : {"one", "two", "three"}) {
      const List documents{Map{{"name", name}}, Map{{"name", name}, {"sku", sku}}};
      const protocol::Reply reply = own.call("insertMany", {"products", documents});
      if (!reply.error) ++accepted;
      if (reply.error && reply.error->code != ErrorCode::not_unique) ++wrong;
    }
  });
  EXPECT_EQ(accepted, 3u);
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(integer_at(wire.result("count", {"products"}), "count"), 6);
}

}  // namespace
}  // namespace emstore::testing
