#include "daemon/status.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "base/hash.h"
#include "base/time.h"
#include "daemon/answers.h"
#include "daemon/scrub.h"

namespace emstore::daemon {
namespace {

// Null when the system does not say.
Value free_bytes(const std::filesystem::path& folder) {
  struct statvfs figures {};
  if (::statvfs(folder.c_str(), &figures) != 0) return nullptr;
  return figures.f_bavail * figures.f_frsize;
}

// The second number of /proc/self/statm: pages in memory.
Value resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  if (!(statm >> all >> resident)) return nullptr;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// The database estimates both: rows that were overwritten count until it tidies up.
Value sizes_of_families(const store::Database& database) {
  Map families;
  for (const store::FamilyInfo& info : store::kFamilies) {
    const store::Database::FamilySize size = database.size(info.family);
    families.append(std::string(info.name),
                    Map{{"rows_estimate", size.rows}, {"bytes_estimate", size.bytes}});
  }
  return families;
}

Value states_of_indexes(const store::View& view) {
  List indexes;
  for (const store::Index& index : view.schema->indexes) {
    const auto found = view.indexes->find(index.id);
    const store::IndexState state =
        found == view.indexes->end() ? store::IndexState() : found->second;
    Map shown{{"name", index.name}, {"state", name_of(state.kind)}};
    if (tells_why(state)) shown.append("detail", state.detail);
    indexes.push_back(std::move(shown));
  }
  return indexes;
}

Value limits_of(const Config& config) {
  const protocol::Limits& wire = config.session.wire;
  return Map{
      {"request", wire.request_bytes_max},
      {"reply", wire.reply_bytes_max},
      {"chunk", wire.chunk_bytes_max},
      {"depth", wire.depth_max},
      {"in_flight", config.session.in_flight_max},
      {"connections", config.connections.all_max},
      {"connections_per_uid", config.connections.per_uid_max},
      {"message_time", std::chrono::duration<double>(config.session.message_deadline).count()},
      {"mutations", config.store.mutations_max},
      {"mutation_examined", config.store.examined_max},
      {"commit_changes", config.store.commit_changes_max},
      {"commit_bytes", config.store.commit_bytes_max},
      {"result_items", config.query.items_max},
      {"result_bytes", config.query.result_bytes_max},
      {"blob", config.blob_bytes_max},
      {"inline_file", kSmallBlobBytesMax}};
}

Value queues_of(const Parts& parts) {
  const Writer::Figures writer = parts.writer.figures();
  return Map{{"commits_waiting", writer.waiting},
             {"media_waiting", parts.media.waiting() + parts.large_files.waiting()},
             {"scans_waiting", parts.scans.waiting()},
             {"requests_in_flight", parts.sessions.in_flight()},
             {"bytes_held", parts.sessions.held_bytes()}};
}

Value groups_of(const Parts& parts) {
  const Writer::Figures writer = parts.writer.figures();
  return Map{{"groups", writer.groups},
             {"submissions", writer.submissions},
             {"largest", writer.largest_group}};
}

}  // namespace

Value status_of(const Parts& parts) {
  const auto view = parts.store.view();
  const auto up = std::chrono::steady_clock::now() - parts.started;
  const store::Database& database = parts.store.database();
  return Map{
      {"server", server_text()},
      {"pid", ::getpid()},
      {"uptime", std::chrono::duration<double>(up).count()},
      {"store_id", to_hex(as_bytes(parts.store.id()))},
      {"data", parts.config.data.string()},
      {"media", parts.config.media_folder().string()},
      {"socket", parts.config.socket.path.string()},
      {"sequence", view->sequence},
      {"root", to_hex(as_bytes(view->root))},
      {"schema_version", view->schema->version},
      {"connections", parts.sessions.count()},
      {"connections_accepted", parts.sessions.accepted()},
      {"queues", queues_of(parts)},
      {"commits", groups_of(parts)},
      {"indexes", states_of_indexes(*view)},
      {"families", sizes_of_families(database)},
      {"blobs", Map{{"contents_estimate", database.size(store::Family::blobs).rows},
                    {"small_estimate", database.size(store::Family::bytes).rows},
                    {"small_bytes_estimate", database.size(store::Family::bytes).bytes}}},
      {"damage", shown_damage(*view)},
      {"scrub", shown_scrub(*view)},
      {"free", Map{{"data", free_bytes(parts.config.data)},
                   {"media", free_bytes(parts.config.media_folder())}}},
      {"memory", resident_bytes()},
      {"limits", limits_of(parts.config)},
  };
}

}  // namespace emstore::daemon
