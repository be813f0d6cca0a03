#include "store/contents.h"

#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "base/big_endian.h"
#include "base/check.h"
#include "base/pack.h"
#include "store/damage.h"
#include "store/facts.h"
#include "store/garbage.h"
#include "store/pieces.h"

namespace emstore::store {
namespace {

constexpr std::size_t kLeaseKeyBytes = kAddressBytes + sizeof(std::uint32_t);

// What both kinds of rows begin with: until when, and for which bytes. Their address lies
// elsewhere.
void put_lease(pack::Writer& writer, Time expires, const Content& content) {
  writer.integer(expires.micros);
  writer.unsigned_integer(content.size);
  put(writer, content.sha256);
  writer.text(content.mime_type);
}

Result<LeaseRow> take_lease(pack::Cursor& cursor) {
  LeaseRow row;
  EMSTORE_TRY(row.expires.micros, cursor.integer());
  EMSTORE_TRY(row.content.size, cursor.unsigned_integer());
  EMSTORE_TRY(row.content.sha256, take_sha256(cursor));
  EMSTORE_TRY(const std::string_view type, cursor.text());
  row.content.mime_type = std::string(type);
  return row;
}

// Both kinds of rows end with the size of a picture, where there is one.
constexpr std::size_t kPictureValues = 2;
std::size_t picture_values(const Content& content) { return content.picture ? kPictureValues : 0; }

void put_picture(pack::Writer& writer, const Content& content) {
  if (!content.picture) return;
  writer.unsigned_integer(content.picture->width);
  writer.unsigned_integer(content.picture->height);
}

Result<PictureSize> take_picture(pack::Cursor& cursor) {
  EMSTORE_TRY(const std::uint64_t width, cursor.unsigned_integer());
  EMSTORE_TRY(const std::uint64_t height, cursor.unsigned_integer());
  constexpr std::uint64_t kSideMax = std::numeric_limits<std::uint32_t>::max();
  if (width > kSideMax || height > kSideMax) {
    return failure(ErrorCode::corrupt_index, "a lease of a picture beyond all bounds");
  }
  return PictureSize{static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height)};
}

// Begins a row of `size` values. Whether those of a picture follow them.
Result<bool> begin_row(pack::Cursor& cursor, std::size_t size) {
  EMSTORE_TRY(const std::size_t found, cursor.begin_list());
  if (found == size) return false;
  if (found == size + kPictureValues) return true;
  return failure(ErrorCode::malformed_message, "a lease of " + std::to_string(found) + " values");
}

}  // namespace

std::string lease_key(const Address& address, std::uint32_t uid) {
  std::string key = to_bytes(address);
  append_big_endian<std::uint32_t>(key, uid);
  return key;
}

std::string encode(const LeaseRow& row) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(4 + picture_values(row.content));
  put_lease(writer, row.expires, row.content);
  put_picture(writer, row.content);
  return bytes;
}

Result<LeaseRow> decode_lease(std::string_view bytes, const Address& address) {
  pack::Cursor cursor(bytes);
  EMSTORE_TRY(const bool has_picture, begin_row(cursor, 4));
  EMSTORE_TRY(LeaseRow row, take_lease(cursor));
  if (has_picture) {
    EMSTORE_TRY(row.content.picture, take_picture(cursor));
  }
  row.content.address = address;
  return row;
}

std::string upload_key(std::string_view token, std::uint32_t uid) {
  std::string key(token);
  append_big_endian<std::uint32_t>(key, uid);
  return key;
}

std::string encode(const UploadRow& row) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(6 + picture_values(row.content));
  put_lease(writer, row.expires, row.content);
  writer.binary(to_bytes(row.content.address));
  writer.boolean(row.existed);
  put_picture(writer, row.content);
  return bytes;
}

Result<UploadRow> decode_upload(std::string_view bytes) {
  pack::Cursor cursor(bytes);
  EMSTORE_TRY(const bool has_picture, begin_row(cursor, 6));
  EMSTORE_TRY(LeaseRow lease, take_lease(cursor));
  UploadRow row;
  row.expires = lease.expires;
  row.content = std::move(lease.content);
  EMSTORE_TRY(const std::string_view place, cursor.binary());
  const std::optional<Address> address = address_of_bytes(place);
  if (!address) return failure(ErrorCode::corrupt_index, "an upload without an address");
  row.content.address = *address;
  EMSTORE_TRY(row.existed, cursor.boolean());
  if (has_picture) {
    EMSTORE_TRY(row.content.picture, take_picture(cursor));
  }
  return row;
}

Result<std::optional<UploadRow>> find_upload(const Reader& reader, std::string_view token,
                                             std::uint32_t uid) {
  EMSTORE_TRY(const auto bytes, reader.get(Family::leases, upload_key(token, uid)));
  if (!bytes) return std::nullopt;
  EMSTORE_TRY(UploadRow row, decode_upload(*bytes));
  return row;
}

Result<bool> is_leased(const Reader& reader, const Address& address, Time now) {
  bool leased = false;
  EMSTORE_CHECKED(reader.try_scan(Family::leases, range_of_prefix(to_bytes(address)),
                                  [&](std::string_view key, std::string_view row) -> Result<bool> {
                                    if (key.size() != kLeaseKeyBytes)
                                      return true;  // An upload's token that begins alike.
                                    EMSTORE_TRY(const LeaseRow lease, decode_lease(row, address));
                                    leased = now <= lease.expires;
                                    return !leased;
                                  }));
  return leased;
}

Result<LeaseSlice> expire_leases(Overlay& rows, const std::string& from, Time now,
                                 Sequence sequence) {
  LeaseSlice slice;
  std::vector<std::string> over;
  std::size_t seen = 0;
  EMSTORE_CHECKED(rows.try_scan(
      Family::leases, {from, {}}, [&](std::string_view key, std::string_view row) -> Result<bool> {
        if (++seen > kLeasesInSlice) {
          slice.next = std::string(key);
          return false;
        }
        pack::Cursor cursor(row);
        EMSTORE_CHECKED(cursor.begin_list());  // An upload's row begins like a lease.
        EMSTORE_TRY(const std::int64_t expires, cursor.integer());
        if (expires < now.micros) over.emplace_back(key);
        return true;
      }));
  slice.removed = over.size();
  for (const std::string& key : over) rows.apply({Family::leases, key, std::nullopt});
  for (const std::string& key : over) {
    if (key.size() != kLeaseKeyBytes) continue;
    const auto address = address_of_bytes(std::string_view(key).substr(0, kAddressBytes));
    if (!address) return failure(ErrorCode::corrupt_index, "a lease of no address");
    EMSTORE_TRY(const bool abandoned, is_abandoned(rows, *address));
    if (abandoned) EMSTORE_CHECKED(drop_bytes(rows, *address, sequence));
  }
  return slice;
}

namespace {

// The lease of an address that lasts longest; nothing when there is none.
Result<std::optional<LeaseRow>> last_lease(const Reader& reader, const Address& address) {
  std::optional<LeaseRow> last;
  EMSTORE_CHECKED(reader.try_scan(Family::leases, range_of_prefix(to_bytes(address)),
                                  [&](std::string_view key, std::string_view row) -> Result<bool> {
                                    if (key.size() != kLeaseKeyBytes) return true;
                                    EMSTORE_TRY(LeaseRow lease, decode_lease(row, address));
                                    if (!last || last->expires < lease.expires)
                                      last = std::move(lease);
                                    return true;
                                  }));
  return last;
}

}  // namespace

Result<std::optional<Recorded>> recorded_at(const Reader& reader, const Address& address,
                                            Time now) {
  EMSTORE_TRY(const std::optional<BlobRow> row, read_blob(reader, address));
  const bool is_live = row && (row->media != 0 || row->collected_at == 0);
  if (is_live) return Recorded{address, row->size, row->sha256};
  EMSTORE_TRY(const auto lease, last_lease(reader, address));
  // One that is over may be older than the collection.
  if (row) return Recorded{address, row->size, row->sha256, lease && now <= lease->expires};
  if (!lease) return std::nullopt;
  return Recorded{address, lease->content.size, lease->content.sha256};
}

Result<std::vector<Recorded>> recorded_under(const Reader& reader, const Digest128& digest,
                                             Time now) {
  std::set<Address> addresses;
  const auto gather = [&](Family family, std::size_t key_bytes) {
    return reader.scan(family, range_of_prefix(as_bytes(digest)),
                       [&](std::string_view key, std::string_view) {
                         const auto address = address_of_bytes(key.substr(0, kAddressBytes));
                         if (address && key.size() == key_bytes) addresses.insert(*address);
                         return true;
                       });
  };
  EMSTORE_CHECKED(gather(Family::blobs, kAddressBytes));
  EMSTORE_CHECKED(gather(Family::leases, kLeaseKeyBytes));
  std::vector<Recorded> all;
  for (const Address& address : addresses) {
    EMSTORE_TRY(const auto recorded, recorded_at(reader, address, now));
    if (recorded) all.push_back(*recorded);
  }
  return all;
}

namespace {

// What becomes of small bytes at one ordinal; nothing when that is another content's.
Result<std::optional<PlacedBytes>> place_at(Overlay& pending, const Address& address,
                                            std::string_view bytes, const ContentDigest& digest,
                                            Time now) {
  const std::string key = to_bytes(address);
  const Result<std::optional<std::string>> stored = pending.get(Family::bytes, key);
  // The database finds damage by its own checksums, too; then there is nothing to keep.
  const bool is_unreadable = !stored && stored.error().code == ErrorCode::corrupt_blob;
  if (!stored && !is_unreadable) return failure(stored.error());
  const std::string* found = stored && *stored ? &**stored : nullptr;
  if (found != nullptr && *found == bytes) {
    EMSTORE_CHECKED(close_damage(pending, address, now));
    return PlacedBytes{address, true};
  }

  EMSTORE_TRY(const std::optional<BlobRow> row, read_blob(pending, address));
  const bool is_damage_possible = found != nullptr || is_unreadable || row;
  std::optional<Recorded> recorded;
  if (is_damage_possible) {
    EMSTORE_TRY(recorded, recorded_at(pending, address, now));
  }
  if (recorded && !recorded->is(digest)) return std::nullopt;
  // A collision that no record names yet.
  if (!recorded && found != nullptr && xxh3_128(*found) == digest.xxh3) return std::nullopt;

  const bool should_be_here = recorded && recorded->is_here;
  if (found != nullptr) keep_damaged(pending, address, *found);
  pending.apply({Family::bytes, key, std::string(bytes)});
  if (found != nullptr || is_unreadable || should_be_here) {
    EMSTORE_CHECKED(note_mended(pending, address, now));
  }
  return PlacedBytes{address, should_be_here};
}

}  // namespace

Result<PlacedBytes> place_bytes(Overlay& pending, std::string_view bytes,
                                const ContentDigest& digest, Time now) {
  EMSTORE_CHECK(bytes.size() <= kSmallBlobBytesMax);
  for (std::uint8_t ordinal = kFirstRowOrdinal; ordinal < kFirstFileOrdinal; ++ordinal) {
    EMSTORE_TRY(const auto placed, place_at(pending, {digest.xxh3, ordinal}, bytes, digest, now));
    if (placed) return *placed;
  }
  return failure(ErrorCode::internal, "128 different contents collide under one address");
}

std::vector<const NewMedia*> new_media_of(const Resolved& resolved) {
  std::vector<const NewMedia*> media;
  if (resolved.media) media.push_back(&*resolved.media);
  for (const LinkRequest& request : resolved.links) {
    for (const NewMedia& created : request.create) media.push_back(&created);
  }
  return media;
}

namespace {

Result<Content> content_of(Overlay& pending, const PreparedFile& file, Time now) {
  EMSTORE_TRY(const PlacedBytes placed, place_bytes(pending, file.bytes, file.digest, now));
  return Content{placed.address, file.digest.size, file.digest.sha256, file.mime_type,
                 file.picture};
}

Result<std::optional<Content>> leased(const Reader& reader, const Address& address,
                                      std::uint32_t uid, Time now) {
  EMSTORE_TRY(const std::optional<std::string> bytes,
              reader.get(Family::leases, lease_key(address, uid)));
  if (!bytes) return std::nullopt;
  EMSTORE_TRY(LeaseRow row, decode_lease(*bytes, address));
  if (row.expires < now) return std::nullopt;
  return std::move(row.content);
}

}  // namespace

Result<std::vector<Content>> find_contents(Overlay& pending, const Resolved& resolved,
                                           std::span<const PreparedFile> files, std::uint32_t uid,
                                           Time now, Violations& violations) {
  std::vector<Content> contents;
  for (const NewMedia* media : new_media_of(resolved)) {
    if (const std::size_t* file = std::get_if<std::size_t>(&media->content)) {
      EMSTORE_CHECK(*file < files.size());
      EMSTORE_TRY(Content content, content_of(pending, files[*file], now));
      contents.push_back(std::move(content));
      continue;
    }
    const Address& address = std::get<Address>(media->content);
    EMSTORE_TRY(std::optional<Content> content, leased(pending, address, uid, now));
    if (!content) {
      violations.add({ErrorCode::blob_not_found,
                      "no bytes of yours at " + to_string(address),
                      media->path.empty() ? "file" : media->path + ".file",
                      "upload them (blob.begin, blob.write, blob.commit)",
                      {}});
    }
    contents.push_back(content ? *std::move(content) : Content{});
  }
  return contents;
}

}  // namespace emstore::store
