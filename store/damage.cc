#include "store/damage.h"

#include <algorithm>
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

std::string encode_counts(const DamageCounts& counts) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(2);
  writer.unsigned_integer(counts.waiting);
  writer.unsigned_integer(counts.mended);
  return bytes;
}

Result<DamageCounts> decode_counts(std::string_view bytes) {
  pack::Cursor cursor(bytes);
  DamageCounts counts;
  EMSTORE_CHECKED(take_list(cursor, 2));
  EMSTORE_TRY(counts.waiting, cursor.unsigned_integer());
  EMSTORE_TRY(counts.mended, cursor.unsigned_integer());
  return counts;
}

// In place of `before`, and in the counts.
Status note(Overlay& rows, const Address& address, const std::optional<DamageRow>& before,
            const std::optional<DamageRow>& after) {
  EMSTORE_TRY(DamageCounts counts, count_damage(rows));
  const auto count_of = [&](const DamageRow& row) -> std::uint64_t& {
    return row.is_open() ? counts.waiting : counts.mended;
  };
  if (before) --count_of(*before);
  if (after) ++count_of(*after);
  const auto bytes = after ? std::optional(encode(*after)) : std::nullopt;
  rows.apply({Family::meta, damage_key(address), bytes});
  rows.apply({Family::meta, damage_counts_key(), encode_counts(counts)});
  return {};
}

// The first moment that is later than all that is noted.
Time moment_after(const DamageRow& row) { return {std::max(row.found, row.mended).micros + 1}; }

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

Result<std::optional<DamageRow>> read_damage(const Reader& reader, const Address& address) {
  EMSTORE_TRY(const auto bytes, reader.get(Family::meta, damage_key(address)));
  if (!bytes) return std::nullopt;
  EMSTORE_TRY(const DamageRow row, decode_damage(*bytes));
  return row;
}

void keep_damaged(Overlay& rows, const Address& address, std::string bytes) {
  rows.apply({Family::meta, quarantine_key(address), std::move(bytes)});
}

Status note_mended(Overlay& rows, const Address& address, Time now) {
  EMSTORE_TRY(const auto before, read_damage(rows, address));
  const Time mended = before ? std::max(now, moment_after(*before)) : now;
  const Time found = before && before->is_open() ? before->found : mended;
  return note(rows, address, before, DamageRow{found, mended});
}

Status close_damage(Overlay& rows, const Address& address, Time now) {
  EMSTORE_TRY(const auto before, read_damage(rows, address));
  return before && before->is_open() ? note_mended(rows, address, now) : Status();
}

Result<bool> set_aside(Overlay& rows, const Address& address, Time mended, Time now) {
  EMSTORE_TRY(const auto recorded, recorded_at(rows, address, now));
  if (!recorded || !recorded->is_here) return false;
  EMSTORE_TRY(const auto before, read_damage(rows, address));
  if (before && before->mended > mended) return false;
  if (!address.is_file()) {
    EMSTORE_TRY(FoundBytes stored, find_bytes(rows, address));
    if (stored.bytes && recorded->is(digest_of(*stored.bytes))) return false;
    // Where it is not readable every read says so, and there is nothing that could be kept.
    if (stored.bytes) keep_damaged(rows, address, *std::move(stored.bytes));
    if (stored.is_readable) rows.apply({Family::bytes, to_bytes(address), std::nullopt});
  }
  const bool is_known = before && before->is_open();
  if (is_known) return true;
  const Time found = before ? std::max(now, moment_after(*before)) : now;
  EMSTORE_CHECKED(note(rows, address, before, DamageRow{found, {}}));
  return true;
}

Status forget_damage(Overlay& rows, const Address& address) {
  EMSTORE_TRY(const auto row, read_damage(rows, address));
  if (!row) return {};
  rows.apply({Family::meta, quarantine_key(address), std::nullopt});
  return note(rows, address, row, std::nullopt);
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

std::string damage_counts_key() { return "damages"; }

Result<DamageCounts> count_damage(const Reader& reader) {
  EMSTORE_TRY(const auto bytes, reader.get(Family::meta, damage_counts_key()));
  if (bytes) return decode_counts(*bytes);
  DamageCounts counts;
  EMSTORE_CHECKED(each_damage(reader, [&](const Address&, const DamageRow& row) {
    ++(row.is_open() ? counts.waiting : counts.mended);
    return true;
  }));
  return counts;
}

std::vector<Address> mended_by(const Overlay& rows) {
  std::vector<Address> mended;
  for (const auto& [key, value] : rows.changes(Family::meta)) {
    if (!value) continue;
    const auto address = address_of_damage(key);
    const Result<DamageRow> row = address ? decode_damage(*value) : DamageRow{};
    if (row && row->mended.micros != 0) mended.push_back(*address);
  }
  return mended;
}

}  // namespace emstore::store
