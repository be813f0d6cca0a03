// Width and height of pictures. They are measured from the bytes, as the type is, where the type is
// one of those below: there, what a caller says of them does not count.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace emstore {

struct PictureSize {
  std::uint32_t width = 0, height = 0;  // Pixels as stored, before any turn that Exif asks for.
  bool operator==(const PictureSize&) const = default;
};

enum class PictureFormat : std::uint8_t { png, jpeg, gif, webp, bmp, tiff };

struct PictureType {
  std::string_view mime_type;
  PictureFormat format;
};
inline constexpr std::array<PictureType, 7> kPictureTypes{{{"image/png", PictureFormat::png},
                                                           {"image/jpeg", PictureFormat::jpeg},
                                                           {"image/gif", PictureFormat::gif},
                                                           {"image/webp", PictureFormat::webp},
                                                           {"image/bmp", PictureFormat::bmp},
                                                           {"image/x-ms-bmp", PictureFormat::bmp},
                                                           {"image/tiff", PictureFormat::tiff}}};

// Null: pictures of this type are not measured, or it is no type of pictures.
constexpr const PictureType* picture_type(std::string_view mime_type) {
  const auto* found =
      std::find_if(kPictureTypes.begin(), kPictureTypes.end(),
                   [mime_type](const PictureType& type) { return type.mime_type == mime_type; });
  return found == kPictureTypes.end() ? nullptr : found;
}

}  // namespace emstore
