#include "store/merkle.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <string>
#include <utility>

#include "base/big_endian.h"

namespace emstore::store {
namespace {

constexpr std::size_t kHashBytes = std::tuple_size_v<Sha256>;
constexpr std::size_t kTileHashes = 256;
constexpr unsigned kTileHeight = 8;  // A full tile is the subtree of this height over its hashes.

std::string frontier_key() { return std::string(1, '\x00'); }

std::string tile_key(std::size_t level, std::uint64_t index) {
  std::string key(1, '\x01');
  key.push_back(static_cast<char>(level));
  append_big_endian(key, index);
  return key;
}

std::string joined(const std::vector<Sha256>& hashes) {
  std::string bytes;
  bytes.reserve(hashes.size() * kHashBytes);
  for (const Sha256& hash : hashes) bytes.append(as_bytes(hash));
  return bytes;
}

std::vector<Sha256> split(std::string_view bytes) {
  std::vector<Sha256> hashes(bytes.size() / kHashBytes);
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(i * kHashBytes), kHashBytes,
                hashes[i].begin());
  }
  return hashes;
}

// Complete subtrees of height 8·level in a tree of `size` leaves: the hashes of that level's tiles.
std::uint64_t hashes_of_level(std::uint64_t size, std::size_t level) {
  return level < 64 / kTileHeight ? size >> (kTileHeight * level) : 0;
}

// The roots of the perfect subtrees over `nodes`, left to right.
std::vector<Sha256> perfect_roots(const std::vector<Sha256>& nodes) {
  std::vector<Sha256> roots;
  for (std::uint64_t count = 0; count < nodes.size(); ++count) {
    Sha256 node = nodes[count];
    for (std::uint64_t rest = count; (rest & 1) != 0; rest >>= 1) {
      node = node_hash(roots.back(), node);
      roots.pop_back();
    }
    roots.push_back(node);
  }
  return roots;
}

// The root over perfect subtrees, left to right.
Sha256 joined_roots(const std::vector<Sha256>& roots) {
  if (roots.empty()) return empty_root();
  Sha256 root = roots.back();
  for (auto left = roots.rbegin() + 1; left != roots.rend(); ++left) root = node_hash(*left, root);
  return root;
}

tl::unexpected<Error> damaged(std::string_view what) {
  return failure(ErrorCode::corrupt_index, "the tree of the log: " + std::string(what));
}

struct Frontier {
  std::uint64_t size = 0;
  std::vector<Sha256> hashes;
};

Result<Frontier> read_frontier(const Reader& reader) {
  EMSTORE_TRY(const std::optional<std::string> row, reader.get(Family::tree, frontier_key()));
  if (!row) return Frontier{};
  constexpr std::size_t kSizeBytes = sizeof(std::uint64_t);
  if (row->size() < kSizeBytes) return damaged("its frontier has no size");
  const std::uint64_t size =
      big_endian<std::uint64_t>(std::string_view(*row).substr(0, kSizeBytes));
  const std::string_view hashes = std::string_view(*row).substr(kSizeBytes);
  if (size == 0 || hashes.size() != kHashBytes * static_cast<std::size_t>(std::popcount(size))) {
    return damaged("its frontier does not fit its size of " + std::to_string(size));
  }
  return Frontier{size, split(hashes)};
}

// The hashes of the open tile of a level above the leaves; none when the level's last tile is full.
Result<std::vector<Sha256>> read_open_tile(const Reader& reader, std::size_t level,
                                           std::uint64_t hashes) {
  const std::uint64_t index = hashes / kTileHashes;
  const std::size_t count = hashes % kTileHashes;
  if (count == 0) return std::vector<Sha256>();
  EMSTORE_TRY(const std::optional<std::string> row,
              reader.get(Family::tree, tile_key(level, index)));
  if (!row || row->size() != count * kHashBytes) {
    return damaged("tile " + std::to_string(index) + " of level " + std::to_string(level) +
                   " should hold " + std::to_string(count) + " hashes");
  }
  return split(*row);
}

}  // namespace

Sha256 leaf_hash(std::string_view header) { return sha256({std::string_view("\x00", 1), header}); }

Sha256 node_hash(const Sha256& left, const Sha256& right) {
  return sha256({std::string_view("\x01", 1), as_bytes(left), as_bytes(right)});
}

Sha256 empty_root() { return sha256(std::string_view()); }

Result<Tree> Tree::load(const Reader& reader,
                        const std::function<Result<Sha256>(Sequence)>& leaf_of) {
  EMSTORE_TRY(const Frontier frontier, read_frontier(reader));
  Tree tree;
  tree.size_ = frontier.size;
  for (std::size_t level = 0; level == 0 || hashes_of_level(tree.size_, level) > 0; ++level) {
    std::vector<Sha256> tile;
    if (level > 0) {
      EMSTORE_TRY(tile, read_open_tile(reader, level, hashes_of_level(tree.size_, level)));
    } else {
      for (std::uint64_t i = tree.size_ - tree.size_ % kTileHashes; i < tree.size_; ++i) {
        EMSTORE_TRY(tile.emplace_back(), leaf_of(i + 1));
      }
    }
    // The open tiles determine the frontier: the lowest level gives its last hashes.
    const std::vector<Sha256> roots = perfect_roots(tile);
    tree.frontier_.insert(tree.frontier_.begin(), roots.begin(), roots.end());
    tree.levels_.push_back({std::move(tile)});
  }
  if (tree.frontier_ != frontier.hashes) return damaged("its frontier and its tiles disagree");
  return tree;
}

void Tree::append(const Sha256& leaf) {
  Sha256 node = leaf;
  unsigned height = 0;
  add_to_tile(0, node);
  for (std::uint64_t rest = size_; (rest & 1) != 0; rest >>= 1) {
    node = node_hash(frontier_.back(), node);
    frontier_.pop_back();
    ++height;
    if (height % kTileHeight == 0) add_to_tile(height / kTileHeight, node);
  }
  frontier_.push_back(node);
  ++size_;
}

Sha256 Tree::root() const { return joined_roots(frontier_); }

unsigned Tree::height_of(std::size_t place) const {
  std::uint64_t rest = size_;
  for (; place > 0; --place) rest -= std::bit_floor(rest);
  return static_cast<unsigned>(std::bit_width(rest)) - 1;
}

RowChanges Tree::take_changes() {
  RowChanges changes = std::exchange(full_tiles_, {});
  if (levels_.empty() || !std::exchange(levels_.front().touched, false)) return changes;
  for (std::size_t level = 1; level < levels_.size(); ++level) {
    const std::vector<Sha256>& tile = levels_[level].open_tile;
    if (!std::exchange(levels_[level].touched, false) || tile.empty()) continue;
    const std::uint64_t index = hashes_of_level(size_, level) / kTileHashes;
    changes.push_back({Family::tree, tile_key(level, index), joined(tile)});
  }
  std::string frontier;
  append_big_endian(frontier, size_);
  changes.push_back({Family::tree, frontier_key(), std::move(frontier) + joined(frontier_)});
  return changes;
}

void Tree::add_to_tile(std::size_t level, const Sha256& hash) {
  if (level >= levels_.size()) levels_.resize(level + 1);
  std::vector<Sha256>& tile = levels_[level].open_tile;
  tile.push_back(hash);
  levels_[level].touched = true;
  if (tile.size() < kTileHashes) return;
  // append() counts the leaf afterwards.
  const std::uint64_t index = hashes_of_level(size_ + 1, level) / kTileHashes - 1;
  full_tiles_.push_back({Family::tree, tile_key(level, index), joined(tile)});
  tile.clear();
}

namespace {

using Leaves = std::function<Result<Sha256>(Sequence)>;

// The root of the complete subtree of this height that is the `index`-th of its kind.
Result<Sha256> subtree(unsigned height, std::uint64_t index, const Reader& reader,
                       const Leaves& leaf_of) {
  if (height % kTileHeight != 0) {
    EMSTORE_TRY(const Sha256 left, subtree(height - 1, 2 * index, reader, leaf_of));
    EMSTORE_TRY(const Sha256 right, subtree(height - 1, 2 * index + 1, reader, leaf_of));
    return node_hash(left, right);
  }
  const std::size_t level = height / kTileHeight;
  EMSTORE_TRY(const std::optional<std::string> row,
              reader.get(Family::tree, tile_key(level, index / kTileHashes)));
  const std::size_t place = index % kTileHashes * kHashBytes;
  if (row && row->size() >= place + kHashBytes) {
    return split(std::string_view(*row).substr(place, kHashBytes)).front();
  }
  if (level == 0) return leaf_of(index + 1);
  return damaged("tile " + std::to_string(index / kTileHashes) + " of level " +
                 std::to_string(level) + " is too short");
}

}  // namespace

Result<std::optional<Sha256>> kept_leaf(const Reader& reader, Sequence sequence) {
  const std::uint64_t index = sequence - 1;
  EMSTORE_TRY(const std::optional<std::string> row,
              reader.get(Family::tree, tile_key(0, index / kTileHashes)));
  if (!row) return std::nullopt;
  const std::size_t place = index % kTileHashes * kHashBytes;
  if (row->size() < place + kHashBytes) return damaged("a tile of its leaves is too short");
  return split(std::string_view(*row).substr(place, kHashBytes)).front();
}

Result<std::vector<Sha256>> kept_frontier(const Reader& reader) {
  EMSTORE_TRY(Frontier frontier, read_frontier(reader));
  return std::move(frontier.hashes);
}

Result<Sha256> root_at(std::uint64_t size, const Reader& reader, const Leaves& leaf_of) {
  std::vector<Sha256> roots;
  std::uint64_t before = 0;
  for (unsigned height = 64; height-- > 0;) {
    if ((size >> height & 1) == 0) continue;
    EMSTORE_TRY(const Sha256 root, subtree(height, before >> height, reader, leaf_of));
    roots.push_back(root);
    before += std::uint64_t{1} << height;
  }
  return joined_roots(roots);
}

}  // namespace emstore::store
