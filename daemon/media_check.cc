#include "daemon/media_check.h"

#include "base/hash.h"
#include "store/facts.h"

namespace emstore::daemon {
namespace {

using store::Family;

Result<ContentDigest> digest_at(const store::View& view, const blobs::FileStore& files,
                                const Address& address, const blobs::Pace& pace) {
  if (address.is_file()) return files.rehash(address, pace);
  EMSTORE_TRY(const auto bytes, view.reader->get(Family::bytes, to_bytes(address)));
  if (!bytes) return failure(ErrorCode::blob_not_found, "its bytes are missing");
  if (pace && !pace(bytes->size())) return failure(ErrorCode::cancelled, "cancelled");
  return digest_of(*bytes);
}

}  // namespace

Result<std::optional<CheckedContent>> check_content(
    const store::Store& store, const store::View& view, const blobs::FileStore& files,
    const Address& address, const store::BlobRow& row, const blobs::Pace& pace) {
  const Result<ContentDigest> found = digest_at(view, files, address, pace);
  if (!found && found.error().code == ErrorCode::cancelled) return failure(found.error());
  if (!found && is_collected(store, address)) return std::nullopt;
  if (!found) return CheckedContent{0, found.error()};
  CheckedContent checked{found->size, {}};
  if (*found != ContentDigest{address.digest, row.sha256, row.size}) {
    checked.fault = Error{ErrorCode::corrupt_blob,
                          "has " + std::to_string(found->size) + " bytes with the SHA-256 " +
                              to_hex(as_bytes(found->sha256)) + "; recorded were " +
                              std::to_string(row.size) + " with " + to_hex(as_bytes(row.sha256))};
  }
  return checked;
}

bool is_collected(const store::Store& store, const Address& address) {
  const auto row = store::read_blob(*store.view()->reader, address);
  return row && *row && (*row)->collected_at != 0;
}

}  // namespace emstore::daemon
