#include "blobs/mime.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "base/hash.h"
#include "tests/unit/blobs/scratch_folder.h"

namespace emstore::blobs {
namespace {

using std::string_literals::operator""s;

std::string type_of(const std::string& bytes) { return Sniffer::open().value().mime_type(bytes); }

// An archive of one file.
constexpr std::string_view kZip =
    "504b03041400000000000000215086a61036050000000500000005000000612e74787468656c6c6f504b0102"
    "14031400000000000000215086a610360500000005000000050000000000000000000000800100000000612e"
    "747874504b0506000000000100010033000000280000000000";

TEST(Sniffer, KnowsTheUsualMedia) {
  EXPECT_EQ(type_of("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0"s), "image/png");
  EXPECT_EQ(type_of("\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"s), "image/jpeg");
  EXPECT_EQ(type_of("GIF89a\1\0\1\0\x80\0\0"s), "image/gif");
  EXPECT_EQ(type_of("RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0"s), "image/webp");
  EXPECT_EQ(type_of("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"), "application/pdf");
  EXPECT_EQ(type_of(*from_hex(kZip)), "application/zip");
  EXPECT_EQ(type_of("<svg xmlns=\"http://www.w3.org/2000/svg\"><rect/></svg>"), "image/svg+xml");
  EXPECT_EQ(type_of("<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
            "image/svg+xml");
  EXPECT_EQ(type_of("\0\0\0\x20"
                    "ftypisom\0\0\2\0isomiso2avc1mp41"s),
            "video/mp4");
}

TEST(Sniffer, KnowsTexts) {
  EXPECT_EQ(type_of("Just a few words.\n"), "text/plain");
  EXPECT_EQ(type_of("Gr\xc3\xbc\xc3\x9f"
                    "e aus K\xc3\xb6ln\n"),
            "text/plain");
  EXPECT_EQ(type_of("<!DOCTYPE html><html><body></body></html>"), "text/html");
  EXPECT_EQ(type_of("{\"a\": [1, 2, 3]}"), "application/json");
}

TEST(Sniffer, KnowsATextThatIsCutWithinALetter) {
  std::string text;
  while (text.size() <= kSniffBytesMax) text += "a\xc3\xbc ";
  for (std::size_t size = kSniffBytesMax - 4; size <= kSniffBytesMax; ++size) {
    EXPECT_EQ(type_of(text.substr(0, size)), "text/plain") << size;
  }
}

TEST(Sniffer, SaysThatItDoesNotKnow) {
  EXPECT_EQ(type_of(""), "application/octet-stream");
  EXPECT_EQ(type_of("\1\2\3\4\5\6\7\x80\x81\xff\0\0"s), "application/octet-stream");
}

TEST(Sniffer, RefusesAListThatDoesNotKnowTheUsualMedia) {
  const ScratchFolder folder;
  const std::string list = folder / "magic";
  std::ofstream(list) << "0 string XX two letters\n!:mime x/two\n";
  ::setenv("MAGIC", list.c_str(), 1);
  const Result<Sniffer> sniffer = Sniffer::open();
  ::unsetenv("MAGIC");
  ASSERT_FALSE(sniffer);
  EXPECT_EQ(sniffer.error().code, ErrorCode::io_failed);
  EXPECT_EQ(sniffer.error().message, "the list of file types does not know PDF");
  EXPECT_TRUE(Sniffer::open());
}

TEST(Sniffer, LooksAtTheFirstBytesOnly) {
  const std::string png = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0"s;
  EXPECT_EQ(type_of(png + content(10 << 20)), "image/png");
  EXPECT_EQ(type_of(std::string(kSniffBytesMax, ' ') + png), "text/plain");
}

TEST(Sniffer, GivesATypeForAnyBytes) {
  const Sniffer sniffer = Sniffer::open().value();
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const std::string type = sniffer.mime_type(content(seed * 7 % 1'000, seed));
    EXPECT_NE(type.find('/'), std::string::npos) << seed << ": " << type;
    EXPECT_EQ(type.find_first_of(" ;:\n"), std::string::npos) << seed << ": " << type;
  }
}

}  // namespace
}  // namespace emstore::blobs
