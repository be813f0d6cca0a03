#include "client-lib/whole_content.h"

#include <utility>

#include "base/address.h"

namespace emstore {

WholeContent::WholeContent(std::string address, std::uint64_t size)
    : address_(std::move(address)), size_(size) {}

void WholeContent::take(std::uint64_t offset, std::string_view bytes) {
  if (offset == 0 && taken_ != 0) {
    taken_ = 0;
    hasher_ = PiecesHasher();
  }
  if (offset != taken_) return;
  hasher_.update(bytes);
  taken_ += bytes.size();
}

Status WholeContent::check() const {
  if (taken_ != size_) return {};
  const std::optional<Address> address = address_of(address_);
  if (!address) {
    return failure(ErrorCode::internal, "what came from " + address_ + " cannot be checked", {},
                   "see whether client and daemon are of one version");
  }
  if (hasher_.digest() == address->digest) return {};
  return failure(ErrorCode::corrupt_blob,
                 "the bytes at " + address_ + " are not those that were stored", "address",
                 "`emstore scrub` sets aside what is damaged; upload the same bytes again, or "
                 "restore them from a backup");
}

}  // namespace emstore
