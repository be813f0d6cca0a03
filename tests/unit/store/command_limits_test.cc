// How much a command of several mutations may ask for.
#include <gtest/gtest.h>

#include "tests/unit/store/group_commands.h"

namespace emstore::testing {
namespace {

class CommandLimits : public Commands {
 protected:
  void limit(store::StoreLimits limits) {
    options().limits = limits;
    open();
  }
};

TEST_F(CommandLimits, BoundTheRecordsOfACommand) {
  limit({.mutations_max = 3});
  const Map document{{"name", "x"}};
  must(insert_many("products", {document, document}));
  EXPECT_EQ(faults(command(insert_many("products", {document, document, document, document}))),
            (Faults{{ErrorCode::commit_too_large, ""}}));
  must(insert_many("products", {document, document, document}));
  EXPECT_EQ(faults({check("products", 1), check("products", 2),
                    insert_many("products", {document, document})}),
            (Faults{{ErrorCode::commit_too_large, "operations[2]"}}));
  must_all({check("products", 1), check("products", 2), insert("products", document)});
}

TEST_F(CommandLimits, BoundTheRecordsThatAChoiceFinds) {
  add_products(4);
  limit({.mutations_max = 3});
  store::Mutation asked = update_where("products", {{"price", Map{{"$gt", 0}}}}, {{"state", "s"}});
  const Error error = error_of(command(asked));
  EXPECT_EQ(error.code, ErrorCode::commit_too_large);
  EXPECT_EQ(error.path, "where");
  EXPECT_EQ(error.hint, "give a limit of 3 at most, and while hasMore go on after the last id");
  asked.choice->limit = 4;
  EXPECT_EQ(error_of(command(asked)).code, ErrorCode::commit_too_large);
  asked.choice->limit = 3;
  EXPECT_TRUE(must(asked).mutations[0].has_more);
  asked.choice = store::Choice{{{"price", Map{{"$gt", 1}}}}, false, {}, {}};
  EXPECT_EQ(must(asked).mutations[0].records.size(), 3u);
}

TEST_F(CommandLimits, BoundTheRecordsThatAChoiceLooksAt) {
  add_products(4);
  limit({.examined_max = 4});
  const store::Mutation asked = update_where("products", {{"name", "p2"}}, {{"state", "s"}});
  must(asked);
  must(insert("products", {{"name", "x"}, {"sku", "X"}}));
  const Error error = error_of(command(asked));
  EXPECT_EQ(class_of(error.code), ErrorClass::too_large);
  EXPECT_EQ(error.path, "where");
  must(update_where("products", {{"sku", "X"}}, {{"state", "s"}}));  // By its index.
}

TEST_F(CommandLimits, BoundTheRowsOfACommitAndSayHowFarItWouldGo) {
  limit({.commit_changes_max = 20});
  const Map document{{"name", "x"}};
  List documents;
  store::Outcome outcome;
  while (documents.size() < 40) {
    documents.push_back(document);
    outcome = submit(command(insert_many("products", documents)));
    if (!outcome) break;
  }
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::commit_too_large);
  const std::string fits = std::to_string(documents.size() - 1);
  EXPECT_EQ(outcome.error().path, "documents[" + fits + "]");
  EXPECT_EQ(outcome.error().hint, "send them in several requests of " + fits + " at most");
  documents.pop_back();
  must(insert_many("products", documents));
  EXPECT_EQ(faults({insert_many("products", documents), insert("pages", {{"slug", "a"}})}).front(),
            (Faults::value_type{ErrorCode::commit_too_large, "operations[1]"}));
}

TEST_F(CommandLimits, BoundTheBytesOfACommit) {
  limit({.commit_bytes_max = 20'000});
  const auto documents = [](std::size_t bytes) {
    const Map half{{"name", "x"}, {"description", std::string(bytes, 'x')}};
    return List{half, half};
  };
  must(insert_many("products", documents(1'000)));
  EXPECT_EQ(error_of(command(insert_many("products", documents(12'000)))).code,
            ErrorCode::commit_too_large);
}

TEST_F(CommandLimits, BoundWhatADryRunWouldDoAsWhatIsDone) {
  for (int i = 0; i < 3; ++i) {
    must(insert("products", {{"name", "x"}, {"description", std::string(9'000, 'x')}}));
  }
  limit({.commit_bytes_max = 20'000});
  store::Command asked = command(delete_where("products", {{"name", "x"}}));
  for (const bool is_dry : {true, false}) {
    asked.dry_run = is_dry;
    const Error error = error_of(asked);
    EXPECT_EQ(error.code, ErrorCode::commit_too_large);
    EXPECT_THAT(error.hint, ::testing::HasSubstr("limit"));
  }
  asked.mutations[0].choice->limit = 1;
  EXPECT_TRUE(submit(asked));
}

TEST_F(CommandLimits, BoundTheBytesOfAnAnswer) {
  limit({.answer_bytes_max = 2'000});
  const Map document{{"name", std::string(500, 'x')}};
  must(insert_many("products", {document, document}));
  EXPECT_EQ(faults(command(insert_many("products", {document, document, document, document}))),
            (Faults{{ErrorCode::commit_too_large, "documents[3]"}}));
}

}  // namespace
}  // namespace emstore::testing
