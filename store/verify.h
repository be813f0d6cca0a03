// Verify: folds the log again, from its first commit, beside the live indexes, and compares every
// family byte for byte. The digest of the state is SHA-256 over all index rows in order. The folded
// rows are held in memory, up to a bound, and beyond it on disk. Threads: any; works on a view, so
// commits go on meanwhile.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/replay.h"
#include "store/spill.h"
#include "store/store.h"

namespace emstore::store {

struct FamilyCheck {
  Family family{};
  std::uint64_t rows = 0;
  Sha256 digest{};
  std::uint64_t differences = 0;
  std::string first_difference;  // Key in hex and what is wrong; empty when there is none.
};

struct VerifyReport {
  Sequence sequence = 0;
  std::uint64_t events = 0;
  std::vector<FamilyCheck> families;
  Sha256 state_digest{};
  bool equal = false;
};

// `progress` is told commits done and in all; false cancels. Errors: cancelled, corrupt_log,
// corrupt_index; disk_full and io_failed where the rows that memory does not hold cannot be kept.
using Progress = std::function<bool(std::uint64_t done, std::uint64_t total)>;
inline constexpr Sequence kReportEvery = 1'024;  // Commits between two reports of it.
Result<VerifyReport> verify(const View& view, const Progress& progress, const FoldRoom& room);

// Rows and digest of each family as the view shows them, differences left out; and the digest of
// the state that they make up together. `goes_on` is asked every few thousand rows; false cancels.
// Errors: cancelled, corrupt_index.
Result<std::vector<FamilyCheck>> family_digests(const View& view, const GoesOn& goes_on = {});
Sha256 state_digest(const std::vector<FamilyCheck>& families);

// The digest of the live index rows alone, for comparisons in tests and reports.
Result<Sha256> state_digest(const View& view);

}  // namespace emstore::store
