#include "blobs/mime.h"

#include <magic.h>

#include <algorithm>
#include <utility>

namespace emstore::blobs {
namespace {

constexpr std::string_view kUnknownType = "application/octet-stream";

struct Parameter {
  int name;
  std::size_t value;
};

// Content comes from strangers: what libmagic may spend on it is bounded well below its defaults.
constexpr Parameter kBounds[] = {
    {MAGIC_PARAM_INDIR_MAX, 15},
    {MAGIC_PARAM_NAME_MAX, 50},
    {MAGIC_PARAM_ELF_PHNUM_MAX, 128},
    {MAGIC_PARAM_ELF_SHNUM_MAX, 1024},
    {MAGIC_PARAM_ELF_NOTES_MAX, 64},
    {MAGIC_PARAM_REGEX_MAX, 8192},
    {MAGIC_PARAM_BYTES_MAX, kSniffBytesMax},
};

using namespace std::string_view_literals;

// The pictures that most media are: libmagic says the same of them, and takes 25 to 300 µs, of a
// small file many times what all else does.
struct Signature {
  std::string_view bytes;
  std::string_view mime_type;
};
constexpr Signature kSignatures[] = {
    {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"sv, "image/png"},
    {"\xff\xd8\xff\xdb"sv, "image/jpeg"},
    {"\xff\xd8\xff\xe0"sv, "image/jpeg"},
    {"\xff\xd8\xff\xe1"sv, "image/jpeg"},
    {"\xff\xd8\xff\xe2"sv, "image/jpeg"},
    {"GIF87a"sv, "image/gif"},
    {"GIF89a"sv, "image/gif"},
};

std::string_view signed_type(std::string_view bytes) {
  for (const Signature& signature : kSignatures) {
    if (bytes.starts_with(signature.bytes)) return signature.mime_type;
  }
  const bool is_webp =
      bytes.size() >= 12 && bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP";
  return is_webp ? "image/webp" : "";
}

constexpr std::string_view kSigns =
    "!#$&-^_.+";  // Of names in RFC 6838, beside letters and digits.

// "type/subtype" of RFC 6838, lower case as libmagic gives it; anything else is a message of
// libmagic.
bool is_mime_type(std::string_view text) {
  const auto is_sign = [](char sign) {
    return (sign >= 'a' && sign <= 'z') || (sign >= 'A' && sign <= 'Z') ||
           (sign >= '0' && sign <= '9') || kSigns.find(sign) != kSigns.npos;
  };
  const std::size_t slash = text.find('/');
  if (slash == 0 || slash == text.npos || slash + 1 == text.size()) return false;
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(slash), is_sign) &&
         std::all_of(text.begin() + static_cast<std::ptrdiff_t>(slash) + 1, text.end(), is_sign);
}

}  // namespace

struct Sniffer::State {
  struct Close {
    void operator()(magic_set* opened) const { magic_close(opened); }
  };
  std::unique_ptr<magic_set, Close> cookie;
};

Result<Sniffer> Sniffer::open() {
  auto state = std::make_unique<State>();
  state->cookie.reset(magic_open(MAGIC_MIME_TYPE));
  if (state->cookie == nullptr) return failure(ErrorCode::internal, "libmagic has no memory");
  if (magic_load(state->cookie.get(), nullptr) != 0) {
    const char* reason = magic_error(state->cookie.get());
    return failure(
        ErrorCode::io_failed,
        "cannot load the list of file types: " + std::string(reason ? reason : "unknown"), {},
        "install libmagic-mgc");
  }
  for (const Parameter& bound : kBounds) {
    if (magic_setparam(state->cookie.get(), bound.name, &bound.value) != 0) {
      return failure(ErrorCode::internal,
                     "libmagic knows no parameter " + std::to_string(bound.name));
    }
  }
  // Where no memory was left for the list, libmagic goes on without it, and calls that a success.
  Sniffer sniffer(std::move(state));
  if (sniffer.mime_type("%PDF-1.7\n") != "application/pdf") {
    return failure(ErrorCode::io_failed, "the list of file types does not know PDF", {},
                   "give emstored more memory, install libmagic-mgc, or unset MAGIC");
  }
  return sniffer;
}

Sniffer::Sniffer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Sniffer::Sniffer(Sniffer&&) noexcept = default;
Sniffer& Sniffer::operator=(Sniffer&&) noexcept = default;
Sniffer::~Sniffer() = default;

std::string Sniffer::mime_type(std::string_view first_bytes) const {
  if (first_bytes.empty())
    return std::string(kUnknownType);  // libmagic would say "application/x-empty".
  if (const std::string_view type = signed_type(first_bytes); !type.empty()) {
    return std::string(type);
  }
  const std::string_view looked_at = first_bytes.substr(0, kSniffBytesMax);
  const char* type = magic_buffer(state_->cookie.get(), looked_at.data(), looked_at.size());
  if (type == nullptr || !is_mime_type(type)) return std::string(kUnknownType);
  return type;
}

}  // namespace emstore::blobs
