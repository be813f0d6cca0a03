// Blob files: content over 64 KiB by its address, each in a file of its own, complete and durable
// before anybody can name it. Knows files, not records: which ordinals are in use the caller says.
//
//   <root>/ab/abcd….128         the content whose digest begins with ab
//   <root>/ab/abcd….129         another content with the same digest; the number is the ordinal
//   <root>/uploads/             bytes of uploads that are not complete (uploads.h)
//   <root>/quarantine/          damaged copies, as abcd….128.1, .2 and on: for a human to look at
//
// Order of durability (docs/architecture.md): bytes → fdatasync(file) → rename to a name that
// nothing has → fsync(folder) → only then is the address given out. A crash leaves at most an
// unused file, never a torn one. Files are 0400 and folders 0700; nothing is ever overwritten.
//
// A file whose bytes have not the digest that its name and its record say is damaged, and so is one
// that a record names and that cannot be read. It gets a name in quarantine/ before it loses its
// own: to the same content that comes again, which takes its place in one step, or to set_aside().
// Of one address 16 copies are kept: one more takes the place of the last.
//
// A sync that failed is never repeated: the kernel would answer that all is well. After the sync of
// a folder failed, adopt() refuses with io_failed until the store is opened again.
//
// What a content is about to be known by is pinned meanwhile, so that nobody removes bytes that
// were found a moment ago. Removing and pinning exclude each other.
//
// Threads: const members, adopt(), pin() and remove() from any thread at any time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "blobs/file.h"
#include "blobs/system.h"

namespace emstore::blobs {

struct Stored {
  Address address;
  ContentDigest digest;
  bool existed = false;  // The same bytes were there already; nothing was written.
  bool mended = false;   // What should have been there was damaged, or gone; now it is there.
};

// An ordinal that the caller's records use for the content with this SHA-256, whether or not its
// bytes are still there. Other content never gets that ordinal.
struct TakenOrdinal {
  std::uint8_t ordinal = kFirstFileOrdinal;
  Sha256 sha256{};
  bool is_here = true;  // The bytes should be there.
};

// Where the bytes of an address lie below the folder: "ab/abcd….128".
std::filesystem::path media_file(const Address& address);

class FileStore {
 private:
  struct State;

 public:
  // Keeps the bytes of one digest from being removed, as long as it is there. The store outlives
  // it.
  class Pin {
   public:
    Pin() = default;
    Pin(Pin&& other) noexcept;
    Pin& operator=(Pin&& other) noexcept;
    ~Pin();

   private:
    friend class FileStore;
    Pin(State* state, const Digest128& digest) : state_(state), digest_(digest) {}
    State* state_ = nullptr;
    Digest128 digest_{};
  };

  // Opens the folder, creating it (in a parent that exists) and its shards where they are missing,
  // and locks it against other processes. Errors: io_failed, disk_full, locked.
  static Result<FileStore> open(const std::filesystem::path& root,
                                std::unique_ptr<System> system = std::make_unique<System>());
  FileStore(FileStore&&) noexcept;
  FileStore& operator=(FileStore&&) noexcept;
  ~FileStore();

  // Makes the content of the complete file uploads/`upload`, whose digest the caller took while the
  // bytes arrived, a blob. A file with the same XXH3-128 is compared byte for byte: equal bytes are
  // stored once, other bytes get the next ordinal; a damaged copy is replaced. On success the blob
  // is durable and the upload's name gone. After `busy` and `cancelled` the upload is as it was;
  // after any other failure it must be dropped, for its bytes may not have reached the disk.
  // Errors: disk_full, io_failed, busy, cancelled, corrupt_blob (what is there is no file, or the
  // upload itself reads otherwise than it was written), internal (no ordinal is left).
  Result<Stored> adopt(const std::string& upload, const ContentDigest& digest,
                       const std::vector<TakenOrdinal>& taken = {}, const Pace& pace = {});

  // Where bytes lie, among those in `taken`, that equal the `size` bytes of `content`, whose digest
  // is `xxh3`; nothing when they are nowhere, or cannot be read. Their name is made durable, as by
  // adopt(). `from` is for messages. Errors: io_failed, busy, cancelled.
  Result<std::optional<Stored>> find(const File& content, const std::filesystem::path& from,
                                     const Digest128& xxh3, std::uint64_t size,
                                     const std::vector<TakenOrdinal>& taken, const Pace& pace = {});

  // Opens a blob for reading. Errors: blob_not_found, corrupt_blob, io_failed, busy.
  Result<File> open_blob(const Address& address) const;
  // Up to `length` bytes from `offset`; fewer at the end of the file, none past it.
  Result<std::string> read(const Address& address, std::uint64_t offset,
                           std::uint64_t length) const;
  Result<std::uint64_t> size(const Address& address) const;
  // The same of one that open_blob() opened, for who reads it in pieces; `address` is for messages.
  Result<std::string> read(const File& blob, const Address& address, std::uint64_t offset,
                           std::uint64_t length) const;
  Result<std::uint64_t> size(const File& blob, const Address& address) const;

  // Re-hashes the stored bytes, from the disk rather than from memory. Errors: those of open_blob,
  // cancelled.
  Result<ContentDigest> rehash(const Address& address, const Pace& pace = {}) const;
  // Moves the bytes to quarantine/, durably, when they still have not the digest that was
  // `recorded`, and says to what file; nothing when they are as recorded or gone by now. Errors:
  // those of rehash(), disk_full.
  Result<std::optional<std::filesystem::path>> set_aside(const Address& address,
                                                         const ContentDigest& recorded,
                                                         const Pace& pace = {});
  // To be held from before adopt() until what names the bytes is durable and can be seen.
  Pin pin(const Digest128& digest) const;
  // Removes the bytes, unless they are pinned, or `is_unused`, which is asked while nobody can pin
  // them, says no; false then. It is no error when they are gone already. The commit that says so
  // is durable by then, so the removal itself is not synced: after a crash it is done again.
  Result<bool> remove(const Address& address, const std::function<Result<bool>()>& is_unused);
  // Every blob file, in no particular order; false from `visit` ends the walk.
  Status each(const std::function<bool(const Address&)>& visit) const;

  // For messages; the store itself never follows a whole path.
  std::filesystem::path path_of(const Address& address) const;
  const std::filesystem::path& root() const;

  // For uploads.h: the seam, and the open folder uploads/.
  System& system() const;
  const File& uploads() const;

 private:
  explicit FileStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace emstore::blobs
