// Order keys: where a link stands among those of its field. Compared as bytes. An appended link
// gets 8 big-endian bytes, counting from 2^32 and never falling; links put first count down from
// there; one put between two others gets the shortest key between theirs. No key but an appended
// one ends in 0x00. A to-one link has the empty key. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace emstore::store {

using OrderKey = std::string;

inline constexpr std::uint64_t kFirstAppendNumber = 1ull << 32;
inline constexpr std::size_t kOrderKeyBytesMax = 32;

OrderKey append_key(std::uint64_t number);
// The number of an appended key. Nothing for a key of another length, so one put between others may
// be taken for an appended one: it then lies below the highest number, which is all this is used
// for.
std::optional<std::uint64_t> append_number_of(std::string_view key);

// `count` rising keys between `before` and `after`, which is greater: as short as they can be, and
// as far apart as that length allows. An empty `before` is no bound: they are then the highest
// below `after`, so that what goes first next time has room. Nothing when some of them would be
// longer than `bytes_max`.
std::optional<std::vector<OrderKey>> keys_between(std::string_view before, std::string_view after,
                                                  std::size_t count,
                                                  std::size_t bytes_max = kOrderKeyBytesMax);
// Whether keys_between() has them.
bool has_room(std::string_view before, std::string_view after, std::size_t count,
              std::size_t bytes_max = kOrderKeyBytesMax);

}  // namespace emstore::store
