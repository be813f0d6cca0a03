// Users, posts, tags and what leads from one to another, in few words, for the tests of relations.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"
#include "tests/support/blog.h"

namespace emstore::testing {

// Users 1 to 3, tags 1 to 3, one post of user 1.
class Blog : public ::testing::Test, public TestStore {
 public:
  using Ids = std::vector<std::uint64_t>;

  static Map set(Value value) { return Map{{"$set", std::move(value)}}; }
  static Map attach(Value value) { return Map{{"$attach", std::move(value)}}; }
  static Map detach(Value value) { return Map{{"$detach", std::move(value)}}; }
  static Map create(Value value) { return Map{{"$create", std::move(value)}}; }
  static std::vector<RecordId> ids(const Ids& numbers) { return {numbers.begin(), numbers.end()}; }

 protected:
  Blog() {
    apply(blog_schema());
    for (const char* name : {"Ada", "Bob", "Cyd"}) must(insert("users", {{"name", name}}));
    for (const char* label : {"red", "green", "blue"}) must(insert("tags", {{"label", label}}));
    must(insert("posts", {{"title", "First"}, {"author_id", 1}}));
  }

  // A member of a record, `with` included.
  Value read(const std::string& entity, std::uint64_t id, const std::string& name,
             bool with = true) {
    Map query{{"where", Map{{"id", id}}}};
    if (with) query.set("with", Map{{name, true}});
    const Value record = find_one(entity, query);
    return record.if_map() == nullptr ? Value("no record") : *record.if_map()->find(name);
  }
  Value value(const std::string& entity, std::uint64_t id, const std::string& name) {
    return read(entity, id, name, false);
  }
  store::FieldOutcome change(store::Mutation mutation) {
    const store::CommitOutcome outcome = must(std::move(mutation));
    return outcome.mutations.empty() ? store::FieldOutcome{}
                                     : outcome.mutations[0].records[0].changes.at(0);
  }
  std::string refusal(store::Mutation mutation) {
    const Error error = refused(std::move(mutation));
    return std::string(name_of(error.code)) + " at " + error.path + ": " + error.message;
  }

  void TearDown() override { verify(); }
};

}  // namespace emstore::testing
