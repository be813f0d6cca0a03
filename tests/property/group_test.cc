// Many submissions in one commit(), or in groups of which each is decided before the one before it
// is written: each stands on the ones before it, pending or not, and gets its own answer. What is
// refused leaves no trace.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/hash.h"
#include "store/facts.h"
#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

constexpr std::size_t kClients = 64;

using Outcomes = std::vector<store::Outcome>;

Map operation(std::string name, Value argument) {
  return Map{{std::move(name), std::move(argument)}};
}

// With the submissions that each of the groups has; or 0: all are one group.
class Group : public ::testing::TestWithParam<std::size_t>, public TestStore {
 protected:
  Group() {
    Map schema = shop_schema();
    Map* products =
        schema.find("entities")->if_map()->find("products")->if_map()->find("fields")->if_map();
    products->set("gallery", field("media", {{"max_items", 5}}));
    apply(schema);
    for (const char* bytes : {"one", "two", "three", "four"}) upload(bytes);
    must(insert("products",
                {{"name", "Laptop"}, {"gallery", operation("$attach", List{1, 2, 3, 4})}}));
  }

  // One submission each of what `command_of` gives for 0 to 63.
  template <typename CommandOf>
  Outcomes commit_together(CommandOf command_of) {
    std::vector<store::Submission> group;
    for (std::size_t i = 0; i < kClients; ++i) {
      group.push_back({{1000, 1000, static_cast<std::uint32_t>(i)}, command_of(i)});
    }
    return GetParam() == 0 ? store().commit(group) : commit_overlapping(group, GetParam());
  }

  static std::size_t accepted(const Outcomes& outcomes) {
    return static_cast<std::size_t>(std::count_if(
        outcomes.begin(), outcomes.end(), [](const auto& outcome) { return outcome.has_value(); }));
  }
  static std::size_t refused_with(const Outcomes& outcomes, ErrorCode code) {
    return static_cast<std::size_t>(std::count_if(
        outcomes.begin(), outcomes.end(),
        [&](const auto& outcome) { return !outcome && outcome.error().code == code; }));
  }
  static const store::CommitOutcome& commit_of(const store::Outcome& outcome) {
    return std::get<store::CommitOutcome>(*outcome);
  }

  std::size_t rows_of(store::Family family) {
    std::size_t rows = 0;
    EXPECT_TRUE(view()->reader->scan(family, {}, [&](std::string_view, std::string_view) {
      ++rows;
      return true;
    }));
    return rows;
  }
};

TEST_P(Group, GivesAUniqueValueToTheFirstOnly) {
  const Sequence before = view()->sequence;
  const Outcomes outcomes = commit_together([](std::size_t i) {
    return command(insert("products", {{"name", std::to_string(i)}, {"sku", "A"}}));
  });
  EXPECT_TRUE(outcomes.front());
  EXPECT_EQ(accepted(outcomes), 1U);
  EXPECT_EQ(refused_with(outcomes, ErrorCode::not_unique), kClients - 1);
  for (std::size_t i = 1; i < kClients; ++i) {
    EXPECT_EQ(outcomes[i].error().violations.size(), 1U) << "each is told about itself alone";
    EXPECT_EQ(outcomes[i].error().path, "sku");
  }
  EXPECT_EQ(view()->sequence, before + 1);
  verify();
}

TEST_P(Group, CarriesOutARequestKeyOnce) {
  const Sequence before = view()->sequence;
  const Outcomes outcomes = commit_together([](std::size_t) {
    store::Command asked = command(insert("products", {{"name", "once"}}));
    asked.key = store::RequestKey{"key", sha256("body")};
    return asked;
  });
  EXPECT_EQ(accepted(outcomes), kClients);
  const store::CommitOutcome& first = commit_of(outcomes.front());
  EXPECT_FALSE(first.replayed);
  for (std::size_t i = 1; i < kClients; ++i) {
    EXPECT_TRUE(commit_of(outcomes[i]).replayed);
    EXPECT_EQ(commit_of(outcomes[i]).sequence, first.sequence);
    EXPECT_EQ(commit_of(outcomes[i]).mutations, first.mutations);
  }
  EXPECT_EQ(view()->sequence, before + 1);
  verify();
}

TEST_P(Group, GivesTheLastFreePlaceToTheFirstOnly) {
  std::vector<std::uint64_t> media;
  for (std::size_t i = 0; i < kClients; ++i)
    media.push_back(upload("picture " + std::to_string(i)));
  const Outcomes outcomes = commit_together([&](std::size_t i) {
    return command(update("products", 1, {{"gallery", operation("$attach", List{media[i]})}}));
  });
  EXPECT_TRUE(outcomes.front());
  EXPECT_EQ(accepted(outcomes), 1U);
  EXPECT_EQ(refused_with(outcomes, ErrorCode::too_many_items), kClients - 1);
  EXPECT_EQ(links("products", 1, "gallery"), (std::vector<std::uint64_t>{1, 2, 3, 4, media[0]}));
  verify();
}

TEST_P(Group, StoresTheSameBytesOnce) {
  const std::size_t before = rows_of(store::Family::bytes);
  const Outcomes outcomes = commit_together([](std::size_t) {
    return command(insert("media", {{"file", Binary{"the same bytes"}}}));
  });
  EXPECT_EQ(accepted(outcomes), kClients);
  EXPECT_EQ(rows_of(store::Family::bytes), before + 1);
  const auto row = store::read_blob(*view()->reader, Address{digest_of("the same bytes").xxh3, 0});
  ASSERT_TRUE(row && *row);
  EXPECT_EQ((*row)->media, kClients);
  verify();
}

TEST_P(Group, LeavesNoTraceOfWhatIsRefused) {
  const Sha256 before = digest();
  const std::size_t bytes = rows_of(store::Family::bytes);
  const Outcomes outcomes = commit_together([](std::size_t i) {
    const Map created{{"$create", Map{{"file", Binary{"bytes " + std::to_string(i)}}}}};
    return command(update("products", 99, {{"gallery", created}}));
  });
  EXPECT_EQ(refused_with(outcomes, ErrorCode::record_not_found), kClients);
  EXPECT_EQ(digest(), before);
  EXPECT_EQ(rows_of(store::Family::bytes), bytes) << "bytes of refused commands are not kept";
}

// A refused command between two that are accepted must not leak into the later one.
TEST_P(Group, GoesOnAfterARefusal) {
  const Outcomes outcomes = commit_together([](std::size_t i) {
    const std::uint64_t media = i % 2 == 0 ? 1 : 99;
    return command(
        insert("products", {{"name", "n"}, {"gallery", operation("$attach", List{media})}}));
  });
  EXPECT_EQ(accepted(outcomes), kClients / 2);
  EXPECT_EQ(refused_with(outcomes, ErrorCode::media_not_found), kClients / 2);
  EXPECT_EQ(commit_of(outcomes[62]).mutations[0].records[0].id, RecordId(33))
      << "ids of refused records are not used up";
  verify();
}

// The limit is that of one commit, not of what happens to be written with it.
TEST_P(Group, MeasuresEachCommitAlone) {
  options().limits.commit_changes_max = 20;
  open();
  const Outcomes outcomes = commit_together([](std::size_t i) {
    return command(insert(
        "products", {{"name", std::to_string(i)}, {"gallery", operation("$attach", List{1})}}));
  });
  EXPECT_EQ(accepted(outcomes), kClients);
  verify();
}

TEST_P(Group, ChangesTheSchemaBetweenTwoCommands) {
  Map wider = shop_schema();
  wider.find("entities")->if_map()->set("shelves", Map{{"fields", Map{{"label", field("text")}}}});
  const std::vector<store::Submission> group{
      {{}, command(insert("shelves", {{"label", "too early"}}))},
      {{}, store::SchemaCommand{.schema = wider}},
      {{}, command(insert("shelves", {{"label", "in time"}}))}};
  const Outcomes outcomes = store().commit(group);
  EXPECT_EQ(outcomes[0].error().code, ErrorCode::unknown_entity);
  EXPECT_TRUE(outcomes[1]);
  EXPECT_TRUE(outcomes[2]);
  verify();
}

INSTANTIATE_TEST_SUITE_P(InPieces, Group, ::testing::Values(0, 1, 7));

}  // namespace
}  // namespace emstore::testing
