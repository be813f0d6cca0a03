#include "store/audit.h"

#include <algorithm>
#include <utility>

#include "store/log.h"
#include "store/merkle.h"
#include "store/opening.h"

namespace emstore::store {
namespace {

std::string commits_text(Sequence first, Sequence last) {
  if (first == last) return commit_text(first);
  return "commits " + std::to_string(first) + " to " + std::to_string(last);
}

std::string hex(const Sha256& digest) { return to_hex(as_bytes(digest)); }

// Goes through the rows of the log in order, whatever they hold.
class CommitsAudit {
 public:
  CommitsAudit(const View& view, Findings& findings) : view_(view), findings_(findings) {}

  void row(std::string_view key, std::string_view bytes) {
    const Sequence sequence = sequence_of_log_key(key);
    if (sequence != last_ + 1) missing(last_ + 1, sequence - 1);
    last_ = sequence;
    const Result<HeaderView> header = decode_header(bytes);
    if (!header) return damaged(sequence, header.error().message);
    place(sequence, header->info);
    leaf(sequence, leaf_hash(header->bytes));
    body(sequence, bytes);
  }

  // The log ends at `last_`.
  LogAudit finish() {
    if (last_ < view_.sequence) missing(last_ + 1, view_.sequence);
    if (last_ > view_.sequence) {
      findings_.add("log", commits_text(view_.sequence + 1, last_), "nobody has committed this");
    }
    if (is_whole_) subtrees();
    return {view_.sequence, is_whole_ ? tree_.root() : view_.root, events_, std::nullopt};
  }

  // Rows behind the last one could not be read.
  void break_off(const Error& error) {
    is_whole_ = false;
    findings_.add("log", "behind " + commit_text(last_), error.message);
    last_ = view_.sequence;
  }

  bool is_whole() const { return is_whole_; }

 private:
  void damaged(Sequence sequence, const std::string& what) {
    is_whole_ = false;
    findings_.add("log", commit_text(sequence), what);
  }

  void missing(Sequence first, Sequence last) {
    is_whole_ = false;
    findings_.add("log", commits_text(first, last), first == last ? "is missing" : "are missing");
  }

  void place(Sequence sequence, const CommitInfo& info) {
    if (info.sequence != sequence) {
      damaged(sequence, "commit " + std::to_string(info.sequence) + " lies in its place");
    }
    if (info.time < time_) damaged(sequence, "is older than the commit before it");
    if (info.schema != schema_) {
      damaged(sequence, "names the schema of commit " + std::to_string(info.schema) +
                            " where that of commit " + std::to_string(schema_) + " was in force");
    }
    time_ = info.time;
  }

  // Full tiles keep every leaf, so that an altered header shows at its place; of the others the
  // frontier keeps the subtrees.
  void leaf(Sequence sequence, const Sha256& leaf) {
    tree_.append(leaf);
    const Result<std::optional<Sha256>> kept = kept_leaf(*view_.reader, sequence);
    if (!kept) {
      findings_.add("tree", commit_text(sequence), kept.error().message);
    } else if (*kept && **kept != leaf) {
      damaged(sequence, "its header is not the one that was committed: its leaf is " + hex(leaf) +
                            ", the tree has " + hex(**kept));
    }
  }

  void body(Sequence sequence, std::string_view bytes) {
    const Result<Commit> commit = decode(bytes);
    if (!commit) return damaged(sequence, commit.error().message);
    events_ += commit->events.size();
    for (const Event& event : commit->events) {
      if (std::holds_alternative<SchemaApplied>(event)) schema_ = sequence;
    }
  }

  void subtrees() {
    const Result<std::vector<Sha256>> kept = kept_frontier(*view_.reader);
    if (!kept) return findings_.add("tree", "frontier", kept.error().message);
    if (*kept == tree_.frontier() && tree_.root() == view_.root) return;
    Sequence first = 1;
    for (std::size_t i = 0; i < tree_.frontier().size(); ++i) {
      const Sequence count = Sequence{1} << tree_.height_of(i);
      if (i >= kept->size() || (*kept)[i] != tree_.frontier()[i]) {
        findings_.add("log", commits_text(first, first + count - 1),
                      "the tree has another hash for what stands there");
        is_whole_ = false;
      }
      first += count;
    }
    if (!is_whole_) return;
    findings_.add("tree", "root",
                  "is " + hex(view_.root) + ", the commits make " + hex(tree_.root()));
    is_whole_ = false;
  }

  const View& view_;
  Findings& findings_;
  Tree tree_;
  Sequence last_ = 0;
  Sequence schema_ = 0;
  Time time_;
  std::uint64_t events_ = 0;
  bool is_whole_ = true;
};

}  // namespace

void Findings::add(std::string part, std::string place, std::string message) {
  if (++count_ > kNamedMax) return;
  named_.push_back({std::move(part), std::move(place), std::move(message)});
}

Result<LogAudit> audit_commits(const View& view, const Progress& progress, Findings& findings) {
  CommitsAudit audit(view, findings);
  std::uint64_t done = 0;
  bool is_cancelled = false;
  const Status scanned =
      view.reader->scan(Family::log, {}, [&](std::string_view key, std::string_view bytes) {
        audit.row(key, bytes);
        const bool is_due = ++done % kReportEvery == 0 && progress;
        is_cancelled = is_due && !progress(done, view.sequence);
        return !is_cancelled;
      });
  if (is_cancelled)
    return failure(ErrorCode::cancelled, "cancelled at commit " + std::to_string(done));
  if (!scanned) audit.break_off(scanned.error());
  return audit.finish();
}

void audit_tables(const Database& database, Findings& findings) {
  const Result<std::vector<DamagedTable>> damaged = database.check_files();
  if (!damaged) return findings.add("database", "tables", damaged.error().message);
  for (const DamagedTable& table : *damaged) {
    findings.add("database", table.file.string(), table.error.message);
  }
}

void audit_head(const std::filesystem::path& head, const StoreId& id, const Database& database,
                Findings& findings) {
  const Result<std::optional<HeadState>> recorded = Head::read(head);
  if (!recorded) return findings.add("head", head.string(), recorded.error().message);
  if (!*recorded) return findings.add("head", head.string(), "records nothing");
  const HeadState& state = **recorded;
  if (state.store != id) return findings.add("head", head.string(), "is another store's");
  // Written before the head is, the log reaches as far at least.
  const std::unique_ptr<Snapshot> rows = database.snapshot();
  const Result<Sha256> root = root_of(*rows, state.sequence);
  if (!root) {
    return findings.add("head", head.string(),
                        commit_text(state.sequence) + " was acknowledged: " + root.error().message);
  }
  if (*root == state.root) return;
  findings.add("head", head.string(),
               "the log up to " + commit_text(state.sequence) + " has the root " + hex(*root) +
                   ", " + hex(state.root) + " was acknowledged");
}

void audit_root(const View& view, const NotedRoot& noted, Findings& findings) {
  const std::string place = commit_text(noted.sequence);
  if (noted.sequence > view.sequence) {
    return findings.add(
        "log", place,
        "was noted, but the log ends at " + commit_text(view.sequence) + ": it was rolled back");
  }
  const Result<Sha256> root = root_of(*view.reader, noted.sequence);
  if (!root) return findings.add("tree", place, root.error().message);
  if (*root == noted.root) return;
  findings.add(
      "log", place,
      "the log up to there has the root " + hex(*root) + ", " + hex(noted.root) + " was noted");
}

Result<std::optional<Sha256>> audit_indexes(const View& view, const Progress& progress,
                                            const FoldRoom& room, Findings& findings) {
  const Result<VerifyReport> report = verify(view, progress, room);
  if (!report && report.error().code == ErrorCode::cancelled) return failure(report.error());
  if (!report) {
    const Error& error = report.error();
    findings.add("index", "not compared",
                 error.message + (error.hint.empty() ? "" : "; " + error.hint));
    return std::nullopt;
  }
  for (const FamilyCheck& family : report->families) {
    if (family.differences == 0) continue;
    findings.add("index", std::string(name_of(family.family)),
                 std::to_string(family.differences) +
                     " rows are not what the log says, the first: " + family.first_difference);
  }
  return report->state_digest;
}

}  // namespace emstore::store
