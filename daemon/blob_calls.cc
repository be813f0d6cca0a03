#include "daemon/blob_calls.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/suggest.h"
#include "blobs/descriptor.h"
#include "blobs/upload_name.h"
#include "daemon/answers.h"
#include "protocol/codec.h"
#include "store/contents.h"
#include "store/row_bytes.h"

namespace emstore::daemon {
namespace {

// What the reading of a passed file holds.
constexpr std::size_t kTakingBytes = 4u << 20;
// No more takes about as long as a few pieces do.
constexpr std::uint64_t kQuickBytesMax = 4u << 20;
// Of the files that may be passed at a time, one connection has at most this part.
constexpr std::size_t kPartOfOne = 4;

Result<Address> read_address(const std::string& text) {
  if (const std::optional<Address> address = address_of(text)) return *address;
  return failure(ErrorCode::invalid_request, quoted(text) + " is no address", "address",
                 "an address reads xxh3-128: and 32 hexadecimal digits, as blob.commit gives it");
}

// Bytes that are missing: lost, when something says that they should be there.
Error not_there(const store::View& view, const Address& address) {
  const Result<std::optional<store::Recorded>> recorded =
      store::recorded_at(*view.reader, address, view.time);
  if (!recorded) return recorded.error();
  if (*recorded && (*recorded)->is_here) {
    return Error{
        ErrorCode::corrupt_blob,
        "the bytes at " + to_string(address) + " were found damaged and set aside, or are missing",
        "address", "upload the same bytes again, or restore them from a backup"};
  }
  return Error{ErrorCode::blob_not_found, "there are no bytes at " + to_string(address), "address"};
}

// Bytes that were collected are told from bytes that never were. Somebody may have brought them
// again since, to name them soon.
Status check_not_collected(const store::View& view, const Address& address) {
  EMSTORE_TRY(const std::optional<std::string> row,
              view.reader->get(store::Family::blobs, to_bytes(address)));
  if (!row) return {};
  EMSTORE_TRY(const store::BlobRow blob, store::decode_blob(*row));
  if (blob.collected_at == 0) return {};
  EMSTORE_TRY(const bool leased, store::is_leased(*view.reader, address, view.time));
  if (leased) return {};
  return failure(ErrorCode::gone,
                 "the bytes at " + to_string(address) + " were collected by commit " +
                     std::to_string(blob.collected_at),
                 "address");
}

// The ordinals of files that are recorded under this digest, whether their bytes are still there or
// not.
Result<std::vector<blobs::TakenOrdinal>> ordinals_taken(const store::View& view,
                                                        const Digest128& digest) {
  EMSTORE_TRY(const auto recorded, store::recorded_under(*view.reader, digest, view.time));
  std::vector<blobs::TakenOrdinal> taken;
  for (const store::Recorded& content : recorded) {
    if (!content.address.is_file()) continue;
    taken.push_back({content.address.ordinal, content.sha256, content.is_here});
  }
  return taken;
}

tl::unexpected<Error> ended_by_stop() {
  return failure(ErrorCode::shutting_down,
                 "the daemon is stopping; the content was not read to its end");
}

}  // namespace

template <typename Work>
void BlobCalls::run_in_order(Session& session, std::uint32_t request, std::size_t bytes,
                             Work work) {
  const Caller caller{session.id(), request};
  const bool is_taken = parts_.media.submit(
      session.id(), bytes, [this, caller, held = std::move(work)](std::size_t) mutable {
        Result<Value> result = held();
        parts_.reactor.deliver(
            [this, caller, ready = std::move(result)] { answer(caller, ready); });
      });
  if (!is_taken) session.refuse(request, too_much_waits("uploads"));
}

void BlobCalls::answer(const Caller& caller, const Result<Value>& result) {
  Session* session = parts_.sessions.find(caller.session);
  if (session == nullptr) return;
  if (result) {
    session->reply(caller.request, *result);
  } else {
    session->refuse(caller.request, result.error());
  }
}

void BlobCalls::begin(Session& session, std::uint32_t request, const protocol::BlobBegin& call) {
  if (Status room = parts_.space.check(); !room) return session.refuse(request, room.error());
  run_in_order(session, request, 0,
               [this, uid = session.peer().uid, size = call.size]() -> Result<Value> {
                 EMSTORE_TRY(std::string token, parts_.uploads.begin(uid, size));
                 return Map{{"token", std::move(token)},
                            {"offset", 0},
                            {"chunk", parts_.config.session.wire.chunk_bytes_max}};
               });
}

void BlobCalls::begin(Session& session, std::uint32_t request, protocol::BlobWrite call) {
  const std::size_t chunk = parts_.config.session.wire.chunk_bytes_max;
  if (call.bytes.data.size() > chunk) {
    return session.refuse(request,
                          Error{ErrorCode::message_too_large,
                                "blob.write takes " + bytes_text(chunk) + " at a time, not " +
                                    std::to_string(call.bytes.data.size()) + " bytes",
                                "bytes", "send the file in pieces of at most that"});
  }
  // An empty piece only asks.
  const Status room = call.bytes.data.empty() ? Status() : parts_.space.check();
  if (!room) return session.refuse(request, room.error());
  const std::size_t bytes = call.bytes.data.size();
  run_in_order(session, request, bytes,
               [this, uid = session.peer().uid, held = std::move(call)]() -> Result<Value> {
                 EMSTORE_TRY(const std::uint64_t offset,
                             parts_.uploads.write(uid, held.token, held.offset, held.bytes.data));
                 return Map{{"offset", offset}};
               });
}

void BlobCalls::begin(Session& session, std::uint32_t request, protocol::BlobCommit call) {
  if (Status room = parts_.space.check(); !room) return session.refuse(request, room.error());
  session.expect(request, kSmallBlobBytesMax);
  Commit commit{{session.id(), request}, session.peer(), std::move(call.token)};
  const UploadId upload = upload_of(commit);
  const auto under_way = commits_.find(upload);
  if (under_way != commits_.end()) return under_way->second.waiting.push_back(std::move(commit));
  if (!start(std::move(commit))) start_next(upload);
}

// How much of it is to be read shows when it is read. False when it is not under way, and answered.
bool BlobCalls::start(Commit commit) {
  const Caller caller = commit.caller;
  const std::size_t token_bytes = commit.token.size();
  commit.claim = std::make_shared<char>();
  // What is no token may be as long as a request.
  if (blobs::is_token(commit.token)) {
    Commits& commits = commits_[upload_of(commit)];
    commits.session = caller.session;
    commits.claim = commit.claim;
  }
  const bool is_taken = parts_.media.submit(
      caller.session, token_bytes, [this, held = std::move(commit)](std::size_t) mutable {
        std::atomic<std::uint64_t> read = 0;
        const auto quick = [&read](std::size_t bytes) { return (read += bytes) <= kQuickBytesMax; };
        std::optional<Commit> large = complete(std::move(held), quick);
        if (!large) return;
        parts_.reactor.deliver([this, rest = *std::move(large)]() mutable {
          complete_when_its_turn_comes(std::move(rest));
        });
      });
  if (!is_taken) answer(caller, failure(too_much_waits("uploads")));
  return is_taken;
}

// What was under way for this upload is so no longer.
void BlobCalls::start_next(const UploadId& upload) {
  const auto place = commits_.find(upload);
  if (place == commits_.end()) return;
  std::deque<Commit>& waiting = place->second.waiting;
  while (!waiting.empty()) {
    Commit next = std::move(waiting.front());
    waiting.pop_front();
    if (start(std::move(next))) return;
  }
  commits_.erase(place);
}

void BlobCalls::end(Commit commit) {
  commit.claim.reset();
  start_next(upload_of(commit));
}

void BlobCalls::complete_when_its_turn_comes(Commit commit) {
  const Caller caller = commit.caller;
  // Its sender can ask again.
  if (parts_.sessions.find(caller.session) == nullptr) return end(std::move(commit));
  const UploadId upload = upload_of(commit);
  const bool is_taken = parts_.large_files.submit(
      caller.session, kTakingBytes, [this, held = std::move(commit)](std::size_t) mutable {
        std::optional<Commit> ended =
            complete(std::move(held), [this](std::size_t) { return !is_draining_; });
        if (!ended) return;
        parts_.reactor.deliver([this, rest = *std::move(ended)]() mutable {
          answer(rest.caller, ended_by_stop());
          end(std::move(rest));
        });
      });
  if (is_taken) return;
  answer(caller, failure(too_much_waits("uploads")));
  start_next(upload);
}

std::optional<BlobCalls::Commit> BlobCalls::complete(Commit commit, const blobs::Pace& pace) {
  const auto taken = [this](const Digest128& digest) {
    return ordinals_taken(*parts_.store.view(), digest);
  };
  Result<blobs::Completed> completed =
      parts_.uploads.complete(commit.peer.uid, commit.token, taken, pace, commit.claim);
  if (!completed && completed.error().code == ErrorCode::cancelled) {
    return std::optional(std::move(commit));
  }
  Result<Value> before = completed
                             ? Result<Value>()
                             : answered_before(commit.peer.uid, commit.token, completed.error());
  parts_.reactor.deliver([this, asked = std::move(commit), ready = std::move(completed),
                          before = std::move(before)]() mutable {
    if (ready) {
      take_lease(Finished{asked.caller, asked.peer, asked.token, *std::move(ready)});
    } else {
      answer(asked.caller, before);
    }
    end(std::move(asked));
  });
  return std::nullopt;
}

// A token that is unknown may be spent: then its commit is answered as it was, for the answer may
// have been lost on its way. Once a token is released, its row is in the newest view.
Result<Value> BlobCalls::answered_before(std::uint32_t uid, const std::string& token,
                                         const Error& error) const {
  if (error.code != ErrorCode::upload_not_found) return failure(error);
  EMSTORE_TRY(const auto upload, store::find_upload(*parts_.store.view()->reader, token, uid));
  if (!upload) return failure(error);
  return to_value(*upload);
}

// A full writer must not send the sender back to the beginning: the lease waits until there is
// room. What it waits with was counted when the request began, as long as its session is there;
// after that nobody counts it, and it is dropped. Who sent it in pieces may complete it again,
// until it expires.
void BlobCalls::take_lease(Finished finished) {
  if (finished_.empty()) {
    std::optional<Finished> left = submit_lease(std::move(finished));
    if (!left) return;
    finished = *std::move(left);
  }
  if (parts_.sessions.find(finished.caller.session) == nullptr) return;
  finished_.push_back(std::move(finished));
}

// Gives it back when the writer has no room.
std::optional<BlobCalls::Finished> BlobCalls::submit_lease(Finished finished) {
  const blobs::Completed& upload = finished.upload;
  store::LeaseCommand lease;
  lease.uid = finished.peer.uid;
  lease.digest = upload.digest;
  lease.mime_type = upload.mime_type;
  lease.picture = upload.picture;
  lease.micros = parts_.config.lease.count();
  if (finished.is_named) lease.token = finished.token;
  if (upload.small) {
    lease.content = *upload.small;
  } else {
    lease.content = upload.file->address;
    lease.existed = upload.file->existed;
    lease.mended = upload.file->mended;
    lease.compared = true;
  }
  const std::size_t bytes = upload.small ? upload.small->size() : sizeof lease;
  auto shared =
      std::make_shared<Finished>(std::move(finished));  // With the writer's answer, or kept here.
  const bool is_taken = parts_.writer.submit(
      store::Submission{shared->peer, std::move(lease)}, bytes,
      [this, shared](store::Outcome outcome) {
        end_upload(*shared, outcome);
        if (!outcome) return answer(shared->caller, failure(std::move(outcome).error()));
        const auto& answered = std::get<store::LeaseOutcome>(*outcome);
        const blobs::Completed& done = shared->upload;
        answer(shared->caller, to_value(store::UploadRow{answered.expires,
                                                         {answered.address, done.digest.size,
                                                          done.digest.sha256, done.mime_type},
                                                         answered.existed}));
      });
  if (!is_taken) return std::move(*shared);
  shared->upload.small.reset();  // The writer has it, and counts it.
  return std::nullopt;
}

// Without a lease its file is of use to nobody. What may have been written is another matter: the
// daemon stops, and the next start finds out.
void BlobCalls::end_upload(Finished& finished, const store::Outcome& outcome) {
  const std::uint32_t uid = finished.peer.uid;
  const bool is_left = !outcome && class_of(outcome.error().code) != ErrorClass::outcome_unknown &&
                       finished.upload.file;
  if (!is_left) return parts_.uploads.release(uid, finished.token);
  finished.upload.hold.reset();
  parts_.uploads.give_up(uid, finished.token);
  // When too much waits, the next round will do.
  parts_.media.submit([this](std::size_t) { collection_.drop_uploads(); });
}

void BlobCalls::begin(Session& session, std::uint32_t request, std::optional<PassedFile> file) {
  if (!file) {
    return session.refuse(request,
                          Error{ErrorCode::invalid_request, "no descriptor came with the request",
                                "descriptor", "send it beside the request's bytes (SCM_RIGHTS)"});
  }
  if (Status room = parts_.space.check(); !room) return session.refuse(request, room.error());
  std::shared_ptr<void> place = *file ? take_place(session.id()) : nullptr;
  if (!place) return session.refuse(request, too_much_waits("files"));
  Passed passed{{session.id(), request}, session.peer(), *std::move(file), std::move(place)};
  const bool is_taken = parts_.media.submit(
      session.id(), kTakingBytes, [this, held = std::move(passed)](std::size_t) mutable {
        const Result<blobs::SourceState> state = blobs::check_source(held.file.file());
        if (!state) {
          return parts_.reactor.deliver([this, caller = held.caller, error = state.error()] {
            answer(caller, failure(error));
          });
        }
        if (state->size <= kQuickBytesMax) return take(std::move(held), {});
        parts_.reactor.deliver([this, large = std::move(held)]() mutable {
          take_when_its_turn_comes(std::move(large));
        });
      });
  if (!is_taken) return session.refuse(request, too_much_waits("uploads"));
  session.expect(request, kSmallBlobBytesMax);
}

// Nothing when too many are taken. What is read slowly must not keep others' files out.
std::shared_ptr<void> BlobCalls::take_place(SessionId session) {
  const std::size_t all_max = parts_.config.session.descriptors_max;
  Places& own = passed_by_[session];
  if (!own) own = std::make_shared<std::atomic<std::size_t>>(0);
  if (*passed_ >= all_max || *own >= std::max<std::size_t>(1, all_max / kPartOfOne)) return nullptr;
  ++*passed_;
  ++*own;
  // Also when the connection ends before its turn has come.
  return {own.get(), [all = passed_, counted = own](void*) {
            --*all;
            --*counted;
          }};
}

void BlobCalls::take_when_its_turn_comes(Passed passed) {
  const Caller caller = passed.caller;
  if (parts_.sessions.find(caller.session) == nullptr) return;  // It would be read for nobody.
  const bool is_taken = parts_.large_files.submit(
      caller.session, kTakingBytes, [this, held = std::move(passed)](std::size_t) mutable {
        take(std::move(held), [this](std::size_t) { return !is_draining_; });
      });
  if (!is_taken) answer(caller, failure(too_much_waits("files")));
}

void BlobCalls::take(Passed passed, const blobs::Pace& pace) {
  const auto taken = [this](const Digest128& digest) {
    return ordinals_taken(*parts_.store.view(), digest);
  };
  Result<blobs::Uploads::Taken> stored =
      parts_.uploads.take(passed.peer.uid, passed.file.file(), taken, pace);
  if (!stored && stored.error().code == ErrorCode::cancelled) stored = ended_by_stop();
  passed.file.close();  // It was looked at: only the kernel answers for it.
  parts_.reactor.deliver(
      [this, caller = passed.caller, peer = passed.peer, ready = std::move(stored)]() mutable {
        if (!ready) return answer(caller, failure(ready.error()));
        take_lease(Finished{caller, peer, std::move(ready->token), std::move(ready->completed),
                            /*is_named=*/false, std::move(ready->admission)});
      });
}

void BlobCalls::forget(SessionId session) {
  parts_.media.drop(session);
  parts_.large_files.drop(session);
  passed_by_.erase(session);
  std::erase_if(finished_,
                [&](const Finished& finished) { return finished.caller.session == session; });
  forget_commits(session);
}

// What runs of them comes to its end.
void BlobCalls::forget_commits(SessionId session) {
  std::vector<UploadId> dropped;
  for (auto& [upload, commits] : commits_) {
    std::erase_if(commits.waiting,
                  [&](const Commit& commit) { return commit.caller.session == session; });
    if (commits.session == session && commits.claim.expired()) dropped.push_back(upload);
  }
  for (const UploadId& upload : dropped) start_next(upload);
}

void BlobCalls::begin(Session& session, std::uint32_t request, const protocol::BlobGetFd& call) {
  const Result<Address> address = read_address(call.address);
  if (!address) return session.refuse(request, address.error());
  if (address->is_file()) return pass_file(session, request, *address);
  read_row(session, request, {call.address, 0, kSmallBlobBytesMax}, *address);
}

void BlobCalls::pass_file(Session& session, std::uint32_t request, const Address& address) {
  struct Opened {
    blobs::File file;
    std::uint64_t size = 0;
  };
  const Caller caller{session.id(), request};
  const bool is_taken =
      parts_.media.submit([this, caller, address, view = parts_.store.view()](std::size_t) {
        const auto open = [&]() -> Result<Opened> {
          EMSTORE_CHECKED(check_not_collected(*view, address));
          Result<blobs::File> file = parts_.files.open_blob(address);
          if (!file) return failure(why_not(address, file.error()));
          EMSTORE_TRY(const std::uint64_t size, parts_.files.size(address));
          return Opened{*std::move(file), size};
        };
        parts_.reactor.deliver([this, caller, opened = open()]() mutable {
          Session* asker = parts_.sessions.find(caller.session);
          if (asker == nullptr) return;
          if (!opened) return asker->refuse(caller.request, opened.error());
          asker->reply_passing(caller.request, Map{{"size", opened->size}, {"descriptor", true}},
                               std::move(opened->file));
        });
      });
  if (!is_taken) session.refuse(request, too_much_waits("reads of files"));
}

// Why a file cannot be opened: perhaps its bytes were collected a moment ago, or set aside.
Error BlobCalls::why_not(const Address& address, const Error& error) const {
  if (error.code != ErrorCode::blob_not_found) return error;
  const auto now = parts_.store.view();
  const Status collected = check_not_collected(*now, address);
  return collected ? not_there(*now, address) : collected.error();
}

void BlobCalls::committed() {
  while (!finished_.empty()) {
    std::optional<Finished> left = submit_lease(std::move(finished_.front()));
    finished_.pop_front();
    if (!left) continue;
    return finished_.push_front(*std::move(left));
  }
}

void BlobCalls::begin(Session& session, std::uint32_t request, const protocol::BlobRead& call) {
  const std::size_t chunk = parts_.config.session.wire.chunk_bytes_max;
  if (call.length > chunk) {
    return session.refuse(request,
                          Error{ErrorCode::out_of_range,
                                "blob.read gives " + bytes_text(chunk) + " at a time, not " +
                                    std::to_string(call.length) + " bytes",
                                "length", "read the file in pieces of at most that"});
  }
  const Result<Address> address = read_address(call.address);
  if (!address) return session.refuse(request, address.error());
  if (address->is_file()) return read_file(session, request, call, *address);
  read_row(session, request, call, *address);
}

void BlobCalls::read_row(Session& session, std::uint32_t request, const protocol::BlobRead& call,
                         const Address& address) {
  const auto view = parts_.store.view();
  if (Status there = check_not_collected(*view, address); !there) {
    return session.refuse(request, there.error());
  }
  const Result<std::optional<std::string>> row =
      view->reader->get(store::Family::bytes, to_bytes(address));
  if (!row) return session.refuse(request, row.error());
  if (!*row) return session.refuse(request, not_there(*view, address));
  const std::string_view content = **row;
  const std::size_t offset = std::min<std::uint64_t>(call.offset, content.size());
  protocol::ReplyWriter reply(session.out(), request);
  Sink& sink = reply.result();
  sink.begin_map(2);
  sink.text("bytes");
  sink.binary(content.substr(offset, call.length));
  sink.text("size");
  sink.integer(static_cast<std::int64_t>(content.size()));
  reply.finish();
  session.answered(request);
}

void BlobCalls::read_file(Session& session, std::uint32_t request, const protocol::BlobRead& call,
                          const Address& address) {
  const Caller caller{session.id(), request};
  const bool is_taken =
      parts_.media.submit([this, caller, call, address, view = parts_.store.view()](std::size_t) {
        const auto read = [&]() -> Result<Value> {
          EMSTORE_CHECKED(check_not_collected(*view, address));
          const Result<std::uint64_t> size = parts_.files.size(address);
          if (!size) return failure(why_not(address, size.error()));
          EMSTORE_TRY(std::string bytes, parts_.files.read(address, call.offset, call.length));
          return Map{{"bytes", Binary{std::move(bytes)}}, {"size", *size}};
        };
        parts_.reactor.deliver([this, caller, ready = read()] { answer(caller, ready); });
      });
  if (!is_taken) return session.refuse(request, too_much_waits("reads of files"));
  session.expect(request, call.length);
}

}  // namespace emstore::daemon
