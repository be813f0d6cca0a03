// A table of the rows that a fold makes until they are written: found by their key, and sorted only
// when they are asked for in order. A fold of the whole log comes back to the same rows again and
// again and hardly ever looks at them in order; a tree that is kept in order would cost more than
// the fold. Rows, keys and values lie in one arena, that is given back as a whole; where a row is
// says a table of hashes with open addressing, for two accesses to memory are most of what finding
// one costs.
//
// Threads: one at a time; while nobody changes it, any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "store/arena.h"
#include "store/reader.h"

namespace emstore::store {

class RowTable final : public Reader {
 public:
  // What a key has, in the arena. Room that is there is used again.
  class Value {
   public:
    // Nothing where the row was removed.
    explicit operator bool() const { return !is_removed_; }
    std::string_view operator*() const { return {data_, size_}; }

   private:
    friend class RowTable;
    char* data_ = nullptr;
    std::uint32_t size_ = 0, room_ = 0;
    bool is_removed_ = true;
  };
  using Row = std::pair<const std::string_view, Value>;

  // `below` outlives the table and does not change under it but by what the table held.
  explicit RowTable(const Reader& below) : below_(&below) {}
  RowTable(const RowTable&) = delete;
  RowTable& operator=(const RowTable&) = delete;

  Result<std::optional<std::string>> get(Family family, std::string_view key) const override;
  using Reader::scan;
  Status scan(Family family, const KeyRange& range, Direction direction,
              const Visit& visit) const override;

  // From now on, in the place of what it stood on.
  void stand_on(const Reader& below) { below_ = &below; }

  void apply(const RowChange& change);
  // Every changed row, in no order; `visit` does not scan the table.
  void each(const std::function<void(Family family, const Row& row)>& visit) const;
  // The rows of a family by their keys. Valid until the next change.
  const std::vector<const Row*>& in_order(Family family) const;
  // Roughly what all of it takes in memory, the order included.
  std::size_t bytes() const { return bytes_; }
  // The table is then as new.
  void clear();

 private:
  struct Slot {
    std::size_t hash = 0;
    Row* row = nullptr;  // Null: free.
  };
  struct Rows {
    std::span<Slot> slots;  // A power of two, at least a quarter of them free.
    // Sorted runs, each less than half as long as the one before, and rows that are in none yet.
    std::vector<const Row*> order;
    std::vector<std::size_t> runs;  // Where each begins, and where the last one ends.
    std::mutex sorting;             // Held by whoever puts them in order, or reads them meanwhile.
  };

  std::vector<const Row*> rows_within(Family family, const KeyRange& range) const;
  Rows& rows_of(Family family) const { return families_[slot(family)]; }
  static Slot& slot_of(const Rows& rows, std::string_view key, std::size_t hash);
  Row* add(Rows& rows, std::string_view key);
  void double_slots(Rows& rows);
  char* take_bytes(std::size_t bytes);
  static void sort_fresh(Rows& rows);

  const Reader* below_;
  Arena arena_;
  mutable std::array<Rows, kFamilyCount> families_;
  std::size_t bytes_ = 0;
};

// Copies.
std::optional<std::string> value_of(const RowTable::Row& row);
RowChange change_of(Family family, const RowTable::Row& row);

}  // namespace emstore::store
