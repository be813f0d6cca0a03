#include <algorithm>
#include <chrono>
#include <iostream>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/commit_text.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

FeedOptions options_of(const WatchWords& words) {
  FeedOptions options;
  options.from = words.from;
  if (words.once && !options.from) options.from = 1;
  const std::size_t slash = words.what.find('/');
  options.entity = words.what.substr(0, slash);
  if (slash != std::string::npos) options.id = id_of(words.what.substr(slash + 1));
  options.field = words.field;
  options.operators = words.operators;
  return options;
}

std::string line_of(const Map& commit) {
  const std::string time = cell_text(value_at(commit, "time"));
  return cell_text(value_at(commit, "sequence")) + "  " + time + "  uid " +
         cell_text(value_at(commit, "peer.uid")) + "  " + harmless(events_text(commit)) + "\n";
}

// What is no commit tells a program where it stands, in the same place as the commits; a person
// sees that nothing comes.
void show_mark(Session& session, const std::string& name, std::uint64_t next) {
  if (!session.json()) return;
  session.print_json(Map{{name, Map{{"next", next}}}});
  std::cout.flush();
}

void show(Session& session, const FeedNotice& notice) {
  switch (notice.kind) {
    case FeedNotice::Kind::commit:
      if (session.json()) {
        session.print_json(notice.commit);
      } else {
        session.print(line_of(notice.commit));
      }
      std::cout.flush();
      return;
    case FeedNotice::Kind::lagging:
      std::cerr << (session.json() ? to_json(Map{{"lagging", Map{{"behind", notice.behind}}}})
                                   : "lagging: " + count_text(notice.behind) + " commits wait")
                << "\n";
      return;
    case FeedNotice::Kind::caught_up:
      return show_mark(session, "caught_up", notice.next);
    case FeedNotice::Kind::progress:
      return show_mark(session, "progress", notice.next);
  }
}

}  // namespace

int watch(Session& session, const WatchWords& words) {
  constexpr std::chrono::milliseconds kLook{200};
  const InterruptGuard guard;
  Feed feed = session.client().subscribe(options_of(words));
  for (std::uint64_t left = words.limit.value_or(UINT64_MAX); left > 0;) {
    InterruptGuard::check();
    if (!std::cout) return 0;  // Whoever read it has gone.
    const std::optional<FeedNotice> notice = feed.next(kLook);
    if (!notice) continue;
    show(session, *notice);
    if (notice->kind == FeedNotice::Kind::commit) --left;
    if (words.once && notice->kind == FeedNotice::Kind::caught_up) break;
  }
  return 0;
}

}  // namespace emstore::cli
