#include "client-lib/whole_content.h"

#include "base/address.h"

namespace emstore {

void WholeContent::take(std::uint64_t offset, std::string_view bytes) {
  if (offset == 0 && taken_ != 0) {
    taken_ = 0;
    hasher_ = PiecesHasher();
  }
  if (offset != taken_) return;
  hasher_.update(bytes);
  taken_ += bytes.size();
}

Status WholeContent::check(const std::string& address) const {
  if (taken_ != size_) return {};
  const std::optional<Address> known = address_of(address);
  if (!known) {
    return failure(ErrorCode::internal, "the bytes at " + address + " cannot be checked", {},
                   "see whether client and daemon are of one version");
  }
  if (hasher_.digest() == known->digest) return {};
  return failure(ErrorCode::corrupt_blob,
                 "the bytes at " + address + " are not those that were stored", "address",
                 "`emstore scrub` sets aside what is damaged; upload the same bytes again, or "
                 "restore them from a backup");
}

}  // namespace emstore
