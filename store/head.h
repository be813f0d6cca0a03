// The head: how far the log was acknowledged, in a small file outside the database. Damage that
// RocksDB cannot notice (a write-ahead log cut at a record's edge, an old copy of the folder) is
// seen by comparing the two.
//
//   two slots of 4096 bytes each, integers big-endian:
//     "EMSHEAD1" | store id 16 | sequence u64 | write number u64 | root 32 | clean u8 |
//     XXH3-64 of what stands before it | zeros
//
// The valid slot with the higher sequence counts; at equal sequences, the one with the higher write
// number. Write number 0, in a file just made, means "nothing recorded": a file of zeros is damage.
// A slot that is on disk is not written again before the other one is: a write that tears costs at
// most what was recorded since the last sync().
//
// Threads: one, the writer's.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "base/result.h"
#include "base/types.h"

namespace emstore::store {

using StoreId = std::array<std::uint8_t, 16>;

struct HeadState {
  StoreId store{};
  Sequence sequence = 0;
  Sha256 root{};
  bool clean = false;  // The daemon stopped in order after this commit.
  bool operator==(const HeadState&) const = default;
};

class Head {
 public:
  // Opens or creates the file; its folder exists. What is read is on disk when this returns.
  // Errors: rolled_back (no valid slot), disk_full, io_failed.
  static Result<Head> open(const std::filesystem::path& path);
  Head(Head&& other) noexcept;
  Head& operator=(Head&& other) noexcept;
  ~Head();

  // Makes the file anew, durably and in one step, with this state in place of whatever it said.
  // Errors: disk_full, io_failed.
  static Status replace(const std::filesystem::path& path, const HeadState& state);

  // What the file says, without touching it; nothing when nothing is recorded. A slot that is being
  // written does not count. Errors: rolled_back (no valid slot), io_failed.
  static Result<std::optional<HeadState>> read(const std::filesystem::path& path);

  // What was recorded last; nothing in a file just created.
  const std::optional<HeadState>& recorded() const { return recorded_; }
  // Writes the state beside the one on disk; durable only after sync(). Sequences never fall.
  // Errors: disk_full, io_failed.
  Status record(const HeadState& state);
  // After an error the outcome is unknown, and every later call fails. Errors: io_failed.
  Status sync();
  bool is_synced() const { return synced_; }

 private:
  Head(int descriptor, std::filesystem::path path)
      : descriptor_(descriptor), path_(std::move(path)) {}
  Status load();

  int descriptor_ = -1;
  std::filesystem::path path_;
  std::optional<HeadState> recorded_;
  std::uint64_t writes_ = 0;   // The write number of what is recorded.
  std::size_t next_slot_ = 0;  // The one that does not hold what is on disk.
  bool synced_ = true;
};

}  // namespace emstore::store
