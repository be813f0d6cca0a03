// Order keys: where a link stands among those of its field. Compared as bytes. An appended link
// gets 8 big-endian bytes, counting from 2^32 and never falling; a link put between two others gets
// the shortest key between theirs, which never ends in 0x00. A to-one link has the empty key. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace emstore::store {

using OrderKey = std::string;

inline constexpr std::uint64_t kFirstAppendNumber = 1ull << 32;
inline constexpr std::size_t kOrderKeyBytesMax = 32;

OrderKey append_key(std::uint64_t number);
// The number of an appended key. Nothing for a key of another length, so one put between others may
// be taken for an appended one: it then lies below the highest number, which is all this is used
// for.
std::optional<std::uint64_t> append_number_of(std::string_view key);

// A key between `before` and `after`, which is greater (either empty: no bound on that side).
// Without an upper bound it still lies below every number that can be appended later. Nothing when
// every such key would be longer than kOrderKeyBytesMax: the neighbours must be spread first.
std::optional<OrderKey> key_between(std::string_view before, std::string_view after);

}  // namespace emstore::store
