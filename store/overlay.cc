#include "store/overlay.h"

#include <iterator>
#include <utility>

#include "store/row_map.h"
#include "store/row_merge.h"

namespace emstore::store {
namespace {

std::size_t bytes_of_change(std::string_view key, const std::optional<std::string>& value) {
  return key.size() + (value ? value->size() : 0);
}

}  // namespace

Overlay::Overlay(const Reader& below) : below_(&below) {}

Result<std::optional<std::string>> Overlay::get(Family family, std::string_view key) const {
  if (const std::optional<std::string>* pending = find_pending(family, key)) return *pending;
  return below_->get(family, key);
}

Result<std::vector<std::optional<std::string>>> Overlay::get_many(
    Family family, std::span<const std::string> keys) const {
  std::vector<std::optional<std::string>> values(keys.size());
  std::vector<std::string> unknown_keys;
  std::vector<std::size_t> unknown_places;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (const std::optional<std::string>* pending = find_pending(family, keys[i])) {
      values[i] = *pending;
    } else {
      unknown_keys.push_back(keys[i]);
      unknown_places.push_back(i);
    }
  }
  if (unknown_keys.empty()) return values;

  EMSTORE_TRY(auto found, below_->get_many(family, unknown_keys));
  for (std::size_t i = 0; i < found.size(); ++i) {
    values[unknown_places[i]] = std::move(found[i]);
  }
  return values;
}

Status Overlay::scan(Family family, const KeyRange& range, Direction direction,
                     const Visit& visit) const {
  const auto [begin, end] = rows_in(rows_[slot(family)], range);
  if (begin == end) return below_->scan(family, range, direction, visit);
  switch (direction) {
    case Direction::forward:
      return RowMerge(begin, end, std::less<>(), visit).run(*below_, family, range, direction);
    case Direction::backward:
      return RowMerge(std::make_reverse_iterator(end), std::make_reverse_iterator(begin),
                      std::greater<>(), visit)
          .run(*below_, family, range, direction);
  }
  return {};
}

void Overlay::apply(RowChange change) {
  bytes_ += bytes_of_change(change.key, change.value);
  auto& rows = rows_[slot(change.family)];
  const auto [row, added] = rows.try_emplace(std::move(change.key));
  if (added) {
    ++change_count_;
  } else {
    bytes_ -= bytes_of_change(row->first, row->second);
  }
  row->second = std::move(change.value);
}

void Overlay::absorb(Overlay& above) {
  bytes_ += above.bytes_;
  for (std::size_t family = 0; family < kFamilyCount; ++family) {
    auto& from = above.rows_[family];
    while (!from.empty()) {
      auto taken = rows_[family].insert(from.extract(from.begin()));
      if (taken.inserted) {
        ++change_count_;
      } else {
        bytes_ -= bytes_of_change(taken.position->first, taken.position->second);
        taken.position->second = std::move(taken.node.mapped());
      }
    }
  }
  above.clear();
}

RowChanges Overlay::take_changes() {
  RowChanges changes;
  changes.reserve(change_count_);
  for (const FamilyInfo& family : kFamilies) {
    auto& rows = rows_[slot(family.family)];
    while (!rows.empty()) {
      auto row = rows.extract(rows.begin());
      changes.push_back({family.family, std::move(row.key()), std::move(row.mapped())});
    }
  }
  clear();
  return changes;
}

const std::map<std::string, std::optional<std::string>, std::less<>>& Overlay::changes(
    Family family) const {
  return rows_[slot(family)];
}

void Overlay::clear() {
  for (auto& rows : rows_) rows.clear();
  change_count_ = 0;
  bytes_ = 0;
}

const std::optional<std::string>* Overlay::find_pending(Family family, std::string_view key) const {
  const auto& rows = rows_[slot(family)];
  const auto row = rows.find(key);
  return row == rows.end() ? nullptr : &row->second;
}

}  // namespace emstore::store
