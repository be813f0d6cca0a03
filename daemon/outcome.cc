#include "daemon/outcome.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/hash.h"

namespace emstore::daemon {
namespace {

using Json = nlohmann::ordered_json;

std::string line_of(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace

std::string json_of(const ImportReport& made, const std::filesystem::path& directory) {
  Json damaged = Json::array();
  for (const Address& address : made.damaged) damaged.push_back(to_string(address));
  return line_of({{"directory", directory.native()},
                  {"sequence", made.sequence},
                  {"media", made.blobs},
                  {"root", to_hex(as_bytes(made.root))},
                  {"state_digest", to_hex(as_bytes(made.state_digest))},
                  {"compared", made.is_compared},
                  {"collected", made.collected},
                  {"damaged", std::move(damaged)}});
}

std::string json_of(const Error& error) {
  const std::string_view hint = error.hint.empty() ? advice_for(error.code) : error.hint;
  Json told{{"code", name_of(error.code)}, {"message", error.message}};
  if (!error.path.empty()) told["path"] = error.path;
  if (!hint.empty()) told["hint"] = hint;
  told["retryable"] = is_retryable(error.code);
  return line_of({{"error", std::move(told)}});
}

std::string warnings_of(const ImportReport& made) {
  if (made.damaged.empty()) return {};
  const std::size_t named = std::min(made.damaged.size(), kDamagedNamedMax);
  std::string text;
  for (std::size_t i = 0; i < named; ++i) {
    text += "emstored: warning: " + to_string(made.damaged[i]) +
            " has no bytes: they were damaged where they came from\n";
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
