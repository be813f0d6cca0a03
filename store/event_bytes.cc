#include "store/event_bytes.h"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/big_endian.h"
#include "base/check.h"
#include "base/pack.h"
#include "store/pieces.h"

namespace emstore::store {
namespace {

constexpr std::uint8_t kWhole = 0;
// Kept for an event whose payload was erased, which this version neither does nor believes: nothing
// that the tree holds would say so, and whoever forges a payload could.
constexpr std::uint8_t kErased = 1;

// No two kinds share a code: a reused one does not compile.
template <typename... Facts>
constexpr bool codes_are_distinct(std::type_identity<std::variant<Facts...>>) {
  const std::array codes{Facts::kind.code...};
  for (std::size_t i = 0; i < codes.size(); ++i) {
    for (std::size_t j = i + 1; j < codes.size(); ++j) {
      if (codes[i] == codes[j]) return false;
    }
  }
  return true;
}
static_assert(codes_are_distinct(std::type_identity<Event>{}));

tl::unexpected<Error> corrupt_log(const std::string& what) {
  return failure(ErrorCode::corrupt_log, what);
}

Sha256 commitment_of(const Salt& salt, std::string_view payload) {
  constexpr std::string_view kMark("\x02", 1);
  return sha256({kMark, as_bytes(salt), payload});
}

// ---- Payloads: one pair of functions a kind
// -------------------------------------------------------

void put_numbers(pack::Writer& writer, const std::vector<std::uint64_t>& numbers) {
  writer.begin_list(numbers.size());
  for (const std::uint64_t number : numbers) writer.unsigned_integer(number);
}

Result<std::vector<std::uint64_t>> take_numbers(pack::Cursor& cursor) {
  EMSTORE_TRY(const std::size_t size, cursor.begin_list());
  std::vector<std::uint64_t> numbers;
  for (std::size_t i = 0; i < size; ++i) {
    EMSTORE_TRY(const std::uint64_t number, cursor.unsigned_integer());
    numbers.push_back(number);
  }
  return numbers;
}

Result<std::string> take_text(pack::Cursor& cursor) {
  EMSTORE_TRY(const std::string_view text, cursor.text());
  return std::string(text);
}

Result<OrderKey> take_order(pack::Cursor& cursor) {
  EMSTORE_TRY(const std::string_view order, cursor.binary());
  return OrderKey(order);
}

void put_found(pack::Writer& writer, const std::vector<FoundRecords>& found) {
  writer.begin_list(found.size());
  for (const FoundRecords& records : found) {
    writer.begin_list(2);
    writer.boolean(records.more);
    writer.begin_list(records.ids.size());
    for (const RecordId& id : records.ids) put(writer, id);
  }
}

Result<std::vector<FoundRecords>> take_found(pack::Cursor& cursor) {
  EMSTORE_TRY(const std::size_t size, cursor.begin_list());
  std::vector<FoundRecords> found;
  for (std::size_t i = 0; i < size; ++i) {
    FoundRecords records;
    EMSTORE_CHECKED(take_list(cursor, 2));
    EMSTORE_TRY(records.more, cursor.boolean());
    EMSTORE_TRY(const std::size_t count, cursor.begin_list());
    for (std::size_t k = 0; k < count; ++k) {
      EMSTORE_TRY(const RecordId id, take_id(cursor));
      records.ids.push_back(id);
    }
    found.push_back(std::move(records));
  }
  return found;
}

// What was appended later stands only where it says something.
void put_payload(pack::Writer& writer, const RequestRecorded& event) {
  writer.begin_list(event.found.empty() ? 7 : 8);
  writer.text(event.key);
  put(writer, event.digest);
  writer.text(event.reason);
  writer.text(event.correlation);
  writer.text(event.causation);
  put_numbers(writer, event.counts);
  put_numbers(writer, event.versions);
  if (!event.found.empty()) put_found(writer, event.found);
}

Status take_payload(pack::Cursor& cursor, RequestRecorded& event) {
  EMSTORE_TRY(const std::size_t size, cursor.begin_list());
  if (size != 7 && size != 8)
    return corrupt_log("a request of " + std::to_string(size) + " values");
  EMSTORE_TRY(event.key, take_text(cursor));
  EMSTORE_TRY(event.digest, take_sha256(cursor));
  EMSTORE_TRY(event.reason, take_text(cursor));
  EMSTORE_TRY(event.correlation, take_text(cursor));
  EMSTORE_TRY(event.causation, take_text(cursor));
  EMSTORE_TRY(event.counts, take_numbers(cursor));
  EMSTORE_TRY(event.versions, take_numbers(cursor));
  if (size == 8) {
    EMSTORE_TRY(event.found, take_found(cursor));
  }
  return {};
}

void put_payload(pack::Writer& writer, const SchemaApplied& event) {
  writer.begin_list(1);
  writer.value(Value(event.schema));
}

Status take_payload(pack::Cursor& cursor, SchemaApplied& event) {
  EMSTORE_CHECKED(take_list(cursor, 1));
  EMSTORE_TRY(Value schema, cursor.value());
  if (schema.if_map() == nullptr) return corrupt_log("a schema that is no map");
  event.schema = std::move(*schema.if_map());
  return {};
}

// The three shapes of record events: what appeared, what changed, what was there at the end.
template <typename Created>
void put_created(pack::Writer& writer, const Created& event) {
  writer.begin_list(4);
  put(writer, event.record);
  writer.unsigned_integer(event.previous);
  put(writer, event.values);
}

template <typename Created>
Status take_created(pack::Cursor& cursor, Created& event) {
  EMSTORE_CHECKED(take_list(cursor, 4));
  EMSTORE_TRY(event.record, take_record(cursor));
  EMSTORE_TRY(event.previous, cursor.unsigned_integer());
  EMSTORE_TRY(event.values, take_values(cursor));
  return {};
}

template <typename Updated>
void put_updated(pack::Writer& writer, const Updated& event) {
  writer.begin_list(5);
  put(writer, event.record);
  writer.unsigned_integer(event.previous);
  put(writer, event.before);
  put(writer, event.after);
}

template <typename Updated>
Status take_updated(pack::Cursor& cursor, Updated& event) {
  EMSTORE_CHECKED(take_list(cursor, 5));
  EMSTORE_TRY(event.record, take_record(cursor));
  EMSTORE_TRY(event.previous, cursor.unsigned_integer());
  EMSTORE_TRY(event.before, take_values(cursor));
  EMSTORE_TRY(event.after, take_values(cursor));
  return {};
}

template <typename Deleted>
void put_deleted(pack::Writer& writer, const Deleted& event) {
  writer.begin_list(4);
  put(writer, event.record);
  writer.unsigned_integer(event.previous);
  put(writer, event.before);
}

template <typename Deleted>
Status take_deleted(pack::Cursor& cursor, Deleted& event) {
  EMSTORE_CHECKED(take_list(cursor, 4));
  EMSTORE_TRY(event.record, take_record(cursor));
  EMSTORE_TRY(event.previous, cursor.unsigned_integer());
  EMSTORE_TRY(event.before, take_values(cursor));
  return {};
}

void put_payload(pack::Writer& writer, const RecordCreated& event) { put_created(writer, event); }
void put_payload(pack::Writer& writer, const MediaCreated& event) { put_created(writer, event); }
void put_payload(pack::Writer& writer, const RecordUpdated& event) { put_updated(writer, event); }
void put_payload(pack::Writer& writer, const MediaUpdated& event) { put_updated(writer, event); }
void put_payload(pack::Writer& writer, const RecordDeleted& event) { put_deleted(writer, event); }
void put_payload(pack::Writer& writer, const MediaDeleted& event) { put_deleted(writer, event); }
Status take_payload(pack::Cursor& cursor, RecordCreated& event) {
  return take_created(cursor, event);
}
Status take_payload(pack::Cursor& cursor, MediaCreated& event) {
  return take_created(cursor, event);
}
Status take_payload(pack::Cursor& cursor, RecordUpdated& event) {
  return take_updated(cursor, event);
}
Status take_payload(pack::Cursor& cursor, MediaUpdated& event) {
  return take_updated(cursor, event);
}
Status take_payload(pack::Cursor& cursor, RecordDeleted& event) {
  return take_deleted(cursor, event);
}
Status take_payload(pack::Cursor& cursor, MediaDeleted& event) {
  return take_deleted(cursor, event);
}

void put_links(pack::Writer& writer, const std::vector<Link>& links) {
  writer.begin_list(links.size());
  for (const Link& link : links) {
    writer.begin_list(4);
    put(writer, link.target);
    writer.binary(link.order);
    writer.value(link.meta);
  }
}

Result<std::vector<Link>> take_link_list(pack::Cursor& cursor) {
  EMSTORE_TRY(const std::size_t size, cursor.begin_list());
  std::vector<Link> links;
  for (std::size_t i = 0; i < size; ++i) {
    Link link;
    EMSTORE_CHECKED(take_list(cursor, 4));
    EMSTORE_TRY(link.target, take_record(cursor));
    EMSTORE_TRY(link.order, take_order(cursor));
    EMSTORE_TRY(link.meta, cursor.value());
    links.push_back(std::move(link));
  }
  return links;
}

void put_payload(pack::Writer& writer, const LinksChanged& event) {
  writer.begin_list(8);
  put(writer, event.owner);
  writer.unsigned_integer(event.previous);
  writer.unsigned_integer(static_cast<std::uint32_t>(event.field));
  writer.unsigned_integer(event.operators);
  put_links(writer, event.removed);
  put_links(writer, event.added);
  writer.begin_list(event.changed.size());
  for (const LinkChange& change : event.changed) {
    writer.begin_list(6);
    put(writer, change.target);
    writer.binary(change.order_before);
    writer.binary(change.order_after);
    writer.value(change.meta_before);
    writer.value(change.meta_after);
  }
}

Result<LinkChange> take_change(pack::Cursor& cursor) {
  LinkChange change;
  EMSTORE_CHECKED(take_list(cursor, 6));
  EMSTORE_TRY(change.target, take_record(cursor));
  EMSTORE_TRY(change.order_before, take_order(cursor));
  EMSTORE_TRY(change.order_after, take_order(cursor));
  EMSTORE_TRY(change.meta_before, cursor.value());
  EMSTORE_TRY(change.meta_after, cursor.value());
  return change;
}

Status take_payload(pack::Cursor& cursor, LinksChanged& event) {
  EMSTORE_CHECKED(take_list(cursor, 8));
  EMSTORE_TRY(event.owner, take_record(cursor));
  EMSTORE_TRY(event.previous, cursor.unsigned_integer());
  EMSTORE_TRY(const std::uint64_t field, cursor.unsigned_integer());
  event.field = FieldId{static_cast<std::uint32_t>(field)};
  EMSTORE_TRY(const std::uint64_t operators, cursor.unsigned_integer());
  event.operators = static_cast<std::uint8_t>(operators);
  EMSTORE_TRY(event.removed, take_link_list(cursor));
  EMSTORE_TRY(event.added, take_link_list(cursor));
  EMSTORE_TRY(const std::size_t changes, cursor.begin_list());
  for (std::size_t i = 0; i < changes; ++i) {
    EMSTORE_TRY(LinkChange change, take_change(cursor));
    event.changed.push_back(std::move(change));
  }
  return {};
}

void put_payload(pack::Writer& writer, const BlobsCollected& event) {
  writer.begin_list(1);
  writer.begin_list(event.addresses.size());
  for (const Address& address : event.addresses) writer.binary(to_bytes(address));
}

Status take_payload(pack::Cursor& cursor, BlobsCollected& event) {
  EMSTORE_CHECKED(take_list(cursor, 1));
  EMSTORE_TRY(const std::size_t size, cursor.begin_list());
  for (std::size_t i = 0; i < size; ++i) {
    EMSTORE_TRY(const std::string_view bytes, cursor.binary());
    const std::optional<Address> address = address_of_bytes(bytes);
    if (!address) return corrupt_log("an address that is none");
    event.addresses.push_back(*address);
  }
  return {};
}

void put_payload(pack::Writer& writer, const KeysExpired& event) {
  writer.begin_list(2);
  writer.unsigned_integer(event.from);
  writer.unsigned_integer(event.through);
}

Status take_payload(pack::Cursor& cursor, KeysExpired& event) {
  EMSTORE_CHECKED(take_list(cursor, 2));
  EMSTORE_TRY(event.from, cursor.unsigned_integer());
  EMSTORE_TRY(event.through, cursor.unsigned_integer());
  return {};
}

template <typename Fact>
Result<Event> take_fact(std::string_view payload) {
  pack::Cursor cursor(payload);
  Fact fact;
  EMSTORE_CHECKED(take_payload(cursor, fact));
  if (!cursor.at_end()) return corrupt_log("bytes after a payload");
  return Event(std::move(fact));
}

template <typename... Facts>
Result<Event> take_any(std::uint16_t kind, std::string_view payload,
                       std::type_identity<std::variant<Facts...>>) {
  Result<Event> event = failure(ErrorCode::unsupported_format,
                                "an event of kind " + std::to_string(kind) + ", which is unknown");
  static_cast<void>(
      ((Facts::kind.code == kind && (event = take_fact<Facts>(payload), true)) || ...));
  return event;
}

// ---- Headers
// --------------------------------------------------------------------------------------

// What begin_header() writes, and what follows it for each event.
constexpr std::size_t kFixedHeaderSize = 1 + 3 * 8 + 4 * 4;
constexpr std::size_t kEventHeadSize = 2 + 32;
// Room for the state, length, salt and payload of a usual event: less, and the bytes grow.
constexpr std::size_t kBodyBytesEach = 128;

std::string begin_header(const CommitInfo& info, std::size_t events) {
  std::string header;
  header.reserve(kFixedHeaderSize + events * (kEventHeadSize + kBodyBytesEach));
  header.push_back(static_cast<char>(kCommitFormat));
  append_big_endian<std::uint64_t>(header, info.sequence);
  append_big_endian<std::uint64_t>(header, static_cast<std::uint64_t>(info.time.micros));
  append_big_endian<std::uint64_t>(header, info.schema);
  append_big_endian<std::uint32_t>(header, info.peer.uid);
  append_big_endian<std::uint32_t>(header, info.peer.gid);
  append_big_endian<std::uint32_t>(header, info.peer.pid);
  append_big_endian<std::uint32_t>(header, static_cast<std::uint32_t>(events));
  return header;
}

struct EventHead {
  std::uint16_t kind = 0;
  std::string_view commitment;
};

struct Header {
  CommitInfo info;
  std::vector<EventHead> events;
};

Result<Header> take_header(BytesReader& reader) {
  Header header;
  const auto format = reader.integer<std::uint8_t>();
  if (reader.good() && format != kCommitFormat) {
    return failure(ErrorCode::unsupported_format, "a commit of format " + std::to_string(format));
  }
  header.info.sequence = reader.integer<std::uint64_t>();
  header.info.time = Time{static_cast<std::int64_t>(reader.integer<std::uint64_t>())};
  header.info.schema = reader.integer<std::uint64_t>();
  header.info.peer.uid = reader.integer<std::uint32_t>();
  header.info.peer.gid = reader.integer<std::uint32_t>();
  header.info.peer.pid = reader.integer<std::uint32_t>();
  const auto count = reader.integer<std::uint32_t>();
  if (!reader.good() || reader.rest().size() / kEventHeadSize < count) {
    return corrupt_log("a commit's header is cut short");
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto kind = reader.integer<std::uint16_t>();
    header.events.push_back({kind, reader.take(sizeof(Sha256))});
  }
  return header;
}

std::string place(Sequence sequence, std::size_t event) {
  return "event " + std::to_string(sequence) + "." + std::to_string(event);
}

// Every reader of a body comes through here: what is not whole is nobody's event.
Status expect_whole(std::uint8_t state, Sequence sequence, std::size_t event) {
  if (state == kWhole) return {};
  const std::string name = place(sequence, event);
  if (state == kErased) {
    return corrupt_log(name + " says that it was erased, and emstore erases nothing");
  }
  return corrupt_log(name + " is in state " + std::to_string(state));
}

struct StoredEvent {
  Salt salt{};
  std::string_view payload;
};

Result<StoredEvent> take_stored(BytesReader& reader, Sequence sequence, std::size_t number) {
  StoredEvent event;
  const auto state = reader.integer<std::uint8_t>();
  const auto length = reader.integer<std::uint32_t>();
  const std::string_view salt = reader.take(event.salt.size());
  event.payload = reader.take(length);
  if (!reader.good()) return corrupt_log("a commit is cut short");
  EMSTORE_CHECKED(expect_whole(state, sequence, number));
  std::copy(salt.begin(), salt.end(), event.salt.begin());
  return event;
}

// The event, once its payload was held against its commitment.
Result<Event> verified(const EventHead& head, const StoredEvent& stored, const std::string& name) {
  if (as_bytes(commitment_of(stored.salt, stored.payload)) != head.commitment) {
    return corrupt_log(name + " does not match its commitment");
  }
  Result<Event> event = decode_payload(head.kind, stored.payload);
  if (event) return event;
  const bool is_unknown = event.error().code == ErrorCode::unsupported_format;
  return failure(is_unknown ? ErrorCode::unsupported_format : ErrorCode::corrupt_log,
                 name + ": " + event.error().message);
}

bool is_about_a_record(std::uint16_t kind) {
  return kind >= RecordCreated::kind.code && kind <= MediaDeleted::kind.code;
}
static_assert(RecordCreated::kind.code == 3 && MediaDeleted::kind.code == 9);

// What the payload of an event about a record begins with.
struct PayloadStart {
  RecordRef record;
  Version previous = 0;
};
Result<PayloadStart> take_payload_start(std::string_view payload) {
  pack::Cursor cursor(payload);
  PayloadStart subject;
  EMSTORE_CHECKED(cursor.begin_list());
  EMSTORE_TRY(subject.record, take_record(cursor));
  EMSTORE_TRY(subject.previous, cursor.unsigned_integer());
  return subject;
}

}  // namespace

std::string encode_payload(const Event& event) {
  std::string payload;
  pack::Writer writer(payload);
  std::visit([&](const auto& fact) { put_payload(writer, fact); }, event);
  return payload;
}

CommitBytes encode(const Commit& commit, std::span<const Salt> salts) {
  EMSTORE_CHECK(salts.size() == commit.events.size());
  CommitBytes encoded{begin_header(commit.info, commit.events.size()), 0};
  std::string body;
  for (std::size_t i = 0; i < commit.events.size(); ++i) {
    const std::string payload = encode_payload(commit.events[i]);
    EMSTORE_CHECK(payload.size() <= std::numeric_limits<std::uint32_t>::max());
    append_big_endian<std::uint16_t>(encoded.bytes, kind_of(commit.events[i]).code);
    encoded.bytes.append(as_bytes(commitment_of(salts[i], payload)));
    body.push_back(static_cast<char>(kWhole));
    append_big_endian<std::uint32_t>(body, static_cast<std::uint32_t>(payload.size()));
    body.append(as_bytes(salts[i])).append(payload);
  }
  encoded.header = encoded.bytes.size();
  encoded.bytes.append(body);
  return encoded;
}

Result<Event> decode_payload(std::uint16_t kind, std::string_view payload) {
  return take_any(kind, payload, std::type_identity<Event>{});
}

Result<Commit> decode(std::string_view bytes) {
  BytesReader reader(bytes);
  EMSTORE_TRY(Header header, take_header(reader));
  Commit commit{header.info, {}};
  for (std::size_t i = 0; i < header.events.size(); ++i) {
    EMSTORE_TRY(const StoredEvent stored, take_stored(reader, header.info.sequence, i));
    Result<Event> event = verified(header.events[i], stored, place(header.info.sequence, i));
    if (!event) return failure(std::move(event).error());
    commit.events.push_back(*std::move(event));
  }
  if (!reader.ended()) {
    return corrupt_log("commit " + std::to_string(header.info.sequence) +
                       " has bytes after its end");
  }
  return commit;
}

Result<HeaderView> decode_header(std::string_view commit_bytes) {
  BytesReader reader(commit_bytes);
  EMSTORE_TRY(const Header header, take_header(reader));
  HeaderView view{
      header.info, commit_bytes.substr(0, commit_bytes.size() - reader.rest().size()), {}};
  for (const EventHead& event : header.events) view.kinds.push_back(event.kind);
  return view;
}

std::string_view header_bytes(std::string_view commit_bytes, std::size_t events) {
  return commit_bytes.substr(0, kFixedHeaderSize + events * kEventHeadSize);
}

// ---- Parts --------------------------------------------------------------------------------------

Result<CommitParts> CommitParts::of(std::string bytes) {
  CommitParts commit;
  commit.bytes_ = std::move(bytes);
  EMSTORE_CHECKED(commit.find_parts());
  return commit;
}

Status CommitParts::find_parts() {
  BytesReader reader(bytes_);
  EMSTORE_TRY(const Header header, take_header(reader));
  info_ = header.info;
  const auto offset_of = [this](std::string_view piece) {
    return static_cast<std::size_t>(piece.data() - bytes_.data());
  };
  parts_.reserve(header.events.size());
  for (const EventHead& head : header.events) {
    EMSTORE_TRY(const StoredEvent stored, take_stored(reader, info_.sequence, parts_.size()));
    Part part{head.kind,
              offset_of(head.commitment),
              0,
              offset_of(stored.payload),
              stored.payload.size(),
              std::nullopt,
              0};
    part.salt = part.payload - stored.salt.size();
    if (is_about_a_record(head.kind)) {
      const Result<PayloadStart> subject = take_payload_start(stored.payload);
      if (!subject) return corrupt_log(place(info_.sequence, parts_.size()) + " names no record");
      part.record = subject->record;
      part.previous = subject->previous;
      subjects_.emplace_back(subject->record, static_cast<std::uint32_t>(parts_.size()));
    }
    parts_.push_back(part);
  }
  std::sort(subjects_.begin(), subjects_.end());
  return {};
}

bool CommitParts::applies_schema() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.kind == SchemaApplied::kind.code; });
}

std::vector<std::uint32_t> CommitParts::about(const RecordRef& record) const {
  std::vector<std::uint32_t> events;
  const auto first =
      std::lower_bound(subjects_.begin(), subjects_.end(), std::pair(record, std::uint32_t{0}));
  for (auto it = first; it != subjects_.end() && it->first == record; ++it) {
    events.push_back(it->second);
  }
  return events;
}

Result<Event> CommitParts::event(std::uint32_t event) const {
  const Part& part = parts_.at(event);
  const std::string_view bytes(bytes_);
  StoredEvent stored{{}, bytes.substr(part.payload, part.length)};
  const std::string_view salt = bytes.substr(part.salt, stored.salt.size());
  std::copy(salt.begin(), salt.end(), stored.salt.begin());
  return verified({part.kind, bytes.substr(part.commitment, sizeof(Sha256))}, stored,
                  place(info_.sequence, event));
}

Result<std::vector<Salt>> salts_of(std::string_view commit_bytes) {
  BytesReader reader(commit_bytes);
  EMSTORE_TRY(const Header header, take_header(reader));
  std::vector<Salt> salts;
  for (std::size_t i = 0; i < header.events.size(); ++i) {
    EMSTORE_TRY(const StoredEvent stored, take_stored(reader, header.info.sequence, i));
    salts.push_back(stored.salt);
  }
  return salts;
}

std::string log_key(Sequence sequence) {
  std::string key;
  append_big_endian<std::uint64_t>(key, sequence);
  return key;
}

Sequence sequence_of_log_key(std::string_view key) { return big_endian<std::uint64_t>(key); }

}  // namespace emstore::store
