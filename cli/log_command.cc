#include <algorithm>

#include "cli/commands.h"
#include "cli/commit_text.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

constexpr std::uint64_t kPage = 500;

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
