// Rows of a fold that memory does not hold, for those who look at them once: a database of its own,
// made with the first of them, that goes with the object. What goes wrong in it harms the fold
// alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/result.h"
#include "store/reader.h"
#include "store/rocks.h"

namespace emstore::store {

// What a fold may take beside the store.
struct FoldRoom {
  // Of a store: nobody else's, made when it is needed.
  std::filesystem::path folder;
  std::size_t bytes_max = std::size_t{256} << 20;  // In memory; the rest goes to the folder's disk.
  std::uint64_t free_bytes_min = 0;                // On that disk, of which so much is left.
};

// The folder for it in the directory of a store.
std::filesystem::path fold_folder(const std::filesystem::path& directory);
// Removes what a process that was ended left there; of a store that nobody uses.
void clear_fold_folder(const std::filesystem::path& directory);

// Threads: as Generation.
class Spill final : public Reader {
 public:
  explicit Spill(FoldRoom room);
  ~Spill() override;
  Spill(const Spill&) = delete;
  Spill& operator=(const Spill&) = delete;

  // Takes over all rows of a table, over those it has. Errors, as of reading: disk_full (before the
  // disk is full), io_failed.
  Status take(const RowTable& rows);

  Result<std::optional<std::string>> get(Family family, std::string_view key) const override;
  using Reader::scan;
  Status scan(Family family, const KeyRange& range, Direction direction,
              const Visit& visit) const override;

 private:
  Status make_folder();
  Status open_database();

  const FoldRoom room_;
  std::filesystem::path path_;  // Of the database; empty before there is a folder for it.
  std::unique_ptr<Database> database_;
  std::unique_ptr<Generation> rows_;  // Goes before its database.
};

}  // namespace emstore::store
