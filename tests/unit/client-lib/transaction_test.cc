// Mutations of several records: what is sent for them, and what comes back.
#include <gtest/gtest.h>

#include <emstore/client.hpp>

#include "protocol/codec.h"
#include "tests/unit/client-lib/fake_daemon.h"

namespace emstore {
namespace {

using testing::answering;
using testing::FakeDaemon;
using testing::Link;
using testing::Seen;

Map record_reply(std::int64_t id) {
  return Map{{"id", id}, {"version", 9}, {"data", Map{{"name", "x"}}}, {"changes", Map{}}};
}

FakeDaemon::Script keeping(Seen<protocol::Request>& seen, Value reply) {
  return answering([&seen, reply = std::move(reply)](const protocol::Request& request) {
    seen.add(request);
    return reply;
  });
}

TEST(ClientMutations, InsertManyDocumentsWithTheirFiles) {
  Seen<protocol::Request> seen;
  FakeDaemon daemon({keeping(
      seen,
      Map{{"sequence", 9}, {"data", List{record_reply(1), record_reply(2)}}, {"replayed", true}})});
  Client client = connect(daemon.options());
  const Mutations done =
      client.mutator("products")
          .insert_many(
              {{{"name", "a"}}, {{"name", "b"}, {"gallery", create(File::bytes("png", "b.png"))}}});
  ASSERT_EQ(done.size(), 2u);
  EXPECT_EQ(done[1].id(), Value(2));
  EXPECT_EQ(done[1].sequence(), 9u);
  EXPECT_EQ(done[1].data().get<std::string>("name"), "x");
  EXPECT_TRUE(done.replayed);
  const auto call = std::get<protocol::InsertMany>(seen.all().at(0).call);
  EXPECT_EQ(call.documents[0], Value(Map{{"name", "a"}}));
  const Map file{{"file", Binary{"png"}}, {"name", "b.png"}};
  EXPECT_EQ(*call.documents[1].if_map()->find("gallery"), Value(Map{{"$create", file}}));
  EXPECT_TRUE(call.options.key);
}

TEST(ClientMutations, SendAWhereWithItsOptions) {
  Seen<protocol::Request> seen;
  FakeDaemon daemon(
      {keeping(seen, Map{{"sequence", 9}, {"data", List{record_reply(1)}}, {"hasMore", true}})});
  Client client = connect(daemon.options());
  Mutator products = client.mutator("products");
  EXPECT_TRUE(products
                  .update_where({{"price", gte(5)}}, {{"state", "sale"}},
                                {.order_by = {desc("price")}, .limit = 1})
                  .has_more);
  std::optional<Error> error;
  products.delete_where({}, error, {.all = true, .detach = true, .dry_run = true});
  EXPECT_EQ(error, std::nullopt);
  const auto update = std::get<protocol::UpdateWhere>(seen.all().at(0).call);
  EXPECT_EQ(update.where, (Map{{"price", Map{{"$gte", 5}}}}));
  EXPECT_EQ(update.choice.limit, 1u);
  EXPECT_FALSE(update.choice.order_by.is_null());
  const auto remove = std::get<protocol::DeleteWhere>(seen.all().at(1).call);
  EXPECT_TRUE(remove.choice.all && remove.options.detach && remove.options.dry_run);
}

TEST(ClientTransaction, SendsItsOperationsInOrderAndNamesWhatTheyMake) {
  Seen<protocol::Request> seen;
  FakeDaemon daemon({keeping(
      seen,
      Map{{"sequence", 9},
          {"results", List{record_reply(1), Map{{"data", List{record_reply(5)}}}, Value()}}})});
  Client client = connect(daemon.options());
  Transaction transaction = client.transaction();
  const Value laptop = transaction.insert_one("products", {{"name", "Laptop"}});
  const std::vector<Value> media =
      transaction.insert_many("media", {Document(Map{{"file", Map{{"blob", "x"}}}})});
  transaction.update_one("products", laptop, {{"gallery", attach(media)}}, {.expected = 4});
  transaction.delete_one("media", 7, {.detach = true});
  transaction.update_where("products", {{"price", 1}}, {{"price", 2}}, {.limit = 3});
  transaction.delete_where("products", {}, {.all = true});
  transaction.check("stocks", 5, {.expected = 40, .where = Where{{"free", true}}});
  transaction.check_absent("stocks", 6);
  transaction.check_any("users", {{"name", "a"}});
  transaction.check_none("users", {{"name", "b"}});
  EXPECT_EQ(transaction.size(), 10u);
  const TransactionResult done = transaction.run({.reason = "opening"});
  EXPECT_EQ(done.sequence, 9u);
  EXPECT_EQ(done.results.at(0)[0].id(), Value(1));
  EXPECT_EQ(done.results.at(1)[0].id(), Value(5));
  EXPECT_TRUE(done.results.at(2).empty());

  const auto call = std::get<protocol::Transaction>(seen.all().at(0).call);
  EXPECT_EQ(call.options.reason, "opening");
  ASSERT_EQ(call.operations.size(), 10u);
  for (const Value& operation : call.operations) {
    EXPECT_TRUE(protocol::decode_operation(operation)) << to_string(operation);
  }
  const auto update = protocol::decode_operation(call.operations[2]).value();
  const auto& one = std::get<protocol::UpdateOne>(update.call);
  EXPECT_EQ(one.id, Value(Map{{"$ref", "r0"}}));
  EXPECT_EQ(*one.document.find("gallery"), Value(Map{{"$attach", List{Map{{"$ref", "r1[0]"}}}}}));
  EXPECT_EQ(one.options.expected, 4u);
  const auto none = protocol::decode_operation(call.operations[9]).value();
  EXPECT_FALSE(std::get<protocol::Check>(none.call).exists);
}

TEST(ClientTransaction, SaysWhichFileOfWhichOperationCannotBeRead) {
  FakeDaemon daemon({[](Link& link) { static_cast<void>(link.next_after_hello()); }});
  Client client = connect(daemon.options());
  Transaction transaction = client.transaction();
  transaction.insert_one("products", {{"name", "a"}});
  transaction.insert_many("products", {{{"name", "b"}}, {{"gallery", create({File("no.png")})}}});
  std::optional<Error> error;
  transaction.run(error);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->path, "operations[1].documents[1].gallery.$create[0]");
}

}  // namespace
}  // namespace emstore
