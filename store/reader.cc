#include "store/reader.h"

#include <utility>

namespace emstore::store {

KeyRange range_of_prefix(std::string_view prefix) {
  // The end is the prefix with its last byte raised; a byte 0xff cannot be raised and carries.
  std::string until(prefix);
  while (!until.empty() && static_cast<unsigned char>(until.back()) == 0xff) until.pop_back();
  if (!until.empty())
    until.back() = static_cast<char>(static_cast<unsigned char>(until.back()) + 1);
  return {std::string(prefix), std::move(until)};
}

Result<std::vector<std::optional<std::string>>> Reader::get_many(
    Family family, std::span<const std::string> keys) const {
  std::vector<std::optional<std::string>> values;
  values.reserve(keys.size());
  for (const std::string& key : keys) {
    EMSTORE_TRY(std::optional<std::string> value, get(family, key));
    values.push_back(std::move(value));
  }
  return values;
}

Status Reader::try_scan(Family family, const KeyRange& range, Direction direction,
                        const Attempt& attempt) const {
  Status failed;
  EMSTORE_CHECKED(scan(family, range, direction, [&](std::string_view key, std::string_view value) {
    Result<bool> more = attempt(key, value);
    if (more) return *more;
    failed = failure(std::move(more).error());
    return false;
  }));
  return failed;
}

}  // namespace emstore::store
