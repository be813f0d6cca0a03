// The tree over the log: RFC 6962. Leaf = SHA-256(0x00 ‖ header of a commit), node = SHA-256(0x01 ‖
// left ‖ right), leaf index = sequence − 1. Kept as a frontier (the roots of the perfect subtrees,
// left to right) and as tiles of 256 hashes: tile n of level l holds the roots of the subtrees of
// height 8·l that begin at leaf n·256·2^(8·l). Live commits, replay and import call one append().
//
//   rows of Family::tree:  0x00                    → size u64, then the frontier's hashes
//                          0x01 level u8 index u64 → 1 to 256 hashes; in level 0 always 256
//
// A tile of level 0 that is not full is no row: it is made again from the log's last headers (at
// most 255), so that a commit writes no more than the frontier.
//
// Source: RFC 6962 section 2.1; tiles as in C2SP tlog-tiles.
// Threads: pure functions; a Tree from one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/types.h"
#include "store/reader.h"

namespace emstore::store {

Sha256 leaf_hash(std::string_view header);
Sha256 node_hash(const Sha256& left, const Sha256& right);
Sha256 empty_root();

class Tree {
 public:
  Tree() = default;

  // The tree as the rows say. `leaf_of(sequence)` gives the leaf of a commit, for the tile that is
  // not full. Errors: corrupt_index.
  static Result<Tree> load(const Reader& reader,
                           const std::function<Result<Sha256>(Sequence)>& leaf_of);

  void append(const Sha256& leaf);
  std::uint64_t size() const { return size_; }
  Sha256 root() const;
  // The roots of the perfect subtrees, left to right, and how high each is.
  const std::vector<Sha256>& frontier() const { return frontier_; }
  unsigned height_of(std::size_t place) const;
  // The rows that changed since the last call: frontier, full tiles, tiles of upper levels.
  RowChanges take_changes();

 private:
  void add_to_tile(std::size_t level, const Sha256& hash);

  struct Level {
    std::vector<Sha256> open_tile;
    bool touched = false;  // Since take_changes().
  };

  std::uint64_t size_ = 0;
  std::vector<Sha256> frontier_;
  std::vector<Level> levels_;
  RowChanges full_tiles_;  // Since take_changes().
};

// What the rows keep: the hash of a commit's leaf, when its tile is full; the frontier. Errors:
// corrupt_index.
Result<std::optional<Sha256>> kept_leaf(const Reader& reader, Sequence sequence);
Result<std::vector<Sha256>> kept_frontier(const Reader& reader);

// The root that the tree had when it held `size` leaves, from the rows of a tree that holds at
// least as many. Errors: corrupt_index.
Result<Sha256> root_at(std::uint64_t size, const Reader& reader,
                       const std::function<Result<Sha256>(Sequence)>& leaf_of);

}  // namespace emstore::store
