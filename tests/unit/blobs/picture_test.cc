#include "blobs/picture.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "base/big_endian.h"
#include "base/hash.h"
#include "blobs/mime.h"

namespace emstore::blobs {
namespace {

using std::string_literals::operator""s;
using Size = std::optional<PictureSize>;

constexpr PictureSize kSize{7, 3};

struct Sample {
  std::string_view what;
  std::string_view mime_type;
  std::string hex;
  std::size_t header;  // So many bytes tell.
};

const std::string kJpegTables = "ffdb004300" + std::string(128, 'f');
const std::string kJpegHead = "ffd8ffe000104a46494600010100000100010000";

// A grey or black picture of 7 by 3, from libjpeg, libwebp, or by hand.
const std::vector<Sample>& samples() {
  static const std::vector<Sample> kSamples{
      {"PNG", "image/png", "89504e470d0a1a0a0000000d49484452000000070000000308000000000000", 24},
      {"JPEG", "image/jpeg",
       kJpegHead + kJpegTables +
           "ffc0000b080003000701011100ffc40014000100000000000000000000000000000003ffc400141001"
           "00000000000000000000000000000000ffda0008010100003f0037ffd9",
       20 + 69 + 9},
      {"progressive JPEG", "image/jpeg",
       kJpegHead + kJpegTables +
           "ffc2000b080003000701011100ffc40014000100000000000000000000000000000002ffda00080101"
           "000000013fff",
       20 + 69 + 9},
      {"GIF 87a", "image/gif", "474946383761070003008000000000000000003b", 10},
      {"GIF 89a", "image/gif", "474946383961070003008000000000000000003b", 10},
      {"WebP with losses", "image/webp",
       "52494646240000005745425056503820180000003001009d012a070003000cc0ce25a400037000feec670000",
       30},
      {"WebP without losses", "image/webp",
       "524946461a000000574542505650384c0e0000002f06800000071011fd0f4444ff03", 25},
      {"WebP with a canvas", "image/webp",
       "52494646500000005745425056503858 0a00000010000000060000020000414c50480d000000010f3080"
       "1111e22a5511fd8f02005650382 01c0000007001009d012a070003000cc0ce259402fce1750000feeacc5a"
       "ee0000",
       30},
      {"BMP", "image/bmp",
       "424d3600000000000000360000002800000007000000030000000100180000000000000000000000000000"
       "0000000000000000000000",
       26},
      {"BMP from top to bottom", "image/bmp",
       "424d36000000000000003600000028000000070000 00fdffffff0100180000000000000000000000000000"
       "0000000000000000000000",
       26},
      {"BMP of OS/2", "image/bmp", "424d36000000000000001a0000000c0000000700030001001800", 26},
      {"TIFF, little-endian", "image/tiff",
       "49492a000c000000aaaaaaaa 0300 0001 0300 01000000 07000000 0101 0300 01000000 03000000"
       "0201 0300 01000000 08000000 00000000",
       38},
      {"TIFF, big-endian, long values", "image/tiff",
       "4d4d002a00000008 0002 0100 0004 00000001 00000007 0101 0004 00000001 00000003 00000000",
       34},
  };
  return kSamples;
}

std::string sample_bytes(const Sample& sample) {
  std::string hex = sample.hex;
  std::erase(hex, ' ');
  return from_hex(hex).value();
}

std::string u16(std::uint16_t number) {
  std::string bytes;
  append_big_endian(bytes, number);
  return bytes;
}

std::string u32(std::uint32_t number) {
  std::string bytes;
  append_big_endian(bytes, number);
  return bytes;
}

std::string png(std::uint32_t width, std::uint32_t height) {
  return "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"s + u32(width) + u32(height) + "\x08\0\0\0\0"s;
}

const std::string kFrame = "\xff\xc0\0\x0b\x08\0\3\0\7\1\1\x11\0"s;
std::string segment(std::size_t length) {
  return "\xff\xe1" + u16(static_cast<std::uint16_t>(length)) + std::string(length - 2, '\xff');
}
Size jpeg(const std::string& segments) {
  return measure_picture("image/jpeg", "\xff\xd8" + segments);
}

TEST(MeasurePicture, ReadsTheHeaderOfEveryFormat) {
  const Sniffer sniffer = Sniffer::open().value();
  for (const Sample& sample : samples()) {
    const std::string bytes = sample_bytes(sample);
    EXPECT_EQ(sniffer.mime_type(bytes), sample.mime_type) << sample.what;
    EXPECT_EQ(measure_picture(sample.mime_type, bytes), kSize) << sample.what;
  }
}

TEST(MeasurePicture, ReadsRealFiles) {
  for (const char* name : {"chair.png", "corner.png"}) {
    std::ifstream file(std::string(EMSTORE_SOURCE "/examples/shop/") + name, std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    EXPECT_EQ(measure_picture("image/png", bytes), (PictureSize{320, 240})) << name;
  }
}

TEST(MeasurePicture, SaysNothingOfAHeaderThatIsCut) {
  for (const Sample& sample : samples()) {
    const std::string bytes = sample_bytes(sample);
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
      const Size expected = size < sample.header ? Size() : Size(kSize);
      EXPECT_EQ(measure_picture(sample.mime_type, std::string_view(bytes).substr(0, size)),
                expected)
          << sample.what << " cut at " << size;
    }
  }
}

TEST(MeasurePicture, StaysInBoundsWhateverTheHeaderSays) {
  for (const Sample& sample : samples()) {
    const std::string bytes = sample_bytes(sample);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (const char other : {'\0', '\x7f', '\x80', '\xff'}) {
        std::string damaged = bytes;
        damaged[at] = other;
        const Size size = measure_picture(sample.mime_type, damaged);
        if (!size) continue;
        EXPECT_GE(std::min(size->width, size->height), 1u) << sample.what << " at " << at;
        EXPECT_LE(std::max(size->width, size->height), kPictureSideMax) << sample.what;
      }
    }
  }
}

TEST(MeasurePicture, GoesByTheTypeThatTheContentHas) {
  for (const Sample& sample : samples()) {
    const std::string bytes = sample_bytes(sample);
    for (const PictureType& type : kPictureTypes) {
      if (picture_type(sample.mime_type)->format == type.format) continue;
      EXPECT_EQ(measure_picture(type.mime_type, bytes), std::nullopt) << sample.what;
    }
    for (const char* type : {"image/svg+xml", "text/plain", "application/octet-stream", ""}) {
      EXPECT_EQ(measure_picture(type, bytes), std::nullopt) << type;
    }
  }
}

TEST(MeasurePicture, BoundsTheSides) {
  constexpr std::uint32_t kMax = kPictureSideMax;
  EXPECT_EQ(measure_picture("image/png", png(kMax - 1, 1)), (PictureSize{kMax - 1, 1}));
  EXPECT_EQ(measure_picture("image/png", png(kMax, kMax)), (PictureSize{kMax, kMax}));
  for (const std::uint32_t side : {0u, kMax + 1, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    EXPECT_EQ(measure_picture("image/png", png(side, 1)), std::nullopt) << side;
    EXPECT_EQ(measure_picture("image/png", png(1, side)), std::nullopt) << side;
  }
}

TEST(MeasurePicture, TakesALeastHeightOfABmpForWhatItIs) {
  std::string bytes = sample_bytes(samples()[8]);
  bytes.replace(22, 4, "\0\0\0\x80"s);  // -2^31.
  EXPECT_EQ(measure_picture("image/bmp", bytes), std::nullopt);
}

TEST(MeasurePicture, FindsTheFrameBehindLongSegments) {
  std::string profiles;
  for (int i = 0; i < 20; ++i) profiles += segment(65'535);  // Far behind what is sniffed.
  EXPECT_EQ(jpeg(profiles + kFrame), kSize);
  EXPECT_EQ(jpeg("\xff\xff\xff" + kFrame), kSize) << "filling before a marker";
  EXPECT_EQ(jpeg("\xff\x01\xff\xd0" + kFrame), kSize) << "markers that stand alone";
  EXPECT_EQ(jpeg("\xff\xc4\0\2\xff\xc8\0\2\xff\xcc\0\2"s + kFrame), kSize) << "tables, no frames";
}

TEST(MeasurePicture, EndsAWalkThatLeadsNowhere) {
  EXPECT_EQ(jpeg("\xff\xe0\0\0"s + kFrame), std::nullopt);
  EXPECT_EQ(jpeg("\xff\xe0\0\1"s + kFrame), std::nullopt);
  EXPECT_EQ(jpeg("\xff\xe0\xff\xff"s + kFrame), std::nullopt) << "a length beyond the end";
  EXPECT_EQ(jpeg("\xff\xda\0\2"s + kFrame), std::nullopt) << "the picture has begun";
  EXPECT_EQ(jpeg("\xff\xd9\0\2"s + kFrame), std::nullopt) << "the picture has ended";
  EXPECT_EQ(jpeg("\0"s + kFrame), std::nullopt) << "no marker";
  EXPECT_EQ(jpeg("\xff\xc0\0\x0b\x08\0\0\0\7"s), std::nullopt) << "the height comes later";
}

TEST(MeasurePicture, TakesABoundedNumberOfSmallSteps) {
  const auto with_segments = [](std::size_t count) {
    std::string bytes = "\xff\xd8";
    for (std::size_t i = 0; i < count; ++i) bytes += segment(2);
    return bytes + kFrame;
  };
  EXPECT_EQ(measure_picture("image/jpeg", with_segments(kPictureStepsMax - 2)), kSize);
  EXPECT_EQ(measure_picture("image/jpeg", with_segments(kPictureStepsMax - 1)), kSize);
  EXPECT_EQ(measure_picture("image/jpeg", with_segments(kPictureStepsMax)), std::nullopt);

  std::size_t reads = 0;
  const auto endless = [&](std::uint64_t offset, std::size_t length) -> Result<std::string> {
    ++reads;
    EXPECT_LE(length, kPictureReadMax);
    std::string bytes(length, '\xff');
    if (offset == 0) bytes[1] = '\xd8';
    return bytes;
  };
  EXPECT_EQ(measure_picture("image/jpeg", endless), std::nullopt);
  EXPECT_EQ(reads, kPictureStepsMax + 1);
}

TEST(MeasurePicture, FindsADirectoryOfATiffWhereverItStands) {
  const std::string directory = "\0\2\1\0\0\3\0\0\0\1\0\7\0\0\1\1\0\3\0\0\0\1\0\3\0\0"s;
  const auto at = [&](std::uint32_t offset) {
    return "MM\0\x2a"s + u32(offset) + std::string(100'000, '\0') + directory;
  };
  EXPECT_EQ(measure_picture("image/tiff", at(100'008)), kSize);
  EXPECT_EQ(measure_picture("image/tiff", at(100'009)), std::nullopt);
  EXPECT_EQ(measure_picture("image/tiff", at(0xffffffff)), std::nullopt);
  EXPECT_EQ(measure_picture("image/tiff", at(0)), std::nullopt);
}

TEST(MeasurePicture, SaysWhyItCouldNotRead) {
  const auto failing = [](std::uint64_t, std::size_t) -> Result<std::string> {
    return failure(ErrorCode::io_failed, "the disk");
  };
  EXPECT_EQ(measure_picture("image/png", failing).error().code, ErrorCode::io_failed);
  EXPECT_EQ(measure_picture("text/plain", failing), std::nullopt) << "nothing is read";
}

}  // namespace
}  // namespace emstore::blobs
