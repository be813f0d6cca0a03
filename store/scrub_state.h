// How far the scrub of media is (daemon/scrub.h): a row of Family::meta, so that it goes on after a
// restart where it was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/result.h"
#include "store/commands.h"
#include "store/reader.h"

namespace emstore::store {

std::string scrub_key();
std::string encode(const ScrubState& state);
// Errors: corrupt_index.
Result<ScrubState> decode_scrub(std::string_view bytes);
// Nothing when there never was a scrub. Errors: corrupt_index, io_failed.
Result<std::optional<ScrubState>> read_scrub(const Reader& reader);

}  // namespace emstore::store
