#include "cli/commit_text.h"

#include "cli/text.h"

namespace emstore::cli {
namespace {

std::string counted(const Map& event, std::string_view name, const char* sign) {
  const List* links = value_at(event, name).if_list();
  return links && !links->empty() ? sign + std::to_string(links->size()) : "";
}

// links_changed products/1.gallery -1 +2: what an event is about, as far as it says.
std::string event_text(const Map& event) {
  std::string text = cell_text(value_at(event, "kind"));
  const std::string entity = cell_text(value_at(event, "entity"));
  const std::string id = cell_text(value_at(event, "id"));
  const std::string field = cell_text(value_at(event, "field"));
  if (!entity.empty()) text += " " + entity + (id.empty() ? "" : "/" + id);
  if (!field.empty()) text += "." + field;
  return text + counted(event, "removed", " -") + counted(event, "added", " +") +
         counted(event, "changed", " ~");
}

}  // namespace

std::string untold_text(const Map& commit) {
  const Binary* bytes = value_at(commit, "bytes").if_binary();
  return "too large to be told here (" + size_text(bytes == nullptr ? 0 : bytes->data.size()) +
         "); `emstore show " + cell_text(value_at(commit, "sequence")) + " --json` has its bytes";
}

std::string events_text(const Map& commit) {
  const List* events = value_at(commit, "events").if_list();
  std::string text;
  std::size_t media = 0;
  if (!events) return untold_text(commit);
  if (events->size() == 1 && events->front().if_map() &&
      cell_text(value_at(*events->front().if_map(), "kind")) == "request") {
    return "nothing changed (keyed request)";
  }
  for (const Value& event : *events) {
    const std::string kind =
        event.if_map() ? cell_text(value_at(*event.if_map(), "kind")) : "request";
    if (kind == "media_created") ++media;
    if (kind == "request" || kind == "media_created") continue;
    if (!text.empty()) text += "; ";
    text += event_text(*event.if_map());
  }
  if (media == 0) return text;
  return text + (text.empty() ? "" : "; ") + "media_created x" + std::to_string(media);
}

}  // namespace emstore::cli
