// A table of the rows that a fold makes until they are written: found by their key, and sorted only
// when they are asked for in order. A fold of the whole log comes back to the same rows again and
// again and hardly ever looks at them in order; a tree that is kept in order would cost more than
// the fold.
//
// Threads: one; in_order() of different families from several at a time.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/reader.h"

namespace emstore::store {

class RowTable final : public Reader {
 public:
  using Row = std::pair<const std::string, std::optional<std::string>>;  // No value: removed.

  // `below` outlives the table and does not change under it but by what the table held.
  explicit RowTable(const Reader& below) : below_(below) {}
  RowTable(const RowTable&) = delete;
  RowTable& operator=(const RowTable&) = delete;

  Result<std::optional<std::string>> get(Family family, std::string_view key) const override;
  using Reader::scan;
  Status scan(Family family, const KeyRange& range, Direction direction,
              const Visit& visit) const override;

  void apply(RowChange change);
  // Every changed row, in no order.
  void each(const std::function<void(Family family, const Row& row)>& visit) const;
  // The rows of a family by their keys. Valid until the next change.
  const std::vector<const Row*>& in_order(Family family) const;
  // Roughly what all of it takes in memory, the order included.
  std::size_t bytes() const { return bytes_; }
  // Takes the rows out, in no order; the table is then as new.
  RowChanges take_changes();

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>{}(key);
    }
  };
  // Sorted runs, each less than half as long as the one before, and rows that are in none yet.
  struct Rows {
    std::unordered_map<std::string, std::optional<std::string>, Hash, std::equal_to<>> found;
    std::vector<const Row*> order;
    std::vector<std::size_t> runs;  // Where each begins, and where the last one ends.
  };

  static void sort_fresh(Rows& rows);

  const Reader& below_;
  mutable std::array<Rows, kFamilyCount> families_;  // Sorting changes no row.
  std::size_t bytes_ = 0;
};

}  // namespace emstore::store
