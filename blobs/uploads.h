// Uploads: bytes that arrive in pieces, under a token that any connection of the same uid may use,
// also after a lost connection or a restart of the daemon.
//
//   <root>/uploads/<token>.<uid>.<size or "any">.<boot>    the bytes so far
//
// They are not synced before complete(), so a machine that goes down takes uploads with it: those
// of another boot (the kernel's boot id) are dropped rather than resumed with bytes that may be
// missing.
//
// Threads: any thread; calls for one token are serialised inside.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/picture.h"
#include "base/result.h"
#include "blobs/file_store.h"

namespace emstore::blobs {

// Bytes that were let in. Whoever counts what is used counts them in as long as it is there: until
// what holds them can be seen. Any thread may let go of it.
using Admission = std::shared_ptr<void>;

struct UploadLimits {
  std::uint64_t blob_bytes_max = 5ull << 30;
  std::size_t open_per_uid_max = 256;                     // More answer `busy`.
  int last_descriptor = std::numeric_limits<int>::max();  // So does one whose file has a higher.
  std::int64_t idle_micros_max = 3'600'000'000;  // Untouched for longer, an upload may be dropped.
  std::uint64_t free_bytes_min = 0;              // Left on the disk by every piece (room.h).
  // What others are about to write there. Called on the threads of the uploads.
  std::function<std::uint64_t()> promised_elsewhere = [] { return std::uint64_t{0}; };
  // Asked before so many bytes more are taken of a user: all of them when the size is known, else
  // piece by piece. Its error is the answer. Called on the threads of the uploads.
  std::function<Result<Admission>(std::uint32_t uid, std::uint64_t bytes)> admit = {};
};

// What a complete upload holds. Small content has its bytes here and no file; large content is a
// blob file by now, durable.
struct Completed {
  ContentDigest digest;
  std::string mime_type;               // From the content (mime.h), never from the sender.
  std::optional<PictureSize> picture;  // Likewise (picture.h).
  std::optional<std::string> small;    // The bytes, when they are at most kSmallBlobBytesMax.
  std::optional<Stored> file;          // Where the bytes lie, when they are more.
  // As long as somebody has it, the upload does not expire. The uploads may be gone before it.
  std::shared_ptr<const void> hold = {};
};

// Whoever asks for a completion that its pace may end, and is to go on: as long as somebody has it.
using Claim = std::shared_ptr<const void>;

// Which file ordinals of a digest the caller's records use. Called on the thread of complete().
using AskTaken = std::function<Result<std::vector<TakenOrdinal>>(const Digest128&)>;
inline Result<std::vector<TakenOrdinal>> nothing_taken(const Digest128&) {
  return std::vector<TakenOrdinal>();
}

class Uploads {
 public:
  // `store` outlives the uploads. Finds the uploads of an earlier run and drops those idle for too
  // long.
  static Result<Uploads> open(FileStore& store, const UploadLimits& limits);
  Uploads(Uploads&&) noexcept;
  Uploads& operator=(Uploads&&) noexcept;
  ~Uploads();

  // Begins an upload and returns its token: 32 hexadecimal digits, not to be guessed. `size`, when
  // the sender knows it, is refused early when it is over the limit or the disk is too full (room
  // for it is not kept), and must then be met exactly. Errors: blob_too_large, disk_full, busy,
  // io_failed.
  Result<std::string> begin(std::uint32_t uid, std::optional<std::uint64_t> size);
  // Takes `bytes` at `offset` and returns the offset reached. Bytes that were taken before are
  // skipped, so a piece may be sent again; a gap is refused with the offset that is wanted. An
  // empty piece asks. After an error the bytes before the offset reached are still good: ask, and
  // go on from there. Errors: upload_not_found (also for another uid), invalid_request,
  // blob_too_large, disk_full, busy (also while it is being completed), io_failed.
  Result<std::uint64_t> write(std::uint32_t uid, std::string_view token, std::uint64_t offset,
                              std::string_view bytes);
  // Completes the upload, which takes no bytes any more. Until release() the same call gets the
  // same answer, or until it expires. `taken` is asked about the digest of large content. Bytes
  // that are missing (invalid_request), `busy` and `cancelled` leave the upload as it was. Every
  // other failure drops it, for its bytes may not have reached the disk: the sender begins again.
  // `pace` is told of what has to be hashed once more, or compared. From the time that this began
  // until `claim` has gone, the upload is as if it were being completed, but for who has the claim.
  // Errors: upload_not_found, invalid_request, busy (also while somebody else completes it),
  // cancelled, those of FileStore::adopt() and of `taken`.
  Result<Completed> complete(std::uint32_t uid, std::string_view token,
                             const AskTaken& taken = nothing_taken, const Pace& pace = {},
                             const Claim& claim = {});
  // Stores the content of a file that the sender passed: complete at once. Small content is read
  // once. What is large is read to find out whether its bytes may be stored already, and again to
  // compare it with those or to copy it; one after the other where what is stored proves to be
  // another content. What is hashed is what is written, and a file that was written to during any
  // of it is refused. `token` is for release(), empty for small content. Once `pace` has ended it
  // nothing of it is left. Errors: invalid_request (descriptor.h), source_changed, blob_too_large,
  // disk_full, busy, io_failed, cancelled, and those of FileStore::adopt() and of `taken`.
  struct Taken {
    std::string token;
    Completed completed;
    Admission admission;  // Of small content; what is large is held until release().
  };
  Result<Taken> take(std::uint32_t uid, const File& source, const AskTaken& taken = nothing_taken,
                     const Pace& pace = {});
  // Forgets a complete upload: what it came to is remembered elsewhere, or of no use. Unknown ones
  // are none.
  void release(std::uint32_t uid, std::string_view token);
  // Nobody will name what a complete upload came to: the next expire() drops it and says where its
  // bytes lie, unless somebody completes it once more and holds it. Unknown ones are none.
  void give_up(std::uint32_t uid, std::string_view token);
  // Drops all complete ones, held or not, as at a stop: no later run knows of them. Blob files of
  // theirs, which perhaps nothing names.
  std::vector<Address> give_up_all();
  // Drops an upload and its bytes. Errors: upload_not_found, busy, io_failed.
  Status abandon(std::uint32_t uid, std::string_view token);
  // Drops what was idle for too long, complete ones too when nobody holds what they came to: those
  // of take() at once, for nobody can ask for them again.
  struct Expired {
    std::size_t uploads = 0;
    std::vector<Address> stored;  // Blob files of theirs, which perhaps nothing names.
  };
  Expired expire();
  // What each user's uploads that are not released hold, or will.
  std::map<std::uint32_t, std::uint64_t> held() const;

 private:
  struct State;
  explicit Uploads(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace emstore::blobs
