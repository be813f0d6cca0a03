#include "store/row_table.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>

#include "base/big_endian.h"
#include "store/row_merge.h"

namespace emstore::store {
namespace {

using Row = RowTable::Row;

// A node of the table, its place in the table and in the order, and two strings.
constexpr std::size_t kTableRowBytes = 160;
// A family without a run.
constexpr std::size_t kNoRun = 0;

std::size_t size_of(const std::optional<std::string>& value) { return value ? value->size() : 0; }

bool by_key(const Row* a, const Row* b) { return a->first < b->first; }

// Eight bytes of a key as a number of the same order; what is missing counts as zeros.
std::uint64_t piece_at(const std::string& key, std::size_t offset) {
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
  const auto& found = families_[slot(family)].found;
  const auto row = found.find(key);
  return row == found.end() ? below_.get(family, key) : row->second;
}

Status RowTable::scan(Family family, const KeyRange& range, Direction direction,
                      const Visit& visit) const {
  Rows& rows = families_[slot(family)];
  sort_fresh(rows);
  // Few scans see many rows: each run gives what it has, and that is sorted.
  std::vector<const Row*> pending;
  for (std::size_t run = 0; run + 1 < rows.runs.size(); ++run) {
    const auto begin = rows.order.begin() + static_cast<std::ptrdiff_t>(rows.runs[run]);
    const auto end = rows.order.begin() + static_cast<std::ptrdiff_t>(rows.runs[run + 1]);
    const auto before = [](const Row* row, std::string_view key) { return row->first < key; };
    const auto from = std::lower_bound(begin, end, std::string_view(range.from), before);
    const auto until = range.until.empty()
                           ? end
                           : std::lower_bound(from, end, std::string_view(range.until), before);
    pending.insert(pending.end(), from, until);
  }
  if (pending.empty()) return below_.scan(family, range, direction, visit);
  if (rows.runs.size() > 2) std::sort(pending.begin(), pending.end(), by_key);
  switch (direction) {
    case Direction::forward:
      return RowMerge(pending.cbegin(), pending.cend(), std::less<>(), visit)
          .run(below_, family, range, direction);
    case Direction::backward:
      return RowMerge(pending.crbegin(), pending.crend(), std::greater<>(), visit)
          .run(below_, family, range, direction);
  }
  return {};
}

void RowTable::apply(RowChange change) {
  Rows& rows = families_[slot(change.family)];
  const auto [row, is_new] = rows.found.try_emplace(std::move(change.key));
  if (is_new) {
    rows.order.push_back(&*row);
    bytes_ += kTableRowBytes + row->first.size();
  }
  bytes_ -= size_of(row->second);
  bytes_ += size_of(change.value);
  row->second = std::move(change.value);
}

void RowTable::each(const std::function<void(Family family, const Row& row)>& visit) const {
  for (const FamilyInfo& family : kFamilies) {
    for (const Row& row : families_[slot(family.family)].found) visit(family.family, row);
  }
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
  Rows& rows = families_[slot(family)];
  sort_fresh(rows);
  while (rows.runs.size() > 2) {
    const auto begin = rows.order.begin() + static_cast<std::ptrdiff_t>(*(rows.runs.rbegin() + 2));
    const auto middle = rows.order.begin() + static_cast<std::ptrdiff_t>(*(rows.runs.rbegin() + 1));
    std::inplace_merge(begin, middle, rows.order.end(), by_key);
    rows.runs.erase(rows.runs.end() - 2);
  }
  return rows.order;
}

RowChanges RowTable::take_changes() {
  RowChanges changes;
  for (const FamilyInfo& family : kFamilies) {
    Rows& rows = families_[slot(family.family)];
    while (!rows.found.empty()) {
      auto row = rows.found.extract(rows.found.begin());
      changes.push_back({family.family, std::move(row.key()), std::move(row.mapped())});
    }
    rows = {};
  }
  bytes_ = 0;
  return changes;
}

}  // namespace emstore::store
