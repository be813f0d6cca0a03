#include "store/usage.h"

#include <optional>

#include "base/big_endian.h"
#include "store/contents.h"
#include "store/facts.h"
#include "store/row_bytes.h"

namespace emstore::store {
namespace {}  // namespace

Result<Usage> count_usage(const Reader& reader) {
  Usage usage;
  EMSTORE_CHECKED(reader.try_scan(Family::blobs, {},
                                  [&](std::string_view, std::string_view value) -> Result<bool> {
                                    EMSTORE_TRY(const BlobRow row, decode_blob(value));
                                    if (row.collected_at == 0) usage.stored += row.size;
                                    return true;
                                  }));
  std::optional<Address> last;  // Leases of one address follow each other.
  EMSTORE_CHECKED(reader.try_scan(
      Family::leases, {}, [&](std::string_view key, std::string_view value) -> Result<bool> {
        if (key.size() != kAddressBytes + sizeof(std::uint32_t)) return true;  // An upload's row.
        const auto address = address_of_bytes(key.substr(0, kAddressBytes));
        if (!address) return failure(ErrorCode::corrupt_index, "a lease of no address");
        EMSTORE_TRY(const LeaseRow lease, decode_lease(value, *address));
        EMSTORE_TRY(const auto blob, read_blob(reader, *address));
        const bool is_stored = blob && blob->collected_at == 0;
        if (!is_stored && last != *address) usage.stored += lease.content.size;
        last = *address;
        if (blob && blob->media != 0) return true;
        usage.unlinked[big_endian<std::uint32_t>(key.substr(kAddressBytes))] += lease.content.size;
        return true;
      }));
  return usage;
}

}  // namespace emstore::store
