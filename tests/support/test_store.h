// A store in a folder of its own, with a clock and a chance that a test controls, spoken to in few
// words.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/sink.h"
#include "store/pending_group.h"
#include "store/query.h"
#include "store/store.h"
#include "store/verify.h"
#include "tests/support/temporary_folder.h"

namespace emstore::testing {

// One microsecond passes with every look at the clock; chance counts.
class FakeEnvironment final : public store::Environment {
 public:
  Time now() override { return Time{++micros_}; }
  std::chrono::microseconds elapsed() override { return std::chrono::microseconds(micros_ - set_); }
  void random(std::span<std::uint8_t> bytes) override {
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(++count_ * 167 >> 3);
  }
  void pass(std::int64_t micros) { micros_ += micros; }
  // Sets the clock: no time passes.
  void set_clock(std::int64_t by_micros) {
    micros_ += by_micros;
    set_ += by_micros;
  }

 private:
  std::int64_t micros_ = 1'700'000'000'000'000;
  std::int64_t set_ = 0;
  std::uint32_t count_ = 0;
};

inline Map field(std::string type, Map config = {}) {
  return Map{{"type", std::move(type)}, {"config", std::move(config)}};
}

inline Map poly(std::string source, std::string name, bool one) {
  Map config{{"mappedBy", name}};
  if (one) config.set("targetCardinality", 1);
  return Map{
      {"type", "poly"}, {"source", std::move(source)}, {"target", "media"}, {"config", config}};
}

// The shop of the seed page, with a unique index, a default and some rules to break.
inline Map shop_schema() {
  const Map products{
      {"name", field("text", {{"required", true}})},
      {"description", field("text")},
      {"price", field("number", {{"minimum", 0}})},
      {"sku", field("text")},
      {"state", field("text", {{"default_value", "draft"}})},
      {"thumbnail", field("media", {{"max_items", 1}})},
      {"gallery", field("media", {{"max_items", 100}, {"mime_types", List{"image/*"}}})},
      {"documents", field("media")}};
  const Map pages{{"slug", field("text", {{"required", true}})}, {"images", field("media")}};
  return Map{
      {"entities",
       Map{{"products", Map{{"fields", products}}},
           {"pages", Map{{"fields", pages}}},
           {"media", Map{{"type", "system"}, {"fields", Map{{"alt", field("text")}}}}}}},
      {"relations", Map{{"a", poly("products", "thumbnail", true)},
                        {"b", poly("products", "gallery", false)},
                        {"c", poly("products", "documents", false)},
                        {"d", poly("pages", "images", false)}}},
      {"indices",
       Map{{"sku", Map{{"entity", "products"}, {"fields", List{"sku"}}, {"unique", true}}}}}};
}

class TestStore {
 public:
  TestStore() { open(); }

  void open() {
    store_.reset();
    Result<std::unique_ptr<store::Store>> opened = try_open();
    if (!opened) throw std::runtime_error(to_string(opened.error()));
    store_ = *std::move(opened);
  }

  Result<std::unique_ptr<store::Store>> try_open() {
    store::StoreOptions options = options_;
    options.directory = folder_.path();
    options.unsafe_file_system = store::UnsafeFileSystem::allow;
    options.database.cache_bytes = 8u << 20;
    // A file system in memory gives at once what is asked for in advance.
    options.database.memtable_bytes = 4u << 20;
    return store::Store::open(options, environment_);
  }

  void close() { store_.reset(); }

  store::Outcome submit(decltype(store::Submission::work) work, Peer peer = {1000, 1000, 42}) {
    const store::Submission submission{peer, std::move(work)};
    return store_->commit(std::span(&submission, 1)).front();
  }

  // In pieces, each of which is decided before the one before it is written.
  std::vector<store::Outcome> commit_overlapping(std::span<const store::Submission> group,
                                                 std::size_t piece) {
    std::vector<store::Outcome> outcomes;
    std::shared_ptr<store::PendingGroup> pending;
    const auto write = [&] {
      if (pending) std::ranges::move(store_->write(*pending), std::back_inserter(outcomes));
    };
    while (!group.empty()) {
      const auto taken = group.first(std::min(piece, group.size()));
      const auto next = store_->begin_group();
      for (const store::Submission& submission : taken) next->take(submission);
      next->end();
      write();
      pending = next;
      group = group.subspan(taken.size());
    }
    write();
    return outcomes;
  }

  store::SchemaOutcome apply(Map schema, bool allow_destructive = false) {
    const store::Outcome outcome = submit(
        store::SchemaCommand{.schema = std::move(schema), .allow_destructive = allow_destructive});
    EXPECT_TRUE(outcome) << (outcome ? "" : to_string(outcome.error()));
    return outcome ? std::get<store::SchemaOutcome>(*outcome) : store::SchemaOutcome{};
  }

  // The command of one mutation, or of several, their inline files prepared.
  static store::Command command(store::Mutation mutation) {
    return command(std::vector{std::move(mutation)});
  }
  static store::Command command(std::vector<store::Mutation> mutations) {
    store::Command command;
    command.mutations = std::move(mutations);
    const Status prepared = store::prepare_files(command, [](std::string bytes) {
      const ContentDigest digest = digest_of(bytes);
      std::string type = bytes.starts_with("%PDF") ? "application/pdf" : "image/png";
      return store::PreparedFile{std::move(bytes), digest, std::move(type)};
    });
    EXPECT_TRUE(prepared) << (prepared ? "" : to_string(prepared.error()));
    return command;
  }

  static store::Mutation insert(std::string entity, Map document) {
    return {store::Verb::insert, std::move(entity), {}, std::move(document), {}, false};
  }
  static store::Mutation update(std::string entity, std::uint64_t id, Map document) {
    return {store::Verb::update, std::move(entity), id, std::move(document), {}, false};
  }
  static store::Mutation remove(std::string entity, std::uint64_t id, bool detach = false) {
    return {store::Verb::remove, std::move(entity), id, {}, {}, detach};
  }

  store::Outcome ask(store::Mutation mutation) { return submit(command(std::move(mutation))); }

  // What must succeed.
  store::CommitOutcome must(store::Mutation mutation) {
    const store::Outcome outcome = ask(std::move(mutation));
    EXPECT_TRUE(outcome) << (outcome ? "" : to_string(outcome.error()));
    return outcome ? std::get<store::CommitOutcome>(*outcome) : store::CommitOutcome{};
  }

  // What must be refused; and then nothing has happened.
  Error refused(store::Mutation mutation) {
    const Sha256 before = digest();
    const Sequence sequence = view()->sequence;
    const store::Outcome outcome = ask(std::move(mutation));
    EXPECT_FALSE(outcome) << "was not refused";
    EXPECT_EQ(digest(), before) << "a refused command left a trace";
    EXPECT_EQ(view()->sequence, sequence);
    return outcome ? Error{} : outcome.error();
  }

  std::uint64_t upload(std::string bytes) {
    const store::CommitOutcome outcome =
        must(insert("media", Map{{"file", Binary{std::move(bytes)}}}));
    return outcome.mutations.empty() ? 0 : outcome.mutations.front().records.front().id.integer();
  }

  Value find_one(const std::string& entity, const Map& query) {
    const std::shared_ptr<const store::View> now = view();
    const Result<store::Query> resolved = store::resolve_query(*now->schema, entity, query);
    EXPECT_TRUE(resolved) << (resolved ? "" : to_string(resolved.error()));
    if (!resolved) return {};
    const store::Plan plan = store::plan_of(*now->schema, *resolved, [](IndexId) { return true; });
    ValueSink sink;
    const auto found = store::find_one(*now->reader, *now->schema, *resolved, plan, {}, sink);
    EXPECT_TRUE(found) << (found ? "" : to_string(found.error()));
    return found ? sink.take() : Value();
  }

  // The ids of a link field, in order.
  std::vector<std::uint64_t> links(const std::string& entity, std::uint64_t id,
                                   const std::string& field) {
    const Value record =
        find_one(entity, {{"where", Map{{"id", id}}}, {"with", Map{{field, true}}}});
    std::vector<std::uint64_t> ids;
    if (record.if_map() == nullptr) return ids;
    const Value& value = *record.if_map()->find(field);
    const auto add = [&](const Value& item) {
      ids.push_back(static_cast<std::uint64_t>(*item.if_map()->find("id")->if_integer()));
    };
    if (value.if_map() != nullptr) add(value);
    if (value.if_list() != nullptr)
      std::for_each(value.if_list()->begin(), value.if_list()->end(), add);
    return ids;
  }

  store::FoldRoom fold_room() const { return {store::fold_folder(folder())}; }

  // Folds the log again and compares every row.
  void verify() {
    const Result<store::VerifyReport> report = store::verify(*view(), {}, fold_room());
    ASSERT_TRUE(report) << to_string(report.error());
    for (const store::FamilyCheck& check : report->families) {
      EXPECT_EQ(check.differences, 0u)
          << store::name_of(check.family) << ": " << check.first_difference;
    }
    EXPECT_TRUE(report->equal);
  }

  Sha256 digest() {
    const Result<Sha256> digest = store::state_digest(*view());
    EXPECT_TRUE(digest);
    return digest ? *digest : Sha256{};
  }

  std::shared_ptr<const store::View> view() const { return store_->view(); }
  store::Store& store() { return *store_; }
  FakeEnvironment& environment() { return environment_; }
  store::StoreOptions& options() { return options_; }
  const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
  FakeEnvironment environment_;
  store::StoreOptions options_;
  std::unique_ptr<store::Store> store_;
};

}  // namespace emstore::testing
