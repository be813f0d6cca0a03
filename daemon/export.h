// Export: the store as one stream that anybody can read and an import can prove (docs/export.md).
// It is made piece by piece, at one snapshot, while commits go on.
//
//   ["emstore export", 1, store id, from, sequence]
//   ["commit", bytes, leaf]                      every commit, as stored
//   ["root", sequence, root]                     after every 256th, and the last
//   ["blob", address, size, sha256] ["bytes", bin]…    what the commits name and is not collected
//   ["end", {store, sequence, root, blobs, gone, state_digest, indexes}, digest]
//
// A backup leaves large media out, and has ["file", address, size, sha256] for each.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "blobs/file_store.h"
#include "store/store.h"

namespace emstore::daemon {

inline constexpr std::string_view kExportName = "emstore export";
inline constexpr std::uint64_t kExportVersion = 1;

struct ExportWish {
  Sequence from = 1;              // The first commit; an import needs the ones before it too.
  std::optional<Sequence> until;  // The last one; nothing: all there are.
  bool has_files = true;          // Media of more than 64 KiB are part of the stream.
};

class Export {
 public:
  // Errors: out_of_range.
  static Result<std::unique_ptr<Export>> begin(const store::Store& store,
                                               const blobs::FileStore& files,
                                               const ExportWish& wish);

  // The next bytes of the stream, about a chunk; empty after the end. Errors: corrupt_log,
  // corrupt_blob, io_failed.
  Result<std::string> next();

  Sequence sequence() const { return last_; }
  const Sha256& root() const { return root_; }
  std::uint64_t blobs() const { return blobs_; }
  // The state that an import comes to; nothing for an earlier one than that of now. After the end.
  const std::optional<Sha256>& state_digest() const { return state_digest_; }
  // The contents that were left out.
  const std::vector<Address>& left_out() const { return left_out_; }

 private:
  enum class Stage : std::uint8_t { head, commits, blobs, done };

  Export(const store::Store& store, const blobs::FileStore& files, const ExportWish& wish);
  Status write_commits(std::string& out);
  Status note_media(std::string_view commit);
  Status write_blob(std::string& out);
  Status write_bytes(std::string& out);
  Status write_end(std::string& out);
  bool is_collected(const Address& address) const;

  const store::Store& store_;
  const std::shared_ptr<const store::View> view_;
  const blobs::FileStore& files_;
  ExportWish wish_;
  Sequence last_ = 0;
  Sha256 root_{};
  Stage stage_ = Stage::head;
  Sequence next_ = 1;
  std::vector<Address> media_;  // Named by the commits; sorted once they are through.
  std::size_t next_media_ = 0;
  struct Open {  // A large content on its way.
    Address address;
    std::uint64_t offset = 0, size = 0;
  };
  std::optional<Open> open_;
  std::vector<Address> left_out_;
  std::uint64_t blobs_ = 0, gone_ = 0;
  std::optional<Sha256> state_digest_;
};

}  // namespace emstore::daemon
