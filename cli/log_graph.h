// The log as a graph: a lane for each record, a mark where a commit touches it.
#pragma once

#include <emstore/value.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace emstore::cli {

class LogGraph {
 public:
  // "│ ● 42  record_updated products/1": lanes begin where a record is met first and end with its
  // deletion; when there are too many, the one that was touched longest ago ends.
  std::string line(const Map& commit, std::string_view text);

 private:
  enum class Mark { none, touched, deleted };
  struct Lane {
    std::string record;  // Empty: free.
    std::size_t last = 0;
    Mark mark = Mark::none;
  };
  Lane& lane_of(const std::string& record);

  std::vector<Lane> lanes_;
  std::size_t lines_ = 0;
};

}  // namespace emstore::cli
