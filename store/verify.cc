#include "store/verify.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/big_endian.h"
#include "store/refold.h"
#include "store/spill.h"

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

// As far as a verify is; asked now and then, it ends it.
class Course {
 public:
  Course(const View& view, const Progress& progress) : total_(view.sequence), progress_(progress) {}

  Status at(Sequence sequence) {
    done_ = sequence;
    if (sequence % kReportEvery != 0) return {};
    return still("commit " + std::to_string(sequence));
  }
  Status still_compares() const { return still("the comparison"); }
  bool goes_on() const { return !progress_ || progress_(done_, total_); }

 private:
  Status still(const std::string& place) const {
    if (goes_on()) return {};
    return failure(ErrorCode::cancelled, "cancelled at " + place);
  }

  const std::uint64_t total_;
  const Progress& progress_;
  Sequence done_ = 0;
};

// The rows of a family, some thousand at a time, for one who reads two sets side by side.
class LiveRows {
 public:
  LiveRows(const Reader& reader, Family family, const Counted& counted, const Course& course)
      : reader_(reader), family_(family), counted_(counted), course_(course) {}

  // The next row, or null behind the last one. Valid until the row is passed.
  Result<const std::pair<std::string, std::string>*> next() {
    if (at_ == rows_.size() && !is_over_) EMSTORE_CHECKED(fetch());
    return at_ == rows_.size() ? nullptr : &rows_[at_];
  }
  void pass() { ++at_; }

 private:
  Status fetch() {
    EMSTORE_CHECKED(course_.still_compares());
    constexpr std::size_t kRowsMax = 4'096;
    constexpr std::size_t kBytesMax = std::size_t{4} << 20;  // One row more may be in it.
    KeyRange range;
    if (!last_.empty()) range.from = last_ + '\0';
    rows_.clear();
    at_ = 0;
    std::size_t bytes = 0;
    is_over_ = true;
    return reader_.scan(family_, range, [&](std::string_view key, std::string_view value) {
      if (!counted_(family_, key)) return true;
      rows_.emplace_back(key, value);
      last_ = key;
      bytes += key.size() + value.size();
      is_over_ = rows_.size() < kRowsMax && bytes < kBytesMax;
      return is_over_;
    });
  }

  const Reader& reader_;
  const Family family_;
  const Counted& counted_;
  const Course& course_;
  std::vector<std::pair<std::string, std::string>> rows_;
  std::size_t at_ = 0;
  std::string last_;
  bool is_over_ = false;
};

// Walks the live rows of a family beside the refolded ones.
class Comparison {
 public:
  Comparison(Family family, LiveRows live) : live_(std::move(live)) { check_.family = family; }

  Status expect(std::string_view key, std::string_view value) {
    EMSTORE_CHECKED(pass_those_before(key));
    EMSTORE_TRY(const auto* row, live_.next());
    if (row == nullptr || row->first != key) {
      differ(key, "is missing");
      return {};
    }
    if (row->second != value) {
      differ(key, "holds " + to_hex(std::string_view(row->second).substr(0, 64)) + " instead of " +
                      to_hex(value.substr(0, 64)));
    }
    pass(*row);
    return {};
  }

  Result<FamilyCheck> finish() {
    EMSTORE_CHECKED(pass_those_before(std::nullopt));
    check_.digest = digest_.digest();
    return std::move(check_);
  }

 private:
  // Nothing: all that are left.
  Status pass_those_before(const std::optional<std::string_view>& key) {
    for (;;) {
      EMSTORE_TRY(const auto* row, live_.next());
      if (row == nullptr || (key && row->first >= *key)) return {};
      differ(row->first, "should not be there");
      pass(*row);
    }
  }

  void pass(const std::pair<std::string, std::string>& row) {
    ++check_.rows;
    digest_.add(row.first, row.second);
    live_.pass();
  }

  void differ(std::string_view key, const std::string& what) {
    if (check_.differences++ == 0) check_.first_difference = to_hex(key) + " " + what;
  }

  LiveRows live_;
  FamilyCheck check_;
  RowsDigest digest_;
};

Result<std::vector<FamilyCheck>> compare_families(const View& view, const Reader& expected,
                                                  const Counted& counted, const Course& course) {
  std::vector<FamilyCheck> families;
  for (const FamilyInfo& family : kFamilies) {
    if (!is_index(family.family)) continue;
    Comparison comparison(family.family, LiveRows(*view.reader, family.family, counted, course));
    EMSTORE_CHECKED(expected.try_scan(
        family.family, {}, [&](std::string_view key, std::string_view value) -> Result<bool> {
          EMSTORE_CHECKED(comparison.expect(key, value));
          return true;
        }));
    EMSTORE_TRY(FamilyCheck check, comparison.finish());
    families.push_back(std::move(check));
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

Result<VerifyReport> verify(const View& view, const Progress& progress, const FoldRoom& room) {
  const Counted counted(*view.indexes);
  Course course(view, progress);
  Spill spill(room);
  Refold refold(
      *view.reader, spill, [&](const RowTable& rows) { return spill.take(rows); }, room.bytes_max,
      Refold::Writing::beside);
  EMSTORE_CHECKED(replay(*view.reader, 1, [&](const LoggedCommit& logged) -> Status {
    EMSTORE_CHECKED(course.at(logged.commit.info.sequence));
    return refold.add(logged);
  }));
  EMSTORE_CHECKED(refold.keep_indexes([&](IndexId index) { return counted.is_ready(index); },
                                      [&] { return course.goes_on(); }));
  EMSTORE_CHECKED(refold.settle());

  VerifyReport report{.sequence = view.sequence, .events = refold.events()};
  EMSTORE_TRY(report.families, compare_families(view, refold.rows(), counted, course));
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
