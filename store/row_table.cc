#include "store/row_table.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <span>

#include "base/big_endian.h"
#include "base/check.h"
#include "store/row_merge.h"

namespace emstore::store {
namespace {

using Row = RowTable::Row;

constexpr std::size_t kFirstSlots = 64;
constexpr std::size_t kPlaceBytes = sizeof(void*);  // Of a row in the order.
// A family without a run.
constexpr std::size_t kNoRun = 0;

std::size_t hash_of(std::string_view key) { return std::hash<std::string_view>()(key); }

bool by_key(const Row* a, const Row* b) { return a->first < b->first; }

// Eight bytes of a key as a number of the same order; what is missing counts as zeros.
std::uint64_t piece_at(std::string_view key, std::size_t offset) {
  std::array<char, sizeof(std::uint64_t)> bytes{};
  if (offset < key.size()) {
    std::copy_n(key.begin() + static_cast<std::ptrdiff_t>(offset),
                std::min(bytes.size(), key.size() - offset), bytes.begin());
  }
  return big_endian<std::uint64_t>(std::string_view(bytes.data(), bytes.size()));
}

struct Placed {
  std::uint64_t piece = 0;
  const Row* row = nullptr;
};

// Sorts by the pieces of the keys from `offset` on, so that most comparisons are of two numbers
// that lie side by side. Few keys are longer than what `kPieces` hold; those compare as they are.
void sort_from(std::span<Placed> rows, std::size_t offset) {
  constexpr std::size_t kFew = 8;
  constexpr std::size_t kPiecesEnd = 64;
  if (rows.size() < kFew || offset >= kPiecesEnd) {
    std::sort(rows.begin(), rows.end(),
              [](const Placed& a, const Placed& b) { return by_key(a.row, b.row); });
    return;
  }
  for (Placed& placed : rows) placed.piece = piece_at(placed.row->first, offset);
  const auto by_piece = [](const Placed& a, const Placed& b) { return a.piece < b.piece; };
  if (!std::is_sorted(rows.begin(), rows.end(), by_piece))
    std::sort(rows.begin(), rows.end(), by_piece);
  for (auto from = rows.begin(); from != rows.end();) {
    const auto to = std::upper_bound(from, rows.end(), *from, by_piece);
    if (to - from > 1) sort_from({from, to}, offset + sizeof(std::uint64_t));
    from = to;
  }
}

void sort_rows(std::span<const Row*> rows) {
  std::vector<Placed> placed(rows.size());
  std::transform(rows.begin(), rows.end(), placed.begin(), [](const Row* row) {
    return Placed{0, row};
  });
  sort_from(placed, 0);
  std::transform(placed.begin(), placed.end(), rows.begin(),
                 [](const Placed& sorted) { return sorted.row; });
}

}  // namespace

Result<std::optional<std::string>> RowTable::get(Family family, std::string_view key) const {
  const Rows& rows = rows_of(family);
  if (rows.order.empty()) return below_->get(family, key);
  const Slot& slot = slot_of(rows, key, hash_of(key));
  if (slot.row == nullptr) return below_->get(family, key);
  return value_of(*slot.row);
}

Status RowTable::scan(Family family, const KeyRange& range, Direction direction,
                      const Visit& visit) const {
  const std::vector<const Row*> changed = rows_within(family, range);
  if (changed.empty()) return below_->scan(family, range, direction, visit);
  switch (direction) {
    case Direction::forward:
      return RowMerge(changed.cbegin(), changed.cend(), std::less<>(), visit)
          .run(*below_, family, range, direction);
    case Direction::backward:
      return RowMerge(changed.crbegin(), changed.crend(), std::greater<>(), visit)
          .run(*below_, family, range, direction);
  }
  return {};
}

// Few scans see many rows: each run gives what it has, and that is sorted.
std::vector<const Row*> RowTable::rows_within(Family family, const KeyRange& range) const {
  Rows& rows = rows_of(family);
  std::vector<const Row*> found;
  const std::lock_guard turn(rows.sorting);
  sort_fresh(rows);
  for (std::size_t run = 0; run + 1 < rows.runs.size(); ++run) {
    const auto begin = rows.order.begin() + static_cast<std::ptrdiff_t>(rows.runs[run]);
    const auto end = rows.order.begin() + static_cast<std::ptrdiff_t>(rows.runs[run + 1]);
    const auto before = [](const Row* row, std::string_view key) { return row->first < key; };
    const auto from = std::lower_bound(begin, end, std::string_view(range.from), before);
    const auto until = range.until.empty()
                           ? end
                           : std::lower_bound(from, end, std::string_view(range.until), before);
    found.insert(found.end(), from, until);
  }
  if (rows.runs.size() > 2) std::sort(found.begin(), found.end(), by_key);
  return found;
}

void RowTable::apply(const RowChange& change) {
  Rows& rows = rows_of(change.family);
  if (4 * rows.order.size() >= 3 * rows.slots.size()) double_slots(rows);
  const std::size_t hash = hash_of(change.key);
  Slot& slot = slot_of(rows, change.key, hash);
  if (slot.row == nullptr) slot = {hash, add(rows, change.key)};
  Value& value = slot.row->second;
  value.is_removed_ = !change.value;
  if (!change.value) return;
  const std::size_t size = change.value->size();
  EMSTORE_CHECK(size <= UINT32_MAX);
  if (size > value.room_) {
    value.data_ = take_bytes(size);
    value.room_ = static_cast<std::uint32_t>(size);
  }
  value.size_ = static_cast<std::uint32_t>(change.value->copy(value.data_, size));
}

// The slot of the key, or the free one where it belongs.
RowTable::Slot& RowTable::slot_of(const Rows& rows, std::string_view key, std::size_t hash) {
  const std::size_t mask = rows.slots.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    Slot& slot = rows.slots[at];
    if (slot.row == nullptr || (slot.hash == hash && slot.row->first == key)) return slot;
  }
}

// The key right behind the row: whoever looks at one looks at the other.
RowTable::Row* RowTable::add(Rows& rows, std::string_view key) {
  void* const place = arena_.take(sizeof(Row) + key.size());
  char* const copy = static_cast<char*>(place) + sizeof(Row);
  key.copy(copy, key.size());
  Row* const row = new (place) Row(std::string_view(copy, key.size()), Value());
  rows.order.push_back(row);
  bytes_ += sizeof(Row) + key.size() + kPlaceBytes;
  return row;
}

void RowTable::double_slots(Rows& rows) {
  const std::span<const Slot> before = rows.slots;
  const std::size_t count = std::max(kFirstSlots, 2 * before.size());
  auto* const slots = static_cast<Slot*>(arena_.take(count * sizeof(Slot)));
  rows.slots = {slots, count};
  std::uninitialized_default_construct_n(slots, count);
  for (const Slot& slot : before) {
    if (slot.row != nullptr) slot_of(rows, slot.row->first, slot.hash) = slot;
  }
  bytes_ += count * sizeof(Slot);
}

char* RowTable::take_bytes(std::size_t bytes) {
  bytes_ += bytes;
  return arena_.take_bytes(bytes);
}

void RowTable::each(const std::function<void(Family family, const Row& row)>& visit) const {
  for (const FamilyInfo& family : kFamilies) {
    Rows& rows = rows_of(family.family);
    const std::lock_guard turn(rows.sorting);
    for (const Row* row : rows.order) visit(family.family, *row);
  }
}

void RowTable::clear() {
  for (Rows& rows : families_) {
    rows.slots = {};
    rows.order.clear();
    rows.runs.clear();
  }
  arena_.clear();
  bytes_ = 0;
}

// Each row is merged as often as its run doubles, however often somebody looks.
void RowTable::sort_fresh(Rows& rows) {
  if (rows.runs.empty()) rows.runs.push_back(kNoRun);
  if (rows.runs.back() == rows.order.size()) return;
  sort_rows(std::span(rows.order).subspan(rows.runs.back()));
  rows.runs.push_back(rows.order.size());
  const auto length = [&rows](std::size_t from_end) {
    return rows.runs[rows.runs.size() - from_end] - rows.runs[rows.runs.size() - from_end - 1];
  };
  while (rows.runs.size() > 2 && length(2) < 2 * length(1)) {
    const auto begin = rows.order.begin() + static_cast<std::ptrdiff_t>(*(rows.runs.rbegin() + 2));
    const auto middle = rows.order.begin() + static_cast<std::ptrdiff_t>(*(rows.runs.rbegin() + 1));
    std::inplace_merge(begin, middle, rows.order.end(), by_key);
    rows.runs.erase(rows.runs.end() - 2);
  }
}

const std::vector<const Row*>& RowTable::in_order(Family family) const {
  Rows& rows = rows_of(family);
  const std::lock_guard turn(rows.sorting);
  sort_fresh(rows);
  while (rows.runs.size() > 2) {
    const auto begin = rows.order.begin() + static_cast<std::ptrdiff_t>(*(rows.runs.rbegin() + 2));
    const auto middle = rows.order.begin() + static_cast<std::ptrdiff_t>(*(rows.runs.rbegin() + 1));
    std::inplace_merge(begin, middle, rows.order.end(), by_key);
    rows.runs.erase(rows.runs.end() - 2);
  }
  return rows.order;
}

std::optional<std::string> value_of(const RowTable::Row& row) {
  if (!row.second) return std::nullopt;
  return std::string(*row.second);
}

RowChange change_of(Family family, const RowTable::Row& row) {
  return {family, std::string(row.first), value_of(row)};
}

}  // namespace emstore::store
