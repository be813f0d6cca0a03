// Overlay: rows that are decided but not yet written, on top of another reader. The group of
// commits that waits for its sync is one; the commit being decided is another, on top of that.
// Threads: one, the writer's; what is changed may be read from another, while nothing is applied.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "store/reader.h"

namespace emstore::store {

class Overlay final : public Reader {
 public:
  // `below` outlives the overlay, or until it stands on another, and does not change under it.
  explicit Overlay(const Reader& below);
  // One overlay on top of another; `Overlay(other)` would read as a copy of it, which there is none
  // of.
  static Overlay above(const Overlay& below) { return Overlay(static_cast<const Reader&>(below)); }
  Overlay(const Overlay&) = delete;
  Overlay& operator=(const Overlay&) = delete;

  Result<std::optional<std::string>> get(Family family, std::string_view key) const override;
  Result<std::vector<std::optional<std::string>>> get_many(
      Family family, std::span<const std::string> keys) const override;
  using Reader::scan;
  Status scan(Family family, const KeyRange& range, Direction direction,
              const Visit& visit) const override;

  // From here on on top of that, which shows the same rows but for those that are changed here.
  void stand_on(const Reader& below) { below_ = &below; }

  void apply(RowChange change);
  // Takes over what is pending in an overlay that stood on this one, which is then as new.
  void absorb(Overlay& above);
  // All changes since the start, the last one for each row, ordered by family and key. The overlay
  // is then as new.
  RowChanges take_changes();
  const std::map<std::string, std::optional<std::string>, std::less<>>& changes(
      Family family) const;
  // Rows that are changed, and the bytes of their keys and values; a row changed twice counts once.
  std::size_t change_count() const { return change_count_; }
  std::size_t bytes() const { return bytes_; }
  void clear();

 private:
  using Rows = std::map<std::string, std::optional<std::string>, std::less<>>;

  // What is pending for the row; null when the reader below has to be asked.
  const std::optional<std::string>* find_pending(Family family, std::string_view key) const;

  const Reader* below_;
  std::array<Rows, kFamilyCount> rows_;
  std::size_t change_count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace emstore::store
