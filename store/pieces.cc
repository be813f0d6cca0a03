#include "store/pieces.h"

#include <algorithm>
#include <array>

namespace emstore::store {

tl::unexpected<Error> other_size(std::size_t found, std::size_t size) {
  return failure(
      ErrorCode::malformed_message,
      "a list of " + std::to_string(found) + " values where " + std::to_string(size) + " belong");
}

void put(pack::Writer& writer, const RecordId& id) {
  if (id.is_uuid()) {
    writer.binary(as_bytes(id.uuid()));
  } else {
    writer.unsigned_integer(id.integer());
  }
}

void put(pack::Writer& writer, const RecordRef& record) {
  writer.unsigned_integer(static_cast<std::uint32_t>(record.entity));
  put(writer, record.id);
}

void put(pack::Writer& writer, const Sha256& digest) { writer.binary(as_bytes(digest)); }

void put(pack::Writer& writer, const FieldValues& values) {
  writer.begin_map(values.size());
  for (const auto& [field, value] : values) {
    writer.unsigned_integer(static_cast<std::uint32_t>(field));
    writer.value(value);
  }
}

Result<RecordId> take_id(pack::Cursor& cursor) {
  constexpr char kShortBinary = '\xc4';  // MessagePack's bin 8; otherwise it is an integer.
  if (cursor.rest().empty() || cursor.rest().front() != kShortBinary) {
    EMSTORE_TRY(const std::uint64_t integer, cursor.unsigned_integer());
    return RecordId(integer);
  }
  EMSTORE_TRY(const std::string_view bytes, cursor.binary());
  std::array<std::uint8_t, 16> uuid{};
  if (bytes.size() != uuid.size())
    return failure(ErrorCode::malformed_message, "a uuid of another size");
  std::copy(bytes.begin(), bytes.end(), uuid.begin());
  return RecordId(uuid);
}

Result<RecordRef> take_record(pack::Cursor& cursor) {
  EMSTORE_TRY(const std::uint64_t entity, cursor.unsigned_integer());
  EMSTORE_TRY(const RecordId id, take_id(cursor));
  return RecordRef{EntityId{static_cast<std::uint32_t>(entity)}, id};
}

Result<Sha256> take_sha256(pack::Cursor& cursor) {
  EMSTORE_TRY(const std::string_view bytes, cursor.binary());
  Sha256 digest{};
  if (bytes.size() != digest.size()) {
    return failure(ErrorCode::malformed_message, "a SHA-256 of another size");
  }
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

Result<FieldValues> take_values(pack::Cursor& cursor) {
  FieldValues values;
  EMSTORE_TRY(const std::size_t size, cursor.begin_map());
  for (std::size_t i = 0; i < size; ++i) {
    EMSTORE_TRY(const std::uint64_t field, cursor.unsigned_integer());
    EMSTORE_TRY(Value value, cursor.value());
    values.set(FieldId{static_cast<std::uint32_t>(field)}, std::move(value));
  }
  return values;
}

}  // namespace emstore::store
