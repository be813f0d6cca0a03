// Export: the store as one stream that anybody can read and an import can prove (docs/export.md).
// It is made piece by piece, at one snapshot, while commits go on.
//
//   ["emstore export", 1, store id, from, sequence]
//   ["commit", bytes, leaf]                      every commit, as stored
//   ["root", sequence, root]                     after every 256th, and the last
//   ["blob", address, size, sha256] ["bytes", bin]…    what the commits name and is not collected
//   ["missing", address]                         instead, or instead of the rest of the bytes
//   ["end", {store, sequence, root, blobs, gone, missing, state_digest, indexes}, digest]
//
// Bytes that are not as recorded, or cannot be read, stop nothing: all else is taken, and they are
// counted and named.
//
// A backup has ["file", address, size, sha256] for what lies beside it or is to: large media, and
// small ones that are missing.
//
// Threads: one at a time.
#pragma once

#include <emstore/value.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/hash.h"
#include "base/result.h"
#include "blobs/file_store.h"
#include "store/event_bytes.h"
#include "store/row_bytes.h"
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
  // corrupt_index, io_failed, busy.
  Result<std::string> next();

  Sequence sequence() const { return last_; }
  const Sha256& root() const { return root_; }
  std::uint64_t blobs() const { return blobs_; }
  // The state that an import comes to; nothing for an earlier one than that of now. After the end.
  const std::optional<Sha256>& state_digest() const { return state_digest_; }
  // The contents that are to lie beside the stream.
  const std::vector<Address>& left_out() const { return left_out_; }
  // Those whose bytes are damaged, of what is part of the stream.
  const std::vector<Address>& damaged() const { return damaged_; }

 private:
  enum class Stage : std::uint8_t { head, commits, blobs, done };

  Export(const store::Store& store, const blobs::FileStore& files, const ExportWish& wish);
  Status write_commits(std::string& out);
  void note_media(const store::Commit& commit);
  Status write_blob(std::string& out);
  Status write_small(const Address& address, const store::BlobRow& row, std::string& out);
  Status write_bytes(std::string& out);
  void write_content(std::string_view name, const Address& address, const store::BlobRow& row,
                     std::string& out);
  void write_missing(const Address& address, std::string& out);
  Status write_end(std::string& out);

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
  struct Open {  // A large content on its way: the file stays one, whatever gc does meanwhile.
    Address address;
    blobs::File file;
    std::uint64_t size = 0;
    Sha256 sha256{};
    ContentHasher hasher = {};
  };
  std::optional<Open> open_;
  std::vector<Address> left_out_, damaged_;
  std::uint64_t blobs_ = 0, gone_ = 0, missing_ = 0;
  std::optional<Sha256> state_digest_;
};

// What an answer says of damaged contents: `damaged`, their number, and `damaged_contents`, the
// first of them. Nothing when there are none.
void tell_damaged(Map& answer, const std::vector<Address>& damaged);

}  // namespace emstore::daemon
