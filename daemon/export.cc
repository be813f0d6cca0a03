#include "daemon/export.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/pack.h"
#include "store/event_bytes.h"
#include "store/log.h"
#include "store/merkle.h"
#include "store/opening.h"
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
    EMSTORE_TRY(const store::HeaderView header, store::decode_header(commit.bytes));
    begin_record(writer, "commit", 2);
    writer.binary(commit.bytes);
    writer.binary(as_bytes(store::leaf_hash(header.bytes)));
    if (std::ranges::count(header.kinds, store::MediaCreated::kind.code) > 0) {
      EMSTORE_CHECKED(note_media(commit.bytes));
    }
    next_ = commit.sequence + 1;
  }
  if (next_ <= mark) return {};
  EMSTORE_TRY(const Sha256 root, store::root_of(*view_->reader, mark));
  begin_record(writer, "root", 2);
  writer.unsigned_integer(mark);
  writer.binary(as_bytes(root));
  return {};
}

Status Export::note_media(std::string_view bytes) {
  EMSTORE_TRY(const store::Commit commit, store::decode(bytes));
  for (const store::Event& event : commit.events) {
    const auto* created = std::get_if<store::MediaCreated>(&event);
    const Value* blob = created == nullptr ? nullptr : created->values.find(store::kMediaBlob);
    if (blob == nullptr || blob->if_binary() == nullptr) continue;
    if (const auto address = address_of_bytes(blob->if_binary()->data)) media_.push_back(*address);
  }
  return {};
}

// The next content, with its bytes when it is small. What is collected has none.
Status Export::write_blob(std::string& out) {
  if (next_media_ == media_.size()) return write_end(out);
  const Address address = media_[next_media_++];
  EMSTORE_TRY(const auto bytes, view_->reader->get(Family::blobs, to_bytes(address)));
  if (!bytes) return failure(ErrorCode::corrupt_index, "no row for " + to_string(address));
  EMSTORE_TRY(const store::BlobRow row, store::decode_blob(*bytes));
  if (row.collected_at != 0 || is_collected(address)) {
    ++gone_;
    return {};
  }
  ++blobs_;
  pack::Writer writer(out);
  const bool is_left_out = address.is_file() && !wish_.has_files;
  begin_record(writer, is_left_out ? "file" : "blob", 3);
  writer.binary(to_bytes(address));
  writer.unsigned_integer(row.size);
  writer.binary(as_bytes(row.sha256));
  if (is_left_out) {
    left_out_.push_back(address);
  } else if (address.is_file()) {
    open_ = Open{address, 0, row.size};
  } else {
    EMSTORE_TRY(const auto small, view_->reader->get(Family::bytes, to_bytes(address)));
    if (!small) return failure(ErrorCode::corrupt_blob, "no bytes of " + to_string(address));
    begin_record(writer, "bytes", 1);
    writer.binary(*small);
  }
  return {};
}

Status Export::write_bytes(std::string& out) {
  EMSTORE_TRY(const std::string piece, files_.read(open_->address, open_->offset, kChunkBytes));
  open_->offset += piece.size();
  if (piece.empty() || open_->offset > open_->size) {
    return failure(ErrorCode::corrupt_blob, files_.path_of(open_->address).string() + " has not " +
                                                std::to_string(open_->size) + " bytes");
  }
  pack::Writer writer(out);
  begin_record(writer, "bytes", 1);
  writer.binary(piece);
  if (open_->offset == open_->size) open_.reset();
  return {};
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
                         {"state_digest", state_digest_ ? Value(digest(*state_digest_)) : Value()},
                         {"indexes", std::move(ready)}});
  pack::Writer writer(out);
  begin_record(writer, "end", 2);
  writer.raw(end);
  writer.binary(as_bytes(sha256(end)));
  stage_ = Stage::done;
  return {};
}

// Since the snapshot: bytes go once the commit that says so is durable.
bool Export::is_collected(const Address& address) const {
  const auto now = store_.view()->reader->get(Family::blobs, to_bytes(address));
  if (!now || !*now) return false;
  const auto row = store::decode_blob(**now);
  return row && row->collected_at != 0;
}

}  // namespace emstore::daemon
