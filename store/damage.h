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

struct DamageRow {
  Time found;
  Time mended;  // 0: nobody has brought the bytes again yet.
  bool operator==(const DamageRow&) const = default;
};
std::string damage_key(const Address& address);
// Of the damaged small bytes themselves.
std::string quarantine_key(const Address& address);
std::string encode(const DamageRow& row);
// Errors: corrupt_index.
Result<DamageRow> decode_damage(std::string_view bytes);

// Keeps `bytes`, which are not what should lie at the address.
void keep_damaged(Overlay& rows, const Address& address, std::string bytes);
// Notes that bytes were damaged, or gone, and are there again. Errors: corrupt_index, io_failed.
Status note_mended(Overlay& rows, const Address& address, Time now);
// Takes small bytes that are damaged out of the reach of readers, and notes it; of a file, which is
// out of reach already, only notes it. False when there is no damage, it was mended after it was
// `found`, or nothing needs the bytes any more. Errors: corrupt_index, io_failed.
Result<bool> set_aside(Overlay& rows, const Address& address, Time found);
// With the bytes goes what is known of their damage.
Status forget_damage(Overlay& rows, const Address& address);

// What is noted. False from `visit` ends it.
Status each_damage(const Reader& reader,
                   const std::function<bool(const Address& address, const DamageRow& row)>& visit);
// The addresses that these changes mend.
std::vector<Address> mended_by(const RowChanges& changes);

}  // namespace emstore::store
