#include "store/scrub_state.h"

#include "base/pack.h"
#include "store/pieces.h"

namespace emstore::store {

std::string scrub_key() { return "scrub"; }

std::string encode(const ScrubState& state) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(6);
  writer.integer(state.started.micros);
  writer.integer(state.finished.micros);
  writer.binary(state.last ? to_bytes(*state.last) : std::string());
  writer.unsigned_integer(state.contents);
  writer.unsigned_integer(state.bytes);
  writer.unsigned_integer(state.damaged);
  return bytes;
}

Result<ScrubState> decode_scrub(std::string_view bytes) {
  pack::Cursor cursor(bytes);
  ScrubState state;
  EMSTORE_CHECKED(take_list(cursor, 6));
  EMSTORE_TRY(state.started.micros, cursor.integer());
  EMSTORE_TRY(state.finished.micros, cursor.integer());
  EMSTORE_TRY(const std::string_view last, cursor.binary());
  if (!last.empty()) {
    state.last = address_of_bytes(last);
    if (!state.last) return failure(ErrorCode::corrupt_index, "a scrub that is at no address");
  }
  EMSTORE_TRY(state.contents, cursor.unsigned_integer());
  EMSTORE_TRY(state.bytes, cursor.unsigned_integer());
  EMSTORE_TRY(state.damaged, cursor.unsigned_integer());
  return state;
}

Result<std::optional<ScrubState>> read_scrub(const Reader& reader) {
  EMSTORE_TRY(const auto bytes, reader.get(Family::meta, scrub_key()));
  if (!bytes) return std::nullopt;
  EMSTORE_TRY(const ScrubState state, decode_scrub(*bytes));
  return state;
}

}  // namespace emstore::store
