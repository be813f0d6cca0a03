// Rows as they were read or written last, in memory: for the one who writes, and so knows when they
// change. Commits and folds come back to the same rows of records, uses and counters; a database is
// slow to ask, even for what it has in memory. Only rows that are read by their key are kept.
// Threads: one.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "store/reader.h"

namespace emstore::store {

class RowCache {
 public:
  // Roughly what it takes in memory at most.
  explicit RowCache(std::size_t bytes_max);

  // Which families are worth their place here.
  static bool keeps(Family family);

  // The row, or that there is none; null when nothing is known. Valid until the next call.
  const std::optional<std::string>* find(Family family, std::string_view key);
  void put(Family family, std::string_view key, std::optional<std::string> value);
  // Rows as written. Of families that are not kept: nothing happens.
  void take(RowChanges written);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>{}(key);
    }
  };
  using Rows = std::unordered_map<std::string, std::optional<std::string>, Hash, std::equal_to<>>;
  // Rows come into the young half, from the old one too when they are asked for. When it is full,
  // it becomes the old one, and what nobody has asked for meanwhile is gone.
  struct Half {
    std::array<Rows, kFamilyCount> rows;
    std::size_t bytes = 0;
  };

  void age();

  std::size_t half_bytes_max_;
  Half young_, old_;
};

// A reader that looks into a cache first, and keeps there what it had to read. The cache holds rows
// of that reader alone; what is written beneath it is told to the cache.
class CachedReader final : public Reader {
 public:
  CachedReader(const Reader& below, RowCache& cache) : below_(below), cache_(cache) {}

  Result<std::optional<std::string>> get(Family family, std::string_view key) const override;
  using Reader::scan;
  Status scan(Family family, const KeyRange& range, Direction direction,
              const Visit& visit) const override {
    return below_.scan(family, range, direction, visit);
  }

 private:
  const Reader& below_;
  RowCache& cache_;
};

}  // namespace emstore::store
