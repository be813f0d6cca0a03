#include "client-lib/transfer.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <utility>

#include "base/hash.h"
#include "base/hash_pieces.h"
#include "client-lib/answers.h"
#include "client-lib/source.h"
#include "client-lib/whole_content.h"

namespace emstore {
namespace {

constexpr std::uint64_t kInlineBytesMax = 64u << 10;
constexpr std::uint64_t kPieceBytes = 1u << 20;
constexpr std::size_t kPiecesInFlight = 8;
constexpr std::size_t kPiecesAhead = 4;  // Of an upload: what the daemon has to do meanwhile.
constexpr int kResumesMax = 3;
constexpr std::string_view kAddressPrefix = "xxh3-128:";

Result<Map> bulk_call(Core& core, const protocol::Call& call) {
  EMSTORE_TRY(Value answer, core.bulk().run(core.outgoing(core.bulk(), call)));
  return expect_map(std::move(answer), protocol::method_of(call));
}

// One upload, from begin to commit.
class Upload {
 public:
  Upload(Core& core, const Source& source)
      : core_(core), source_(source), progress_(core.progress()), sent_(source.size()) {}

  // The address. Begins anew when the daemon has forgotten the upload: it does after a commit whose
  // answer was lost, and then it knows the bytes.
  Result<std::string> run() {
    if (source_.descriptor() >= 0 && core_.passes_descriptors()) {
      Result<std::string> passed = pass();
      // Else the file lies where the daemon does not read, or it cannot read it in time.
      if (passed || !goes_in_pieces(passed.error())) return passed;
    }
    EMSTORE_TRY(std::optional<std::string> known, find_known());
    if (known) return *std::move(known);
    for (int attempt = 0;; ++attempt) {
      auto address = send_and_commit();
      if (address || address.error().code != ErrorCode::upload_not_found ||
          attempt == kResumesMax) {
        return address;
      }
    }
  }

 private:
  static bool goes_in_pieces(const Error& error) {
    return error.code == ErrorCode::invalid_request || error.code == ErrorCode::timed_out;
  }

  // The daemon reads the file itself.
  Result<std::string> pass() {
    Outgoing request = core_.outgoing(core_.bulk(), protocol::BlobPutFd{});
    request.descriptor = source_.descriptor();
    request.repeat_after_silence = false;
    EMSTORE_TRY(Value answer, core_.bulk().run(request));
    EMSTORE_TRY(const Map stored, expect_map(std::move(answer), "blob.put_fd"));
    if (progress_) progress_(source_.size(), source_.size());
    return RecordView(stored).get<std::string>("blob");
  }

  // The address, when the store has the bytes already. Looking for what it does not have costs one
  // fast reading.
  Result<std::optional<std::string>> find_known() {
    if (source_.size() <= kPieceBytes || !core_.tells_what_it_has()) return std::nullopt;
    PiecesHasher first;
    EMSTORE_CHECKED(read_all([&](std::string_view piece) { first.update(piece); }));
    Map content{{"xxh3", to_hex(as_bytes(first.digest()))}, {"size", source_.size()}};
    EMSTORE_TRY(const Value maybe, have(content));
    if (maybe.is_null()) return std::nullopt;
    ContentHasher both;
    EMSTORE_CHECKED(read_all([&](std::string_view piece) { both.update(piece); }));
    const ContentDigest digest = both.digest();
    content.set("xxh3", to_hex(as_bytes(digest.xxh3)));
    content.set("sha256", to_hex(as_bytes(digest.sha256)));
    EMSTORE_TRY(const Value known, have(content));
    const Map* stored = known.if_map();
    if (stored == nullptr) return std::nullopt;
    if (progress_) progress_(source_.size(), source_.size());
    return RecordView(*stored).get<std::string>("blob");
  }

  template <typename Take>
  Status read_all(Take take) const {
    for (std::uint64_t offset = 0; offset < source_.size(); offset += kPieceBytes) {
      const std::uint64_t length = std::min(kPieceBytes, source_.size() - offset);
      EMSTORE_TRY(const std::string piece, source_.piece(offset, length));
      take(piece);
    }
    return {};
  }

  Result<Value> have(const Map& content) {
    EMSTORE_TRY(List answers, known_contents(core_, {content}));
    return std::move(answers.front());
  }

  Result<std::string> send_and_commit() {
    EMSTORE_TRY(const Map begun, bulk_call(core_, protocol::BlobBegin{source_.size()}));
    token_ = RecordView(begun).get<std::string>("token");
    if (const std::uint64_t most = unsigned_of(begun, "chunk"); most != 0) {
      piece_bytes_ = std::min(kPieceBytes, most);
    }
    std::uint64_t offset = 0;
    int resumes = 0;
    while (offset < source_.size()) {
      const Status sent = send_pieces(offset);
      if (sent) break;
      if (!can_go_on(sent.error()) || resumes++ == kResumesMax) return failure(sent.error());
      EMSTORE_TRY(offset, write(offset_known_to_daemon()));
    }
    EMSTORE_TRY(const Map committed, bulk_call(core_, protocol::BlobCommit{token_}));
    std::string address = RecordView(committed).get<std::string>("blob");
    EMSTORE_CHECKED(check_stored(address));
    return address;
  }

  // Of what came before a restart the daemon knows nothing but that it is there, and it can rot.
  Status check_stored(const std::string& address) const {
    Status same = sent_.check(address);
    const bool is_all_sent = sent_.taken() == source_.size();
    if (is_all_sent && (same || same.error().code != ErrorCode::corrupt_blob)) return same;
    // What was sent twice may have been two things.
    EMSTORE_CHECKED(source_.check_unchanged());
    return failure(ErrorCode::corrupt_blob, "other bytes were stored than were sent", {},
                   "store the file again");
  }

  // An empty piece asks for the offset that was reached.
  protocol::BlobWrite offset_known_to_daemon() const { return {token_, 0, {}}; }

  Result<std::uint64_t> write(const protocol::BlobWrite& piece) {
    EMSTORE_TRY(const Map answer, bulk_call(core_, piece));
    return unsigned_of(answer, "offset");
  }

  // After a gap, for the daemon lost what it had not yet written, or a lost connection, it says
  // where to go on.
  static bool can_go_on(const Error& error) {
    constexpr std::array kCodes{
        ErrorCode::invalid_request, ErrorCode::unreachable, ErrorCode::timed_out,
        ErrorCode::shutting_down,   ErrorCode::busy,        ErrorCode::too_many_connections};
    return std::find(kCodes.begin(), kCodes.end(), error.code) != kCodes.end();
  }

  // Sends all from `offset` on.
  Status send_pieces(std::uint64_t offset) {
    protocol::Call call = protocol::BlobWrite{token_, offset, {}};
    auto& piece = std::get<protocol::BlobWrite>(call);
    const auto next = [&](std::string room) -> Result<std::optional<Outgoing>> {
      if (offset == source_.size()) return std::nullopt;
      const std::uint64_t length = std::min(piece_bytes_, source_.size() - offset);
      piece.offset = offset;
      EMSTORE_TRY(piece.bytes.data, source_.piece(offset, length, std::move(piece.bytes.data)));
      count(offset, piece.bytes.data);
      offset += length;
      return core_.outgoing(core_.bulk(), call, std::move(room));
    };
    return core_.bulk().stream(kPiecesAhead, next, [this](const Value& answer) {
      if (answer.if_map() != nullptr) report(unsigned_of(*answer.if_map(), "offset"));
    });
  }

  // What is sent again counts as it was first, unless all of it is.
  void count(std::uint64_t offset, std::string_view bytes) {
    const std::uint64_t known = offset == 0 ? 0 : std::max(sent_.taken(), offset) - offset;
    const std::size_t again = std::min<std::uint64_t>(known, bytes.size());
    sent_.take(offset + again, bytes.substr(again));
  }

  // What was sent twice is progress once.
  void report(std::uint64_t reached) {
    if (!progress_ || reached <= reported_) return;
    reported_ = reached;
    progress_(reached, source_.size());
  }

  Core& core_;
  const Source& source_;
  const ByteProgress progress_;
  WholeContent sent_;
  std::string token_;
  std::uint64_t piece_bytes_ = kPieceBytes;
  std::uint64_t reported_ = 0;
};

// A daemon that leaves out what it promised makes get() throw; that is an error like any other.
template <typename F>
auto caught(F&& function) -> decltype(function()) {
  try {
    return function();
  } catch (const Failure& unexpected) {
    return failure(ErrorCode::internal,
                   "an answer lacks what it should have: " + unexpected.error().message);
  }
}

Result<Value> lowered_operators(Core& core, const Operators& operators, const std::string& field,
                                Baggage& baggage) {
  Map values = operators.values();
  List created;
  for (std::size_t i = 0; i < operators.files().size(); ++i) {
    const File& file = operators.files()[i];
    auto stored = stored_file(core, file, baggage);
    if (!stored) {
      const std::string index = operators.creates_one() ? "" : "[" + std::to_string(i) + "]";
      return failure(within(field + ".$create" + index, std::move(stored).error()));
    }
    Map item{{"file", std::move(*stored)}};
    for (const Map::Member& member : file.fields()) item.set(member.name, member.value);
    created.emplace_back(std::move(item));
  }
  if (operators.creates_one()) {
    values.set("$create", std::move(created.front()));
  } else if (!created.empty() || values.empty()) {
    values.set("$create", std::move(created));
  }
  return values;
}

}  // namespace

Result<Value> stored_file(Core& core, const File& file, Baggage& baggage) {
  EMSTORE_TRY(const Source source, Source::open(file));
  if (source.size() <= std::min(kInlineBytesMax, baggage.left)) {
    baggage.left -= source.size();
    EMSTORE_TRY(std::string bytes, source.piece(0, source.size()));
    return Value(Binary{std::move(bytes)});
  }
  EMSTORE_TRY(std::string address, caught([&] { return Upload(core, source).run(); }));
  return Value(Map{{"blob", std::move(address)}});
}

Result<List> known_contents(Core& core, const List& contents) {
  EMSTORE_TRY(const Map answer, bulk_call(core, protocol::BlobHave{contents}));
  const List* answers = RecordView(answer)["contents"].if_list();
  if (answers == nullptr || answers->size() != contents.size()) {
    return failure(ErrorCode::internal, "blob.have gave no answer for each content");
  }
  return *answers;
}

Result<Map> lowered(Core& core, const Document& document) {
  Baggage baggage;
  return lowered(core, document, baggage);
}

Result<Map> lowered(Core& core, const Document& document, Baggage& baggage) {
  Map map;
  for (const Document::Member& member : document.members()) {
    if (map.contains(member.name)) {
      return failure(ErrorCode::invalid_request, "\"" + member.name + "\" is given twice",
                     member.name, "say once what it shall be");
    }
    if (const auto* value = std::get_if<Value>(&member.content)) {
      map.set(member.name, *value);
      continue;
    }
    EMSTORE_TRY(Value operators,
                lowered_operators(core, std::get<Operators>(member.content), member.name, baggage));
    map.set(member.name, std::move(operators));
  }
  return map;
}

Result<List> lowered_list(Core& core, const std::vector<Document>& documents, Baggage& baggage) {
  List list;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    Result<Map> document = lowered(core, documents[i], baggage);
    if (!document) {
      return failure(within("documents[" + std::to_string(i) + "]", document.error()));
    }
    list.push_back(*std::move(document));
  }
  return list;
}

Result<Descriptor> file_of(Core& core, const std::string& address, std::uint64_t length) {
  if (length <= kPieceBytes || !core.passes_descriptors()) return Descriptor();
  auto passed = core.bulk().run_passed(core.outgoing(core.bulk(), protocol::BlobGetFd{address}));
  if (!passed && passed.error().code == ErrorCode::busy) return Descriptor();
  if (!passed) return failure(passed.error());
  return std::move(passed->descriptor);
}

namespace {

Status read_file(const Descriptor& file, const std::string& address, std::uint64_t offset,
                 std::span<char> into) {
  while (!into.empty()) {
    const ssize_t count =
        ::pread(file.number(), into.data(), into.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return failure(ErrorCode::io_failed, "the file of " + address + " cannot be read");
    }
    offset += static_cast<std::uint64_t>(count);
    into = into.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Status fetch_pieces(Core& core, const std::string& address, std::uint64_t offset, std::uint64_t end,
                    const ByteSink& sink) {
  while (offset < end) {
    std::vector<Outgoing> pieces;
    std::vector<std::uint64_t> lengths;
    while (pieces.size() < kPiecesInFlight && offset < end) {
      lengths.push_back(std::min(kPieceBytes, end - offset));
      pieces.push_back(
          core.outgoing(core.bulk(), protocol::BlobRead{address, offset, lengths.back()}));
      offset += lengths.back();
    }
    auto answers = core.bulk().run(pieces);
    for (std::size_t i = 0; i < answers.size(); ++i) {
      if (!answers[i]) return failure(std::move(answers[i]).error());
      EMSTORE_TRY(const Map answer, expect_map(std::move(*answers[i]), "blob.read"));
      const Binary* bytes = RecordView(answer)["bytes"].if_binary();
      if (!bytes || bytes->data.size() != lengths[i]) {
        return failure(ErrorCode::internal,
                       "blob.read gave other bytes of " + address + " than asked");
      }
      EMSTORE_CHECKED(sink(bytes->data));
    }
  }
  return {};
}

}  // namespace

Status fetch(Core& core, const Descriptor& file, const std::string& address, std::uint64_t offset,
             std::uint64_t length, const ByteSink& sink) {
  const std::uint64_t end = offset + length;
  if (!file) return fetch_pieces(core, address, offset, end, sink);
  std::string piece(kPieceBytes, '\0');
  for (; offset < end; offset += piece.size()) {
    piece.resize(std::min(kPieceBytes, end - offset));
    EMSTORE_CHECKED(read_file(file, address, offset, piece));
    EMSTORE_CHECKED(sink(piece));
  }
  return {};
}

Status fetch(Core& core, const Descriptor& file, const std::string& address, std::uint64_t offset,
             std::span<char> into, const ByteSink& seen) {
  if (!file) {
    return fetch_pieces(core, address, offset, offset + into.size(),
                        [&into, &seen](std::string_view piece) -> Status {
                          piece.copy(into.data(), piece.size());
                          into = into.subspan(piece.size());
                          return seen(piece);
                        });
  }
  while (!into.empty()) {  // In pieces that are still in the processor's cache when they are seen.
    const auto piece = into.first(std::min<std::size_t>(kPieceBytes, into.size()));
    EMSTORE_CHECKED(read_file(file, address, offset, piece));
    EMSTORE_CHECKED(seen({piece.data(), piece.size()}));
    offset += piece.size();
    into = into.subspan(piece.size());
  }
  return {};
}

Result<FirstPiece> fetch_first(Core& core, const std::string& address) {
  EMSTORE_TRY(const Map answer, bulk_call(core, protocol::BlobRead{address, 0, kInlineBytesMax}));
  const Binary* bytes = RecordView(answer)["bytes"].if_binary();
  if (!bytes) return failure(ErrorCode::internal, "blob.read gave no bytes of " + address);
  return FirstPiece{bytes->data, unsigned_of(answer, "size")};
}

Result<std::string> address_of_media(Core& core, const Value& id_or_address) {
  const std::string* text = id_or_address.if_text();
  if (text && text->starts_with(kAddressPrefix)) return *text;
  protocol::FindId find{"media", id_or_address, Map{{"select", List{"blob"}}}, {}};
  EMSTORE_TRY(const Map answer, core.call_for_map(find));
  const Map* media = RecordView(answer)["data"].if_map();
  if (!media) {
    return failure(ErrorCode::media_not_found,
                   "media " + to_string(id_or_address) + " does not exist");
  }
  const std::string* address = RecordView(*media)["blob"].if_text();
  if (!address) return failure(ErrorCode::internal, "a media has no address");
  return *address;
}

}  // namespace emstore
