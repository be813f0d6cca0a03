#include "bench/shop.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "base/hash.h"
#include "base/pack.h"

namespace emstore::bench {
namespace {

constexpr std::size_t kFillGroup = 256;
constexpr Peer kPeer{1000, 1000, 1};

Map field(std::string type, Map config = {}) {
  return Map{{"type", std::move(type)}, {"config", std::move(config)}};
}

Map poly(std::string name, bool one) {
  Map config{{"mappedBy", std::move(name)}};
  if (one) config.set("targetCardinality", 1);
  return Map{{"type", "poly"}, {"source", "products"}, {"target", "media"}, {"config", config}};
}

struct Asked {
  store::Query query;
  store::Plan plan;
};

Asked ask(const store::Schema& schema, const std::string& entity, const Map& query) {
  store::Query resolved = must(store::resolve_query(schema, entity, query));
  store::Plan plan = store::plan_of(schema, resolved, [](IndexId) { return true; });
  return {std::move(resolved), std::move(plan)};
}

}  // namespace

void give_up(std::string_view why) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(why.size()), why.data());
  std::_Exit(1);  // Stores are open and threads run: nothing of them is worth an orderly end.
}

Map product_fields(std::uint64_t id) {
  const std::string number = std::to_string(id);
  return Map{{"name", "Product " + number},
             {"description", "What can be said of product " + number +
                                 " in one line of a list: what it is for, and whom it suits."},
             {"price", static_cast<double>(id % 1000) + 0.5},
             {"sku", "sku-" + number}};
}

std::string media_name(std::uint64_t id) { return "picture-" + std::to_string(id) + ".png"; }
std::string media_alt(std::uint64_t id) {
  return "Picture " + std::to_string(id) + ", from the front";
}
std::string media_bytes(std::uint64_t id) {
  return "\x89PNG\r\n\x1a\n the bytes of " + std::to_string(id);
}

std::uint64_t thumbnail_of(std::uint64_t product, const ShopSize& size) {
  return product % size.media + 1;
}

std::uint64_t medium_at(std::uint64_t product, std::uint64_t place, const ShopSize& size) {
  return (product * kGallery + place) % size.media + 1;
}

Attach AttachStream::next() {
  const std::uint64_t product = count_ % size_.products + 1;
  const std::uint64_t place = kGallery + count_ / size_.products;
  if (place >= size_.media) give_up("every medium is in every gallery");
  ++count_;
  return {product, medium_at(product, place, size_)};
}

std::vector<Attach> AttachStream::next(std::size_t count) {
  std::vector<Attach> attaches(count);
  std::generate(attaches.begin(), attaches.end(), [this] { return next(); });
  return attaches;
}

// xorshift64.
std::uint64_t Ids::next() {
  state_ ^= state_ << 13;
  state_ ^= state_ >> 7;
  state_ ^= state_ << 17;
  return state_ % last_ + 1;
}

Map shop_schema() {
  const Map products{
      {"name", field("text", {{"required", true}})},     {"description", field("text")},
      {"price", field("number", {{"minimum", 0}})},      {"sku", field("text")},
      {"thumbnail", field("media", {{"max_items", 1}})}, {"gallery", field("media")}};
  return Map{
      {"entities",
       Map{{"products", Map{{"fields", products}}},
           {"media", Map{{"type", "system"}, {"fields", Map{{"alt", field("text")}}}}}}},
      {"relations", Map{{"a", poly("thumbnail", true)}, {"b", poly("gallery", false)}}},
      {"indices",
       Map{{"sku", Map{{"entity", "products"}, {"fields", List{"sku"}}, {"unique", true}}}}}};
}

Map find_one_query(std::uint64_t product, std::uint64_t page) {
  return Map{{"where", Map{{"id", product}}}, {"with", Map{{"gallery", Map{{"limit", page}}}}}};
}

Map find_many_query(std::uint64_t first_product) {
  return Map{{"where", Map{{"id", Map{{"$gte", first_product}}}}},
             {"with", Map{{"thumbnail", true}, {"gallery", Map{{"limit", 5}}}}},
             {"limit", 20}};
}

store::Command insert_command(std::string entity, Map document) {
  store::Command command;
  command.mutations.push_back(
      {store::Verb::insert, std::move(entity), {}, std::move(document), {}, false});
  must(store::prepare_files(command, [](std::string bytes) {
    const ContentDigest digest = digest_of(bytes);
    return store::PreparedFile{std::move(bytes), digest, "image/png"};
  }));
  return command;
}

store::Command attach_command(std::uint64_t product, const std::vector<std::uint64_t>& media) {
  store::Command command;
  Map document{{"gallery", Map{{"$attach", List(media.begin(), media.end())}}}};
  command.mutations.push_back(
      {store::Verb::update, "products", product, std::move(document), {}, false});
  return command;
}

Shop::Shop(const std::filesystem::path& folder) {
  store::StoreOptions options;
  options.directory = folder;
  store_ = must(store::Store::open(options, *environment_));
}

void Shop::fill(const ShopSize& size) {
  const store::Submission schema{kPeer, store::SchemaCommand{.schema = shop_schema()}};
  for (store::Outcome& outcome : store_->commit(std::span(&schema, 1))) must(std::move(outcome));
  add_media(size.media);
  std::vector<store::Command> commands;
  for (std::uint64_t id = 1; id <= size.products; ++id) {
    List gallery;
    for (std::uint64_t place = 0; place < kGallery; ++place)
      gallery.emplace_back(medium_at(id, place, size));
    Map document = product_fields(id);
    document.set("thumbnail", Map{{"$set", thumbnail_of(id, size)}});
    document.set("gallery", Map{{"$attach", std::move(gallery)}});
    commands.push_back(insert_command("products", std::move(document)));
    if (commands.size() == kFillGroup) commit(std::exchange(commands, {}));
  }
  commit(std::move(commands));
}

void Shop::add_media(std::uint64_t more) {
  std::vector<store::Command> commands;
  for (const std::uint64_t last = media_ + more; media_ < last;) {
    ++media_;
    commands.push_back(insert_command("media", {{"file", Binary{media_bytes(media_)}},
                                                {"name", media_name(media_)},
                                                {"alt", media_alt(media_)}}));
    if (commands.size() == kFillGroup) commit(std::exchange(commands, {}));
  }
  commit(std::move(commands));
}

void Shop::commit(std::vector<store::Command> commands) {
  std::vector<store::Submission> group;
  group.reserve(commands.size());
  for (store::Command& command : commands) group.push_back({kPeer, std::move(command)});
  for (store::Outcome& outcome : store_->commit(group)) must(std::move(outcome));
}

void Shop::commit(const std::vector<Attach>& attaches) {
  std::vector<store::Submission> group;
  group.reserve(attaches.size());
  for (const Attach& attach : attaches) {
    group.push_back({kPeer, attach_command(attach.product, {attach.medium})});
  }
  for (store::Outcome& outcome : store_->commit(group)) must(std::move(outcome));
}

void Shop::find_one(const std::string& entity, const Map& query, std::string& out) const {
  const std::shared_ptr<const store::View> now = view();
  const Asked asked = ask(*now->schema, entity, query);
  pack::Writer sink(out);
  must(store::find_one(*now->reader, *now->schema, asked.query, asked.plan, {}, sink));
}

std::optional<std::string> Shop::find_many(const std::string& entity, const Map& query,
                                           std::string& out) const {
  const std::shared_ptr<const store::View> now = view();
  const Asked asked = ask(*now->schema, entity, query);
  pack::Writer sink(out);
  return must(store::find_many(*now->reader, *now->schema, asked.query, asked.plan, {}, sink))
      .cursor;
}

}  // namespace emstore::bench
