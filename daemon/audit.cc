#include "daemon/audit.h"

#include <algorithm>
#include <utility>

#include "base/address.h"
#include "base/hash.h"
#include "daemon/media_check.h"
#include "store/row_bytes.h"

namespace emstore::daemon {
namespace {

using store::BlobRow;
using store::Family;
using store::Findings;
using store::View;

// The bytes of media against what the log says of them.
class MediaAudit {
 public:
  MediaAudit(const store::Store& store, const blobs::FileStore& files, const AuditWish& wish,
             Findings& findings)
      : store_(store), view_(store.view()), files_(files), wish_(wish), findings_(findings) {}

  // `still` is asked after each content; false ends the audit.
  Status run(const std::function<bool(std::uint64_t bytes)>& still) {
    EMSTORE_CHECKED(known(still));
    EMSTORE_CHECKED(unnamed_rows(still));
    return unnamed_files(still);
  }

  std::uint64_t contents() const { return contents_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  using Still = std::function<bool(std::uint64_t bytes)>;

  bool is_in_slice(const Address& address) const {
    const std::uint64_t number = address.digest[0] << 8 | address.digest[1];
    return number % wish_.slices == wish_.slice - 1;
  }

  Status went_on(bool still) const {
    if (still) return {};
    return failure(ErrorCode::cancelled,
                   "cancelled after " + std::to_string(contents_) + " contents of media");
  }

  // What records name. Errors of one content are findings.
  Status known(const Still& still) {
    bool go_on = true;
    const Status scanned = view_->reader->try_scan(
        Family::blobs, {}, [&](std::string_view key, std::string_view bytes) -> Result<bool> {
          const std::optional<Address> address = address_of_bytes(key);
          const Result<BlobRow> row = store::decode_blob(bytes);
          if (!address || !row) {
            add("blobs " + to_hex(key), "a row that is none");
          } else if (row->collected_at == 0 && is_in_slice(*address)) {
            EMSTORE_CHECKED(check(*address, *row));
            go_on = still(row->size);
          }
          return go_on;
        });
    if (!scanned) findings_.add("index", "blobs", scanned.error().message);
    return went_on(go_on);
  }

  Status check(const Address& address, const BlobRow& row) {
    EMSTORE_TRY(const auto checked, check_content(store_, *view_, files_, address, row));
    if (!checked) return {};
    ++contents_;
    bytes_ += checked->bytes;
    if (checked->fault) add(place(address), checked->fault->message);
    return {};
  }

  // Bytes that were uploaded and that no record names yet: their address tells what they should be.
  Status unnamed_rows(const Still& still) {
    bool go_on = true;
    const Status scanned =
        view_->reader->scan(Family::bytes, {}, [&](std::string_view key, std::string_view bytes) {
          const std::optional<Address> address = address_of_bytes(key);
          if (!address) add("bytes " + to_hex(key), "a row that is none");
          if (!address || !is_in_slice(*address) || is_known(*address)) return true;
          if (digest_of(bytes).xxh3 != address->digest) add(place(*address), "has other bytes");
          go_on = still(bytes.size());
          return go_on;
        });
    if (!scanned) findings_.add("media", "bytes", scanned.error().message);
    return went_on(go_on);
  }

  Status unnamed_files(const Still& still) {
    bool go_on = true;
    const Status walked = files_.each([&](const Address& address) {
      if (!is_in_slice(address) || is_known(address)) return true;
      const Result<ContentDigest> found = files_.rehash(address);
      const bool is_gone = !found && found.error().code == ErrorCode::blob_not_found;
      if (!found && !is_gone) add(place(address), found.error().message);
      if (found && found->xxh3 != address.digest) add(place(address), "has other bytes");
      go_on = still(found ? found->size : 0);
      return go_on;
    });
    if (!walked) findings_.add("media", files_.root().string(), walked.error().message);
    return went_on(go_on);
  }

  bool is_known(const Address& address) const {
    const auto row = view_->reader->get(Family::blobs, to_bytes(address));
    return row && row->has_value();
  }

  std::string place(const Address& address) const {
    return address.is_file() ? files_.path_of(address).string() : to_string(address);
  }

  void add(std::string place, std::string message) {
    findings_.add("media", std::move(place), std::move(message));
  }

  const store::Store& store_;
  const std::shared_ptr<const View> view_;
  const blobs::FileStore& files_;
  const AuditWish& wish_;
  Findings& findings_;
  std::uint64_t contents_ = 0;
  std::uint64_t bytes_ = 0;
};

// Three passes, each as long as the log or the media: done and in all, in commits and contents.
class Passes {
 public:
  Passes(const store::Store& store, const store::Progress& progress)
      : progress_(progress),
        commits_(store.view()->sequence),
        contents_(store.database().size(Family::blobs).rows) {}

  store::Progress commits(std::uint64_t pass) const {
    return [this, pass](std::uint64_t done, std::uint64_t) {
      return !progress_ || progress_(pass * commits_ + done, total());
    };
  }
  bool contents(std::uint64_t done) const {
    return !progress_ || progress_(2 * commits_ + std::min(done, contents_), total());
  }

 private:
  std::uint64_t total() const { return 2 * commits_ + contents_; }
  const store::Progress& progress_;
  std::uint64_t commits_;
  std::uint64_t contents_;
};

List shown(const Findings& findings) {
  List list;
  for (const store::Finding& finding : findings.named()) {
    list.push_back(
        Map{{"part", finding.part}, {"place", finding.place}, {"message", finding.message}});
  }
  return list;
}

}  // namespace

Result<AuditWish> audit_wish_of(const protocol::Audit& call, store::FoldRoom room) {
  AuditWish wish;
  wish.room = std::move(room);
  constexpr std::uint64_t kSlicesMax = 10'000;
  wish.slices = call.slices.value_or(1);
  wish.slice = call.slice.value_or(1);
  if (wish.slices < 1 || wish.slices > kSlicesMax || wish.slice < 1 || wish.slice > wish.slices) {
    return failure(ErrorCode::out_of_range,
                   "slice " + std::to_string(wish.slice) + " of " + std::to_string(wish.slices) +
                       " is none: there are 1 to 10000, counted from 1",
                   "slice");
  }
  if (!call.root && !call.at) return wish;
  const std::optional<std::string> root = from_hex(call.root.value_or(""));
  if (!root || root->size() != std::tuple_size_v<Sha256> || !call.at) {
    return failure(ErrorCode::wrong_type, "a noted root is 64 hexadecimal digits, and a sequence",
                   call.at ? "root" : "at",
                   "both stand in the report of an audit, and in `status`");
  }
  store::NotedRoot noted{*call.at, {}};
  std::copy(root->begin(), root->end(), noted.root.begin());
  wish.noted = noted;
  return wish;
}

Result<Value> audit(const store::Store& store, const blobs::FileStore& files,
                    const std::filesystem::path& head, const AuditWish& wish,
                    const store::Progress& progress) {
  Findings findings;
  const Passes passes(store, progress);
  const auto view = store.view();
  store::audit_tables(store.database(), findings);
  EMSTORE_TRY(store::LogAudit log, store::audit_commits(*view, passes.commits(0), findings));
  store::audit_head(head, store.id(), store.database(), findings);
  if (wish.noted) store::audit_root(*view, *wish.noted, findings);
  EMSTORE_TRY(log.state_digest,
              store::audit_indexes(*view, passes.commits(1), wish.room, findings));
  MediaAudit media(store, files, wish, findings);
  EMSTORE_CHECKED(media.run([&](std::uint64_t) { return passes.contents(media.contents()); }));
  return Map{
      {"whole", findings.empty()},
      {"sequence", log.sequence},
      {"root", to_hex(as_bytes(log.root))},
      {"events", log.events},
      {"state_digest", log.state_digest ? Value(to_hex(as_bytes(*log.state_digest))) : Value()},
      {"blobs", media.contents()},
      {"blob_bytes", media.bytes()},
      {"slice", wish.slice},
      {"slices", wish.slices},
      {"damages", findings.count()},
      {"findings", shown(findings)}};
}

}  // namespace emstore::daemon
