#include <algorithm>
#include <functional>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/commit_text.h"
#include "cli/failures.h"
#include "cli/log_graph.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

void add_commit(Table& table, const Map& commit) {
  table.add({cell_text(value_at(commit, "sequence")), cell_text(value_at(commit, "time")),
             cell_text(value_at(commit, "peer.uid")), cell_text(value_at(commit, "peer.pid")),
             events_text(commit)});
}

LogQuery query_of(const LogWords& words) {
  LogQuery query;
  const std::size_t slash = words.what.find('/');
  query.entity = words.what.substr(0, slash);
  if (slash != std::string::npos) query.id = id_of(std::string_view(words.what).substr(slash + 1));
  query.from = words.from;
  query.to = words.to;
  if (!words.since.empty()) query.since = words.since;
  if (!words.until.empty()) query.until = words.until;
  query.reverse = words.reverse;
  query.field = words.field;
  query.operators = words.operators;
  if (!words.media.empty()) query.media = id_of(words.media);
  query.uid = words.uid;
  return query;
}

// Hands over one commit after the other, page by page.
void each_commit(Session& session, const LogWords& words,
                 const std::function<void(const Map& commit)>& visit) {
  LogQuery query = query_of(words);
  std::uint64_t left = words.limit.value_or(UINT64_MAX);
  do {  // Once at least: that 0 is no limit, the daemon says.
    query.limit = std::min(kCommitsAPage, left);
    const Map page = session.client().log(query);
    for (const Value& commit : *value_at(page, "commits").if_list()) {
      visit(*commit.if_map());
      --left;
    }
    if (value_at(page, "more") != Value(true)) return;
    if (query.reverse) {
      query.to = number_at(page, "next");
    } else {
      query.from = number_at(page, "next");
    }
  } while (left > 0);
}

bool asks_for_nothing(const LogWords& words) {
  return words.what.empty() && words.field.empty() && words.media.empty() && !words.uid &&
         words.operators.empty() && words.since.empty() && words.until.empty() && !words.to;
}

}  // namespace

int show_log(Session& session, const LogWords& words) {
  if (words.graph && session.json()) {
    throw UsageError("--graph is a picture for people, --json is for programs", "say one of them");
  }
  Table table({{"COMMIT", Table::Align::right},
               {"TIME (UTC)"},
               {"UID", Table::Align::right},
               {"PID", Table::Align::right},
               {"EVENTS"}});
  LogGraph graph;
  std::size_t commits = 0;
  each_commit(session, words, [&](const Map& commit) {
    ++commits;
    if (session.json()) return session.print_json(commit);
    if (words.full) return print_commit(session, commit);
    if (words.graph) return session.print(graph.line(commit, events_text(commit)) + "\n");
    add_commit(table, commit);
  });
  if (session.json()) return 0;
  if (commits == 0) {
    session.print(asks_for_nothing(words)
                      ? "no commits from " + std::to_string(words.from) + " on\n"
                      : "no such commits\n");
  } else if (!table.empty()) {
    session.print(table);
  }
  return 0;
}

}  // namespace emstore::cli
