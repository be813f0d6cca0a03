// Audit of the log: every commit against its commitments, its place and the tree; the tree against
// the head; the indexes against a fold of the log; the files of the database against their
// checksums. It goes on after damage, and names the place of each.
//
// Threads: any; works on a view, so commits go on meanwhile.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/store.h"
#include "store/verify.h"

namespace emstore::store {

// One damage: what part of the store, where in it, and what is wrong there.
struct Finding {
  std::string part;   // "log", "tree", "head", "index", "database", "media"
  std::string place;  // "commit 42", "commits 257 to 260", "records", an address, a file.
  std::string message;
};

// The first of them by name, and how many there are.
class Findings {
 public:
  static constexpr std::size_t kNamedMax = 100;

  void add(std::string part, std::string place, std::string message);
  bool empty() const { return count_ == 0; }
  std::uint64_t count() const { return count_; }
  const std::vector<Finding>& named() const { return named_; }

 private:
  std::vector<Finding> named_;
  std::uint64_t count_ = 0;
};

// A root that somebody noted, of the log up to a sequence.
struct NotedRoot {
  Sequence sequence = 0;
  Sha256 root{};
};

struct LogAudit {
  Sequence sequence = 0;
  Sha256 root{};  // Computed from the commits; that of the view when some could not be read.
  std::uint64_t events = 0;
  std::optional<Sha256> state_digest;  // Nothing when the log is damaged: it cannot be folded.
};

// The commits of the view, against themselves, each other and the tree. Errors: cancelled.
Result<LogAudit> audit_commits(const View& view, const Progress& progress, Findings& findings);
// The tables of the database against their checksums.
void audit_tables(const Database& database, Findings& findings);
// The head file against the store's tree. `view` is not older than the file's last change.
void audit_head(const std::filesystem::path& head, const StoreId& id, const Database& database,
                Findings& findings);
// A noted root against the tree.
void audit_root(const View& view, const NotedRoot& noted, Findings& findings);
// The indexes against a fold of the log; the state digest where that is possible. That they could
// not be compared is a finding, too. Errors: cancelled.
Result<std::optional<Sha256>> audit_indexes(const View& view, const Progress& progress,
                                            const FoldRoom& room, Findings& findings);

}  // namespace emstore::store
