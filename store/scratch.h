// Scratch: rows in memory only, for tests and benchmarks.
// Threads: many readers or one writer.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <string>

#include "store/reader.h"
#include "store/row_table.h"

namespace emstore::store {

class Scratch final : public Reader {
 public:
  Result<std::optional<std::string>> get(Family family, std::string_view key) const override;
  using Reader::scan;
  Status scan(Family family, const KeyRange& range, Direction direction,
              const Visit& visit) const override;
  void apply(const RowChange& change);
  void apply(const RowTable& changes);
  const std::map<std::string, std::string, std::less<>>& rows(Family family) const;

 private:
  std::array<std::map<std::string, std::string, std::less<>>, kFamilyCount> rows_;
};

}  // namespace emstore::store
