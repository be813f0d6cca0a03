#include "store/merkle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <string>

#include "store/scratch.h"

namespace emstore::store {
namespace {

std::string hex(const Sha256& hash) { return to_hex(as_bytes(hash)); }

// RFC 6962 section 2.1, word for word.
Sha256 naive_root(std::span<const Sha256> leaves) {
  if (leaves.empty()) return empty_root();
  if (leaves.size() == 1) return leaves[0];
  const std::size_t half = std::bit_floor(leaves.size() - 1);
  return node_hash(naive_root(leaves.first(half)), naive_root(leaves.subspan(half)));
}

std::vector<Sha256> leaves_up_to(std::size_t count) {
  std::vector<Sha256> leaves;
  for (std::size_t i = 0; i < count; ++i) leaves.push_back(leaf_hash(std::to_string(i)));
  return leaves;
}

void store_changes(Tree& tree, Scratch& rows) {
  for (const RowChange& change : tree.take_changes()) rows.apply(change);
}

Result<Tree> load(const Reader& rows, const std::vector<Sha256>& leaves) {
  return Tree::load(
      rows, [&leaves](Sequence sequence) -> Result<Sha256> { return leaves.at(sequence - 1); });
}

std::string key_of(char kind, std::uint8_t level, std::uint8_t index) {
  std::string key{kind, static_cast<char>(level)};
  key.append(7, '\0');
  key.push_back(static_cast<char>(index));
  return key;
}

TEST(Tree, HasTheRootsOfTheReferenceTree) {
  const std::vector<std::string> leaves = {"",
                                           "00",
                                           "10",
                                           "2021",
                                           "3031",
                                           "40414243",
                                           "5051525354555657",
                                           "606162636465666768696a6b6c6d6e6f"};
  const std::vector<std::string> roots = {
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  Tree tree;
  EXPECT_EQ(hex(tree.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    tree.append(leaf_hash(from_hex(leaves[i]).value()));
    EXPECT_EQ(hex(tree.root()), roots[i]) << "of " << i + 1 << " leaves";
  }
}

TEST(Tree, HasTheRootOfTheRecursiveDefinition) {
  const std::vector<Sha256> leaves = leaves_up_to(66'000);
  Tree tree;
  for (std::size_t size = 1; size <= leaves.size(); ++size) {
    tree.append(leaves[size - 1]);
    ASSERT_EQ(tree.size(), size);
    const bool is_checked = size <= 600 || size == 65'535 || size == 65'536 || size == 65'537 ||
                            size == 65'792 || size == 66'000;
    if (!is_checked) continue;
    ASSERT_EQ(hex(tree.root()), hex(naive_root(std::span(leaves).first(size)))) << size;
  }
}

TEST(Tree, TilesHoldTheRootsOfTheirSubtrees) {
  const std::vector<Sha256> leaves = leaves_up_to(65'536 + 3 * 256 + 7);
  Tree tree;
  for (const Sha256& leaf : leaves) tree.append(leaf);
  Scratch rows;
  store_changes(tree, rows);

  const auto tile = [&rows](std::uint8_t level, std::uint8_t index) {
    return rows.get(Family::tree, key_of('\x01', level, index))->value_or("");
  };
  EXPECT_EQ(tile(0, 3).substr(5 * 32, 32), as_bytes(leaves[3 * 256 + 5]));
  EXPECT_EQ(tile(1, 0).size(), 256u * 32);
  EXPECT_EQ(tile(1, 0).substr(2 * 32, 32),
            as_bytes(naive_root(std::span(leaves).subspan(2 * 256, 256))));
  EXPECT_EQ(tile(1, 1).size(), 3u * 32);
  EXPECT_EQ(tile(1, 1).substr(32, 32),
            as_bytes(naive_root(std::span(leaves).subspan(257 * 256, 256))));
  EXPECT_EQ(tile(2, 0), as_bytes(naive_root(std::span(leaves).first(65'536))));
}

TEST(Tree, ACommitWritesNoMoreThanTheFrontier) {
  const std::vector<Sha256> leaves = leaves_up_to(255);
  Tree tree;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    tree.append(leaves[i]);
    const RowChanges changes = tree.take_changes();
    ASSERT_EQ(changes.size(), 1u);
    EXPECT_EQ(changes[0].key, std::string(1, '\0'));
    EXPECT_EQ(changes[0].value->size(), 8 + 32 * static_cast<std::size_t>(std::popcount(i + 1)));
  }
  EXPECT_TRUE(tree.take_changes().empty());
  tree.append(leaves[0]);
  EXPECT_EQ(tree.take_changes().size(), 3u);  // A full tile, the tile above it, the frontier.
}

// However often it is loaded and however the commits are grouped: the same rows as without a break.
TEST(Tree, GoesOnAfterALoadAsIfItHadNeverStopped) {
  const std::vector<Sha256> leaves = leaves_up_to(70'000);
  std::mt19937 random(20261122);
  Scratch rows;
  Tree uninterrupted;
  Scratch expected;
  for (std::size_t size = 0; size < leaves.size();) {
    auto tree = load(rows, leaves);
    ASSERT_TRUE(tree) << to_string(tree.error()) << " at " << size;
    ASSERT_EQ(tree->size(), size);
    const std::size_t group = 1 + random() % (random() % 8 == 0 ? 9000 : 300);
    for (std::size_t i = 0; i < group && size < leaves.size(); ++i, ++size) {
      tree->append(leaves[size]);
      uninterrupted.append(leaves[size]);
    }
    ASSERT_EQ(tree->root(), uninterrupted.root()) << size;
    store_changes(*tree, rows);
    store_changes(uninterrupted, expected);
    ASSERT_EQ(rows.rows(Family::tree).size(), expected.rows(Family::tree).size()) << size;
  }
  EXPECT_EQ(rows.rows(Family::tree), expected.rows(Family::tree));
}

TEST(RootAt, IsTheRootOfTheTreeWhenItWasSmaller) {
  const std::vector<Sha256> leaves = leaves_up_to(66'000);
  const auto leaf_of = [&leaves](Sequence sequence) -> Result<Sha256> {
    return leaves.at(sequence - 1);
  };
  Tree tree;
  for (const Sha256& leaf : leaves) tree.append(leaf);
  Scratch rows;
  store_changes(tree, rows);

  std::vector<std::size_t> sizes = {0, 1, 255, 256, 257, 65'535, 65'536, 65'537, 66'000};
  std::mt19937 random(20261122);
  for (int i = 0; i < 30; ++i) sizes.push_back(random() % leaves.size());
  for (const std::size_t size : sizes) {
    const auto root = root_at(size, rows, leaf_of);
    ASSERT_TRUE(root) << to_string(root.error()) << " at " << size;
    EXPECT_EQ(hex(*root), hex(naive_root(std::span(leaves).first(size)))) << size;
  }

  rows.apply({Family::tree, key_of('\x01', 1, 0), std::nullopt});
  const auto root = root_at(600, rows, leaf_of);
  ASSERT_FALSE(root);
  EXPECT_EQ(root.error().code, ErrorCode::corrupt_index);
}

TEST(TreeLoad, IsEmptyWhereThereAreNoRows) {
  const auto tree = load(Scratch(), {});
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree->size(), 0u);
  EXPECT_EQ(tree->root(), empty_root());
}

TEST(TreeLoad, FindsEveryWrongByteOfWhatItReads) {
  const std::vector<Sha256> leaves = leaves_up_to(65'536 + 2 * 256 + 3);
  Tree tree;
  for (const Sha256& leaf : leaves) tree.append(leaf);
  Scratch rows;
  store_changes(tree, rows);
  ASSERT_TRUE(load(rows, leaves));

  const std::string frontier(1, '\0');
  for (const std::string& key : {frontier, key_of('\x01', 1, 1), key_of('\x01', 2, 0)}) {
    const std::string whole = rows.get(Family::tree, key)->value();
    for (std::size_t i = 0; i < whole.size(); ++i) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
      rows.apply({Family::tree, key, damaged});
      const auto loaded = Tree::load(rows, [&](Sequence sequence) -> Result<Sha256> {
        return leaves[(sequence - 1) % leaves.size()];
      });
      ASSERT_FALSE(loaded) << "byte " << i << " of " << to_hex(key);
      EXPECT_EQ(loaded.error().code, ErrorCode::corrupt_index);
    }
    rows.apply({Family::tree, key, whole.substr(0, whole.size() - 1)});
    EXPECT_FALSE(load(rows, leaves)) << "a byte short: " << to_hex(key);
    rows.apply({Family::tree, key, whole});
  }
  ASSERT_TRUE(load(rows, leaves));
}

TEST(TreeLoad, FindsAMissingTile) {
  const std::vector<Sha256> leaves = leaves_up_to(600);
  Tree tree;
  for (const Sha256& leaf : leaves) tree.append(leaf);
  Scratch rows;
  store_changes(tree, rows);
  rows.apply({Family::tree, key_of('\x01', 1, 0), std::nullopt});
  const auto loaded = load(rows, leaves);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::corrupt_index);
}

TEST(TreeLoad, FindsAnotherLog) {
  std::vector<Sha256> leaves = leaves_up_to(300);
  Tree tree;
  for (const Sha256& leaf : leaves) tree.append(leaf);
  Scratch rows;
  store_changes(tree, rows);
  leaves[280] = leaf_hash("altered");
  const auto loaded = load(rows, leaves);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::corrupt_index);
}

TEST(TreeLoad, PassesOnWhatTheLogAnswers) {
  Tree tree;
  tree.append(leaf_hash("a"));
  Scratch rows;
  store_changes(tree, rows);
  const auto loaded = Tree::load(rows, [](Sequence) -> Result<Sha256> {
    return failure(ErrorCode::corrupt_log, "commit 1 is missing");
  });
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::corrupt_log);
}

}  // namespace
}  // namespace emstore::store
