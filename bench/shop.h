// The data that is measured: products with a gallery of 20 pictures each, and what is asked of
// them. The peer holds the same records.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/environment.h"
#include "store/query.h"
#include "store/store.h"

namespace emstore::bench {

// Ends the program at once; daemons and folders that it has begun are left to bench/run.
[[noreturn]] void give_up(std::string_view why);

template <typename T>
T must(Result<T> result) {
  if (!result) give_up(to_string(result.error()));
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

inline constexpr std::uint64_t kGallery = 20;

struct ShopSize {
  std::uint64_t products = 0;
  std::uint64_t media = 0;  // More than 20, and no divisor needed.
};

// Fields of the records, from their ids.
Map product_fields(std::uint64_t id);
std::string media_name(std::uint64_t id);
std::string media_alt(std::uint64_t id);
std::string media_bytes(std::uint64_t id);
std::uint64_t thumbnail_of(std::uint64_t product, const ShopSize& size);
// The medium at a place of a product's gallery; from 20 on, one that is not there yet.
std::uint64_t medium_at(std::uint64_t product, std::uint64_t place, const ShopSize& size);

struct Attach {
  std::uint64_t product = 0;
  std::uint64_t medium = 0;
};

// Standard commits without end: the products in turn, each with a medium its gallery has not got.
class AttachStream {
 public:
  explicit AttachStream(const ShopSize& size) : size_(size) {}
  Attach next();
  std::vector<Attach> next(std::size_t count);

 private:
  ShopSize size_;
  std::uint64_t count_ = 0;
};

// Ids from 1 to `last`, in an order that no cache foresees; the same in every run.
class Ids {
 public:
  explicit Ids(std::uint64_t last) : last_(last) {}
  std::uint64_t next();

 private:
  std::uint64_t last_;
  std::uint64_t state_ = 0x9E3779B97F4A7C15u;
};

Map shop_schema();
// findOne by id with the first page of its gallery; findMany of 20 with thumbnail and a gallery
// of 5.
Map find_one_query(std::uint64_t product, std::uint64_t page = kGallery);
Map find_many_query(std::uint64_t first_product);

// A store that is driven in process, as the daemon's threads would.
class Shop {
 public:
  explicit Shop(const std::filesystem::path& folder);

  // Schema, media and products: media / 256 + products / 256 groups of insertOne.
  void fill(const ShopSize& size);
  // `more` media, with bytes and names as their ids say.
  void add_media(std::uint64_t more);
  void commit(std::vector<store::Command> commands);
  // Standard commits, one each, in one group with one sync.
  void commit(const std::vector<Attach>& attaches);

  // The reply's `data` as it goes over the wire.
  void find_one(const std::string& entity, const Map& query, std::string& out) const;
  // Returns the cursor of the next page, if there is one.
  std::optional<std::string> find_many(const std::string& entity, const Map& query,
                                       std::string& out) const;

  std::shared_ptr<const store::View> view() const { return store_->view(); }
  store::Store& store() { return *store_; }
  void close() { must(store_->close()); }

 private:
  std::unique_ptr<store::Environment> environment_ = store::system_environment();
  std::unique_ptr<store::Store> store_;
  std::uint64_t media_ = 0;
};

store::Command insert_command(std::string entity, Map document);
store::Command attach_command(std::uint64_t product, const std::vector<std::uint64_t>& media);

}  // namespace emstore::bench
