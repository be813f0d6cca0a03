#include "store/merged_rows.h"

#include <algorithm>
#include <utility>

namespace emstore::store {
namespace {

constexpr std::size_t kFirstSlice = 16;
constexpr std::size_t kLargestSlice = 1024;

KeyRange within(const std::string& prefix, const KeyRange& range) {
  KeyRange whole = range_of_prefix(prefix);
  return {prefix + range.from, range.until.empty() ? whole.until : prefix + range.until};
}

}  // namespace

MergedRows::MergedRows(const Reader& reader, const std::vector<Stretch>& stretches,
                       const KeyRange& range, Direction direction)
    : reader_(reader), direction_(direction) {
  for (const Stretch& stretch : stretches) {
    sources_.push_back({stretch, within(stretch.prefix, range), {}, 0, kFirstSlice, false});
  }
}

Result<std::optional<MergedRows::Step>> MergedRows::next() {
  const std::string* first = nullptr;
  for (Source& source : sources_) {
    EMSTORE_CHECKED(fill(source));
    if (source.taken == source.slice.size()) continue;
    const std::string& key = source.slice[source.taken].key;
    if (first == nullptr || precedes(key, *first)) first = &key;
  }
  if (first == nullptr) return std::optional<Step>();
  Step step{*first, {}};
  for (Source& source : sources_) {
    const bool is_there =
        source.taken < source.slice.size() && source.slice[source.taken].key == step.key;
    step.rows.push_back(is_there ? std::optional(std::move(source.slice[source.taken++].value))
                                 : std::nullopt);
  }
  return std::optional(std::move(step));
}

bool MergedRows::precedes(const std::string& a, const std::string& b) const {
  return direction_ == Direction::forward ? a < b : b < a;
}

Status MergedRows::fill(Source& source) const {
  if (source.ended || source.taken < source.slice.size()) return {};
  source.slice.clear();
  source.taken = 0;
  const std::size_t size = source.size;
  source.size = std::min(2 * size, kLargestSlice);
  const std::size_t prefix = source.stretch.prefix.size();
  EMSTORE_CHECKED(
      reader_.scan(source.stretch.family, source.rest, direction_,
                   [&](std::string_view key, std::string_view value) {
                     source.slice.push_back({std::string(key.substr(prefix)), std::string(value)});
                     return source.slice.size() < size;
                   }));
  source.ended = source.slice.size() < size;
  if (source.slice.empty()) return {};
  std::string last = source.stretch.prefix + source.slice.back().key;
  switch (direction_) {
    case Direction::forward:
      source.rest.from = std::move(last) + '\0';
      break;
    case Direction::backward:
      source.rest.until = std::move(last);
      break;
  }
  return {};
}

}  // namespace emstore::store
