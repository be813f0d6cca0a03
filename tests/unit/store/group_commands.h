// Commands of several mutations in few words, and what the tests of them share.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/support/test_store.h"

namespace emstore::testing {

using Faults = std::vector<std::pair<ErrorCode, std::string>>;

inline Map ref(const char* name) { return Map{{"$ref", name}}; }

inline store::Mutation named(store::Mutation mutation, std::string name) {
  mutation.name = std::move(name);
  return mutation;
}

inline store::Mutation insert_many(std::string entity, List documents) {
  store::Mutation mutation{store::Verb::insert, std::move(entity), {}, {}, {}, false};
  mutation.documents = std::move(documents);
  return mutation;
}

inline store::Mutation update_where(std::string entity, Map where, Map document) {
  store::Mutation mutation{
      store::Verb::update, std::move(entity), {}, std::move(document), {}, false};
  mutation.choice = store::Choice{std::move(where), false, {}, {}};
  return mutation;
}

inline store::Mutation delete_where(std::string entity, Map where) {
  store::Mutation mutation{store::Verb::remove, std::move(entity), {}, {}, {}, false};
  mutation.choice = store::Choice{std::move(where), false, {}, {}};
  return mutation;
}

inline store::Mutation check(std::string entity, Value id) {
  return {store::Verb::check, std::move(entity), std::move(id), {}, {}, false};
}

inline store::Mutation check_where(std::string entity, Value id, Map where, bool exists = true) {
  store::Mutation mutation = check(std::move(entity), std::move(id));
  mutation.choice = store::Choice{std::move(where), false, {}, {}};
  mutation.exists = exists;
  return mutation;
}

class Commands : public ::testing::Test, public TestStore {
 protected:
  using Ids = std::vector<std::uint64_t>;

  Commands() {
    apply(shop_schema());
    front_ = upload("front");
    side_ = upload("side");
  }

  static store::Command transaction(std::vector<store::Mutation> mutations) {
    store::Command made = command(std::move(mutations));
    made.is_transaction = true;
    return made;
  }

  store::CommitOutcome must_all(std::vector<store::Mutation> mutations) {
    const store::Outcome outcome = submit(transaction(std::move(mutations)));
    EXPECT_TRUE(outcome) << (outcome ? "" : to_string(outcome.error()));
    return outcome ? std::get<store::CommitOutcome>(*outcome) : store::CommitOutcome{};
  }

  // What is wrong; and then nothing has happened.
  Faults faults(store::Command asked) {
    const Sha256 before = digest();
    const Sequence sequence = view()->sequence;
    const store::Outcome outcome = submit(std::move(asked));
    EXPECT_EQ(digest(), before) << "a refused command left a trace";
    EXPECT_EQ(view()->sequence, sequence);
    Faults found;
    if (outcome) return found;
    for (const Error& violation : outcome.error().violations)
      found.emplace_back(violation.code, violation.path);
    return found;
  }
  Faults faults(std::vector<store::Mutation> mutations) {
    return faults(transaction(std::move(mutations)));
  }

  // The violations in full, for their words.
  Error error_of(store::Command asked) {
    const store::Outcome outcome = submit(std::move(asked));
    EXPECT_FALSE(outcome);
    return outcome ? Error{} : outcome.error();
  }

  void add_products(std::size_t count) {
    List documents;
    for (std::size_t i = 1; i <= count; ++i) {
      documents.push_back(Map{{"name", "p" + std::to_string(i)}, {"price", i}});
    }
    must(insert_many("products", std::move(documents)));
  }

  Ids ids_where(const Map& where) {
    const auto now = view();
    const auto query = store::resolve_query(*now->schema, "products", {{"where", where}});
    const store::Plan plan = store::plan_of(*now->schema, *query, [](IndexId) { return true; });
    const auto found = store::find_ids(*now->reader, *query, plan, {});
    EXPECT_TRUE(found);
    Ids ids;
    for (const RecordId& id : found->ids) ids.push_back(id.integer());
    return ids;
  }

  static Ids ids_of(const store::MutationOutcome& outcome) {
    Ids ids;
    for (const store::RecordOutcome& record : outcome.records) ids.push_back(record.id.integer());
    return ids;
  }

  // The same request, its answer, and the answer to its retry after the store was opened again.
  void expect_same_answer_again(store::Command asked) {
    asked.key = store::RequestKey{"again", sha256("again")};
    const store::Outcome first = submit(asked);
    ASSERT_TRUE(first) << to_string(first.error());
    must(update("products", 1, {{"description", "in between"}}));
    open();
    const Sequence sequence = view()->sequence;
    const store::Outcome second = submit(asked);
    ASSERT_TRUE(second) << to_string(second.error());
    const auto& answer = std::get<store::CommitOutcome>(*first);
    const auto& replayed = std::get<store::CommitOutcome>(*second);
    EXPECT_TRUE(replayed.replayed);
    EXPECT_EQ(replayed.mutations, answer.mutations);
    EXPECT_EQ(replayed.sequence, answer.sequence);
    EXPECT_EQ(view()->sequence, sequence);
    verify();
  }

  std::uint64_t front_ = 0, side_ = 0;
};

}  // namespace emstore::testing
