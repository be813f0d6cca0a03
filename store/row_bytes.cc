#include "store/row_bytes.h"

#include <algorithm>
#include <utility>

#include "base/big_endian.h"
#include "base/pack.h"
#include "store/pieces.h"

namespace emstore::store {
namespace {

// Room for the longest keys of fixed size, and for what values hold beside their fields: strings
// that grow on the way cost more than what is put into them.
constexpr std::size_t kKeyBytes = 64;
constexpr std::size_t kValueBytes = 96;

constexpr char kIntegerTag = 1;
constexpr char kUuidTag = 2;
constexpr std::uint8_t kUnusedMedia = 1;
constexpr std::uint8_t kUnusedBytes = 2;

RecordId read_id(BytesReader& key) {
  const std::string_view tag = key.take(1);
  if (tag == std::string_view(&kIntegerTag, 1)) return RecordId(key.integer<std::uint64_t>());
  const std::string_view bytes = key.take(16);
  std::array<std::uint8_t, 16> uuid{};
  if (tag != std::string_view(&kUuidTag, 1) || bytes.size() != uuid.size()) {
    key.fail();
    return {};
  }
  std::copy(bytes.begin(), bytes.end(), uuid.begin());
  return RecordId(uuid);
}

RecordRef read_record(BytesReader& key) {
  const EntityId entity{key.integer<std::uint32_t>()};
  return {entity, read_id(key)};
}

tl::unexpected<Error> corrupt_row(std::string_view what, std::string_view bytes) {
  return failure(ErrorCode::corrupt_index,
                 std::string(what) + " is not what was written: " + to_hex(bytes.substr(0, 64)));
}

// Runs a decoder over `bytes`; whatever it misses is damage of a row, not a bad message.
template <typename Decode>
auto decoding(std::string_view what, std::string_view bytes, Decode decode)
    -> decltype(decode(std::declval<pack::Cursor&>())) {
  pack::Cursor cursor(bytes);
  auto row = decode(cursor);
  if (!row || !cursor.at_end()) return corrupt_row(what, bytes);
  return row;
}

Result<Time> take_time(pack::Cursor& cursor) {
  EMSTORE_TRY(const std::int64_t micros, cursor.integer());
  return Time{micros};
}

Result<std::map<FieldId, FieldLinks>> take_links(pack::Cursor& cursor) {
  EMSTORE_TRY(const std::size_t size, cursor.begin_map());
  std::map<FieldId, FieldLinks> links;
  for (std::size_t i = 0; i < size; ++i) {
    EMSTORE_TRY(const std::uint64_t field, cursor.unsigned_integer());
    EMSTORE_CHECKED(take_list(cursor, 2));
    EMSTORE_TRY(const std::uint64_t count, cursor.unsigned_integer());
    EMSTORE_TRY(const std::uint64_t next, cursor.unsigned_integer());
    links.emplace(FieldId{static_cast<std::uint32_t>(field)}, FieldLinks{count, next});
  }
  return links;
}

// A view without its fields, which come next unless they lie elsewhere.
Result<RecordView> take_view_start(pack::Cursor& cursor) {
  RecordView view;
  EMSTORE_TRY(view.version, cursor.unsigned_integer());
  EMSTORE_TRY(view.created, take_time(cursor));
  EMSTORE_TRY(view.updated, take_time(cursor));
  view.fields_elsewhere = cursor.take_null();
  return view;
}

Result<RecordView> take_view(pack::Cursor& cursor) {
  EMSTORE_TRY(RecordView view, take_view_start(cursor));
  if (!view.fields_elsewhere) {
    EMSTORE_TRY(view.fields, cursor.raw());
  }
  return view;
}

void put_view(pack::Writer& writer, const OwnerRow& row, const PackedFields* fields) {
  writer.unsigned_integer(row.version);
  writer.integer(row.created.micros);
  writer.integer(row.updated.micros);
  if (fields == nullptr) {
    writer.null();
  } else {
    writer.raw(*fields);
  }
}

}  // namespace

// ---- Keys ---------------------------------------------------------------------------------------

void append_id(const RecordId& id, std::string& key) {
  if (id.is_uuid()) {
    key.push_back(kUuidTag);
    key.append(as_bytes(id.uuid()));
  } else {
    key.push_back(kIntegerTag);
    append_big_endian<std::uint64_t>(key, id.integer());
  }
}

std::string entity_prefix(EntityId entity) {
  std::string key;
  append_big_endian<std::uint32_t>(key, static_cast<std::uint32_t>(entity));
  return key;
}

namespace {

void append_record(const RecordRef& record, std::string& key) {
  append_big_endian<std::uint32_t>(key, static_cast<std::uint32_t>(record.entity));
  append_id(record.id, key);
}

}  // namespace

std::string record_key(const RecordRef& record) {
  std::string key;
  append_record(record, key);
  return key;
}

std::size_t record_key_size(IdFormat format) {
  return sizeof(std::uint32_t) + 1 + (format == IdFormat::integer ? sizeof(std::uint64_t) : 16);
}

std::string link_prefix(const RecordRef& owner, FieldId field) {
  std::string key;
  key.reserve(kKeyBytes);
  append_record(owner, key);
  append_big_endian<std::uint32_t>(key, static_cast<std::uint32_t>(field));
  return key;
}

std::string link_key(const RecordRef& owner, FieldId field, std::string_view order) {
  return link_prefix(owner, field).append(order);
}

std::string backlink_prefix(const RecordRef& target, bool covered) {
  std::string key;
  key.reserve(kKeyBytes);
  append_record(target, key);
  key.push_back(covered ? 1 : 0);
  return key;
}

std::string backlink_key(const RecordRef& target, bool covered, const RecordRef& owner,
                         FieldId field) {
  std::string key = backlink_prefix(target, covered);
  append_record(owner, key);
  append_big_endian<std::uint32_t>(key, static_cast<std::uint32_t>(field));
  return key;
}

std::string request_key(std::uint32_t uid, std::string_view key) {
  std::string row;
  append_big_endian<std::uint32_t>(row, uid);
  return row.append(key);
}

std::string unused_key(Sequence since, const RecordRef& media) {
  std::string key;
  append_big_endian<std::uint64_t>(key, since);
  append_big_endian<std::uint8_t>(key, kUnusedMedia);
  return key.append(record_key(media));
}

std::string unused_key(Sequence since, const Address& address) {
  std::string key;
  append_big_endian<std::uint64_t>(key, since);
  append_big_endian<std::uint8_t>(key, kUnusedBytes);
  return key.append(to_bytes(address));
}

std::string counter_key(EntityId entity) { return entity_prefix(entity); }

std::string unlinked_key(const RecordRef& target, const RecordRef& owner, FieldId field) {
  return record_key(target).append(link_prefix(owner, field));
}

std::string index_prefix(IndexId index) {
  std::string key;
  append_big_endian<std::uint32_t>(key, static_cast<std::uint32_t>(index));
  return key;
}

Result<RecordRef> record_of_key(std::string_view key) {
  BytesReader reader(key);
  const RecordRef record = read_record(reader);
  if (!reader.ended()) return corrupt_row("the key of a record", key);
  return record;
}

Result<LinkKey> link_of_key(std::string_view key) {
  BytesReader reader(key);
  LinkKey link;
  link.owner = read_record(reader);
  link.field = FieldId{reader.integer<std::uint32_t>()};
  if (!reader.good()) return corrupt_row("the key of a link", key);
  link.order = OrderKey(reader.rest());
  return link;
}

Result<BacklinkKey> backlink_of_key(std::string_view key) {
  BytesReader reader(key);
  BacklinkKey backlink;
  backlink.target = read_record(reader);
  const auto covered = reader.integer<std::uint8_t>();
  if (covered > 1) reader.fail();
  backlink.covered = covered == 1;
  backlink.owner = read_record(reader);
  backlink.field = FieldId{reader.integer<std::uint32_t>()};
  if (!reader.ended()) return corrupt_row("the key of a backlink", key);
  return backlink;
}

Result<UnusedKey> unused_of_key(std::string_view key) {
  BytesReader reader(key);
  UnusedKey unused;
  unused.since = reader.integer<std::uint64_t>();
  const auto kind = reader.integer<std::uint8_t>();
  if (kind == kUnusedMedia) {
    unused.what = read_record(reader);
    if (reader.ended()) return unused;
  } else if (kind == kUnusedBytes) {
    if (const auto address = address_of_bytes(reader.rest())) {
      unused.what = *address;
      return unused;
    }
  }
  return corrupt_row("the key of what nothing uses", key);
}

Result<RecordId> id_at_end(std::string_view key, IdFormat format) {
  const std::size_t size = format == IdFormat::uuid ? 17 : 9;
  if (key.size() < size) return corrupt_row("the key of an index", key);
  BytesReader reader(key.substr(key.size() - size));
  const RecordId id = read_id(reader);
  if (!reader.ended()) return corrupt_row("the key of an index", key);
  return id;
}

// ---- Values -------------------------------------------------------------------------------------

PackedFields pack_fields(const FieldValues& values) {
  PackedFields packed;
  pack::Writer writer(packed);
  put(writer, values);
  return packed;
}

Result<FieldValues> unpack_fields(std::string_view packed) {
  return decoding("a record's fields", packed, take_values);
}

Result<Value> value_in(std::string_view packed, FieldId field) {
  return decoding("a record's fields", packed, [field](pack::Cursor& cursor) -> Result<Value> {
    Value found;
    EMSTORE_TRY(const std::size_t size, cursor.begin_map());
    for (std::size_t i = 0; i < size; ++i) {
      EMSTORE_TRY(const std::uint64_t id, cursor.unsigned_integer());
      if (FieldId{static_cast<std::uint32_t>(id)} == field) {
        EMSTORE_TRY(found, cursor.value());
      } else {
        EMSTORE_CHECKED(cursor.raw());
      }
    }
    return found;
  });
}

FieldLinks OwnerRow::links_of(FieldId field) const {
  const auto found = links.find(field);
  return found == links.end() ? FieldLinks{} : found->second;
}

std::string encode(const OwnerRow& row) {
  std::string bytes;
  bytes.reserve(kValueBytes + (row.fields ? row.fields->size() : 0));
  pack::Writer writer(bytes);
  writer.begin_list(5);
  put_view(writer, row, row.fields ? &*row.fields : nullptr);
  writer.begin_map(row.links.size());
  for (const auto& [field, links] : row.links) {
    writer.unsigned_integer(static_cast<std::uint32_t>(field));
    writer.begin_list(2);
    writer.unsigned_integer(links.count);
    writer.unsigned_integer(links.next);
  }
  return bytes;
}

std::string encode(const LinkRow& row) {
  std::string bytes;
  bytes.reserve(kValueBytes + (row.cover ? row.cover->size() : 0));
  pack::Writer writer(bytes);
  writer.begin_list(5);
  put(writer, row.target);
  writer.value(row.meta);
  writer.boolean(row.covered);
  if (row.cover) {
    writer.raw(*row.cover);
  } else {
    writer.null();
  }
  return bytes;
}

std::string encode(const BacklinkRow& row) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(3);
  writer.binary(row.order);
  writer.unsigned_integer(row.since.sequence);
  writer.unsigned_integer(row.since.index);
  return bytes;
}

std::string encode(const UseRow& row) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(3);
  writer.unsigned_integer(row.count);
  writer.unsigned_integer(row.slots);
  writer.unsigned_integer(row.unused_since);
  return bytes;
}

std::string encode(const BlobRow& row) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(5);
  writer.unsigned_integer(row.size);
  put(writer, row.sha256);
  writer.unsigned_integer(row.media);
  writer.unsigned_integer(row.collected_at);
  writer.unsigned_integer(row.unused_since);
  return bytes;
}

std::string encode(const UnusedRow& row) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(1);
  writer.integer(row.since.micros);
  return bytes;
}

std::string encode(const RequestRow& row) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(2);
  writer.unsigned_integer(row.sequence);
  put(writer, row.digest);
  return bytes;
}

std::string encode(const CounterRow& row) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(2);
  writer.unsigned_integer(row.next_id);
  writer.unsigned_integer(row.records);
  return bytes;
}

std::string encode(const DeletedRow& row) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(2);
  writer.unsigned_integer(row.sequence);
  writer.integer(row.created.micros);
  return bytes;
}

std::string encode(const UnlinkedRow& row) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(1);
  writer.unsigned_integer(row.sequence);
  return bytes;
}

std::string encode(const SchemaRow& row) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(2);
  writer.unsigned_integer(row.version);
  writer.value(Value(row.schema));
  return bytes;
}

Result<OwnerRow> decode_owner(std::string_view bytes) {
  return decoding("the row of a record", bytes, [](pack::Cursor& cursor) -> Result<OwnerRow> {
    EMSTORE_CHECKED(take_list(cursor, 5));
    EMSTORE_TRY(const RecordView view, take_view(cursor));
    OwnerRow row{view.version, view.created, view.updated, std::nullopt, {}};
    if (!view.fields_elsewhere) row.fields = PackedFields(view.fields);
    EMSTORE_TRY(row.links, take_links(cursor));
    return row;
  });
}

Result<LinkRow> decode_link(std::string_view bytes) {
  return decoding("the row of a link", bytes, [](pack::Cursor& cursor) -> Result<LinkRow> {
    LinkRow row;
    EMSTORE_CHECKED(take_list(cursor, 5));
    EMSTORE_TRY(row.target, take_record(cursor));
    EMSTORE_TRY(row.meta, cursor.value());
    EMSTORE_TRY(row.covered, cursor.boolean());
    if (!cursor.take_null()) {
      EMSTORE_TRY(const std::string_view cover, cursor.raw());
      row.cover = std::string(cover);
    }
    return row;
  });
}

Result<BacklinkRow> decode_backlink(std::string_view bytes) {
  return decoding("the row of a backlink", bytes, [](pack::Cursor& cursor) -> Result<BacklinkRow> {
    BacklinkRow row;
    EMSTORE_CHECKED(take_list(cursor, 3));
    EMSTORE_TRY(const std::string_view order, cursor.binary());
    row.order = OrderKey(order);
    EMSTORE_TRY(row.since.sequence, cursor.unsigned_integer());
    EMSTORE_TRY(const std::uint64_t index, cursor.unsigned_integer());
    row.since.index = static_cast<std::uint32_t>(index);
    return row;
  });
}

Result<UseRow> decode_use(std::string_view bytes) {
  return decoding("the row of a record's uses", bytes, [](pack::Cursor& cursor) -> Result<UseRow> {
    UseRow row;
    EMSTORE_CHECKED(take_list(cursor, 3));
    EMSTORE_TRY(row.count, cursor.unsigned_integer());
    EMSTORE_TRY(row.slots, cursor.unsigned_integer());
    EMSTORE_TRY(row.unused_since, cursor.unsigned_integer());
    return row;
  });
}

Result<BlobRow> decode_blob(std::string_view bytes) {
  return decoding("the row of a blob", bytes, [](pack::Cursor& cursor) -> Result<BlobRow> {
    BlobRow row;
    EMSTORE_CHECKED(take_list(cursor, 5));
    EMSTORE_TRY(row.size, cursor.unsigned_integer());
    EMSTORE_TRY(row.sha256, take_sha256(cursor));
    EMSTORE_TRY(row.media, cursor.unsigned_integer());
    EMSTORE_TRY(row.collected_at, cursor.unsigned_integer());
    EMSTORE_TRY(row.unused_since, cursor.unsigned_integer());
    return row;
  });
}

Result<UnusedRow> decode_unused(std::string_view bytes) {
  return decoding("the row of what nothing uses", bytes,
                  [](pack::Cursor& cursor) -> Result<UnusedRow> {
                    EMSTORE_CHECKED(take_list(cursor, 1));
                    EMSTORE_TRY(const Time since, take_time(cursor));
                    return UnusedRow{since};
                  });
}

Result<RequestRow> decode_request(std::string_view bytes) {
  return decoding("the row of a request", bytes, [](pack::Cursor& cursor) -> Result<RequestRow> {
    RequestRow row;
    EMSTORE_CHECKED(take_list(cursor, 2));
    EMSTORE_TRY(row.sequence, cursor.unsigned_integer());
    EMSTORE_TRY(row.digest, take_sha256(cursor));
    return row;
  });
}

Result<CounterRow> decode_counter(std::string_view bytes) {
  return decoding("the row of a counter", bytes, [](pack::Cursor& cursor) -> Result<CounterRow> {
    CounterRow row;
    EMSTORE_CHECKED(take_list(cursor, 2));
    EMSTORE_TRY(row.next_id, cursor.unsigned_integer());
    EMSTORE_TRY(row.records, cursor.unsigned_integer());
    return row;
  });
}

Result<DeletedRow> decode_deleted(std::string_view bytes) {
  return decoding("the row of a deleted record", bytes,
                  [](pack::Cursor& cursor) -> Result<DeletedRow> {
                    DeletedRow row;
                    EMSTORE_CHECKED(take_list(cursor, 2));
                    EMSTORE_TRY(row.sequence, cursor.unsigned_integer());
                    EMSTORE_TRY(row.created, take_time(cursor));
                    return row;
                  });
}

Result<UnlinkedRow> decode_unlinked(std::string_view bytes) {
  return decoding("the row of a removed link", bytes,
                  [](pack::Cursor& cursor) -> Result<UnlinkedRow> {
                    UnlinkedRow row;
                    EMSTORE_CHECKED(take_list(cursor, 1));
                    EMSTORE_TRY(row.sequence, cursor.unsigned_integer());
                    return row;
                  });
}

Result<SchemaRow> decode_schema(std::string_view bytes) {
  return decoding("the row of the schema", bytes, [](pack::Cursor& cursor) -> Result<SchemaRow> {
    SchemaRow row;
    EMSTORE_CHECKED(take_list(cursor, 2));
    EMSTORE_TRY(row.version, cursor.unsigned_integer());
    EMSTORE_TRY(Value schema, cursor.value());
    if (schema.if_map() == nullptr)
      return failure(ErrorCode::corrupt_index, "a schema that is no map");
    row.schema = std::move(*schema.if_map());
    return row;
  });
}

std::optional<std::string> cover_of(const OwnerRow& target) {
  if (!target.fields || target.fields->size() > kCoverBytesMax) return std::nullopt;
  std::string cover;
  cover.reserve(kValueBytes + target.fields->size());
  pack::Writer writer(cover);
  writer.begin_list(4);
  put_view(writer, target, &*target.fields);
  if (cover.size() > kCoverBytesMax) return std::nullopt;
  return cover;
}

Result<RecordView> view_of_owner(std::string_view owner_row) {
  return decoding("the row of a record", owner_row, [](pack::Cursor& cursor) -> Result<RecordView> {
    EMSTORE_CHECKED(take_list(cursor, 5));
    EMSTORE_TRY(const RecordView view, take_view(cursor));
    EMSTORE_CHECKED(cursor.raw());
    return view;
  });
}

Result<RecordView> view_of_cover(std::string_view cover) {
  return decoding("the cover of a link", cover, [](pack::Cursor& cursor) -> Result<RecordView> {
    EMSTORE_CHECKED(take_list(cursor, 4));
    EMSTORE_TRY(RecordView view, take_view_start(cursor));
    view.fields = cursor.take_rest();
    return view;
  });
}

Result<LinkView> view_of_link(std::string_view link_row) {
  return decoding("the row of a link", link_row, [](pack::Cursor& cursor) -> Result<LinkView> {
    LinkView view;
    EMSTORE_CHECKED(take_list(cursor, 5));
    EMSTORE_TRY(view.target, take_record(cursor));
    EMSTORE_TRY(view.meta, cursor.raw());
    EMSTORE_CHECKED(cursor.boolean());
    if (!cursor.take_null()) view.cover = cursor.take_rest();
    return view;
  });
}

}  // namespace emstore::store
