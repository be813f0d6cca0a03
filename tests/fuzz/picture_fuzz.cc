// Headers of pictures: the first byte chooses the type, the others are the content. However it is
// led, measuring reads little, and a cut header never tells another size.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "blobs/picture.h"

namespace emstore::blobs {
namespace {

void check_picture(std::string_view mime_type, std::string_view bytes) {
  std::size_t reads = 0;
  const auto read = [&](std::uint64_t offset, std::size_t length) -> Result<std::string> {
    EMSTORE_CHECK(length <= kPictureReadMax && ++reads <= kPictureStepsMax + 1);
    if (offset >= bytes.size()) return std::string();
    return std::string(bytes.substr(offset, length));
  };
  const auto size = measure_picture(mime_type, read).value();
  EMSTORE_CHECK(size == measure_picture(mime_type, bytes));
  if (size) {
    EMSTORE_CHECK(size->width >= 1 && size->width <= kPictureSideMax);
    EMSTORE_CHECK(size->height >= 1 && size->height <= kPictureSideMax);
  }
  const auto cut = measure_picture(mime_type, bytes.substr(0, bytes.size() / 2));
  EMSTORE_CHECK(!cut || mime_type == "image/tiff" || cut == size);
}

}  // namespace
}  // namespace emstore::blobs

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace emstore;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const PictureType& type = kPictureTypes[data[0] % kPictureTypes.size()];
  blobs::check_picture(type.mime_type, bytes.substr(1));
  return 0;
}
