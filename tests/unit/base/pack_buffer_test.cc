#include "base/pack_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>

#include "base/pack.h"

namespace emstore::pack {
namespace {

TEST(PackBuffer, WritesWhatTheWriterWrites) {
  for (const std::size_t size :
       std::initializer_list<std::size_t>{0, 1, 31, 32, 255, 256, 65'535}) {
    const std::string text(size, 'x');
    std::string written;
    Writer writer(written);
    Buffer buffer;
    writer.text(text);
    std::ranges::copy(text, buffer.text(size));
    for (const std::int64_t micros :
         std::initializer_list<std::int64_t>{0, 1, 1'700'000'000'000'000}) {
      writer.time(Time{micros});
      buffer.time(Time{micros});
    }
    for (const std::uint64_t value : {0ULL, 127ULL, 128ULL, 65'536ULL, 1ULL << 40U}) {
      writer.unsigned_integer(value);
      buffer.unsigned_integer(value);
    }
    writer.null();
    buffer.null();
    writer.raw("\xa1z");
    buffer.raw("\xa1z");
    EXPECT_EQ(buffer.bytes(), written) << size;
  }
}

TEST(PackBuffer, KeepsWhatItHoldsWhileItGrows) {
  Buffer buffer;
  std::string expected;
  for (int i = 0; i < 10'000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 40), static_cast<char>('a' + i % 26));
    buffer.raw(piece);
    expected += piece;
  }
  EXPECT_EQ(buffer.bytes(), expected);
  buffer.clear();
  EXPECT_TRUE(buffer.bytes().empty());
}

TEST(SinkMembers, GiveATreeWhatTheyGiveAWriter) {
  const Map map{{"a", 1}, {"b", List{"x", nullptr}}};
  const std::string packed = to_bytes(map);
  const std::string_view pairs = std::string_view(packed).substr(1);
  ValueSink tree;
  tree.begin_map(2);
  ASSERT_TRUE(tree.members(pairs, 2));
  EXPECT_EQ(tree.take(), Value(map));
  std::string bytes;
  Writer writer(bytes);
  writer.begin_map(2);
  ASSERT_TRUE(writer.members(pairs, 2));
  EXPECT_EQ(bytes, packed);
}

TEST(SinkMembers, RefuseToTakeOtherBytesApart) {
  for (const std::string_view pairs : {"", "\x01\x01", "\xa1z", "\xa1z\x01\x01"}) {
    ValueSink tree;
    tree.begin_map(1);
    EXPECT_FALSE(tree.members(pairs, 1)) << pairs.size();
  }
}

}  // namespace
}  // namespace emstore::pack
