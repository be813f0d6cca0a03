#include "store/verify.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/big_endian.h"
#include "store/refold.h"
#include "store/scratch.h"

namespace emstore::store {
namespace {

// Rows of indexes that are not ready are work under way, no part of the state.
class Counted {
 public:
  explicit Counted(const IndexStates& states) : states_(states) {}

  bool operator()(Family family, std::string_view key) const {
    if (family != Family::values || key.size() < sizeof(std::uint32_t)) return true;
    return is_ready(IndexId{big_endian<std::uint32_t>(key.substr(0, sizeof(std::uint32_t)))});
  }

  bool is_ready(IndexId index) const { return store::is_ready(states_, index); }

 private:
  const IndexStates& states_;
};

// The digest of rows that come in order: each as key length, key, value length, value.
class RowsDigest {
 public:
  void add(std::string_view key, std::string_view value) {
    std::string lengths;
    append_big_endian<std::uint32_t>(lengths, static_cast<std::uint32_t>(key.size()));
    hasher_.update(lengths);
    hasher_.update(key);
    lengths.clear();
    append_big_endian<std::uint32_t>(lengths, static_cast<std::uint32_t>(value.size()));
    hasher_.update(lengths);
    hasher_.update(value);
  }
  Sha256 digest() const { return hasher_.digest().sha256; }

 private:
  ContentHasher hasher_;
};

// Walks the live rows of a family beside the refolded ones.
class Comparison {
 public:
  using Rows = std::map<std::string, std::string, std::less<>>;

  Comparison(Family family, const Rows& expected)
      : expected_(expected.begin()), end_(expected.end()) {
    check_.family = family;
  }

  void live(std::string_view key, std::string_view value) {
    ++check_.rows;
    digest_.add(key, value);
    while (expected_ != end_ && expected_->first < key) differ((expected_++)->first, "is missing");
    if (expected_ == end_ || expected_->first != key) {
      differ(key, "should not be there");
      return;
    }
    if (expected_->second != value) {
      differ(key, "holds " + to_hex(value.substr(0, 64)) + " instead of " +
                      to_hex(std::string_view(expected_->second).substr(0, 64)));
    }
    ++expected_;
  }

  FamilyCheck finish() {
    while (expected_ != end_) differ((expected_++)->first, "is missing");
    check_.digest = digest_.digest();
    return std::move(check_);
  }

 private:
  void differ(std::string_view key, const std::string& what) {
    if (check_.differences++ == 0) check_.first_difference = to_hex(key) + " " + what;
  }

  FamilyCheck check_;
  RowsDigest digest_;
  Rows::const_iterator expected_, end_;
};

// Applies the rows as long as all of them fit.
Status hold(Scratch& scratch, const RowTable& changes, std::size_t bytes_max) {
  scratch.apply(changes);
  if (scratch.bytes() <= bytes_max) return {};
  return failure(
      {ErrorCode::result_too_large,
       "the folded rows take more than " + std::to_string(bytes_max) + " bytes of memory",
       {},
       "raise limits.verify_memory",
       {}});
}

Status refold_into(Scratch& scratch, std::size_t bytes_max, const View& view,
                   const Counted& counted, const Progress& progress, VerifyReport& report) {
  // Only so much at once beside the rows that are held: the bound is looked at in between.
  constexpr std::size_t kTableBytesMax = 32u << 20;
  Refold refold(
      *view.reader, scratch,
      [&](const RowTable& changes) { return hold(scratch, changes, bytes_max); },
      std::min(bytes_max, kTableBytesMax));
  EMSTORE_CHECKED(replay(*view.reader, 1, [&](const LoggedCommit& logged) -> Status {
    const Sequence sequence = logged.commit.info.sequence;
    if (sequence % kReportEvery == 0 && progress && !progress(sequence, view.sequence)) {
      return failure(ErrorCode::cancelled, "cancelled at commit " + std::to_string(sequence));
    }
    return refold.add(logged);
  }));
  EMSTORE_CHECKED(refold.finish([&](IndexId index) { return counted.is_ready(index); }));
  report.events = refold.events();
  return {};
}

Result<std::vector<FamilyCheck>> compare_families(const View& view, const Scratch& expected,
                                                  const Counted& counted) {
  std::vector<FamilyCheck> families;
  for (const FamilyInfo& family : kFamilies) {
    if (!is_index(family.family)) continue;
    Comparison comparison(family.family, expected.rows(family.family));
    EMSTORE_CHECKED(
        view.reader->scan(family.family, {}, [&](std::string_view key, std::string_view value) {
          if (counted(family.family, key)) comparison.live(key, value);
          return true;
        }));
    families.push_back(comparison.finish());
  }
  return families;
}

}  // namespace

Sha256 state_digest(const std::vector<FamilyCheck>& families) {
  ContentHasher hasher;
  for (const FamilyCheck& check : families) {
    hasher.update(name_of(check.family));
    hasher.update(as_bytes(check.digest));
  }
  return hasher.digest().sha256;
}

Result<VerifyReport> verify(const View& view, const Progress& progress, std::size_t bytes_max) {
  VerifyReport report;
  report.sequence = view.sequence;
  const Counted counted(*view.indexes);
  Scratch scratch;
  EMSTORE_CHECKED(refold_into(scratch, bytes_max, view, counted, progress, report));
  EMSTORE_TRY(report.families, compare_families(view, scratch, counted));
  report.state_digest = state_digest(report.families);
  report.equal = std::all_of(report.families.begin(), report.families.end(),
                             [](const FamilyCheck& check) { return check.differences == 0; });
  if (progress) progress(view.sequence, view.sequence);
  return report;
}

Result<std::vector<FamilyCheck>> family_digests(const View& view, const GoesOn& goes_on) {
  constexpr std::uint64_t kAskEveryRows = 4'096;
  const Counted counted(*view.indexes);
  std::vector<FamilyCheck> families;
  bool is_wanted = true;
  for (const FamilyInfo& family : kFamilies) {
    if (!is_index(family.family)) continue;
    FamilyCheck check{.family = family.family};
    RowsDigest digest;
    EMSTORE_CHECKED(
        view.reader->scan(family.family, {}, [&](std::string_view key, std::string_view value) {
          if (!counted(family.family, key)) return true;
          digest.add(key, value);
          if (++check.rows % kAskEveryRows == 1 && goes_on) is_wanted = goes_on();
          return is_wanted;
        }));
    if (!is_wanted) return failure(ErrorCode::cancelled, "cancelled while rows were compared");
    check.digest = digest.digest();
    families.push_back(std::move(check));
  }
  return families;
}

Result<Sha256> state_digest(const View& view) {
  EMSTORE_TRY(const std::vector<FamilyCheck> families, family_digests(view));
  return state_digest(families);
}

}  // namespace emstore::store
