#include "store/moment.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/suggest.h"
#include "base/time.h"
#include "store/event_bytes.h"
#include "store/log.h"

namespace emstore::store {
namespace {

constexpr std::string_view kPath = "as_of";

Result<HeaderView> read_header(const View& view, Sequence sequence, std::string& bytes) {
  EMSTORE_TRY(auto row, view.reader->get(Family::log, log_key(sequence)));
  if (!row) {
    return failure(ErrorCode::corrupt_log, "commit " + std::to_string(sequence) + " is missing");
  }
  bytes = *std::move(row);
  return decode_header(bytes);
}

Result<std::shared_ptr<const Schema>> schema_after(const View& view, const HeaderView& header) {
  const bool applies = std::find(header.kinds.begin(), header.kinds.end(),
                                 SchemaApplied::kind.code) != header.kinds.end();
  const Sequence version = applies ? header.info.sequence : header.info.schema;
  if (version == view.schema->version) return view.schema;
  EMSTORE_TRY(Schema schema, schema_applied_at(*view.reader, version));
  return std::make_shared<const Schema>(std::move(schema));
}

Result<Sequence> checked_sequence(const View& view, std::int64_t asked) {
  const std::string last = std::to_string(view.sequence);
  if (asked < 1) {
    return failure(ErrorCode::out_of_range, std::to_string(asked) + " is no commit",
                   std::string(kPath), "commits are counted from 1; the last is " + last);
  }
  if (static_cast<Sequence>(asked) <= view.sequence) return static_cast<Sequence>(asked);
  return failure(ErrorCode::out_of_range,
                 "commit " + std::to_string(asked) + " has not been made; the last is " + last,
                 std::string(kPath), "ask with `after` to wait for a commit");
}

Result<Sequence> checked_sequence(const View& view, Time asked) {
  EMSTORE_TRY(const Sequence sequence, sequence_at(view, asked));
  if (sequence > 0) return sequence;
  if (view.sequence == 0) {
    return failure(ErrorCode::out_of_range, "the log has no commit yet", std::string(kPath));
  }
  std::string bytes;
  EMSTORE_TRY(const HeaderView first, read_header(view, 1, bytes));
  return failure(ErrorCode::out_of_range, to_string(asked) + " is before the first commit",
                 std::string(kPath), "the first commit is of " + to_string(first.info.time));
}

Result<Sequence> sequence_of(const View& view, const Value& as_of) {
  if (const auto* sequence = as_of.if_integer()) return checked_sequence(view, *sequence);
  if (const Time* time = as_of.if_time()) return checked_sequence(view, *time);
  const auto* text = as_of.if_text();
  if (text == nullptr) {
    return failure(ErrorCode::wrong_type,
                   "as_of is a sequence or a time, not " + std::string(name_of(as_of.kind())),
                   std::string(kPath));
  }
  const std::optional<Time> time = time_of(*text);
  if (time) return checked_sequence(view, *time);
  return failure(ErrorCode::wrong_type, quoted(*text) + " is no time", std::string(kPath),
                 "write it as 2026-11-22T15:09:26Z, or give the sequence of a commit");
}

}  // namespace

Moment moment_of(const View& view) { return {view.sequence, view.time, view.schema}; }

Result<Moment> moment_at(const View& view, const Value& as_of) {
  EMSTORE_TRY(const Sequence sequence, sequence_of(view, as_of));
  std::string bytes;
  EMSTORE_TRY(const HeaderView header, read_header(view, sequence, bytes));
  EMSTORE_TRY(std::shared_ptr<const Schema> schema, schema_after(view, header));
  return Moment{sequence, header.info.time, std::move(schema)};
}

Result<Sequence> sequence_at(const View& view, Time time) {
  Sequence earlier = 0, later = view.sequence + 1;  // Not later than `time`; later than it.
  std::string bytes;
  while (later - earlier > 1) {
    const Sequence middle = earlier + (later - earlier) / 2;
    EMSTORE_TRY(const HeaderView header, read_header(view, middle, bytes));
    (header.info.time <= time ? earlier : later) = middle;
  }
  return earlier;
}

}  // namespace emstore::store
