#include "store/import.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/hash.h"
#include "store/event_bytes.h"
#include "store/index_states.h"
#include "store/opening.h"

namespace emstore::store {
namespace {

constexpr std::size_t kBatchBytes = 4u << 20;

tl::unexpected<Error> altered(Sequence sequence, const std::string& what) {
  return failure(ErrorCode::corrupt_log, "commit " + std::to_string(sequence) + ": " + what);
}

}  // namespace

Import::Import(std::filesystem::path folder, FolderLock lock, std::unique_ptr<Database> database,
               const StoreId& id)
    : folder_(std::move(folder)),
      lock_(std::move(lock)),
      database_(std::move(database)),
      id_(id),
      schema_(initial_schema()) {}

Result<std::unique_ptr<Import>> Import::begin(const std::filesystem::path& folder,
                                              const DatabaseOptions& options,
                                              UnsafeFileSystem unsafe_file_system,
                                              const StoreId& id) {
  std::error_code error;
  if (std::filesystem::exists(folder, error) && !std::filesystem::is_empty(folder, error)) {
    return failure(ErrorCode::invalid_request, folder.string() + " is not empty", "data",
                   "name a directory that is empty or not there");
  }
  EMSTORE_TRY(FolderLock lock, prepare_folder(folder, unsafe_file_system));
  // A log that is acknowledged and not there: no store opens so.
  EMSTORE_TRY(Head head, Head::open(folder / "head"));
  EMSTORE_CHECKED(head.record(head_of_unfinished(id)));
  EMSTORE_CHECKED(head.sync());
  EMSTORE_TRY(std::unique_ptr<Database> database, Database::open(folder / "db", options));
  return std::unique_ptr<Import>(new Import(folder, std::move(lock), std::move(database), id));
}

Status Import::add(std::string_view bytes, const Sha256& leaf) {
  const Sequence sequence = tree_.size() + 1;
  const Result<HeaderView> header = decode_header(bytes);
  if (!header) return altered(sequence, header.error().message);
  if (header->info.sequence != sequence) {
    return altered(sequence,
                   "commit " + std::to_string(header->info.sequence) + " comes in its place");
  }
  if (leaf_hash(header->bytes) != leaf) return altered(sequence, "its header was altered");
  const Result<Commit> commit = decode(bytes);
  if (!commit) return altered(sequence, commit.error().message);
  for (const Event& event : commit->events) EMSTORE_CHECKED(note(event));
  tree_.append(leaf);
  static_cast<void>(tree_.take_changes());  // The rows of the tree are an index.
  return put({Family::log, log_key(sequence), std::string(bytes)});
}

// What is to be known of the log before it is folded.
Status Import::note(const Event& event) {
  if (const auto* applied = std::get_if<SchemaApplied>(&event)) {
    EMSTORE_TRY(schema_, schema_of(applied->schema, tree_.size() + 1));
  }
  if (const auto* gone = std::get_if<BlobsCollected>(&event))
    collected_.insert(gone->addresses.begin(), gone->addresses.end());
  const auto* created = std::get_if<MediaCreated>(&event);
  const Value* blob = created == nullptr ? nullptr : created->values.find(kMediaBlob);
  const Binary* bytes = blob == nullptr ? nullptr : blob->if_binary();
  const auto address = bytes == nullptr ? std::nullopt : address_of_bytes(bytes->data);
  if (!address) return {};
  media_.push_back(*address);
  collected_.erase(*address);
  return {};
}

// Contents stand behind the commits of a stream, so that this is put in order once for each.
bool Import::names(const Address& address) {
  if (sorted_ < media_.size()) {
    std::sort(media_.begin(), media_.end());
    media_.erase(std::unique(media_.begin(), media_.end()), media_.end());
    sorted_ = media_.size();
  }
  return std::binary_search(media_.begin(), media_.end(), address);
}

Status Import::add_bytes(const Address& address, const Sha256& sha256, std::string bytes) {
  const ContentDigest digest = digest_of(bytes);
  if (address.is_file() || digest.xxh3 != address.digest || digest.sha256 != sha256) {
    return failure(ErrorCode::corrupt_blob,
                   "the bytes of " + to_string(address) + " are not those of the address");
  }
  return put({Family::bytes, to_bytes(address), std::move(bytes)});
}

Status Import::put(RowChange row) {
  bytes_ += row.key.size() + (row.value ? row.value->size() : 0);
  rows_.push_back(std::move(row));
  return bytes_ < kBatchBytes ? Status{} : flush(Durability::memory);
}

Status Import::flush(Durability durability) {
  EMSTORE_CHECKED(database_->write(rows_, durability));
  rows_.clear();
  bytes_ = 0;
  return {};
}

Status Import::finish(std::span<const IndexId> ready) {
  IndexStates states;
  for (const Index& index : schema_.indexes) {
    const bool is_ready = std::find(ready.begin(), ready.end(), index.id) != ready.end();
    states[index.id].kind = is_ready ? IndexState::Kind::ready : IndexState::Kind::filling;
  }
  for (const auto& [index, state] : states) rows_.push_back(state_row(index, state));
  rows_.push_back(store_id_row(id_));
  for (const Address& address : collected_) {
    if (!address.is_file()) EMSTORE_CHECKED(put({Family::bytes, to_bytes(address), std::nullopt}));
  }
  EMSTORE_CHECKED(flush(Durability::memory));
  EMSTORE_CHECKED(database_->forget_indexes());
  // Until then it is an import that was not completed, and never a store without a head.
  EMSTORE_CHECKED(Head::replace(folder_ / "head", {id_, tree_.size(), tree_.root(), true}));
  database_.reset();
  return {};
}

}  // namespace emstore::store
