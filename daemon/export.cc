#include "daemon/export.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/pack.h"
#include "daemon/media_check.h"
#include "store/log.h"
#include "store/merkle.h"
#include "store/opening.h"
#include "store/replay.h"
#include "store/row_bytes.h"
#include "store/verify.h"

namespace emstore::daemon {
namespace {

using store::Family;

constexpr std::uint64_t kRootEvery = 256;
constexpr std::size_t kChunkBytes = 1u << 20;

void begin_record(pack::Writer& writer, std::string_view name, std::size_t parts) {
  writer.begin_list(parts + 1);
  writer.text(name);
}

}  // namespace

Result<std::unique_ptr<Export>> Export::begin(const store::Store& store,
                                              const blobs::FileStore& files,
                                              const ExportWish& wish) {
  std::unique_ptr<Export> made(new Export(store, files, wish));
  const Sequence last = made->view_->sequence;
  if (wish.until.value_or(last) > last || wish.from < 1 || wish.from > last + 1) {
    return failure(ErrorCode::out_of_range, "the log ends at commit " + std::to_string(last),
                   wish.until.value_or(last) > last ? "until" : "from");
  }
  made->last_ = wish.until.value_or(last);
  EMSTORE_TRY(made->root_, store::root_of(*made->view_->reader, made->last_));
  return made;
}

Export::Export(const store::Store& store, const blobs::FileStore& files, const ExportWish& wish)
    : store_(store), view_(store.view()), files_(files), wish_(wish), next_(wish.from) {}

Result<std::string> Export::next() {
  std::string out;
  pack::Writer writer(out);
  while (out.empty() && stage_ != Stage::done) {
    switch (stage_) {
      case Stage::head:
        begin_record(writer, kExportName, 4);
        writer.unsigned_integer(kExportVersion);
        writer.binary(as_bytes(store_.id()));
        writer.unsigned_integer(wish_.from);
        writer.unsigned_integer(last_);
        stage_ = Stage::commits;
        break;
      case Stage::commits:
        EMSTORE_CHECKED(write_commits(out));
        break;
      case Stage::blobs:
        EMSTORE_CHECKED(open_ ? write_bytes(out) : write_blob(out));
        break;
      case Stage::done:
        break;
    }
  }
  return out;
}

// Up to the next mark, or as many as a chunk holds.
Status Export::write_commits(std::string& out) {
  if (next_ > last_) {
    std::ranges::sort(media_);
    media_.erase(std::unique(media_.begin(), media_.end()), media_.end());
    stage_ = Stage::blobs;
    return {};
  }
  const Sequence mark = std::min(last_, (next_ + kRootEvery - 1) / kRootEvery * kRootEvery);
  EMSTORE_TRY(const std::vector<store::StoredCommit> commits,
              store::read_log(*view_->reader, next_, mark + 1 - next_, kChunkBytes));
  pack::Writer writer(out);
  for (const store::StoredCommit& commit : commits) {
    // Held against its commitments: an import would refuse it, when there may be no other copy.
    EMSTORE_TRY(const store::LoggedCommit logged,
                store::decode_logged(commit.sequence, commit.bytes));
    begin_record(writer, "commit", 2);
    writer.binary(commit.bytes);
    writer.binary(as_bytes(logged.leaf));
    note_media(logged.commit);
    next_ = commit.sequence + 1;
  }
  if (next_ <= mark) return {};
  EMSTORE_TRY(const Sha256 root, store::root_of(*view_->reader, mark));
  begin_record(writer, "root", 2);
  writer.unsigned_integer(mark);
  writer.binary(as_bytes(root));
  return {};
}

void Export::note_media(const store::Commit& commit) {
  for (const store::Event& event : commit.events) {
    const auto* created = std::get_if<store::MediaCreated>(&event);
    const Value* blob = created == nullptr ? nullptr : created->values.find(store::kMediaBlob);
    if (blob == nullptr || blob->if_binary() == nullptr) continue;
    if (const auto address = address_of_bytes(blob->if_binary()->data)) media_.push_back(*address);
  }
}

// The next content, with its bytes when it is small. What is collected has none.
Status Export::write_blob(std::string& out) {
  if (next_media_ == media_.size()) return write_end(out);
  const Address address = media_[next_media_++];
  EMSTORE_TRY(const auto bytes, view_->reader->get(Family::blobs, to_bytes(address)));
  if (!bytes) return failure(ErrorCode::corrupt_index, "no row for " + to_string(address));
  EMSTORE_TRY(const store::BlobRow row, store::decode_blob(*bytes));
  if (row.collected_at != 0 || is_collected(store_, address)) {
    ++gone_;
    return {};
  }
  if (!address.is_file()) return write_small(address, row, out);
  if (!wish_.has_files) {
    write_content("file", address, row, out);
    left_out_.push_back(address);
    return {};
  }
  Result<blobs::File> file = files_.open_blob(address);
  if (!file && !is_of_bytes(file.error())) return failure(file.error());
  if (file) {
    write_content("blob", address, row, out);
    open_ = Open{address, *std::move(file), row.size, row.sha256};
  } else if (is_collected(store_, address)) {  // A moment ago.
    ++gone_;
  } else {
    write_missing(address, out);
  }
  return {};
}

Status Export::write_small(const Address& address, const store::BlobRow& row, std::string& out) {
  const auto bytes = view_->reader->get(Family::bytes, to_bytes(address));
  if (!bytes && !is_of_bytes(bytes.error())) return failure(bytes.error());
  const bool is_whole =
      bytes && *bytes && digest_of(**bytes) == ContentDigest{address.digest, row.sha256, row.size};
  if (is_whole) {
    write_content("blob", address, row, out);
    pack::Writer writer(out);
    begin_record(writer, "bytes", 1);
    writer.binary(**bytes);
  } else if (wish_.has_files) {
    write_missing(address, out);
  } else {
    write_content("file", address, row, out);
    left_out_.push_back(address);
  }
  return {};
}

// A piece, unless it is the last one of bytes that are not what was recorded.
Status Export::write_bytes(std::string& out) {
  const std::uint64_t offset = open_->hasher.digest().size;
  const Result<std::string> piece = files_.read(open_->file, open_->address, offset, kChunkBytes);
  if (!piece && !is_of_bytes(piece.error())) return failure(piece.error());
  bool is_whole = piece && !piece->empty();
  if (is_whole) open_->hasher.update(*piece);
  const ContentDigest found = open_->hasher.digest();
  const bool is_last = found.size >= open_->size;
  const ContentDigest recorded{open_->address.digest, open_->sha256, open_->size};
  if (is_last) is_whole = is_whole && found == recorded;
  if (!is_whole) {
    --blobs_;
    write_missing(open_->address, out);
  } else {
    pack::Writer writer(out);
    begin_record(writer, "bytes", 1);
    writer.binary(*piece);
  }
  if (is_last || !is_whole) open_.reset();
  return {};
}

void Export::write_content(std::string_view name, const Address& address, const store::BlobRow& row,
                           std::string& out) {
  ++blobs_;
  pack::Writer writer(out);
  begin_record(writer, name, 3);
  writer.binary(to_bytes(address));
  writer.unsigned_integer(row.size);
  writer.binary(as_bytes(row.sha256));
}

void Export::write_missing(const Address& address, std::string& out) {
  ++missing_;
  damaged_.push_back(address);
  pack::Writer writer(out);
  begin_record(writer, "missing", 1);
  writer.binary(to_bytes(address));
}

Status Export::write_end(std::string& out) {
  if (last_ == view_->sequence) {
    EMSTORE_TRY(state_digest_, store::state_digest(*view_));
  }
  List ready;
  for (const auto& [index, state] : *view_->indexes) {
    const bool counts = state_digest_ && state.kind == store::IndexState::Kind::ready;
    if (counts) ready.emplace_back(static_cast<std::int64_t>(index));
  }
  const auto digest = [](const Sha256& bytes) { return Binary{std::string(as_bytes(bytes))}; };
  const std::string end =
      pack::to_bytes(Map{{"store", Binary{std::string(as_bytes(store_.id()))}},
                         {"sequence", last_},
                         {"root", digest(root_)},
                         {"blobs", blobs_},
                         {"gone", gone_},
                         {"missing", missing_},
                         {"state_digest", state_digest_ ? Value(digest(*state_digest_)) : Value()},
                         {"indexes", std::move(ready)}});
  pack::Writer writer(out);
  begin_record(writer, "end", 2);
  writer.raw(end);
  writer.binary(as_bytes(sha256(end)));
  stage_ = Stage::done;
  return {};
}

void tell_damaged(Map& answer, const std::vector<Address>& damaged) {
  constexpr std::size_t kNamedMost = 100;
  if (damaged.empty()) return;
  List named;
  for (const Address& address : damaged) {
    if (named.size() == kNamedMost) break;
    named.emplace_back(to_string(address));
  }
  answer.set("damaged", damaged.size());
  answer.set("damaged_contents", std::move(named));
}

}  // namespace emstore::daemon
