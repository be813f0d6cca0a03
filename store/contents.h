// Contents: the bytes that a command names for new media, found or stored before the command is
// decided.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/picture.h"
#include "base/result.h"
#include "store/commands.h"
#include "store/overlay.h"
#include "store/resolved.h"

namespace emstore::store {

// Bytes that lie under an address, now or with the commit that is being decided.
struct Content {
  Address address;
  std::uint64_t size = 0;
  Sha256 sha256{};
  std::string mime_type;
  std::optional<PictureSize> picture = {};
};

// A row of Family::leases: until when a uid may name an address, and what lies there.
struct LeaseRow {
  Time expires;
  Content content;  // Its address is the key's.
};
std::string lease_key(const Address& address, std::uint32_t uid);
std::string encode(const LeaseRow& row);
Result<LeaseRow> decode_lease(std::string_view bytes, const Address& address);

// A row of Family::leases too: what an upload's token came to, so that a retry of its commit gets
// the same answer. It ends with the lease.
struct UploadRow {
  Time expires;
  Content content;
  bool existed = false;  // The bytes were stored before.
};
std::string upload_key(std::string_view token, std::uint32_t uid);
std::string encode(const UploadRow& row);
Result<UploadRow> decode_upload(std::string_view bytes);
// Errors: corrupt_index, io_failed.
Result<std::optional<UploadRow>> find_upload(const Reader& reader, std::string_view token,
                                             std::uint32_t uid);

// Whether anybody may name the address still.
Result<bool> is_leased(const Reader& reader, const Address& address, Time now);

// Removes what is over in the slice of the leases that begins at `from`; with the last lease of
// bytes that no media ever had, or that were collected before, go the bytes (garbage.h).
inline constexpr std::size_t kLeasesInSlice = 4096;
struct LeaseSlice {
  std::string next;  // Empty: there are no more.
  std::size_t removed = 0;
};
Result<LeaseSlice> expire_leases(Overlay& rows, const std::string& from, Time now,
                                 Sequence sequence);

// What should lie at an address, as its blob row or a lease says.
struct Recorded {
  Address address;
  std::uint64_t size = 0;
  Sha256 sha256{};
  bool is_here = true;  // Nobody has collected it, or somebody has brought it again.

  bool is(const ContentDigest& digest) const {
    return digest.xxh3 == address.digest && digest.sha256 == sha256 && digest.size == size;
  }
};
// Errors: corrupt_index, io_failed.
Result<std::optional<Recorded>> recorded_at(const Reader& reader, const Address& address, Time now);
// All that is recorded under one digest, by ordinal.
Result<std::vector<Recorded>> recorded_under(const Reader& reader, const Digest128& digest,
                                             Time now);

// Where small bytes lie: under the ordinal that holds equal bytes, compared one by one, or under a
// new one, stored in `pending`. An ordinal whose bytes were collected is taken again only for equal
// size and SHA-256. Bytes that are damaged are replaced, and kept (damage.h).
struct PlacedBytes {
  Address address;
  bool existed = false;
};
Result<PlacedBytes> place_bytes(Overlay& pending, std::string_view bytes,
                                const ContentDigest& digest, Time now);

// One content for each new media of the mutation: that of an insert into media, then those of
// $create in the order of the request. A lease that is missing or over is a violation.
Result<std::vector<Content>> find_contents(Overlay& pending, const Resolved& resolved,
                                           std::span<const PreparedFile> files, std::uint32_t uid,
                                           Time now, Violations& violations);

// The new media of a mutation in that order.
std::vector<const NewMedia*> new_media_of(const Resolved& resolved);

}  // namespace emstore::store
