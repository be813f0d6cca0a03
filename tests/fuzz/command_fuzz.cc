// Requests of a stranger: bytes become a list of mutations, which a store in memory carries out.
// Whatever is asked, an answer comes, never damage; what is accepted folds, and folding the log
// again gives the same rows.
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "base/pack.h"
#include "store/group.h"
#include "store/log_clock.h"
#include "store/refold.h"
#include "store/scratch.h"

namespace emstore::store {
namespace {

class CountingEnvironment final : public Environment {
 public:
  Time now() override { return Time{++micros_}; }
  std::chrono::microseconds elapsed() override { return std::chrono::microseconds(micros_); }
  void random(std::span<std::uint8_t> bytes) override {
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(++micros_);
  }

 private:
  std::int64_t micros_ = 1'700'000'000'000'000;
};

Map field(const char* type, Map config = {}) {
  return Map{{"type", type}, {"config", std::move(config)}};
}

Map poly(const char* name, Map config = {}) {
  config.set("mappedBy", name);
  return Map{{"type", "poly"}, {"source", "products"}, {"target", "media"}, {"config", config}};
}

Map shop() {
  const Map products{
      {"name", field("text", {{"required", true}, {"maxLength", 20}})},
      {"price", field("number", {{"minimum", 0}})},
      {"extra", field("json")},
      {"state", field("text", {{"default_value", "draft"}})},
      {"cover", field("media")},
      {"gallery", field("media", {{"max_items", 4}, {"mime_types", List{"image/*"}}})},
      {"papers", field("media", {{"on_delete", "collect"}})}};
  return Map{{"entities",
              Map{{"products", Map{{"fields", products}}},
                  {"media", Map{{"type", "system"}, {"fields", Map{{"alt", field("text")}}}}}}},
             {"relations", Map{{"a", poly("cover", {{"targetCardinality", 1}})},
                               {"b", poly("gallery")},
                               {"c", poly("papers")}}},
             {"indices",
              Map{{"n", Map{{"entity", "products"}, {"fields", List{"name"}}, {"unique", true}}}}}};
}

// A store whose rows lie in memory.
class MemoryStore {
 public:
  MemoryStore() {
    view_.schema = std::make_shared<const Schema>(initial_schema());
    view_.indexes = std::make_shared<const IndexStates>();
    view_.reader = std::shared_ptr<const Reader>(&rows_, [](const Reader*) {});
  }
  MemoryStore(const MemoryStore& other)
      : rows_(other.rows_), tree_(other.tree_), view_(other.view_) {
    view_.reader = std::shared_ptr<const Reader>(&rows_, [](const Reader*) {});
  }

  Outcome commit(decltype(Submission::work) work) {
    Group group(view_, rows_, environment_, clock_, limits_, tree_);
    Outcome outcome = group.take({Peer{1000, 1000, 1}, std::move(work)});
    static_cast<LogState&>(view_) = group.end();
    for (const RowChange& change : group.rows().take_changes()) rows_.apply(change);
    return outcome;
  }

  void check_refold() const {
    Scratch again;
    Refold refold(rows_, again, [&](const RowTable& changes) -> Status {
      again.apply(changes);
      return {};
    });
    for (const auto& [key, bytes] : rows_.rows(Family::log)) {
      const Result<LoggedCommit> commit = decode_logged(sequence_of_log_key(key), bytes);
      EMSTORE_CHECK(commit.has_value() && refold.add(*commit).has_value());
    }
    EMSTORE_CHECK(refold.finish([](IndexId) { return true; }).has_value());
    for (const FamilyInfo& family : kFamilies) {
      EMSTORE_CHECK(!is_index(family.family) ||
                    rows_.rows(family.family) == again.rows(family.family));
    }
  }

 private:
  Scratch rows_;
  Tree tree_;
  View view_;
  CountingEnvironment environment_;
  LogClock clock_{environment_};
  StoreLimits limits_;
};

PreparedFile prepared(std::string bytes) {
  const ContentDigest digest = digest_of(bytes);
  return {std::move(bytes), digest, digest.size % 2 == 0 ? "image/png" : "application/pdf"};
}

// The records that a mutation is about, when it is not the one that it names.
void add_choice(const Map& options, Mutation& mutation) {
  if (const Value* documents = options.find("documents")) {
    if (documents->if_list() != nullptr) mutation.documents = *documents->if_list();
  }
  const Value* where = options.find("where");
  if (where == nullptr || where->if_map() == nullptr) return;
  mutation.choice = Choice{*where->if_map(), options.contains("all"), {}, {}};
  if (const Value* order = options.find("orderBy")) mutation.choice->order_by = *order;
  const Value* limit = options.find("limit");
  if (limit == nullptr || limit->if_integer() == nullptr || *limit->if_integer() < 0) return;
  mutation.choice->limit = static_cast<std::uint64_t>(*limit->if_integer());
}

// [verb, entity, id, document, {where, documents, as, …}?]
bool add_mutation(const Value& value, Command& command) {
  const List* parts = value.if_list();
  if (parts == nullptr || parts->size() < 4 || parts->size() > 5) return false;
  const std::int64_t* verb = (*parts)[0].if_integer();
  const std::string* entity = (*parts)[1].if_text();
  const Map* document = (*parts)[3].if_map();
  if (verb == nullptr || entity == nullptr || document == nullptr) return false;
  Mutation mutation{
      static_cast<Verb>(*verb & 3), *entity, (*parts)[2], *document, {}, (*verb & 4) != 0};
  mutation.exists = (*verb & 8) == 0;
  if (parts->size() == 5) {
    const Map* options = (*parts)[4].if_map();
    if (options == nullptr) return false;
    const bool inserts = mutation.verb == Verb::insert;
    add_choice(*options, mutation);
    // What the door of the daemon lets pass: documents and names are of inserts, choices of others.
    if (inserts) mutation.choice.reset();
    if (!inserts) mutation.documents.reset();
    const Value* name = options->find("as");
    if (inserts && name != nullptr && name->if_text() != nullptr) mutation.name = *name->if_text();
  }
  if (mutation.verb == Verb::check && mutation.id.is_null() && !mutation.choice) return false;
  command.mutations.push_back(std::move(mutation));
  return true;
}

// A shop with two products and four media.
const MemoryStore& base() {
  static const MemoryStore* store = [] {
    auto made = std::make_unique<MemoryStore>();
    EMSTORE_CHECK(made->commit(SchemaCommand{.schema = shop()}).has_value());
    Command command;
    for (const char* bytes : {"even", "odd", "ev", "odd too"}) {
      const Value file = Binary{bytes};
      EMSTORE_CHECK(add_mutation(List{0, "media", Value(), Map{{"file", file}}}, command));
    }
    const Map gallery{{"$attach", List{1, 3}}};
    for (const char* name : {"a", "b"}) {
      const Map product{
          {"name", name}, {"gallery", gallery}, {"papers", Map{{"$attach", List{2}}}}};
      EMSTORE_CHECK(add_mutation(List{0, "products", Value(), product}, command));
    }
    EMSTORE_CHECK(prepare_files(command, prepared).has_value());
    EMSTORE_CHECK(made->commit(command).has_value());
    return made.release();
  }();
  return *store;
}

void check_request(std::string_view bytes) {
  constexpr pack::Limits kLimits{.depth_max = 64, .bytes_max = 1u << 20, .values_max = 10'000};
  const Result<Value> request = pack::read(bytes, kLimits);
  const List* mutations = request ? request->if_list() : nullptr;
  if (mutations == nullptr) return;
  Command command;
  for (const Value& mutation : *mutations) {
    if (!add_mutation(mutation, command)) return;
  }
  // A number in the place of bytes would name a prepared file: the door of the daemon has none
  // pass.
  if (!prepare_files(command, prepared)) return;
  MemoryStore store(base());
  const Outcome outcome = store.commit(command);
  if (!outcome) {
    const ErrorClass kind = class_of(outcome.error().code);
    EMSTORE_CHECK(kind != ErrorClass::corruption && kind != ErrorClass::internal);
  }
  command.key = RequestKey{"key", sha256(bytes)};
  const Outcome first = store.commit(command);
  const Outcome again = store.commit(command);
  EMSTORE_CHECK(first.has_value() == again.has_value());
  if (first) {
    const auto& answer = std::get<CommitOutcome>(*first);
    const auto& retried = std::get<CommitOutcome>(*again);
    EMSTORE_CHECK(retried.replayed && retried.mutations == answer.mutations);
  }
  store.check_refold();
}

}  // namespace
}  // namespace emstore::store

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  emstore::store::check_request({reinterpret_cast<const char*>(data), size});
  return 0;
}
