// What a client asks of the store as a whole: verify, gc, audit, export, backup.
#include <emstore/client.hpp>

#include <system_error>

#include "client-lib/answers.h"
#include "client-lib/job.h"

namespace emstore {
namespace {

protocol::Gc gc_of(const Client::Collect& options) {
  protocol::Gc call{options.dry_run, {}};
  if (options.grace) call.grace = static_cast<std::uint64_t>(options.grace->count());
  return call;
}

Result<Map> audit_to_end(Core& core, const AuditOptions& options,
                         const Client::JobProgress& progress) {
  protocol::Audit call;
  call.slice = options.slice;
  call.slices = options.slices;
  call.at = options.at;
  if (!options.root.empty()) call.root = options.root;
  return run_job(core, call, "audit", progress);
}

Result<Map> backup_to_end(Core& core, const std::filesystem::path& directory,
                          const Client::JobProgress& progress) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(directory, error);
  return run_job(core, protocol::Backup{absolute.lexically_normal().string()}, "backup", progress);
}

Result<Map> export_to_end(Core& core, const Client::ExportWriter& write,
                          std::optional<std::uint64_t> until) {
  EMSTORE_TRY(Map begun, core.call_for_map(protocol::ExportOpen{until}));
  const std::uint64_t number = unsigned_of(begun, "export");
  while (true) {
    EMSTORE_TRY(const Map piece, core.call_for_map(protocol::ExportRead{number}));
    const Binary* bytes = RecordView(piece)["bytes"].if_binary();
    const bool* done = RecordView(piece)["done"].if_boolean();
    if (!bytes || !done) return failure(ErrorCode::internal, "a piece of an export that is none");
    if (!bytes->data.empty()) write(bytes->data);
    if (!*done) continue;
    for (const char* name : {"damaged", "damaged_contents"}) {
      if (const Value* told = piece.find(name)) begun.set(name, *told);
    }
    break;
  }
  begun.erase("export");
  return begun;
}

}  // namespace

Map Client::verify(const JobProgress& progress) {
  return value_of(run_job(*core_, protocol::Verify{}, "verify", progress));
}
Map Client::verify(const JobProgress& progress, ErrorOut error) {
  return value_of(run_job(*core_, protocol::Verify{}, "verify", progress), error);
}
Map Client::rebuild(const JobProgress& progress) {
  return value_of(run_job(*core_, protocol::Rebuild{}, "rebuild", progress));
}
Map Client::rebuild(const JobProgress& progress, ErrorOut error) {
  return value_of(run_job(*core_, protocol::Rebuild{}, "rebuild", progress), error);
}
Map Client::collect_garbage() { return collect_garbage(Collect{}); }
Map Client::collect_garbage(const Collect& options) {
  return value_of(run_job(*core_, gc_of(options), "gc", {}));
}
Map Client::collect_garbage(const Collect& options, ErrorOut error) {
  return value_of(run_job(*core_, gc_of(options), "gc", {}), error);
}
Map Client::audit(const AuditOptions& options, const JobProgress& progress) {
  return value_of(audit_to_end(*core_, options, progress));
}
Map Client::audit(const AuditOptions& options, const JobProgress& progress, ErrorOut error) {
  return value_of(audit_to_end(*core_, options, progress), error);
}
Map Client::scrub(const JobProgress& progress) {
  return value_of(run_job(*core_, protocol::Scrub{}, "scrub", progress));
}
Map Client::scrub(const JobProgress& progress, ErrorOut error) {
  return value_of(run_job(*core_, protocol::Scrub{}, "scrub", progress), error);
}
Map Client::backup(const std::filesystem::path& directory, const JobProgress& progress) {
  return value_of(backup_to_end(*core_, directory, progress));
}
Map Client::backup(const std::filesystem::path& directory, const JobProgress& progress,
                   ErrorOut error) {
  return value_of(backup_to_end(*core_, directory, progress), error);
}
Map Client::export_store(const ExportWriter& write, std::optional<std::uint64_t> until) {
  return value_of(export_to_end(*core_, write, until));
}
Map Client::export_store(const ExportWriter& write, std::optional<std::uint64_t> until,
                         ErrorOut error) {
  return value_of(export_to_end(*core_, write, until), error);
}

}  // namespace emstore
