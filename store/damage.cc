#include "store/damage.h"

#include <utility>

#include "base/hash.h"
#include "base/pack.h"
#include "store/contents.h"
#include "store/pieces.h"

namespace emstore::store {
namespace {

constexpr std::string_view kDamagePrefix = "damaged/";
constexpr std::string_view kQuarantinePrefix = "quarantine/";

std::optional<Address> address_of_damage(std::string_view key) {
  if (!key.starts_with(kDamagePrefix)) return std::nullopt;
  return address_of_bytes(key.substr(kDamagePrefix.size()));
}

Result<std::optional<DamageRow>> read_damage(const Reader& reader, const Address& address) {
  EMSTORE_TRY(const auto bytes, reader.get(Family::meta, damage_key(address)));
  if (!bytes) return std::nullopt;
  EMSTORE_TRY(const DamageRow row, decode_damage(*bytes));
  return row;
}

void note(Overlay& rows, const Address& address, const DamageRow& row) {
  rows.apply({Family::meta, damage_key(address), encode(row)});
}

// What lies in the row of small bytes, and whether that can be read.
struct FoundBytes {
  std::optional<std::string> bytes;
  bool is_readable = true;
};
Result<FoundBytes> find_bytes(const Reader& reader, const Address& address) {
  Result<std::optional<std::string>> bytes = reader.get(Family::bytes, to_bytes(address));
  if (bytes) return FoundBytes{*std::move(bytes), true};
  if (bytes.error().code == ErrorCode::corrupt_blob) return FoundBytes{std::nullopt, false};
  return failure(bytes.error());
}

}  // namespace

std::string damage_key(const Address& address) {
  return std::string(kDamagePrefix).append(to_bytes(address));
}

std::string quarantine_key(const Address& address) {
  return std::string(kQuarantinePrefix).append(to_bytes(address));
}

std::string encode(const DamageRow& row) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(2);
  writer.integer(row.found.micros);
  writer.integer(row.mended.micros);
  return bytes;
}

Result<DamageRow> decode_damage(std::string_view bytes) {
  pack::Cursor cursor(bytes);
  DamageRow row;
  EMSTORE_CHECKED(take_list(cursor, 2));
  EMSTORE_TRY(row.found.micros, cursor.integer());
  EMSTORE_TRY(row.mended.micros, cursor.integer());
  return row;
}

void keep_damaged(Overlay& rows, const Address& address, std::string bytes) {
  rows.apply({Family::meta, quarantine_key(address), std::move(bytes)});
}

Status note_mended(Overlay& rows, const Address& address, Time now) {
  EMSTORE_TRY(const auto before, read_damage(rows, address));
  const bool is_open = before && before->mended.micros == 0;
  note(rows, address, {is_open ? before->found : now, now});
  return {};
}

Result<bool> set_aside(Overlay& rows, const Address& address, Time found) {
  EMSTORE_TRY(const auto recorded, recorded_at(rows, address, found));
  if (!recorded || !recorded->is_here) return false;
  EMSTORE_TRY(const auto before, read_damage(rows, address));
  if (before && before->mended >= found) return false;
  if (!address.is_file()) {
    EMSTORE_TRY(FoundBytes stored, find_bytes(rows, address));
    if (stored.bytes && recorded->is(digest_of(*stored.bytes))) return false;
    // Where it is not readable every read says so, and there is nothing that could be kept.
    if (stored.bytes) keep_damaged(rows, address, *std::move(stored.bytes));
    if (stored.is_readable) rows.apply({Family::bytes, to_bytes(address), std::nullopt});
  }
  const bool is_known = before && before->mended.micros == 0;
  if (!is_known) note(rows, address, {found, {}});
  return true;
}

Status forget_damage(Overlay& rows, const Address& address) {
  EMSTORE_TRY(const auto row, read_damage(rows, address));
  if (!row) return {};
  rows.apply({Family::meta, damage_key(address), std::nullopt});
  rows.apply({Family::meta, quarantine_key(address), std::nullopt});
  return {};
}

Status each_damage(const Reader& reader,
                   const std::function<bool(const Address& address, const DamageRow& row)>& visit) {
  return reader.try_scan(Family::meta, range_of_prefix(kDamagePrefix),
                         [&](std::string_view key, std::string_view value) -> Result<bool> {
                           const auto address = address_of_damage(key);
                           if (!address) {
                             return failure(ErrorCode::corrupt_index, "a damage of no address");
                           }
                           EMSTORE_TRY(const DamageRow row, decode_damage(value));
                           return visit(*address, row);
                         });
}

std::vector<Address> mended_by(const RowChanges& changes) {
  std::vector<Address> mended;
  for (const RowChange& change : changes) {
    if (change.family != Family::meta || !change.value) continue;
    const auto address = address_of_damage(change.key);
    const Result<DamageRow> row = address ? decode_damage(*change.value) : DamageRow{};
    if (row && row->mended.micros != 0) mended.push_back(*address);
  }
  return mended;
}

}  // namespace emstore::store
