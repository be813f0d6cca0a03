#include "store/arena.h"

#include <gtest/gtest.h>

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
