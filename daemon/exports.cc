#include "daemon/exports.h"

#include <string>

#include "protocol/codec.h"

namespace emstore::daemon {
namespace {

constexpr std::size_t kSentPieceBytes = 2u << 20;  // What a piece takes, about.

Error no_export(std::uint64_t number) {
  return Error{ErrorCode::job_not_found, "this connection has no export " + std::to_string(number),
               "export", "exports end with their connection: begin again"};
}

}  // namespace

void Exports::begin(Session& session, std::uint32_t request, const protocol::ExportOpen& call) {
  const std::size_t most = parts_.config.exports_max;
  if (running_.size() >= most) {
    return session.refuse(
        request, Error{ErrorCode::busy, "all " + std::to_string(most) + " exports are running", "",
                       "wait until one has ended, or raise limits.exports"});
  }
  Result<std::unique_ptr<Export>> made = Export::begin(
      parts_.store, parts_.files, {.from = 1, .until = call.until, .has_files = true});
  if (!made) return session.refuse(request, made.error());
  const std::uint64_t number = ++begun_;
  const Map answer{{"export", number},
                   {"sequence", (*made)->sequence()},
                   {"root", to_hex(as_bytes((*made)->root()))}};
  running_[{session.id(), number}] = {*std::move(made), false};
  session.reply(request, answer);
}

void Exports::begin(Session& session, std::uint32_t request, const protocol::ExportRead& call) {
  const Name name{session.id(), call.number};
  const auto found = running_.find(name);
  if (found == running_.end()) return session.refuse(request, no_export(call.number));
  Running& running = found->second;
  if (running.is_reading) {
    return session.refuse(
        request, Error{ErrorCode::invalid_request, "a piece of this export is being read already",
                       "export", "ask for the next one when it has come"});
  }
  running.is_reading =
      parts_.scans.submit([this, name, request, exported = running.exported](std::size_t) {
        Result<std::string> piece = exported->next();
        parts_.reactor.deliver(
            [this, name, request, read = std::move(piece)] { take(name, request, read); });
      });
  if (!running.is_reading) return session.refuse(request, too_much_waits("scans"));
  session.expect(request, kSentPieceBytes);
}

void Exports::take(const Name& name, std::uint32_t request, const Result<std::string>& piece) {
  const auto found = running_.find(name);
  Session* session = parts_.sessions.find(name.first);
  if (found == running_.end() || session == nullptr) return;
  found->second.is_reading = false;
  const auto exported = found->second.exported;
  const bool is_over = !piece || piece->empty();
  if (is_over) running_.erase(found);
  if (!piece) return session->refuse(request, piece.error());
  Map answer{{"bytes", Binary{*piece}}, {"done", is_over}};
  if (is_over) tell_damaged(answer, exported->damaged());
  session->reply(request, answer);
}

void Exports::forget(SessionId session) {
  std::erase_if(running_, [session](const auto& one) { return one.first.first == session; });
}

}  // namespace emstore::daemon
