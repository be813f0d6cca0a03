// Commit ↔ bytes: the format of the log, and the only file that knows it. docs/event-log.md is its
// grammar. Salts, time and everything else are inputs, so that an import writes identical bytes.
// Pure.
//
//   commit  := header body
//   header  := version u8 | sequence u64 | time i64 µs | schema u64 | uid u32 | gid u32 | pid u32 |
//              count u32 | count × (kind u16 | commitment 32)            integers big-endian
//   body    := count × (state u8 | length u32 | salt 16 | payload)       state 0: whole
//   commitment := SHA-256(0x02 ‖ salt ‖ payload)         leaf := SHA-256(0x00 ‖ header)
//
// Payloads are MessagePack lists, stored exactly as written. State 1 is kept for an erased payload:
// nothing writes it, and whatever is in another state than 0 is corrupt_log.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/events.h"

namespace emstore::store {

inline constexpr std::uint8_t kCommitFormat = 1;
using Salt = std::array<std::uint8_t, 16>;

struct CommitInfo {
  Sequence sequence = 0;
  Time time;
  Sequence schema = 0;  // Of the last schema_applied before this commit; 0: none.
  Peer peer;
  bool operator==(const CommitInfo&) const = default;
};

struct Commit {
  CommitInfo info;
  std::vector<Event> events;
  bool operator==(const Commit&) const = default;
};

struct CommitBytes {
  std::string bytes;       // The log row.
  std::size_t header = 0;  // How many of them are the header.
  std::string_view header_bytes() const { return std::string_view(bytes).substr(0, header); }
};

// One salt an event.
CommitBytes encode(const Commit& commit, std::span<const Salt> salts);
std::string encode_payload(const Event& event);

// Decodes and verifies every commitment. Errors: corrupt_log with the place, unsupported_format.
Result<Commit> decode(std::string_view bytes);
Result<Event> decode_payload(std::uint16_t kind, std::string_view payload);
// The header alone, without its events. Errors: corrupt_log.
struct HeaderView {
  CommitInfo info;
  std::string_view bytes;
  std::vector<std::uint16_t> kinds;
};
Result<HeaderView> decode_header(std::string_view commit_bytes);
// The bytes of that header, of a commit that was decoded and has so many events.
std::string_view header_bytes(std::string_view commit_bytes, std::size_t events);
// A commit taken apart, but not decoded: which event is about which record, so that a reader of one
// record's history decodes that record's events alone.
class CommitParts {
 public:
  // Errors: corrupt_log with the place, unsupported_format.
  static Result<CommitParts> of(std::string bytes);

  const CommitInfo& info() const { return info_; }
  std::string_view bytes() const { return bytes_; }  // The log row.
  bool applies_schema() const;
  // The numbers of the events that are about `record`, ascending.
  std::vector<std::uint32_t> about(const RecordRef& record) const;
  // The version that the record of an event had right before it; of an event about a record.
  Version previous(std::uint32_t event) const { return parts_.at(event).previous; }
  // Decodes one event and verifies its commitment. Errors: corrupt_log, unsupported_format.
  Result<Event> event(std::uint32_t event) const;

 private:
  struct Part {
    std::uint16_t kind = 0;
    std::size_t commitment = 0, salt = 0;  // Where they begin.
    std::size_t payload = 0, length = 0;
    std::optional<RecordRef> record;
    Version previous = 0;
  };

  CommitParts() = default;
  Status find_parts();

  std::string bytes_;
  CommitInfo info_;
  std::vector<Part> parts_;
  std::vector<std::pair<RecordRef, std::uint32_t>> subjects_;  // Ordered.
};

// The salts of a commit, for an import that writes the same bytes elsewhere.
Result<std::vector<Salt>> salts_of(std::string_view commit_bytes);

std::string log_key(Sequence sequence);
Sequence sequence_of_log_key(std::string_view key);

}  // namespace emstore::store
