// What the tests of undo share: a store, what a commit of it is made of, and how it is taken back.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "store/undo.h"
#include "tests/support/blog.h"
#include "tests/unit/store/group_commands.h"

namespace emstore::testing {

class UndoTest : public ::testing::Test, public TestStore {
 protected:
  static Map set(Value value) { return Map{{"$set", std::move(value)}}; }
  static Map attach(Value value) { return Map{{"$attach", std::move(value)}}; }
  static Map detach(Value value) { return Map{{"$detach", std::move(value)}}; }
  static store::Mutation insert_as(const char* name, std::string entity, Map document) {
    return named(insert(std::move(entity), std::move(document)), name);
  }

  // The commit of all of these.
  Sequence together(std::vector<store::Mutation> mutations) {
    store::Command all = command(std::move(mutations));
    all.is_transaction = true;
    const store::Outcome outcome = submit(std::move(all));
    EXPECT_TRUE(outcome) << (outcome ? "" : to_string(outcome.error()));
    return view()->sequence;
  }

  Result<store::Command> undo_of(Sequence sequence) {
    const store::QueryLimits limits;
    return store::undo_of(*view(), sequence, std::nullopt, limits);
  }

  void TearDown() override { verify(); }
};

}  // namespace emstore::testing
