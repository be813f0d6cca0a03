// Import: a store made of a log that comes from elsewhere. Only what is primary is put in place,
// the commits exactly as they were and the bytes that they name; the indexes follow when the store
// is opened, by the fold that every start can make.
//
// Until finish() the folder has a head of what is not there, which no store opens.
//
// Threads: one.
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "store/events.h"
#include "store/folder_lock.h"
#include "store/head.h"
#include "store/merkle.h"
#include "store/rocks.h"
#include "store/schema.h"

namespace emstore::store {

class Import {
 public:
  // In a folder that is empty or not there. Errors: invalid_request (something is there), and those
  // of opening a store.
  static Result<std::unique_ptr<Import>> begin(const std::filesystem::path& folder,
                                               const DatabaseOptions& options,
                                               UnsafeFileSystem unsafe_file_system,
                                               const StoreId& id);

  // The next commit as it was stored elsewhere; `leaf` is what the tree there has for it. Errors:
  // corrupt_log, with the sequence.
  Status add(std::string_view commit, const Sha256& leaf);
  // The bytes of a small blob. Errors: corrupt_blob.
  Status add_bytes(const Address& address, const Sha256& sha256, std::string bytes);
  // Makes the store one that opens. Indexes that are not `ready` are filled, and a unique one
  // proved, once it is open.
  Status finish(std::span<const IndexId> ready);

  // Whether a commit so far made a media of these bytes.
  bool names(const Address& address);
  Sequence sequence() const { return tree_.size(); }
  Sha256 root() const { return tree_.root(); }

 private:
  Import(std::filesystem::path folder, FolderLock lock, std::unique_ptr<Database> database,
         const StoreId& id);
  Status note(const Event& event);
  Status put(RowChange row);
  Status flush(Durability durability);

  std::filesystem::path folder_;
  FolderLock lock_;
  std::unique_ptr<Database> database_;
  StoreId id_;
  Tree tree_;
  Schema schema_;
  std::vector<Address> media_;  // That commits made; in order, each once, up to `sorted_`.
  std::size_t sorted_ = 0;
  std::set<Address> collected_;  // And not made again since: their bytes may have come before.
  RowChanges rows_;
  std::size_t bytes_ = 0;
};

}  // namespace emstore::store
