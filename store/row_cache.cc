#include "store/row_cache.h"

#include <utility>

namespace emstore::store {
namespace {

// A node of the table, its place in the table, and two strings.
constexpr std::size_t kCachedRowBytes = 128;

std::size_t bytes_of_cached(std::string_view key, const std::optional<std::string>& value) {
  return kCachedRowBytes + key.size() + (value ? value->size() : 0);
}

}  // namespace

RowCache::RowCache(std::size_t bytes_max) : half_bytes_max_(bytes_max / 2) {}

bool RowCache::keeps(Family family) {
  return family == Family::records || family == Family::bodies || family == Family::uses ||
         family == Family::blobs || family == Family::counters;
}

const std::optional<std::string>* RowCache::find(Family family, std::string_view key) {
  Rows& young = young_.rows[slot(family)];
  if (const auto row = young.find(key); row != young.end()) return &row->second;
  Rows& old = old_.rows[slot(family)];
  const auto row = old.find(key);
  if (row == old.end()) return nullptr;
  young_.bytes += bytes_of_cached(row->first, row->second);
  return &young.insert(old.extract(row)).position->second;
}

void RowCache::put(Family family, std::string_view key, std::optional<std::string> value) {
  if (!keeps(family)) return;
  if (young_.bytes >= half_bytes_max_) age();
  Rows& old = old_.rows[slot(family)];
  if (const auto row = old.find(key); row != old.end()) old.erase(row);
  Rows& young = young_.rows[slot(family)];
  auto row = young.find(key);
  if (row == young.end()) {
    row = young.emplace(std::string(key), std::nullopt).first;
  } else {
    young_.bytes -= bytes_of_cached(row->first, row->second);
  }
  row->second = std::move(value);
  young_.bytes += bytes_of_cached(row->first, row->second);
}

void RowCache::take(RowChanges written) {
  for (RowChange& change : written) put(change.family, change.key, std::move(change.value));
}

void RowCache::age() { old_ = std::exchange(young_, {}); }

Result<std::optional<std::string>> CachedReader::get(Family family, std::string_view key) const {
  if (!RowCache::keeps(family)) return below_.get(family, key);
  if (const std::optional<std::string>* known = cache_.find(family, key)) return *known;
  EMSTORE_TRY(std::optional<std::string> value, below_.get(family, key));
  cache_.put(family, key, value);
  return value;
}

}  // namespace emstore::store
