// Identities: what names an entity, a field, an index, a record, a commit, an event, a peer.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <emstore/value.hpp>

namespace emstore {

// Given by schema.apply, never reused; keys and payloads hold these, so a rename rewrites nothing.
enum class EntityId : std::uint32_t {};
enum class FieldId : std::uint32_t {};
enum class IndexId : std::uint32_t {};

// The number of a commit: from 1, without gaps. 0 is "before the first".
using Sequence = std::uint64_t;
// The sequence of the last commit that touched a record's fields or links. 0: it did not exist.
using Version = Sequence;

// The place of one fact in the log: event `index` (from 0) of commit `sequence`. As text "42.3".
struct EventPlace {
  Sequence sequence = 0;
  std::uint32_t index = 0;
  auto operator<=>(const EventPlace&) const = default;
};

// The ids of an entity are all of one format.
enum class IdFormat : bool { integer, uuid };

// The name of a record within its entity: an integer from 1, or a uuid.
class RecordId {
 public:
  RecordId() = default;
  explicit RecordId(std::uint64_t integer) : integer_(integer) {}
  explicit RecordId(const std::array<std::uint8_t, 16>& uuid) : is_uuid_(true), uuid_(uuid) {}

  bool is_uuid() const { return is_uuid_; }
  IdFormat format() const { return is_uuid_ ? IdFormat::uuid : IdFormat::integer; }
  std::uint64_t integer() const { return integer_; }
  const std::array<std::uint8_t, 16>& uuid() const { return uuid_; }

  auto operator<=>(const RecordId&) const = default;  // As the bytes of keys order them.

 private:
  bool is_uuid_ = false;
  std::uint64_t integer_ = 0;
  std::array<std::uint8_t, 16> uuid_{};
};

std::string to_string(const RecordId& id);                 // "17" or "018f…-…".
Value to_value(const RecordId& id);                        // As on the wire: integer, or text.
std::optional<RecordId> record_id_of(const Value& value);  // Nothing when it can be no id.

struct RecordRef {
  EntityId entity{};
  RecordId id;
  auto operator<=>(const RecordRef&) const = default;
};

// Who is at the other end of a socket, as the kernel says.
struct Peer {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t pid = 0;
  bool operator==(const Peer&) const = default;
};

}  // namespace emstore
