// Width and height of pictures, from their headers. What a header claims is never trusted: nothing
// is allocated by it, and a walk ends after kPictureStepsMax steps, wherever it was led. Nothing is
// decoded, so a picture that is measured may still be broken further on.
//
// Sources: PNG (ISO/IEC 15948), JPEG (ITU-T T.81), GIF 89a, WebP (RFC 9649), BMP (BITMAPCOREHEADER
// and later), TIFF 6.0.
// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/picture.h"
#include "base/result.h"

namespace emstore::blobs {

// A side over this says nothing: no picture has it, and the product with the other one is what
// programs make room by.
inline constexpr std::uint32_t kPictureSideMax = 1'000'000;
// Segments of a JPEG that may stand before its frame: profiles and previews take a few hundred.
inline constexpr std::size_t kPictureStepsMax = 1'024;
// What one step looks at.
inline constexpr std::size_t kPictureReadMax = 1'024;

// Up to `length` bytes at `offset`, fewer where the content ends.
using ReadAt = std::function<Result<std::string>(std::uint64_t offset, std::size_t length)>;

// Nothing when the type is not measured (base/picture.h), and when the header does not say.
// Errors: those of `read`.
Result<std::optional<PictureSize>> measure_picture(std::string_view mime_type, const ReadAt& read);
// Of content that is all here.
std::optional<PictureSize> measure_picture(std::string_view mime_type, std::string_view bytes);

}  // namespace emstore::blobs
