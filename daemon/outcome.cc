#include "daemon/outcome.h"

#include <algorithm>
#include <string_view>

#include "base/hash.h"
#include "base/suggest.h"

namespace emstore::daemon {
namespace {

std::string json_text(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const bool is_text = is_utf8(text);
  std::string json = "\"";
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      json.append({'\\', letter});
    } else if (byte < 0x20 || byte == 0x7f) {
      json.append("\\u00").append({kDigits[byte >> 4U], kDigits[byte & 15U]});
    } else if (byte >= 0x80 && !is_text) {
      json.append("\\ufffd");
    } else {
      json.push_back(letter);
    }
  }
  return json.append("\"");
}

std::string json_boolean(bool boolean) { return boolean ? "true" : "false"; }

// An object while it is written. `json` is JSON already.
class Object {
 public:
  Object& add(std::string_view name, std::string_view json) {
    text_.append(text_.empty() ? "{" : ",").append(json_text(name)).append(":").append(json);
    return *this;
  }
  std::string whole() const { return text_ + "}"; }

 private:
  std::string text_;
};

}  // namespace

std::string json_of(const ImportReport& made, const std::filesystem::path& directory) {
  std::string damaged;
  for (const Address& address : made.damaged) {
    damaged.append(damaged.empty() ? "" : ",").append(json_text(to_string(address)));
  }
  return Object()
      .add("directory", json_text(directory.native()))
      .add("sequence", std::to_string(made.sequence))
      .add("media", std::to_string(made.blobs))
      .add("root", json_text(to_hex(as_bytes(made.root))))
      .add("state_digest", json_text(to_hex(as_bytes(made.state_digest))))
      .add("compared", json_boolean(made.is_compared))
      .add("collected", std::to_string(made.collected))
      .add("damaged", "[" + damaged + "]")
      .whole();
}

std::string json_of(const Error& error) {
  const std::string hint = error.hint.empty() ? std::string(advice_for(error.code)) : error.hint;
  Object told;
  told.add("code", json_text(name_of(error.code))).add("message", json_text(error.message));
  if (!error.path.empty()) told.add("path", json_text(error.path));
  if (!hint.empty()) told.add("hint", json_text(hint));
  told.add("retryable", json_boolean(is_retryable(error.code)));
  return Object().add("error", told.whole()).whole();
}

std::string warnings_of(const ImportReport& made) {
  if (made.damaged.empty()) return {};
  const std::size_t named = std::min(made.damaged.size(), kDamagedNamedMax);
  std::string text;
  for (std::size_t i = 0; i < named; ++i) {
    text += "emstored: warning: " + to_string(made.damaged[i]) +
            " has no bytes: they were damaged at the source\n";
  }
  if (const std::size_t more = made.damaged.size() - named; more > 0) {
    text += "emstored: warning: so have " + std::to_string(more) +
            " more contents; --json names them all\n";
  }
  return text +
         "  next: use the store, for all else is there; upload the same bytes again, or restore "
         "them from an older backup\n";
}

}  // namespace emstore::daemon
