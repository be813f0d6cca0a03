// Commands about the store as a whole. What needs no daemon is emstored's work: it alone knows
// stores.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <memory>
#include <system_error>

#include "cli/commands.h"
#include "cli/demo_daemon.h"
#include "cli/failures.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

// Shows how far a job is, where somebody looks, and ends it at Ctrl-C.
class Watched {
 public:
  Watched(const Session& session, ProgressLine::Unit unit) {
    if (!session.json() && is_stderr_terminal()) line_ = std::make_unique<ProgressLine>(unit);
  }
  Client::JobProgress progress() {
    return [this](std::uint64_t done, std::uint64_t total) {
      InterruptGuard::check();
      if (line_ && total > 0) line_->show(done, total);
      return true;
    };
  }

 private:
  InterruptGuard guard_;
  std::unique_ptr<ProgressLine> line_;
};

Table findings_table(const Map& report) {
  Table table({{"PART"}, {"PLACE"}, {"WHAT IS WRONG"}});
  const List* findings = value_at(report, "findings").if_list();
  for (const Value& finding : findings ? *findings : List()) {
    const Map* map = finding.if_map();
    if (!map) continue;
    table.add({cell_text(value_at(*map, "part")), cell_text(value_at(*map, "place")),
               cell_text(value_at(*map, "message"))});
  }
  return table;
}

Table damages_table(const List& damages) {
  Table table({{"BLOB"}, {"FOUND"}});
  for (const Value& damage : damages) {
    const Map* map = damage.if_map();
    if (!map) continue;
    table.add({cell_text(value_at(*map, "blob")), cell_text(value_at(*map, "found"))});
  }
  return table;
}

// The part of the store in which the first damage is tells the error.
ErrorCode code_of(const Map& report) {
  const List* findings = value_at(report, "findings").if_list();
  const Map* first = findings && !findings->empty() ? findings->front().if_map() : nullptr;
  const std::string part = first ? cell_text(value_at(*first, "part")) : "";
  if (part == "media") return ErrorCode::corrupt_blob;
  if (part == "index" || part == "tree") return ErrorCode::corrupt_index;
  return part == "head" ? ErrorCode::rolled_back : ErrorCode::corrupt_log;
}

std::string named(const char* name, const Map& map, std::string_view path) {
  return std::string(name) + harmless(cell_text(value_at(map, path))) + "\n";
}

void show_audit(Session& session, const Map& report) {
  const Table findings = findings_table(report);
  if (!findings.empty()) session.print(findings);
  session.print(
      named("commits       ", report, "sequence") + named("events        ", report, "events") +
      "media         " + count_text(number_at(report, "blobs")) + ", " +
      size_text(number_at(report, "blob_bytes")) + "\n" + named("root          ", report, "root") +
      named("state digest  ", report, "state_digest"));
}

Error no_process(const std::string& what) {
  return {ErrorCode::io_failed,
          "cannot " + what + ": " + std::generic_category().message(errno),
          "",
          "see what the system allows to a user",
          {}};
}

struct Program {
  std::vector<std::string> words;

  // Comes back only with why it could not.
  Error become() {
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::execvp(arguments.front(), arguments.data());
    return no_process("run " + words.front());
  }
};

Program offline(const Session& session, const std::string& into,
                const std::vector<std::string>& what) {
  Program program{{DemoDaemon::find_program().string(), "--data", into}};
  program.words.insert(program.words.end(), what.begin(), what.end());
  if (session.json()) program.words.emplace_back("--json");
  return program;
}

// Writes to a pipe whose other end may have gone: then it has said why.
void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

int rebuild(Session& session) {
  Map report;
  {
    Watched watched(session, ProgressLine::Unit::commits);
    report = session.client().rebuild(watched.progress());
  }
  if (session.json()) {
    session.print_json(report);
    return 0;
  }
  Table table({{"FAMILY"}, {"ROWS", Table::Align::right}, {"LIVE BEFORE"}});
  const List* families = value_at(report, "families").if_list();
  for (const Value& family : families ? *families : List()) {
    const Map* map = family.if_map();
    if (!map) continue;
    const bool* mended = value_at(*map, "mended").if_boolean();
    table.add({cell_text(value_at(*map, "family")), count_text(number_at(*map, "rows")),
               mended && *mended ? "differed" : "the same"});
  }
  session.print(table);
  const double* paused = value_at(report, "paused").if_number();
  const bool* mended = value_at(report, "mended").if_boolean();
  session.print("\nrebuilt from " + count_text(number_at(report, "sequence")) + " commits, " +
                count_text(number_at(report, "events")) + " events; state digest " +
                cell_text(value_at(report, "state_digest")) + "; commits waited for " +
                duration_text(paused ? *paused : 0) + "\n");
  session.print(mended && *mended ? "rows that were not what the log says are mended\n"
                                  : "the rows that were live were the same\n");
  return 0;
}

int audit(Session& session, const AuditWords& words) {
  AuditOptions options{words.slice, words.slices, words.at, words.root};
  Map report;
  {
    Watched watched(session, ProgressLine::Unit::commits);
    report = session.client().audit(options, watched.progress());
  }
  const bool* whole = value_at(report, "whole").if_boolean();
  const bool is_whole = whole && *whole;
  if (session.json()) {
    session.print_json(report);
  } else {
    show_audit(session, report);
  }
  if (is_whole) {
    const std::string what = words.slices == 1 ? "everything"
                                               : "slice " + std::to_string(words.slice) + " of " +
                                                     std::to_string(words.slices);
    if (!session.json()) session.print(green(session.terminal(), what + " is whole") + "\n");
    return 0;
  }
  throw Failure({code_of(report),
                 count_text(number_at(report, "damages")) + " places are damaged",
                 "",
                 "the places stand above; restore them from a backup, rebuild indexes from the log",
                 {}});
}

int scrub(Session& session) {
  Map report;
  {
    Watched watched(session, ProgressLine::Unit::contents);
    report = session.client().scrub(watched.progress());
  }
  const List* waiting = value_at(report, "waiting").if_list();
  const std::size_t count = waiting ? waiting->size() : 0;
  if (session.json()) {
    session.print_json(report);
  } else {
    if (count > 0) session.print(damages_table(*waiting));
    session.print("media         " + count_text(number_at(report, "contents")) + ", " +
                  size_text(number_at(report, "bytes")) + "\n");
  }
  if (count == 0) {
    if (!session.json()) session.print(green(session.terminal(), "every content is whole") + "\n");
    return 0;
  }
  throw Failure({ErrorCode::corrupt_blob,
                 count_text(count) + " contents of media are damaged",
                 "",
                 "upload the same bytes again, or restore them from a backup",
                 {}});
}

// What an export or a backup had to leave out: told behind what it has taken.
int told_damaged(const Map& made) {
  const std::uint64_t count = number_at(made, "damaged");
  if (count == 0) return 0;
  std::string named;
  for (const Value& address : *value_at(made, "damaged_contents").if_list()) {
    named += (named.empty() ? ": " : ", ") + cell_text(address);
  }
  throw Failure({ErrorCode::corrupt_blob,
                 count_text(count) + (count == 1 ? " content" : " contents") +
                     " of media left out, damaged or missing; all else was taken" + named,
                 "",
                 "upload the same bytes again, or restore them from an older backup; then do it "
                 "again",
                 {}});
}

int export_store(Session& session, const ExportWords& words) {
  if (::isatty(STDOUT_FILENO) != 0) {
    throw UsageError("an export is not for a terminal", "emstore export > FILE");
  }
  const Map exported = session.client().export_store(
      [](std::string_view bytes) {
        if (!std::cout.write(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
          throw Failure(output_failure());
        }
      },
      words.until);
  if (!std::cout.flush()) throw Failure(output_failure());
  if (session.json()) {
    std::cerr << to_json(Map{{"exported", exported}}) << "\n";
    return told_damaged(exported);
  }
  std::cerr << "exported up to commit " << cell_text(value_at(exported, "sequence")) << ", root "
            << cell_text(value_at(exported, "root")) << "\n";
  return told_damaged(exported);
}

int take_export(Session& session, const StoreWords& words) {
  throw Failure(offline(session, words.into, {"--import"}).become());
}

int restore(Session& session, const StoreWords& words) {
  throw Failure(offline(session, words.into, {"--restore", words.backup}).become());
}

// Starts the program; what is written to the descriptor, which takes the place of `into`, is its
// standard input.
pid_t start(const Session& session, Program& program, int& into) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw Failure(no_process("make a pipe"));
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe[0], STDIN_FILENO);
    const Error error = program.become();
    std::cerr << (session.json() ? json_of(error) + "\n" : text_of(error, false)) << std::flush;
    ::_exit(exit_code_of(error.code));
  }
  ::close(pipe[0]);
  if (child < 0) throw Failure(no_process("start another program"));
  std::signal(SIGPIPE, SIG_IGN);
  into = pipe[1];
  return child;
}

int replay(Session& session, const StoreWords& words) {
  Client& client = session.client();
  Program program = offline(session, words.into, {"--import"});
  pid_t child = -1;
  int into = -1;
  std::optional<Error> error;
  // Who refuses has sent nothing, and what would take nothing for a stream has not begun.
  const auto write = [&](std::string_view bytes) {
    if (child < 0) child = start(session, program, into);
    write_all(into, bytes);
  };
  client.export_store(write, words.until, error);
  if (error && child < 0) throw Failure(*error);
  ::close(into);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (error) throw Failure(*error);
  return WIFEXITED(status) ? WEXITSTATUS(status) : kExitUnexpected;
}

int backup(Session& session, const std::string& directory) {
  Map made;
  {
    Watched watched(session, ProgressLine::Unit::bytes);
    made = session.client().backup(directory, watched.progress());
  }
  if (session.json()) {
    session.print_json(made);
    return told_damaged(made);
  }
  session.print(
      named("backup        ", made, "directory") + named("commit        ", made, "sequence") +
      "new           " + count_text(number_at(made, "commits")) + " commits, " +
      count_text(number_at(made, "media")) + " files of media, " +
      size_text(number_at(made, "media_bytes")) + "\n" + named("root          ", made, "root") +
      named("state digest  ", made, "state_digest"));
  return told_damaged(made);
}

}  // namespace emstore::cli
