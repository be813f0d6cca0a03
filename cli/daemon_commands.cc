#include <chrono>
#include <memory>

#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool is_size(const std::string& name) {
  return name.ends_with("bytes") || name.ends_with("bytes_estimate") || name.starts_with("free.") ||
         name == "memory";
}

std::string status_cell(const std::string& name, const Value& value) {
  const auto* integer = value.if_integer();
  if (name == "uptime" && value.if_number()) return duration_text(*value.if_number());
  if (is_size(name) && integer) return size_text(static_cast<std::uint64_t>(*integer));
  if (const Map* map = value.if_map()) {
    return "about " + count_text(number_at(*map, "rows_estimate")) + " rows, " +
           size_text(number_at(*map, "bytes_estimate"));
  }
  return cell_text(value);
}

// Maps within the status get a line for each of their own names.
void add_status(Table& table, const std::string& before, const Map& map) {
  for (const Map::Member& member : map) {
    const std::string name = before + member.name;
    const Map* inner = member.value.if_map();
    if (inner && before != "families.") {
      add_status(table, name + ".", *inner);
    } else {
      table.add({name, status_cell(name, member.value)});
    }
  }
}

Table families_table(const List& families) {
  Table table({{"FAMILY"},
               {"ROWS", Table::Align::right},
               {"DIFFERENCES", Table::Align::right},
               {"FIRST DIFFERENCE"}});
  for (const Value& family : families) {
    const Map* map = family.if_map();
    if (!map) continue;
    table.add({cell_text(value_at(*map, "family")), count_text(number_at(*map, "rows")),
               count_text(number_at(*map, "differences")),
               cell_text(value_at(*map, "first_difference"))});
  }
  return table;
}

}  // namespace

int show_status(Session& session) {
  const Map status = session.client().status();
  if (session.json()) {
    session.print_json(status);
    return 0;
  }
  Table table({{"WHAT"}, {"VALUE"}});
  add_status(table, "", status);
  session.print(table);
  return 0;
}

int ping(Session& session) {
  Client& client = session.client();
  const auto start = Clock::now();
  const std::uint64_t sequence = client.ping();
  const double seconds = seconds_since(start);
  if (session.json()) {
    session.print_json(Map{{"sequence", sequence}, {"seconds", seconds}});
  } else {
    session.print("emstored answers at " + client.socket().string() + " in " +
                  std::to_string(static_cast<long>(seconds * 1e6)) + " us, commit " +
                  std::to_string(sequence) + "\n");
  }
  return 0;
}

int verify(Session& session) {
  const InterruptGuard guard;
  std::unique_ptr<ProgressLine> line;
  if (!session.json() && is_stderr_terminal())
    line = std::make_unique<ProgressLine>(ProgressLine::Unit::commits);
  const auto start = Clock::now();
  const Map report = session.client().verify([&](std::uint64_t done, std::uint64_t total) {
    InterruptGuard::check();
    if (line && total > 0) line->show(done, total);
    return true;
  });
  line.reset();
  const bool* equal = value_at(report, "equal").if_boolean();
  const bool is_equal = equal && *equal;
  if (session.json()) {
    session.print_json(report);
  } else {
    if (const List* families = value_at(report, "families").if_list())
      session.print(families_table(*families));
    session.print("\nrefolded " + count_text(number_at(report, "sequence")) + " commits, " +
                  count_text(number_at(report, "events")) + " events in " +
                  duration_text(seconds_since(start)) + "; state digest " +
                  cell_text(value_at(report, "state_digest")) + "\n");
    session.print(is_equal ? green(session.terminal(), "the indexes are what the log says") + "\n"
                           : "");
  }
  if (is_equal) return 0;
  throw Failure({ErrorCode::corrupt_index,
                 "the indexes are not what the log says",
                 "",
                 "the differences are listed above; `emstore rebuild` mends them from the log",
                 {}});
}

int collect_garbage(Session& session, const GcWords& words) {
  Client::Collect options{words.dry_run, {}};
  if (words.grace) options.grace = std::chrono::seconds(*words.grace);
  const Map report = session.client().collect_garbage(options);
  if (session.json()) {
    session.print_json(report);
    return 0;
  }
  Table table({{"ID"}, {"BYTES"}, {"SIZE", Table::Align::right}, {"UNUSED SINCE"}});
  const List* list = value_at(report, "list").if_list();
  for (const Value& item : list ? *list : List()) {
    const Map& media = *item.if_map();
    table.add({cell_text(value_at(media, "id")), address_text(cell_text(value_at(media, "blob"))),
               size_text(number_at(media, "size")),
               "commit " + count_text(number_at(media, "since"))});
  }
  if (!table.empty()) session.print(table);
  const std::string verb = words.dry_run ? " would go" : " gone";
  session.print((table.empty() ? "" : "\n") + count_text(number_at(report, "media")) + " media, " +
                count_text(number_at(report, "blobs")) + " contents of " +
                size_text(number_at(report, "bytes")) + verb + "\n");
  const std::uint64_t leased = number_at(report, "leased");
  if (leased > 0) session.print(count_text(leased) + " contents stay: a lease holds them\n");
  return 0;
}

int call(Session& session, const CallWords& words) {
  List params;
  for (const std::string& word : words.params)
    params.push_back(parse_json(word, "the parameter \"" + word + "\""));
  const Value answer = session.client().call(words.method, params);
  if (session.json()) {
    session.print_json(answer);
  } else {
    session.print(to_indented_json(answer) + "\n");
  }
  return 0;
}

}  // namespace emstore::cli
