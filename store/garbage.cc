#include "store/garbage.h"

#include <map>
#include <utility>
#include <variant>

#include "base/big_endian.h"
#include "store/contents.h"
#include "store/damage.h"
#include "store/facts.h"
#include "store/schema.h"

namespace emstore::store {
namespace {

constexpr std::string_view kRemovalPrefix = "removing/";

std::string removal_key(const Address& address) {
  return std::string(kRemovalPrefix).append(to_bytes(address));
}

// Counts what a collection would do, without doing it.
class Survey {
 public:
  Survey(const Reader& reader, Time now, const GarbageOptions& options)
      : reader_(reader), now_(now), options_(options) {}

  Status add(const Unused& unused) {
    if (const auto* address = std::get_if<Address>(&unused.what.what)) return add_blob(*address);
    if (now_.micros - unused.since.micros < options_.grace_micros) return {};
    EMSTORE_TRY(const UnusedMedia media,
                unused_media(reader_, std::get<RecordRef>(unused.what.what), unused.what.since));
    ++garbage_.media;
    if (garbage_.list.size() < options_.list_max) garbage_.list.push_back(media);
    EMSTORE_TRY(const auto blob, read_blob(reader_, media.address));
    const bool was_last = blob && ++deleted_[media.address] == blob->media;
    return was_last ? add_blob(media.address) : Status();
  }

  Garbage take() { return std::move(garbage_); }

 private:
  Status add_blob(const Address& address) {
    EMSTORE_TRY(const bool leased, is_leased(reader_, address, now_));
    if (leased) {
      ++garbage_.leased;
      return {};
    }
    EMSTORE_TRY(const auto blob, read_blob(reader_, address));
    ++garbage_.blobs;
    garbage_.bytes += blob ? blob->size : 0;
    return {};
  }

  const Reader& reader_;
  const Time now_;
  const GarbageOptions& options_;
  std::map<Address, std::uint64_t> deleted_;  // How many of its media would go.
  Garbage garbage_;
};

}  // namespace

Status each_unused(const Reader& reader, std::string_view from, Sequence through,
                   const std::function<Result<bool>(Unused unused)>& visit) {
  KeyRange range{std::string(from), {}};
  append_big_endian<std::uint64_t>(range.until, through + 1);
  return reader.try_scan(Family::unused, range,
                         [&](std::string_view key, std::string_view value) -> Result<bool> {
                           Unused unused{std::string(key), {}, {}};
                           EMSTORE_TRY(unused.what, unused_of_key(key));
                           EMSTORE_TRY(const UnusedRow row, decode_unused(value));
                           unused.since = row.since;
                           return visit(std::move(unused));
                         });
}

Result<UnusedMedia> unused_media(const Reader& reader, const RecordRef& media, Sequence since) {
  EMSTORE_TRY(const auto stored, read_record(reader, media));
  if (!stored) return failure(ErrorCode::corrupt_index, "an unused media that is not there");
  EMSTORE_TRY(const FieldValues values, unpack_fields(stored->fields()));
  const Value* size = values.find(kMediaSize);
  const Value* blob = values.find(kMediaBlob);
  const Binary* bytes = blob == nullptr ? nullptr : blob->if_binary();
  const auto address = bytes == nullptr ? std::nullopt : address_of_bytes(bytes->data);
  if (!address || size == nullptr || size->if_number() == nullptr) {
    return failure(ErrorCode::corrupt_index, "a media without the address of its bytes");
  }
  return UnusedMedia{media.id, *address, static_cast<std::uint64_t>(*size->if_number()), since};
}

Result<bool> is_abandoned(const Reader& reader, const Address& address) {
  EMSTORE_TRY(const auto blob, read_blob(reader, address));
  if (blob && (blob->media != 0 || blob->collected_at == 0)) return false;
  return is_leased(reader, address, Time{}).map([](bool leased) { return !leased; });
}

Status drop_bytes(Overlay& rows, const Address& address, Sequence since) {
  if (address.is_file()) {
    std::string value;
    append_big_endian<std::uint64_t>(value, since);
    rows.apply({Family::meta, removal_key(address), std::move(value)});
  } else {
    rows.apply({Family::bytes, to_bytes(address), std::nullopt});
  }
  return forget_damage(rows, address);
}

Result<std::vector<FileRemoval>> files_to_remove(const Reader& reader) {
  std::vector<FileRemoval> files;
  EMSTORE_CHECKED(reader.try_scan(
      Family::meta, range_of_prefix(kRemovalPrefix),
      [&](std::string_view key, std::string_view value) -> Result<bool> {
        const auto address = address_of_bytes(key.substr(kRemovalPrefix.size()));
        if (!address || value.size() != sizeof(Sequence)) {
          return failure(ErrorCode::corrupt_index, "a file to remove without address");
        }
        files.push_back({*address, big_endian<std::uint64_t>(value)});
        return true;
      }));
  return files;
}

Status forget_removal(Overlay& rows, const FileRemoval& file) {
  const std::string key = removal_key(file.address);
  EMSTORE_TRY(const auto value, rows.get(Family::meta, key));
  const bool is_same =
      value && value->size() == sizeof(Sequence) && big_endian<std::uint64_t>(*value) == file.since;
  if (is_same) rows.apply({Family::meta, key, std::nullopt});
  return {};
}

Result<Garbage> find_garbage(const Reader& reader, Sequence through, Time now,
                             const GarbageOptions& options) {
  Survey survey(reader, now, options);
  EMSTORE_CHECKED(each_unused(reader, {}, through, [&](const Unused& unused) -> Result<bool> {
    EMSTORE_CHECKED(survey.add(unused));
    return true;
  }));
  return survey.take();
}

}  // namespace emstore::store
