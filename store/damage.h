// Damage: bytes of media that were found not to be what was stored. What lay there is kept for a
// human to look at: a file in the media folder's quarantine/, small bytes in a row of Family::meta;
// another row there says what was found when, until the bytes are collected. No event: what is
// true has not changed, a copy of it has.
//
// Bytes that are damaged are never given to anybody once it is known. The same bytes mend it when
// they are uploaded again (contents.h).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "store/commands.h"
#include "store/overlay.h"

namespace emstore::store {

// The times of an address only grow, whatever the clock does: each mending is later than the
// finding before it, and each finding than the mending.
struct DamageRow {
  Time found;
  Time mended;  // 0: nobody has brought the bytes again yet.
  bool is_open() const { return mended.micros == 0; }
  bool operator==(const DamageRow&) const = default;
};
std::string damage_key(const Address& address);
// Of the damaged small bytes themselves.
std::string quarantine_key(const Address& address);
std::string encode(const DamageRow& row);
// Errors: corrupt_index.
Result<DamageRow> decode_damage(std::string_view bytes);
// Nothing when no damage is known. Errors: corrupt_index, io_failed.
Result<std::optional<DamageRow>> read_damage(const Reader& reader, const Address& address);

// Keeps `bytes`, which are not what should lie at the address.
void keep_damaged(Overlay& rows, const Address& address, std::string bytes);
// Notes that bytes were damaged, or gone, and are there again. Errors: corrupt_index, io_failed.
Status note_mended(Overlay& rows, const Address& address, Time now);
// Of bytes that are found to be whole: notes damage that waits as mended, and nothing else. Errors:
// corrupt_index, io_failed.
Status close_damage(Overlay& rows, const Address& address, Time now);
// Takes small bytes that are damaged out of the reach of readers, and notes it; of a file, which is
// out of reach already, only notes it. False when there is no damage, it was mended later than
// `mended` (as in SetAsideCommand), or nothing needs the bytes any more. Errors: corrupt_index,
// io_failed.
Result<bool> set_aside(Overlay& rows, const Address& address, Time mended, Time now);
// How many addresses have damage that waits, and damage that is mended: a row of its own, which
// moves with the others; only where it is missing they are counted. Errors: corrupt_index,
// io_failed.
struct DamageCounts {
  std::uint64_t waiting = 0, mended = 0;
  bool operator==(const DamageCounts&) const = default;
};
std::string damage_counts_key();
Result<DamageCounts> count_damage(const Reader& reader);
// With the bytes goes what is known of their damage.
Status forget_damage(Overlay& rows, const Address& address);

// What is noted. False from `visit` ends it.
Status each_damage(const Reader& reader,
                   const std::function<bool(const Address& address, const DamageRow& row)>& visit);
// The addresses that these changes mend.
std::vector<Address> mended_by(const Overlay& rows);

}  // namespace emstore::store
