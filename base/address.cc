#include "base/address.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace emstore {
namespace {

constexpr std::string_view kScheme = "xxh3-128:";
constexpr std::size_t kDigestHexSize = 2 * sizeof(Digest128);
static_assert(kAddressTextBytesMax ==
              kScheme.size() + kDigestHexSize + std::string_view(".255").size());

}  // namespace

std::size_t put_text(const Address& address, std::span<char, kAddressTextBytesMax> place) {
  char* end = std::ranges::copy(kScheme, place.data()).out;
  end = put_hex(as_bytes(address.digest), end);
  if (address.ordinal != 0) {
    *end++ = '.';
    end = std::to_chars(end, place.data() + place.size(), address.ordinal).ptr;
  }
  return static_cast<std::size_t>(end - place.data());
}

std::string to_string(const Address& address) {
  std::array<char, kAddressTextBytesMax> text;
  return {text.data(), put_text(address, text)};
}

std::optional<Address> address_of(std::string_view text) {
  if (!text.starts_with(kScheme)) return std::nullopt;
  std::string_view rest = text.substr(kScheme.size());
  const auto digest = from_hex(rest.substr(0, kDigestHexSize));
  if (!digest || digest->size() != sizeof(Digest128)) return std::nullopt;
  rest.remove_prefix(kDigestHexSize);

  Address address;
  std::copy(digest->begin(), digest->end(), address.digest.begin());
  if (!rest.empty()) {
    rest.remove_prefix(1);
    std::from_chars(rest.data(), rest.data() + rest.size(), address.ordinal);
  }
  // What is not the one text of its address falls here: another case, a sign before the digits,
  // ".0".
  if (to_string(address) != text) return std::nullopt;
  return address;
}

std::string to_bytes(const Address& address) {
  std::string bytes(as_bytes(address.digest));
  bytes.push_back(static_cast<char>(address.ordinal));
  return bytes;
}

std::optional<Address> address_of_bytes(std::string_view bytes) {
  Address address;
  if (bytes.size() != address.digest.size() + 1) return std::nullopt;
  std::copy_n(bytes.begin(), address.digest.size(), address.digest.begin());
  address.ordinal = static_cast<std::uint8_t>(bytes.back());
  return address;
}

}  // namespace emstore
