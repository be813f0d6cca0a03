// Pending rows merged into a scan of the rows below: what every reader does that stands on another
// one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "store/reader.h"

namespace emstore::store {

// `Iterator` runs over the pending rows, or over pointers to them, in the direction of the scan: a
// row is a pair of its key and its value, which is nothing where it was removed. `Before` orders
// keys in that direction.
template <typename Iterator, typename Before>
class RowMerge {
 public:
  RowMerge(Iterator pending, Iterator end, Before before, const Reader::Visit& visit)
      : pending_(pending), end_(end), before_(before), visit_(visit) {}

  // A row of the reader below: pending rows before it go first, one with its key hides it.
  bool take_below(std::string_view key, std::string_view value) {
    while (pending_ != end_ && before_(std::string_view(row(*pending_).first), key)) {
      if (!take_pending()) return false;
    }
    if (pending_ != end_ && row(*pending_).first == key) return take_pending();
    wanted_ = visit_(key, value);
    return wanted_;
  }

  void take_rest() {
    while (wanted_ && pending_ != end_) take_pending();
  }

  // The whole scan.
  Status run(const Reader& below, Family family, const KeyRange& range, Direction direction) {
    EMSTORE_CHECKED(below.scan(
        family, range, direction,
        [this](std::string_view key, std::string_view value) { return take_below(key, value); }));
    take_rest();
    return {};
  }

 private:
  template <typename Key, typename Value>
  static const auto& row(const std::pair<const Key, Value>& pending) {
    return pending;
  }
  template <typename Key, typename Value>
  static const auto& row(const std::pair<const Key, Value>* pending) {
    return *pending;
  }

  bool take_pending() {
    const auto& [key, value] = row(*pending_);
    ++pending_;
    if (value) wanted_ = visit_(key, *value);
    return wanted_;
  }

  Iterator pending_;
  Iterator end_;
  Before before_;
  const Reader::Visit& visit_;
  bool wanted_ = true;
};

}  // namespace emstore::store
