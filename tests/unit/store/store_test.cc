#include "store/store.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "store/head.h"
#include "store/resolved.h"
#include "store/row_bytes.h"
#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

using Ids = std::vector<std::uint64_t>;

Map create(std::string bytes) { return Map{{"$create", Map{{"file", Binary{std::move(bytes)}}}}}; }
Map operation(std::string name, Value argument) {
  return Map{{std::move(name), std::move(argument)}};
}

// A shop with one product and the media 1 to 4.
class Shop : public ::testing::Test, public TestStore {
 protected:
  Shop() {
    apply(shop_schema());
    for (const char* bytes : {"one", "two", "three", "four"}) upload(bytes);
    must(insert("products", {{"name", "Laptop"}, {"price", 999}}));
  }
};

TEST_F(Shop, KeepsWhatWasInserted) {
  const Value found = find_one("products", {{"where", Map{{"id", 1}}}});
  EXPECT_EQ(*found.if_map()->find("name"), Value("Laptop"));
  EXPECT_EQ(*found.if_map()->find("price"), Value(999.0));
  EXPECT_EQ(*found.if_map()->find("state"), Value("draft"));
  verify();
}

TEST_F(Shop, AttachesInOrder) {
  const store::CommitOutcome outcome =
      must(update("products", 1, {{"gallery", operation("$attach", List{3, 1})}}));
  EXPECT_EQ(links("products", 1, "gallery"), (Ids{3, 1}));
  EXPECT_EQ(outcome.mutations[0].records[0].changes[0].added,
            (std::vector{RecordId(3), RecordId(1)}));
  must(update("products", 1, {{"gallery", operation("$attach", List{2})}}));
  EXPECT_EQ(links("products", 1, "gallery"), (Ids{3, 1, 2}));
  verify();
}

// A request that is asked again after a kill is answered from the log, without a commit.
TEST_F(Shop, RecordsAtItsStartWhatAKillLeftUnrecorded) {
  const std::filesystem::path head = folder() / "head";
  std::filesystem::copy_file(head, folder() / "head before");
  must(insert("products", {{"name", "Phone"}}));
  close();
  std::filesystem::rename(folder() / "head before", head);
  open();
  const std::optional<store::HeadState> recorded = store::Head::open(head)->recorded();
  ASSERT_TRUE(recorded);
  EXPECT_EQ(recorded->sequence, view()->sequence);
  EXPECT_EQ(recorded->root, view()->root);
  EXPECT_FALSE(recorded->clean);
}

TEST_F(Shop, SaysWhatWasThereAlready) {
  must(update("products", 1, {{"gallery", operation("$attach", List{1})}}));
  const Sequence before = view()->sequence;
  const store::CommitOutcome outcome =
      must(update("products", 1, {{"gallery", operation("$attach", List{1})}}));
  EXPECT_EQ(outcome.mutations[0].records[0].changes[0].already, std::vector{RecordId(1)});
  EXPECT_EQ(outcome.sequence, before);
  EXPECT_EQ(view()->sequence, before) << "a request that changes nothing writes no commit";
}

TEST_F(Shop, DetachesTheLinkOnly) {
  must(update("products", 1, {{"gallery", operation("$attach", List{1, 2, 3})}}));
  const store::CommitOutcome outcome =
      must(update("products", 1, {{"gallery", operation("$detach", List{2, 4})}}));
  EXPECT_EQ(links("products", 1, "gallery"), (Ids{1, 3}));
  EXPECT_EQ(outcome.mutations[0].records[0].changes[0].missing, std::vector{RecordId(4)});
  EXPECT_TRUE(find_one("media", {{"where", Map{{"id", 2}}}}).if_map());
  verify();
}

TEST_F(Shop, SetsTheWholeGalleryInTheGivenOrder) {
  must(update("products", 1, {{"gallery", operation("$attach", List{1, 2, 3})}}));
  must(update("products", 1, {{"gallery", operation("$set", List{3, 4, 1})}}));
  EXPECT_EQ(links("products", 1, "gallery"), (Ids{3, 4, 1}));
  must(update("products", 1, {{"gallery", operation("$set", List{})}}));
  EXPECT_EQ(links("products", 1, "gallery"), Ids{});
  verify();
}

TEST_F(Shop, PlacesLinks) {
  must(update("products", 1, {{"gallery", operation("$attach", List{1, 2, 3})}}));
  const Map first{{"id", 4}, {"at", "first"}};
  must(update("products", 1, {{"gallery", operation("$attach", List{first})}}));
  EXPECT_EQ(links("products", 1, "gallery"), (Ids{4, 1, 2, 3}));
  const Map moved{{"id", 3}, {"at", Map{{"before", 1}}}};
  must(update("products", 1, {{"gallery", operation("$attach", List{moved})}}));
  EXPECT_EQ(links("products", 1, "gallery"), (Ids{4, 3, 1, 2}));
  const Map after{{"id", 4}, {"at", Map{{"after", 1}}}};
  must(update("products", 1, {{"gallery", operation("$attach", List{after})}}));
  EXPECT_EQ(links("products", 1, "gallery"), (Ids{3, 1, 4, 2}));
  verify();
}

TEST_F(Shop, KeepsMetaPerLink) {
  const Map item{{"id", 1}, {"meta", Map{{"alt", "front"}}}};
  must(update("products", 1, {{"gallery", operation("$attach", List{item})}}));
  must(update("products", 1, {{"gallery", operation("$set", List{2, 1})}}));
  const Value found =
      find_one("products", {{"where", Map{{"id", 1}}}, {"with", Map{{"gallery", true}}}});
  const Value& second = (*found.if_map()->find("gallery")->if_list())[1];
  EXPECT_EQ(*second.if_map()->find("$link")->if_map()->find("meta"), Value(Map{{"alt", "front"}}));
  verify();
}

TEST_F(Shop, ReplacesTheOneMediaOfAMediumField) {
  must(update("products", 1, {{"thumbnail", operation("$set", Map{{"id", 1}})}}));
  must(update("products", 1, {{"thumbnail", create("new")}}));
  EXPECT_EQ(links("products", 1, "thumbnail"), Ids{5});
  must(update("products", 1, {{"thumbnail", operation("$set", Value())}}));
  EXPECT_EQ(links("products", 1, "thumbnail"), Ids{});
  verify();
}

TEST_F(Shop, StoresEqualBytesOnce) {
  upload("one");
  const Value first = find_one("media", {{"where", Map{{"id", 1}}}});
  const Value again = find_one("media", {{"where", Map{{"id", 5}}}});
  EXPECT_EQ(*first.if_map()->find("blob"), *again.if_map()->find("blob"));
  verify();
}

TEST_F(Shop, NamesEveryViolationWithItsPath) {
  const Error error = refused(insert("products", {{"price", -1},
                                                  {"nmae", "x"},
                                                  {"thumbnail", operation("$attach", List{1})},
                                                  {"gallery", operation("$attach", List{99})}}));
  std::vector<std::pair<ErrorCode, std::string>> found;
  for (const Error& violation : error.violations)
    found.emplace_back(violation.code, violation.path);
  const std::vector<std::pair<ErrorCode, std::string>> expected{
      {ErrorCode::out_of_range, "price"},
      {ErrorCode::unknown_field, "nmae"},
      {ErrorCode::wrong_operation, "thumbnail.$attach"},
      {ErrorCode::required, "name"},
      {ErrorCode::media_not_found, "gallery.$attach[0]"}};
  EXPECT_EQ(found, expected);
}

TEST_F(Shop, RefusesWhatTheStateStandsAgainst) {
  EXPECT_EQ(refused(update("products", 1, {{"gallery", operation("$attach", List{1, 99})}})).path,
            "gallery.$attach[1]");
  EXPECT_EQ(refused(update("products", 9, {{"price", 1}})).code, ErrorCode::record_not_found);
  EXPECT_EQ(refused(update("products", 1, {{"gallery", create("%PDF-1.4")}})).code,
            ErrorCode::mime_not_allowed);
  must(update("products", 1, {{"sku", "A"}}));
  EXPECT_EQ(refused(insert("products", {{"name", "x"}, {"sku", "A"}})).code, ErrorCode::not_unique);
  must(update("products", 1, {{"gallery", operation("$attach", List{1})}}));
  EXPECT_EQ(refused(remove("media", 1)).code, ErrorCode::still_linked);
}

TEST_F(Shop, DeletesARecordWithItsLinks) {
  must(update("products", 1, {{"gallery", operation("$attach", List{1, 2})}}));
  must(remove("products", 1));
  EXPECT_TRUE(find_one("products", {{"where", Map{{"id", 1}}}}).is_null());
  must(remove("media", 1));
  must(insert("products", {{"name", "next"}}));
  EXPECT_TRUE(find_one("products", {{"where", Map{{"id", 2}}}}).if_map()) << "ids are never reused";
  verify();
}

TEST_F(Shop, DetachesADeletedMediaWhereThatIsAsked) {
  must(update("products", 1, {{"gallery", operation("$attach", List{1, 2})}}));
  must(remove("media", 1, /*detach=*/true));
  EXPECT_EQ(links("products", 1, "gallery"), Ids{2});
  verify();
}

TEST_F(Shop, CommitsThreeMutationsAsOne) {
  store::Command all = command(insert("products", {{"name", "a"}, {"sku", "A"}}));
  all.mutations.push_back(insert("products", {{"name", "b"}, {"sku", "B"}}));
  all.mutations.push_back(
      update("products", 2, {{"sku", "C"}, {"gallery", operation("$attach", List{1})}}));
  const Sequence before = view()->sequence;
  const store::Outcome outcome = submit(std::move(all));
  ASSERT_TRUE(outcome) << to_string(outcome.error());
  EXPECT_EQ(view()->sequence, before + 1);
  EXPECT_EQ(links("products", 2, "gallery"), Ids{1});
  verify();
}

TEST_F(Shop, LetsTwoRecordsSwapTheirUniqueValues) {
  must(insert("products", {{"name", "b"}, {"sku", "B"}}));
  must(update("products", 1, {{"sku", "A"}}));
  store::Command swap = command(update("products", 1, {{"sku", "B"}}));
  swap.mutations.push_back(update("products", 2, {{"sku", "A"}}));
  EXPECT_TRUE(submit(std::move(swap)));
  verify();
}

TEST_F(Shop, AnswersARetryOnceMore) {
  const auto request = [&] {
    store::Command asked =
        command(update("products", 1, {{"gallery", operation("$attach", List{2, 1})}}));
    asked.key = store::RequestKey{"retry-1", sha256("body")};
    return asked;
  };
  const auto first = std::get<store::CommitOutcome>(*submit(request()));
  must(update("products", 1, {{"gallery", operation("$detach", List{1})}}));
  open();
  const auto again = std::get<store::CommitOutcome>(*submit(request()));
  EXPECT_EQ(again.sequence, first.sequence);
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.mutations, first.mutations);
  EXPECT_EQ(links("products", 1, "gallery"), Ids{2}) << "carried out once";
  store::Command other = request();
  other.key->digest = sha256("another body");
  EXPECT_EQ(submit(std::move(other)).error().code, ErrorCode::id_reused);
}

TEST_F(Shop, ForgetsKeysAfterTheirWindow) {
  store::Command asked = command(update("products", 1, {{"price", 5}}));
  asked.key = store::RequestKey{"k", sha256("body")};
  submit(asked);
  environment().pass(1000);
  must(update("products", 1, {{"price", 6}}));
  EXPECT_TRUE(submit(store::ExpireCommand{100, 1'000'000}));
  verify();
  const auto again = std::get<store::CommitOutcome>(*submit(asked));
  EXPECT_FALSE(again.replayed);
}

// As after a clock that was ahead was put right: what is to end ends, and times stay in order.
TEST_F(Shop, GoesOnInTimeWhenTheClockIsBehindTheLog) {
  constexpr std::int64_t kYear = std::int64_t{365} * 86'400 * 1'000'000;
  constexpr std::int64_t kWindow = 1'000'000;
  std::vector<std::chrono::microseconds> told;
  options().clock_is_behind = [&](std::chrono::microseconds by) { told.push_back(by); };
  open();
  environment().set_clock(10 * kYear);
  store::Command asked = command(update("products", 1, {{"price", 5}}));
  asked.key = store::RequestKey{"k", sha256("body")};
  submit(asked);
  const Time ahead = view()->time;
  environment().set_clock(-10 * kYear);
  must(update("products", 1, {{"price", 6}}));
  EXPECT_GE(view()->time, ahead);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_GT(told[0].count(), 9 * kYear);
  environment().pass(4 * kWindow);  // Half of it passes in the log.
  EXPECT_TRUE(submit(store::ExpireCommand{kWindow, 1'000'000}));
  EXPECT_FALSE(std::get<store::CommitOutcome>(*submit(asked)).replayed);
  EXPECT_GE(view()->time.micros, ahead.micros + 2 * kWindow);
  open();
  EXPECT_EQ(told.size(), 2u) << "at a start, too";
}

// The distance between commits; none, when it is 0. Some more are kept, so that the commit that
// forgets keys does not bring about the next one.
TEST_F(Shop, ForgetsKeysByTheirNumberOnlyWhereThereIsABound) {
  constexpr std::int64_t kForever = std::int64_t{1} << 60;
  store::Command asked = command(update("products", 1, {{"price", 5}}));
  asked.key = store::RequestKey{"k", sha256("body")};
  submit(asked);
  constexpr int kSlack = 64;
  constexpr int kLater = 3 + kSlack;
  for (int i = 0; i < kLater; ++i) must(update("products", 1, {{"price", 6 + i}}));
  const auto is_remembered = [&] {
    const auto row = view()->reader->get(store::Family::requests, store::request_key(1000, "k"));
    return row && row->has_value();
  };
  EXPECT_TRUE(submit(store::ExpireCommand{kForever, 0}));
  EXPECT_TRUE(is_remembered());
  EXPECT_TRUE(submit(store::ExpireCommand{kForever, 4}));
  EXPECT_TRUE(is_remembered());
  EXPECT_TRUE(submit(store::ExpireCommand{kForever, 3}));
  EXPECT_FALSE(is_remembered());

  for (int i = 0; i < 2 * kSlack; ++i) {
    asked.key = store::RequestKey{"key " + std::to_string(i), sha256("body")};
    submit(asked);
  }
  std::set<Sequence> ends;
  for (int i = 0; i < kSlack; ++i) {
    EXPECT_TRUE(submit(store::ExpireCommand{kForever, 3}));
    ends.insert(view()->sequence);
  }
  EXPECT_EQ(ends.size(), 1U);  // One commit forgot all that there was to forget.
  verify();
}

TEST_F(Shop, ListsAsManyViolationsAsItIsAllowedTo) {
  options().limits.violations_max = 3;
  open();
  const auto listed = [&](Map document) {
    return refused(update("products", 1, std::move(document))).violations.size();
  };
  EXPECT_EQ(listed({{"a", 1}, {"b", 1}}), 2u);
  EXPECT_EQ(listed({{"a", 1}, {"b", 1}, {"c", 1}}), 3u);
  EXPECT_EQ(listed({{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}}), 3u);
}

TEST_F(Shop, RefusesACommitOfTooManyBytes) {
  const Map document{{"description", std::string(3'000, 'd')}};
  std::size_t most = 0;
  for (const std::size_t limit : {4'000u, 16'000u}) {
    options().limits.commit_bytes_max = limit;
    open();
    const store::Outcome outcome = ask(update("products", 1, document));
    if (outcome) {
      most = limit;
    } else {
      EXPECT_EQ(outcome.error().code, ErrorCode::commit_too_large);
    }
  }
  EXPECT_EQ(most, 16'000u);
}

TEST_F(Shop, ShowsAnEditedMediaInEveryGallery) {
  must(update("products", 1, {{"gallery", operation("$attach", List{1})}}));
  must(update("media", 1, {{"alt", "a laptop"}}));
  const Value found =
      find_one("products", {{"where", Map{{"id", 1}}}, {"with", Map{{"gallery", true}}}});
  EXPECT_EQ(*(*found.if_map()->find("gallery")->if_list())[0].if_map()->find("alt"),
            Value("a laptop"));
  verify();
}

TEST_F(Shop, CoversTheFirstLinksOnly) {
  for (std::uint64_t i = 0; i < store::kCoverSlotsMax + 3; ++i) {
    must(insert("products", {{"name", "p"}, {"gallery", operation("$attach", List{1})}}));
  }
  must(update("products", 10, {{"gallery", operation("$detach", List{1})}}));
  must(update("media", 1, {{"alt", "shared"}}));
  must(update("products", 10, {{"gallery", operation("$attach", List{1})}}));
  verify();
  for (const std::uint64_t id : {2u, 10u, 68u}) EXPECT_EQ(links("products", id, "gallery"), Ids{1});
}

TEST_F(Shop, KeepsLongFieldsBesideTheOwner) {
  must(update("products", 1, {{"description", std::string(5000, 'd')}}));
  must(update("products", 1, {{"gallery", operation("$attach", List{1})}}));
  must(update("products", 1, {{"description", "short"}}));
  verify();
}

TEST_F(Shop, IsTheSameAfterReopening) {
  must(update("products", 1, {{"gallery", operation("$attach", List{1, 2})}}));
  const Sha256 before = digest();
  const Sha256 root = view()->root;
  open();
  EXPECT_EQ(digest(), before);
  EXPECT_EQ(view()->root, root);
  must(update("products", 1, {{"price", 1}}));
  verify();
}

TEST_F(Shop, FillsANewIndexWhileWritesGoOn) {
  for (int i = 0; i < 1500; ++i) must(insert("products", {{"name", "p" + std::to_string(i)}}));
  Map schema = shop_schema();
  schema.find("indices")->if_map()->set(
      "names", Map{{"entity", "products"}, {"fields", List{"name"}}, {"unique", true}});
  apply(schema);
  EXPECT_TRUE(store().work().value());
  must(update("products", 1400, {{"name", "changed"}}));
  must(insert("products", {{"name", "late"}}));
  verify();
  while (store().work().value()) {
  }
  for (const auto& [id, state] : *view()->indexes) {
    EXPECT_EQ(state.kind, store::IndexState::Kind::ready) << state.detail;
  }
  verify();
  EXPECT_EQ(refused(insert("products", {{"name", "changed"}})).code, ErrorCode::not_unique);
}

TEST_F(Shop, LetsNoMorePairsIntoAUniqueIndexAndMendsItself) {
  must(insert("products", {{"name", "Laptop"}}));
  must(insert("products", {{"name", "Laptop"}}));
  Map schema = shop_schema();
  schema.find("indices")->if_map()->set(
      "names", Map{{"entity", "products"}, {"fields", List{"name"}}, {"unique", true}});
  apply(schema);
  const auto kind = [&] {
    while (store().work().value()) {
    }
    return view()->indexes->rbegin()->second.kind;
  };
  ASSERT_EQ(kind(), store::IndexState::Kind::not_unique);
  must(insert("products", {{"name", "new"}}));
  EXPECT_EQ(refused(insert("products", {{"name", "new"}})).code, ErrorCode::not_unique);
  EXPECT_EQ(refused(insert("products", {{"name", "Laptop"}})).code, ErrorCode::not_unique);
  must(update("products", 2, {{"price", 5}}));
  EXPECT_EQ(kind(), store::IndexState::Kind::not_unique) << "the pair is still there";
  must(update("products", 2, {{"name", "second"}}));
  EXPECT_EQ(kind(), store::IndexState::Kind::not_unique) << "there is another pair";
  must(remove("products", 3));
  EXPECT_EQ(kind(), store::IndexState::Kind::ready);
  open();
  EXPECT_EQ(kind(), store::IndexState::Kind::ready);
  verify();
}

TEST_F(Shop, NamesTheRecordsThatStandAgainstAUniqueIndex) {
  must(insert("products", {{"name", "Laptop"}}));
  Map schema = shop_schema();
  schema.find("indices")->if_map()->set(
      "names", Map{{"entity", "products"}, {"fields", List{"name"}}, {"unique", true}});
  apply(schema);
  while (store().work().value()) {
  }
  EXPECT_EQ(view()->indexes->rbegin()->second.kind, store::IndexState::Kind::not_unique);
  must(update("products", 2, {{"name", "other"}}));
  apply(schema);
  while (store().work().value()) {
  }
  EXPECT_EQ(view()->indexes->rbegin()->second.kind, store::IndexState::Kind::ready);
  verify();
}

TEST_F(Shop, RefusesAVersionThatIsNotTheOneExpected) {
  store::Mutation mutation = update("products", 1, {{"price", 3}});
  mutation.expected = 1;
  EXPECT_EQ(refused(mutation).code, ErrorCode::version_mismatch);
  mutation.expected = view()->sequence;
  must(mutation);
}

TEST_F(Shop, CreatesAThousandMediaAtMost) {
  const auto creations = [](std::size_t count) {
    List items;
    while (items.size() < count) items.push_back(Map{{"file", Binary{"same"}}});
    return Map{{"documents", operation("$create", std::move(items))}};
  };
  EXPECT_EQ(refused(update("products", 1, creations(store::kCreationsMax + 1))).code,
            ErrorCode::commit_too_large);
  must(update("products", 1, creations(store::kCreationsMax)));
  EXPECT_EQ(links("products", 1, "documents").size(), store::kCreationsMax);
}

TEST_F(Shop, RefusesACommitThatIsTooLarge) {
  options().limits.commit_changes_max = 20;
  open();
  EXPECT_EQ(refused(update("products", 1,
                           {{"gallery", operation("$attach", List{1, 2, 3, 4})},
                            {"documents", operation("$attach", List{1, 2, 3, 4})}}))
                .code,
            ErrorCode::commit_too_large);
}

}  // namespace
}  // namespace emstore::testing
