#include "blobs/picture.h"

#include <algorithm>

#include "base/big_endian.h"

namespace emstore::blobs {
namespace {

using Size = std::optional<PictureSize>;
using namespace std::string_view_literals;

template <std::unsigned_integral Integer>
Integer little_endian(std::string_view bytes) {
  Integer value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = static_cast<Integer>(static_cast<std::uint64_t>(value) << 8 |
                                 static_cast<std::uint8_t>(bytes[i]));
  }
  return value;
}

Size size_of(std::uint64_t width, std::uint64_t height) {
  const auto is_side = [](std::uint64_t side) { return side >= 1 && side <= kPictureSideMax; };
  if (!is_side(width) || !is_side(height)) return std::nullopt;
  return PictureSize{static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height)};
}

Size size_of_png(std::string_view head) {
  if (head.size() < 24 || !head.starts_with("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"sv)) return std::nullopt;
  return size_of(big_endian<std::uint32_t>(head.substr(16, 4)),
                 big_endian<std::uint32_t>(head.substr(20, 4)));
}

Size size_of_gif(std::string_view head) {
  const bool is_gif = head.starts_with("GIF87a") || head.starts_with("GIF89a");
  if (head.size() < 10 || !is_gif) return std::nullopt;
  return size_of(little_endian<std::uint16_t>(head.substr(6, 2)),
                 little_endian<std::uint16_t>(head.substr(8, 2)));
}

// The first chunk tells: one frame with losses, one without, or a canvas for what follows.
Size size_of_webp(std::string_view head) {
  if (head.size() < 25 || !head.starts_with("RIFF") || head.substr(8, 4) != "WEBP") {
    return std::nullopt;
  }
  const std::string_view chunk = head.substr(12, 4);
  const std::string_view body = head.substr(20);
  if (chunk == "VP8L") {
    if (body[0] != '\x2f') return std::nullopt;
    const auto bits = little_endian<std::uint32_t>(body.substr(1, 4));
    return size_of((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1);
  }
  if (body.size() < 10) return std::nullopt;
  if (chunk == "VP8X") {
    return size_of(little_endian<std::uint32_t>(body.substr(4, 3)) + 1,
                   little_endian<std::uint32_t>(body.substr(7, 3)) + 1);
  }
  const bool is_key_frame = (body[0] & 1) == 0 && body.substr(3, 3) == "\x9d\x01\x2a";
  if (chunk != "VP8 " || !is_key_frame) return std::nullopt;
  return size_of(little_endian<std::uint16_t>(body.substr(6, 2)) & 0x3fffu,
                 little_endian<std::uint16_t>(body.substr(8, 2)) & 0x3fffu);
}

Size size_of_bmp(std::string_view head) {
  if (head.size() < 26 || !head.starts_with("BM")) return std::nullopt;
  const auto header = little_endian<std::uint32_t>(head.substr(14, 4));
  if (header == 12) {
    return size_of(little_endian<std::uint16_t>(head.substr(18, 2)),
                   little_endian<std::uint16_t>(head.substr(20, 2)));
  }
  if (header < 16) return std::nullopt;
  const auto height = static_cast<std::int32_t>(little_endian<std::uint32_t>(head.substr(22, 4)));
  // A negative one says that the rows stand from top to bottom.
  const std::int64_t rows = height < 0 ? -std::int64_t{height} : height;
  return size_of(little_endian<std::uint32_t>(head.substr(18, 4)),
                 static_cast<std::uint64_t>(rows));
}

// Frames of any process, but not the three tables whose numbers lie among theirs.
bool begins_frame(unsigned marker) {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

bool stands_alone(unsigned marker) { return marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7); }

// From segment to segment, by their lengths, up to the frame.
Result<Size> size_of_jpeg(const ReadAt& read) {
  constexpr std::size_t kFrameHead = 9;  // Mark, marker, length, precision, height, width.
  std::uint64_t offset = 2;
  for (std::size_t step = 0; step < kPictureStepsMax; ++step) {
    EMSTORE_TRY(const std::string segment, read(offset, kFrameHead));
    if (segment.size() < 4 || segment[0] != '\xff') return std::nullopt;
    const auto marker = static_cast<std::uint8_t>(segment[1]);
    if (marker == 0xff) {  // Filling.
      ++offset;
    } else if (stands_alone(marker)) {
      offset += 2;
    } else if (begins_frame(marker)) {
      if (segment.size() < kFrameHead) return std::nullopt;
      return size_of(big_endian<std::uint16_t>(std::string_view(segment).substr(7, 2)),
                     big_endian<std::uint16_t>(std::string_view(segment).substr(5, 2)));
    } else {
      const auto length = big_endian<std::uint16_t>(std::string_view(segment).substr(2, 2));
      const bool ends = marker == 0xd8 || marker == 0xd9 || marker == 0xda;
      if (ends || length < 2) return std::nullopt;
      offset += 2u + length;
    }
  }
  return std::nullopt;
}

class TiffNumbers {
 public:
  explicit TiffNumbers(bool is_little) : is_little_(is_little) {}
  std::uint16_t u16(std::string_view bytes) const {
    return is_little_ ? little_endian<std::uint16_t>(bytes) : big_endian<std::uint16_t>(bytes);
  }
  std::uint32_t u32(std::string_view bytes) const {
    return is_little_ ? little_endian<std::uint32_t>(bytes) : big_endian<std::uint32_t>(bytes);
  }

 private:
  bool is_little_;
};

// Of the first picture in the file: its directory stands anywhere, its entries in order, width and
// height among the first.
Result<Size> size_of_tiff(std::string_view head, const ReadAt& read) {
  constexpr std::size_t kEntry = 12;  // Tag, type, count, value.
  constexpr std::uint16_t kWidth = 256, kHeight = 257, kShort = 3, kLong = 4;
  const bool is_little = head.starts_with("II\x2a\0"sv);
  if (head.size() < 8 || (!is_little && !head.starts_with("MM\0\x2a"sv))) return std::nullopt;
  const TiffNumbers numbers(is_little);
  EMSTORE_TRY(const std::string directory, read(numbers.u32(head.substr(4, 4)), kPictureReadMax));
  if (directory.size() < 2) return std::nullopt;
  std::string_view rest = directory;
  std::size_t count = numbers.u16(rest.substr(0, 2));
  std::uint64_t width = 0, height = 0;
  for (rest.remove_prefix(2); count > 0 && rest.size() >= kEntry; --count) {
    const std::uint16_t tag = numbers.u16(rest.substr(0, 2));
    const std::uint16_t type = numbers.u16(rest.substr(2, 2));
    const bool is_number = (type == kShort || type == kLong) && numbers.u32(rest.substr(4, 4)) == 1;
    const std::uint32_t value =
        type == kShort ? numbers.u16(rest.substr(8, 2)) : numbers.u32(rest.substr(8, 4));
    if (tag == kWidth && is_number) width = value;
    if (tag == kHeight && is_number) height = value;
    rest.remove_prefix(kEntry);
  }
  return size_of(width, height);
}

}  // namespace

Result<std::optional<PictureSize>> measure_picture(std::string_view mime_type, const ReadAt& read) {
  constexpr std::size_t kHead = 32;
  const PictureType* type = picture_type(mime_type);
  if (type == nullptr) return std::nullopt;
  EMSTORE_TRY(const std::string head, read(0, kHead));
  switch (type->format) {
    case PictureFormat::png:
      return size_of_png(head);
    case PictureFormat::jpeg:
      if (!head.starts_with("\xff\xd8")) return std::nullopt;
      return size_of_jpeg(read);
    case PictureFormat::gif:
      return size_of_gif(head);
    case PictureFormat::webp:
      return size_of_webp(head);
    case PictureFormat::bmp:
      return size_of_bmp(head);
    case PictureFormat::tiff:
      return size_of_tiff(head, read);
  }
  return std::nullopt;
}

std::optional<PictureSize> measure_picture(std::string_view mime_type, std::string_view bytes) {
  const auto read = [bytes](std::uint64_t offset, std::size_t length) -> Result<std::string> {
    if (offset >= bytes.size()) return std::string();
    return std::string(bytes.substr(offset, length));
  };
  return *measure_picture(mime_type, read);  // Nothing in it fails.
}

}  // namespace emstore::blobs
