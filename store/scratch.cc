#include "store/scratch.h"

#include <iterator>

#include "store/row_map.h"

namespace emstore::store {
namespace {

template <typename Iterator>
void visit_rows(Iterator row, Iterator end, const Reader::Visit& visit) {
  while (row != end && visit(row->first, row->second)) ++row;
}

}  // namespace

Result<std::optional<std::string>> Scratch::get(Family family, std::string_view key) const {
  const auto row = rows(family).find(key);
  if (row == rows(family).end()) return std::nullopt;
  return row->second;
}

Status Scratch::scan(Family family, const KeyRange& range, Direction direction,
                     const Visit& visit) const {
  const auto [begin, end] = rows_in(rows(family), range);
  switch (direction) {
    case Direction::forward:
      visit_rows(begin, end, visit);
      break;
    case Direction::backward:
      visit_rows(std::make_reverse_iterator(end), std::make_reverse_iterator(begin), visit);
      break;
  }
  return {};
}

void Scratch::apply(const RowChange& change) {
  auto& rows = rows_[slot(change.family)];
  if (change.value) {
    rows.insert_or_assign(change.key, *change.value);
  } else {
    rows.erase(change.key);
  }
}

void Scratch::apply(const RowTable& changes) {
  changes.each([this](Family family, const RowTable::Row& row) { apply(change_of(family, row)); });
}

const std::map<std::string, std::string, std::less<>>& Scratch::rows(Family family) const {
  return rows_[slot(family)];
}

}  // namespace emstore::store
