#include <algorithm>

#include "cli/commands.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

constexpr std::uint64_t kPage = 500;

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

// The events of a commit in a line. The request is left out, media made along are only counted. A
// request alone is a keyed one that changed nothing.
std::string events_text(const Map& commit) {
  const List* events = value_at(commit, "events").if_list();
  std::string text;
  std::size_t media = 0;
  if (!events) return text;
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

void add_commit(Table& table, const Map& commit) {
  table.add({cell_text(value_at(commit, "sequence")), cell_text(value_at(commit, "time")),
             cell_text(value_at(commit, "peer.uid")), cell_text(value_at(commit, "peer.pid")),
             events_text(commit)});
}

}  // namespace

int show_log(Session& session, const LogWords& words) {
  std::uint64_t next = words.from;
  std::uint64_t left = words.limit.value_or(UINT64_MAX);
  Table table({{"COMMIT", Table::Align::right},
               {"TIME (UTC)"},
               {"UID", Table::Align::right},
               {"PID", Table::Align::right},
               {"EVENTS"}});
  while (left > 0) {
    const Map page = session.client().log(next, std::min(kPage, left));
    const List* commits = value_at(page, "commits").if_list();
    if (!commits || commits->empty()) break;
    for (const Value& commit : *commits) {
      if (session.json()) {
        session.print_json(commit);
      } else if (commit.if_map()) {
        add_commit(table, *commit.if_map());
      }
    }
    left -= std::min<std::uint64_t>(left, commits->size());
    next = number_at(page, "next");
  }
  if (session.json()) return 0;
  if (table.empty()) {
    session.print("no commits from " + std::to_string(words.from) + " on\n");
  } else {
    session.print(table);
  }
  return 0;
}

}  // namespace emstore::cli
