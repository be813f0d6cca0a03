// Bytes in and out. Uploads go through the media threads, those of one connection in the order in
// which they came; small blobs are read in place, files on a media thread. Large files that are
// passed, and uploads that have to be compared with what is stored, have threads of their own: that
// takes as long as they are large, and no piece, no small file and no mutation shall wait for it.
//
// Threads: the reactor's.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "blobs/file.h"
#include "blobs/uploads.h"
#include "daemon/collection.h"
#include "daemon/parts.h"
#include "protocol/message.h"
#include "store/commands.h"

namespace emstore::daemon {

class BlobCalls {
 public:
  // Both outlive it.
  BlobCalls(const Parts& parts, Collection& collection) : parts_(parts), collection_(collection) {}

  void begin(Session& session, std::uint32_t request, const protocol::BlobBegin& call);
  void begin(Session& session, std::uint32_t request, protocol::BlobWrite call);
  void begin(Session& session, std::uint32_t request, protocol::BlobCommit call);
  // The file that came with blob.put_fd, if one did.
  void begin(Session& session, std::uint32_t request, std::optional<PassedFile> file);
  void begin(Session& session, std::uint32_t request, const protocol::BlobGetFd& call);
  void begin(Session& session, std::uint32_t request, const protocol::BlobRead& call);

  // The writer may have room again.
  void committed();
  // The daemon stops: large files are not read to their end any more.
  void end_long_readings() { is_draining_ = true; }
  // A connection has ended: what it sent and is not taken yet is of no use to anybody.
  void forget(SessionId session);

 private:
  // A complete upload whose lease is still to be written; until then its token can be completed
  // again.
  struct Finished {
    Caller caller;
    Peer peer;
    std::string token;
    blobs::Completed upload;
    bool is_named = true;  // Its sender knows the token, and may ask again.
    blobs::Admission admission = {};
  };

  struct Commit {
    Caller caller;
    Peer peer;
    std::string token;
    blobs::Claim claim = {};  // From its beginning on, and nobody else's: it goes with the commit.
  };
  using UploadId = std::pair<std::uint32_t, std::string>;  // Of a user, and its token.
  static UploadId upload_of(const Commit& commit) { return {commit.peer.uid, commit.token}; }

  // A file that was passed, and its place among those.
  struct Passed {
    Caller caller;
    Peer peer;
    PassedFile file;
    std::shared_ptr<void> place;
  };

  template <typename Work>
  void run_in_order(Session& session, std::uint32_t request, std::size_t bytes, Work work);
  Result<Value> answered_before(std::uint32_t uid, const std::string& token,
                                const Error& error) const;
  bool start(Commit commit);
  void start_next(const UploadId& upload);
  void end(Commit commit);
  void forget_commits(SessionId session);
  // On a media thread, or one for what is large. Given back when `pace` has ended it: it is not
  // answered.
  std::optional<Commit> complete(Commit commit, const blobs::Pace& pace);
  void complete_when_its_turn_comes(Commit commit);
  void take_lease(Finished finished);
  std::optional<Finished> submit_lease(Finished finished);
  void end_upload(Finished& finished, const store::Outcome& outcome);
  std::shared_ptr<void> take_place(SessionId session);
  void take_when_its_turn_comes(Passed passed);
  // On a media thread, or one for what is large.
  void take(Passed passed, const blobs::Pace& pace);
  void read_row(Session& session, std::uint32_t request, const protocol::BlobRead& call,
                const Address& address);
  void read_file(Session& session, std::uint32_t request, const protocol::BlobRead& call,
                 const Address& address);
  void pass_file(Session& session, std::uint32_t request, const Address& address);
  Error why_not(const Address& address, const Error& error) const;
  void answer(const Caller& caller, const Result<Value>& result);

  const Parts& parts_;
  Collection& collection_;
  std::atomic<bool> is_draining_ = false;
  // A commit that is under way, and those that came for the same upload since: an answer may have
  // been lost with its connection. They wait here, where they keep no thread.
  struct Commits {
    SessionId session;  // Of the one that is under way, and so is the claim.
    std::weak_ptr<const void> claim;
    std::deque<Commit> waiting;
  };
  std::map<UploadId, Commits> commits_;
  // For which the writer had no room, as they came; of sessions that are there.
  std::deque<Finished> finished_;
  // How many files that were passed are not read yet, in all and of each connection: each holds a
  // descriptor. The last may be let go of by any thread.
  using Places = std::shared_ptr<std::atomic<std::size_t>>;
  const Places passed_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::map<SessionId, Places> passed_by_;
};

}  // namespace emstore::daemon
