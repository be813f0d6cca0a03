// Bytes of a damaged disk: through the decoders of commits, payloads and rows. Nothing may crash;
// what is taken must come back as the same bytes, or, where the bytes were not the shortest form,
// settle at once.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "store/contents.h"
#include "store/event_bytes.h"
#include "store/row_bytes.h"

namespace emstore::store {
namespace {

void check_commit(std::string_view bytes) {
  const Result<HeaderView> header = decode_header(bytes);
  const Result<Commit> commit = decode(bytes);
  const Result<std::vector<Salt>> salts = salts_of(bytes);
  if (!commit) return;
  EMSTORE_CHECK(header.has_value() && header->info == commit->info);
  EMSTORE_CHECK(salts.has_value() && salts->size() == commit->events.size());
  EMSTORE_CHECK(encode(*commit, *salts).bytes == bytes);
}

void check_payload(std::uint16_t kind, std::string_view payload) {
  const Result<Event> event = decode_payload(kind, payload);
  if (!event) return;
  const std::string once = encode_payload(*event);
  const Result<Event> again = decode_payload(kind, once);
  EMSTORE_CHECK(again.has_value() && *again == *event);
  const Commit commit{CommitInfo{7, Time{1}, 3, Peer{1, 2, 3}}, {*event}};
  const CommitBytes bytes = encode(commit, std::vector<Salt>(1));
  const Result<Commit> decoded = decode(bytes.bytes);
  EMSTORE_CHECK(decoded.has_value() && *decoded == commit);
}

template <typename Row>
void check_row(std::string_view bytes, Result<Row> (*decode_row)(std::string_view)) {
  const Result<Row> row = decode_row(bytes);
  if (!row) return;
  const std::string once = encode(*row);
  const Result<Row> again = decode_row(once);
  EMSTORE_CHECK(again.has_value());
  EMSTORE_CHECK(encode(*again) == once);
}

Result<LeaseRow> lease_of(std::string_view bytes) { return decode_lease(bytes, Address{}); }

void check_rows(std::string_view bytes) {
  check_row<OwnerRow>(bytes, decode_owner);
  check_row<LinkRow>(bytes, decode_link);
  check_row<BacklinkRow>(bytes, decode_backlink);
  check_row<UseRow>(bytes, decode_use);
  check_row<BlobRow>(bytes, decode_blob);
  check_row<UnusedRow>(bytes, decode_unused);
  check_row<RequestRow>(bytes, decode_request);
  check_row<CounterRow>(bytes, decode_counter);
  check_row<SchemaRow>(bytes, decode_schema);
  check_row<LeaseRow>(bytes, lease_of);
  const Result<FieldValues> values = unpack_fields(bytes);
  if (values) EMSTORE_CHECK(unpack_fields(pack_fields(*values)) == *values);
  static_cast<void>(view_of_owner(bytes));
  static_cast<void>(view_of_cover(bytes));
  static_cast<void>(view_of_link(bytes));
}

void check_keys(std::string_view bytes) {
  if (const auto record = record_of_key(bytes)) EMSTORE_CHECK(record_key(*record) == bytes);
  if (const auto link = link_of_key(bytes)) {
    EMSTORE_CHECK(link_key(link->owner, link->field, link->order) == bytes);
  }
  if (const auto back = backlink_of_key(bytes)) {
    EMSTORE_CHECK(backlink_key(back->target, back->covered, back->owner, back->field) == bytes);
  }
  static_cast<void>(id_at_end(bytes, IdFormat::integer));
  static_cast<void>(id_at_end(bytes, IdFormat::uuid));
}

}  // namespace
}  // namespace emstore::store

// The first byte says what the rest is: a commit, rows, keys, or the payload of a kind of event.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace emstore::store;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 0:
      check_commit(bytes);
      break;
    case 254:
      check_rows(bytes);
      break;
    case 255:
      check_keys(bytes);
      break;
    default:
      check_payload(data[0], bytes);
      break;
  }
  return 0;
}
