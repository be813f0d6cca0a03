// The head of a MessagePack value: its kind and its length, or, where it is that small, its
// content. For those who read piece by piece: pack_cursor.cc (values) and protocol/frame.cc (whole
// messages). msgpack-cxx has readers of whole values only; a test holds this file against it.
// Format: https://github.com/msgpack/msgpack/blob/master/spec.md
#pragma once

#include <cstddef>
#include <cstdint>

namespace emstore::pack {

enum class Shape : std::uint8_t {
  null,
  boolean,
  unsigned_integer,
  signed_integer,
  float32,
  float64,
  text,
  binary,
  extension,
  list,
  map,
  unused,  // 0xC1, the one byte that begins nothing.
};

constexpr bool has_body(Shape shape) {
  return shape == Shape::text || shape == Shape::binary || shape == Shape::extension;
}

struct Head {
  Shape shape = Shape::unused;
  std::int8_t extension_type = 0;
  // Text, binary, extension: the bytes that follow. List: the values, map: the pairs that follow.
  // Everything else is whole: its bits, those of integers widened to 64.
  std::uint64_t size = 0;
};

// A point in time is an extension of this type. In its form of 8 bytes the seconds have 34 bits,
// the nanoseconds the 30 above.
inline constexpr std::int8_t kTimestampType = -1;
inline constexpr unsigned kTimestampSecondsBits = 34;

// What each first byte from 0xC0 to 0xDF begins: its shape, the bytes of its head, and, of
// extensions of a fixed size, the bytes that follow.
struct HeadForm {
  Shape shape;
  std::uint8_t length;
  std::uint8_t fixed_size = 0;
};
// clang-format off
inline constexpr HeadForm kHeadForms[32] = {
    {Shape::null, 1},             {Shape::unused, 1},           {Shape::boolean, 1},          {Shape::boolean, 1},
    {Shape::binary, 2},           {Shape::binary, 3},           {Shape::binary, 5},           {Shape::extension, 3},
    {Shape::extension, 4},        {Shape::extension, 6},        {Shape::float32, 5},          {Shape::float64, 9},
    {Shape::unsigned_integer, 2}, {Shape::unsigned_integer, 3}, {Shape::unsigned_integer, 5}, {Shape::unsigned_integer, 9},
    {Shape::signed_integer, 2},   {Shape::signed_integer, 3},   {Shape::signed_integer, 5},   {Shape::signed_integer, 9},
    {Shape::extension, 2, 1},     {Shape::extension, 2, 2},     {Shape::extension, 2, 4},     {Shape::extension, 2, 8},
    {Shape::extension, 2, 16},    {Shape::text, 2},             {Shape::text, 3},             {Shape::text, 5},
    {Shape::list, 3},             {Shape::list, 5},             {Shape::map, 3},              {Shape::map, 5},
};
// clang-format on

// The bytes of the head that begins with `first`, 1 to 9; of numbers, the number itself included.
constexpr std::size_t head_length(unsigned char first) {
  return first < 0xC0 || first >= 0xE0 ? 1 : kHeadForms[first - 0xC0].length;
}

// A head of one byte: what begins below 0xC0 and from 0xE0 on.
constexpr Head short_head(unsigned char first) {
  if (first < 0x80) return {Shape::unsigned_integer, 0, first};
  if (first < 0x90) return {Shape::map, 0, first & 0x0FU};
  if (first < 0xA0) return {Shape::list, 0, first & 0x0FU};
  if (first < 0xC0) return {Shape::text, 0, first & 0x1FU};
  return {Shape::signed_integer, 0, static_cast<std::uint64_t>(static_cast<std::int8_t>(first))};
}

// One of those in between.
Head long_head(const char* bytes);

// Reads the head at `bytes`, where head_length(bytes[0]) bytes must be.
inline Head head_of(const char* bytes) {
  const auto first = static_cast<unsigned char>(bytes[0]);
  return first < 0xC0 || first >= 0xE0 ? short_head(first) : long_head(bytes);
}

}  // namespace emstore::pack
