#include "cli/log_graph.h"

#include <algorithm>

#include "cli/terminal.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

constexpr std::size_t kLanesMax = 12;

}  // namespace

LogGraph::Lane& LogGraph::lane_of(const std::string& record) {
  const auto known = std::ranges::find(lanes_, record, &Lane::record);
  if (known != lanes_.end()) return *known;
  const auto free = std::ranges::find(lanes_, std::string(), &Lane::record);
  if (free != lanes_.end()) return *free = {record, 0, Mark::none}, *free;
  if (lanes_.size() < kLanesMax) return lanes_.emplace_back(Lane{record, 0, Mark::none});
  Lane& oldest = *std::ranges::min_element(lanes_, {}, &Lane::last);
  oldest = {record, 0, Mark::none};
  return oldest;
}

std::string LogGraph::line(const Map& commit, std::string_view text) {
  ++lines_;
  for (Lane& lane : lanes_) lane.mark = Mark::none;
  if (const List* events = value_at(commit, "events").if_list()) {
    for (const Value& event : *events) {
      const std::string entity = cell_text(value_at(*event.if_map(), "entity"));
      if (entity.empty()) continue;
      const std::string id = cell_text(value_at(*event.if_map(), "id"));
      const std::string kind = cell_text(value_at(*event.if_map(), "kind"));
      Lane& lane = lane_of(entity + "/" + id);
      lane.last = lines_;
      lane.mark = kind.ends_with("deleted") ? Mark::deleted : Mark::touched;
    }
  }
  std::string drawn;
  for (Lane& lane : lanes_) {
    const char* const waits = lane.record.empty() ? " " : "│";
    drawn += lane.mark == Mark::none ? waits : lane.mark == Mark::touched ? "●" : "×";
    drawn += " ";
    if (lane.mark == Mark::deleted) lane.record.clear();
  }
  return drawn + cell_text(value_at(commit, "sequence")) + "  " + harmless(text);
}

}  // namespace emstore::cli
