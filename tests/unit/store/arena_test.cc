#include "store/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace emstore::store {
namespace {

TEST(Arena, GivesEachItsOwnMemory) {
  std::mt19937 random(20261129);
  Arena arena;
  for (int round = 0; round < 2; ++round) {
    std::vector<std::pair<char*, std::string>> taken;
    for (int i = 0; i < 3'000; ++i) {
      const std::size_t size = random() % 50 == 0 ? random() % 300'000 : random() % 200;
      const bool is_aligned = random() % 2 == 0;
      char* const place =
          is_aligned ? static_cast<char*>(arena.take(size)) : arena.take_bytes(size);
      if (is_aligned) {
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(place) % alignof(std::max_align_t), 0U);
      }
      const std::string content(size, static_cast<char>(i));
      std::memcpy(place, content.data(), size);
      taken.emplace_back(place, content);
    }
    for (const auto& [place, content] : taken) {
      ASSERT_EQ(std::string_view(place, content.size()), content);
    }
    arena.clear();
  }
}

// So much that most of it was fetched ahead.
TEST(Arena, GivesTheSameMemoryAgainOnceItIsCleared) {
  constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
  constexpr int kPieces = 100;
  Arena arena;
  std::vector<char*> first;
  for (int round = 0; round < 3; ++round) {
    std::vector<char*> taken;
    for (int i = 0; i < kPieces; ++i) {
      taken.push_back(arena.take_bytes(kPieceBytes));
      std::memset(taken.back(), round * kPieces + i, kPieceBytes);
    }
    for (int i = 0; i < kPieces; ++i) {
      const auto content = static_cast<char>(round * kPieces + i);
      ASSERT_EQ(taken[static_cast<std::size_t>(i)][0], content);
      ASSERT_EQ(taken[static_cast<std::size_t>(i)][kPieceBytes - 1], content);
    }
    if (round == 0) first = taken;
    EXPECT_EQ(taken, first);
    arena.clear();
  }
}

// Large pieces take kept chunks out of their turn, so that small ones are left; whatever is asked
// for behind them has its room all the same.
TEST(Arena, GivesRoomForLargePiecesWhereSmallChunksAreLeft) {
  constexpr std::size_t kSmall = std::size_t{60} << 10, kLarge = std::size_t{10} << 20;
  for (int small = 100; small < 1'000; small += 100) {
    Arena arena;
    std::vector<std::pair<char*, std::size_t>> taken;
    const auto take = [&](int pieces, std::size_t size) {
      for (; pieces > 0; --pieces) taken.emplace_back(arena.take_bytes(size), size);
    };
    take(small, kSmall);
    arena.clear();
    taken.clear();
    take(4, kLarge);
    take(small, kSmall);
    take(4, kLarge);
    for (const auto& [place, size] : taken) place[0] = place[size - 1] = 'x';
    std::sort(taken.begin(), taken.end());
    for (std::size_t i = 1; i < taken.size(); ++i) {
      ASSERT_LE(taken[i - 1].first + taken[i - 1].second, taken[i].first) << small;
    }
  }
}

TEST(Arena, GivesMoreThanAnyChunkAtOnce) {
  Arena arena;
  constexpr std::size_t kBytes = std::size_t{40} << 20;
  auto* const place = static_cast<char*>(arena.take(kBytes));
  place[0] = place[kBytes - 1] = 'x';
  char* const next = arena.take_bytes(1);
  *next = 'y';
  EXPECT_EQ(place[kBytes - 1], 'x');
}

}  // namespace
}  // namespace emstore::store
