#include "elsewhere.h"

#include <algorithm>
#include <emstore/client.hpp>
#include <fstream>
#include <iterator>
#include <span>

#include "blobs/mark.h"
#include "daemon/backup.h"

namespace emstore::testing {
namespace {

daemon::Source source_of(std::string_view stream) {
  return [stream, offset = std::size_t{0}](std::span<char> into) mutable -> Result<std::size_t> {
    const std::string_view piece = stream.substr(offset, into.size());
    std::copy(piece.begin(), piece.end(), into.begin());
    offset += piece.size();
    return piece.size();
  };
}

}  // namespace

std::string exported(const RunningDaemon& running, std::optional<std::uint64_t> until, Map* told) {
  Options options;
  options.socket = running.config().socket.path;
  Client client(options);
  std::string stream;
  const Map answer = client.export_store([&](std::string_view bytes) { stream += bytes; }, until);
  if (told != nullptr) *told = answer;
  return stream;
}

Result<daemon::ImportReport> Elsewhere::take(std::string_view stream) {
  daemon::Log log(daemon::LogLevel::off);
  return daemon::import_store(config_, {source_of(stream)}, {}, log);
}

Result<daemon::ImportReport> Elsewhere::restore(const std::filesystem::path& backup) {
  daemon::Log log(daemon::LogLevel::off);
  return daemon::restore(config_, backup, log);
}

std::map<std::string, Sha256> Elsewhere::media() const {
  std::map<std::string, Sha256> media;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(config_.media_folder())) {
    if (!entry.is_regular_file() || entry.path().filename() == blobs::kMarkName) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    media[entry.path().filename()] = sha256(std::string(std::istreambuf_iterator<char>(file), {}));
  }
  return media;
}

}  // namespace emstore::testing
