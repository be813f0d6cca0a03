#include "daemon/mutations.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "daemon/answers.h"
#include "protocol/codec.h"

namespace emstore::daemon {
namespace {

constexpr std::string_view kMediaName = "media";

bool holds_bytes(const Value& value) {
  if (value.if_binary() != nullptr) return true;
  if (const List* list = value.if_list()) return std::ranges::any_of(*list, holds_bytes);
  if (const Map* map = value.if_map()) {
    return std::ranges::any_of(*map,
                               [](const Map::Member& member) { return holds_bytes(member.value); });
  }
  return false;
}

bool holds_bytes(const Map& document) {
  return std::ranges::any_of(document,
                             [](const Map::Member& member) { return holds_bytes(member.value); });
}

std::optional<store::RequestKey> key_of(const protocol::MutationOptions& options,
                                        const std::optional<Sha256>& digest) {
  if (!options.key) return std::nullopt;
  return store::RequestKey{*options.key, digest.value_or(Sha256{})};
}

// Hashes and looks at the files of the command with `sniffer`; without one there are no bytes in
// it.
Result<store::Submission> prepare(const Peer& peer, store::Command command, bool is_media,
                                  const blobs::Sniffer* sniffer) {
  for (store::Mutation& mutation : command.mutations) {
    EMSTORE_CHECKED(store::prepare_files(mutation.document, is_media, command.files,
                                         [sniffer](std::string bytes) {
                                           EMSTORE_CHECK(sniffer != nullptr);
                                           store::PreparedFile file;
                                           file.digest = digest_of(bytes);
                                           file.mime_type = sniffer->mime_type(bytes);
                                           file.bytes = std::move(bytes);
                                           return file;
                                         }));
  }
  return store::Submission{peer, std::move(command)};
}

}  // namespace

void Mutations::begin(const Request& request, store::Mutation mutation,
                      protocol::MutationOptions options, const std::optional<Sha256>& digest) {
  const bool is_media = mutation.verb == store::Verb::insert && mutation.entity == kMediaName;
  const bool has_bytes = holds_bytes(mutation.document);
  mutation.expected = options.expected;
  mutation.detach = options.detach;
  store::Command command;
  command.dry_run = options.dry_run;
  command.key = key_of(options, digest);
  command.reason = std::move(options.reason);
  command.correlation = std::move(options.correlation);
  command.causation = std::move(options.causation);
  command.mutations.push_back(std::move(mutation));
  if (has_bytes) return prepare_elsewhere(request, std::move(command), is_media);
  queue(request, prepare(request.peer, std::move(command), is_media, nullptr));
}

void Mutations::begin(const Request& request, protocol::SchemaApply apply,
                      const std::optional<Sha256>& digest) {
  store::SchemaCommand command;
  command.schema = std::move(apply.schema);
  command.dry_run = apply.dry_run;
  command.allow_destructive = apply.allow_destructive;
  command.key = key_of(apply.options, digest);
  command.reason = std::move(apply.options.reason);
  command.correlation = std::move(apply.options.correlation);
  command.causation = std::move(apply.options.causation);
  queue(request, store::Submission{request.peer, std::move(command)});
}

void Mutations::prepare_elsewhere(const Request& request, store::Command command, bool is_media) {
  const std::uint64_t number = next_number_++;
  const bool is_taken = parts_.media.submit(
      [this, number, peer = request.peer, is_media, session = request.caller.session,
       held = std::move(command)](std::size_t thread) mutable {
        Result<store::Submission> submission =
            prepare(peer, std::move(held), is_media, &parts_.sniffers.at(thread));
        parts_.reactor.deliver([this, session, number, ready = std::move(submission)]() mutable {
          prepared(session, number, std::move(ready));
        });
      });
  if (!is_taken) return queue(request, failure(too_much_waits("files")));
  lanes_[request.caller.session].push_back(Waiting{request, number, std::nullopt});
}

void Mutations::queue(const Request& request, Result<store::Submission> submission) {
  const auto lane = lanes_.find(request.caller.session);
  if (lane == lanes_.end()) return submit(request, std::move(submission));
  lane->second.push_back(Waiting{request, next_number_++, std::move(submission)});
}

void Mutations::prepared(SessionId session, std::uint64_t number,
                         Result<store::Submission> submission) {
  std::deque<Waiting>& lane = lanes_.at(session);
  std::ranges::find(lane, number, &Waiting::number)->prepared = std::move(submission);
  while (!lane.empty() && lane.front().prepared) {
    Waiting next = std::move(lane.front());
    lane.pop_front();
    submit(next.request, *std::move(next.prepared));
  }
  if (lane.empty()) lanes_.erase(session);
}

void Mutations::submit(const Request& request, Result<store::Submission> submission) {
  const Caller caller = request.caller;
  if (!submission) return answer(caller, failure(std::move(submission).error()));
  const bool is_taken =
      parts_.writer.submit(*std::move(submission), request.bytes,
                           [this, caller](store::Outcome outcome) { answer(caller, outcome); });
  if (!is_taken) answer(caller, failure(too_much_waits("mutations")));
}

void Mutations::answer(const Caller& caller, const store::Outcome& outcome) {
  Session* session = parts_.sessions.find(caller.session);
  if (session == nullptr) return;
  if (!outcome) return session->refuse(caller.request, outcome.error());
  protocol::ReplyWriter reply(session->out(), caller.request);
  if (const auto* commit = std::get_if<store::CommitOutcome>(&*outcome)) {
    write_mutation(*commit, reply.result());
  } else {
    write_schema_change(std::get<store::SchemaOutcome>(*outcome), reply.result());
  }
  reply.finish();
  session->answered(caller.request);
}

}  // namespace emstore::daemon
