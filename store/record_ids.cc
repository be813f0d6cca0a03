#include "store/record_ids.h"

#include <algorithm>

namespace emstore::store {
namespace {

using Uuid = std::array<std::uint8_t, 16>;

constexpr std::size_t kVersionByte = 6;
constexpr std::size_t kVariantByte = 8;
constexpr std::uint8_t kVersionBits = 0x70;
constexpr std::uint8_t kVariantBits = 0x80;

// One more, past the bits that say what kind of uuid it is.
Uuid one_above(Uuid uuid) {
  for (std::size_t i = uuid.size(); i-- > 0;) {
    const unsigned free = i == kVersionByte ? 0x0FU : i == kVariantByte ? 0x3FU : 0xFFU;
    const unsigned next = ((uuid[i] & free) + 1) & free;
    uuid[i] = static_cast<std::uint8_t>((uuid[i] & ~free) | next);
    if (next != 0) break;
  }
  return uuid;
}

}  // namespace

RecordId next_uuid(Time now, const std::optional<RecordId>& greatest,
                   const std::array<std::uint8_t, 8>& chance) {
  const auto micros = static_cast<std::uint64_t>(std::max<std::int64_t>(now.micros, 0));
  const std::uint64_t millis = micros / 1000;
  const std::uint64_t fraction = (micros % 1000) * 4096 / 1000;
  Uuid uuid{};
  for (std::size_t i = 0; i < 6; ++i) uuid[i] = static_cast<std::uint8_t>(millis >> (40 - 8 * i));
  uuid[6] = static_cast<std::uint8_t>(kVersionBits | (fraction >> 8));
  uuid[7] = static_cast<std::uint8_t>(fraction);
  std::copy(chance.begin(), chance.end(), uuid.begin() + 8);
  uuid[kVariantByte] = static_cast<std::uint8_t>(kVariantBits | (uuid[kVariantByte] & 0x3F));
  if (greatest && greatest->is_uuid() && uuid <= greatest->uuid()) {
    uuid = one_above(greatest->uuid());
  }
  return RecordId(uuid);
}

}  // namespace emstore::store
