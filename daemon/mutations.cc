#include "daemon/mutations.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "blobs/picture.h"
#include "daemon/answers.h"
#include "protocol/codec.h"
#include "store/facts.h"
#include "store/undo.h"

namespace emstore::daemon {
namespace {

bool holds_bytes(const Value& value) {
  if (value.if_binary() != nullptr) return true;
  if (const List* list = value.if_list()) return std::ranges::any_of(*list, holds_bytes);
  if (const Map* map = value.if_map()) {
    return std::ranges::any_of(*map,
                               [](const Map::Member& member) { return holds_bytes(member.value); });
  }
  return false;
}

bool brings_bytes(const store::Mutation& mutation) {
  if (mutation.documents && std::ranges::any_of(*mutation.documents, holds_bytes)) return true;
  return std::ranges::any_of(mutation.document,
                             [](const Map::Member& member) { return holds_bytes(member.value); });
}

std::optional<store::RequestKey> key_of(const protocol::MutationOptions& options,
                                        const std::optional<Sha256>& digest) {
  if (!options.key) return std::nullopt;
  return store::RequestKey{*options.key, digest.value_or(Sha256{})};
}

// Hashes and looks at the files of the command with `sniffer`; without one there are no bytes in
// it.
Result<store::Submission> prepare(const Peer& peer, store::Command command,
                                  const blobs::Sniffer* sniffer) {
  EMSTORE_CHECKED(store::prepare_files(command, [sniffer](std::string bytes) {
    EMSTORE_CHECK(sniffer != nullptr);
    store::PreparedFile file;
    file.digest = digest_of(bytes);
    file.mime_type = sniffer->mime_type(bytes);
    file.picture = blobs::measure_picture(file.mime_type, bytes);
    file.bytes = std::move(bytes);
    return file;
  }));
  return store::Submission{peer, std::move(command)};
}

// The commit of the very request that has this key, if it was carried out.
Result<std::optional<Sequence>> commit_of(const store::View& view, const Peer& peer,
                                          const std::optional<store::RequestKey>& key) {
  if (!key) return std::nullopt;
  return store::read_commit_of(*view.reader, peer.uid, *key);
}

// Bytes within a request count as others do, unless it was carried out before.
Result<store::Submission> let_in(const Parts& parts, Result<store::Submission> prepared) {
  if (!prepared) return prepared;
  const auto& command = std::get<store::Command>(prepared->work);
  std::uint64_t bytes = 0;
  for (const store::PreparedFile& file : command.files) bytes += file.bytes.size();
  if (bytes == 0) return prepared;
  Status admitted = parts.quota.admit_named(bytes);
  if (admitted) return prepared;
  EMSTORE_TRY(const auto carried_out, commit_of(*parts.store.view(), prepared->peer, command.key));
  if (carried_out) return prepared;
  return failure(std::move(admitted).error());
}

}  // namespace

void Mutations::begin(const Request& request, store::Command command,
                      protocol::MutationOptions options, const std::optional<Sha256>& digest) {
  command.dry_run = options.dry_run;
  command.key = key_of(options, digest);
  command.reason = std::move(options.reason);
  command.correlation = std::move(options.correlation);
  command.causation = std::move(options.causation);
  Answering answering{request.caller, {}, command.is_transaction};
  if (Status room = room_for(command); !room) {
    return queue(request, std::move(answering), failure(room.error()));
  }
  for (const store::Mutation& mutation : command.mutations) {
    answering.forms.push_back(form_of(mutation));
  }
  if (std::ranges::any_of(command.mutations, brings_bytes)) {
    return prepare_elsewhere(
        request, std::move(answering),
        [this, peer = request.peer, held = std::move(command)](std::size_t thread) mutable {
          return let_in(parts_, prepare(peer, std::move(held), &parts_.sniffers.at(thread)));
        });
  }
  queue(request, std::move(answering), prepare(request.peer, std::move(command), nullptr));
}

void Mutations::begin(const Request& request, protocol::SchemaApply apply,
                      const std::optional<Sha256>& digest) {
  store::SchemaCommand command;
  if (Status room = parts_.space.check(); !room) {
    return queue(request, {request.caller, {}, false}, failure(room.error()));
  }
  command.schema = std::move(apply.schema);
  command.dry_run = apply.dry_run;
  command.allow_destructive = apply.allow_destructive;
  command.key = key_of(apply.options, digest);
  command.reason = std::move(apply.options.reason);
  command.correlation = std::move(apply.options.correlation);
  command.causation = std::move(apply.options.causation);
  queue(request, {request.caller, {}, false}, store::Submission{request.peer, std::move(command)});
}

// Deletions make room, in time.
Status Mutations::room_for(const store::Command& command) const {
  const bool only_deletes =
      std::ranges::all_of(command.mutations, [](const store::Mutation& mutation) {
        return mutation.verb == store::Verb::remove || mutation.verb == store::Verb::check;
      });
  return only_deletes ? parts_.space.check_for_deletions() : parts_.space.check();
}

void Mutations::begin(const Request& request, protocol::Undo undo,
                      const std::optional<Sha256>& digest) {
  if (Status room = parts_.space.check(); !room) {
    return queue(request, {request.caller, {}, true}, failure(room.error()));
  }
  prepare_elsewhere(request, {request.caller, {}, true},
                    [this, peer = request.peer, held = std::move(undo),
                     digest](std::size_t) -> Result<store::Submission> {
                      const std::shared_ptr<const store::View> view = parts_.store.view();
                      std::optional<store::RequestKey> key = key_of(held.options, digest);
                      EMSTORE_TRY(const auto carried_out, commit_of(*view, peer, key));
                      EMSTORE_TRY(
                          store::Command command,
                          store::undo_of(*view, held.sequence, carried_out, parts_.config.query));
                      command.key = std::move(key);
                      if (!held.options.reason.empty()) command.reason = held.options.reason;
                      command.correlation = held.options.correlation;
                      command.causation = held.options.causation;
                      return store::Submission{peer, std::move(command)};
                    });
}

void Mutations::prepare_elsewhere(const Request& request, Answering answering,
                                  Preparation preparation) {
  const std::uint64_t number = next_number_++;
  const bool is_taken =
      has_room(request) &&
      parts_.media.submit([this, number, session = request.caller.session,
                           prepare_it = std::move(preparation)](std::size_t thread) {
        Result<store::Submission> submission = prepare_it(thread);
        parts_.reactor.deliver([this, session, number, ready = std::move(submission)]() mutable {
          prepared(session, number, std::move(ready));
        });
      });
  if (!is_taken) return queue(request, std::move(answering), failure(too_much_waits("files")));
  add_waiting(Waiting{request, std::move(answering), number, std::nullopt});
}

bool Mutations::has_room(const Request& request) const {
  return waiting_bytes_ == 0 ||
         waiting_bytes_ + request.bytes <= parts_.config.writer_waiting_bytes_max;
}

void Mutations::add_waiting(Waiting waiting) {
  waiting_bytes_ += waiting.request.bytes;
  lanes_[waiting.request.caller.session].push_back(std::move(waiting));
}

void Mutations::queue(const Request& request, Answering answering,
                      Result<store::Submission> submission) {
  const auto lane = lanes_.find(request.caller.session);
  if (lane == lanes_.end()) return submit(request, std::move(answering), std::move(submission));
  Waiting waiting{request, std::move(answering), next_number_++, std::move(submission)};
  if (*waiting.prepared && !has_room(request))
    waiting.prepared = failure(too_much_waits("mutations"));
  if (!*waiting.prepared) waiting.request.bytes = 0;  // Nothing but an error waits.
  add_waiting(std::move(waiting));
}

void Mutations::prepared(SessionId session, std::uint64_t number,
                         Result<store::Submission> submission) {
  std::deque<Waiting>& lane = lanes_.at(session);
  std::ranges::find(lane, number, &Waiting::number)->prepared = std::move(submission);
  while (!lane.empty() && lane.front().prepared) {
    Waiting next = std::move(lane.front());
    lane.pop_front();
    waiting_bytes_ -= next.request.bytes;
    submit(next.request, std::move(next.answering), *std::move(next.prepared));
  }
  if (lane.empty()) lanes_.erase(session);
}

void Mutations::submit(const Request& request, Answering answering,
                       Result<store::Submission> submission) {
  if (!submission) return answer(answering, failure(std::move(submission).error()));
  const Answering refused{request.caller, {}, false};
  const bool is_taken = parts_.writer.submit(
      *std::move(submission), request.bytes,
      [this, held = std::move(answering)](store::Outcome outcome) { answer(held, outcome); });
  if (!is_taken) answer(refused, failure(too_much_waits("mutations")));
}

void Mutations::answer(const Answering& answering, const store::Outcome& outcome) {
  const Caller& caller = answering.caller;
  Session* session = parts_.sessions.find(caller.session);
  if (session == nullptr) return;
  if (!outcome) return session->refuse(caller.request, outcome.error());
  protocol::ReplyWriter reply(session->out(), caller.request);
  const auto* commit = std::get_if<store::CommitOutcome>(&*outcome);
  if (commit == nullptr) {
    write_schema_change(std::get<store::SchemaOutcome>(*outcome), reply.result());
  } else if (answering.is_transaction) {
    std::vector<AnswerForm> forms = answering.forms;
    if (forms.empty()) forms.resize(commit->mutations.size(), AnswerForm::record);
    write_transaction(*commit, forms, reply.result());
  } else {
    write_mutation(*commit, answering.forms.front(), reply.result());
  }
  reply.finish();
  session->answered(caller.request);
}

}  // namespace emstore::daemon
