#include "store/cursor.h"

#include <utility>

#include "base/hash.h"
#include "base/pack.h"
#include "store/commands.h"

namespace emstore::store {
namespace {

constexpr std::int64_t kForm = 1, kFormWithin = 2;
constexpr std::size_t kParts = 4, kPartsWithin = 6;
constexpr std::size_t kDigestBytes = 8;

tl::unexpected<Error> wrong(std::string message) {
  return failure(ErrorCode::wrong_cursor, std::move(message), "cursor",
                 "begin again without a cursor");
}

Value key_value(const OwnedScalar& key) {
  return std::visit(
      [](const auto& value) -> Value {
        using Kind = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Kind, std::monostate>) {
          return nullptr;
        } else if constexpr (std::is_same_v<Kind, std::string>) {
          return Binary{value};  // Digests are no texts.
        } else {
          return value;
        }
      },
      key);
}

std::optional<OwnedScalar> key_of(const Value& value) {
  if (value.is_null()) return OwnedScalar();
  if (const bool* boolean = value.if_boolean()) return OwnedScalar(*boolean);
  if (const std::int64_t* integer = value.if_integer()) return OwnedScalar(*integer);
  if (const double* number = value.if_number()) return OwnedScalar(*number);
  if (const Binary* bytes = value.if_binary()) return OwnedScalar(bytes->data);
  return std::nullopt;
}

// The list that a cursor holds, or nothing.
std::optional<List> list_of(std::string_view cursor) {
  const std::optional<std::string> bytes = from_hex(cursor);
  if (!bytes) return std::nullopt;
  Result<Value> value = pack::read(*bytes);
  List* const parts = value ? value->if_list() : nullptr;
  if (parts == nullptr || parts->empty()) return std::nullopt;
  const bool is_known = (parts->front() == Value(kForm) && parts->size() == kParts) ||
                        (parts->front() == Value(kFormWithin) && parts->size() == kPartsWithin);
  return is_known ? std::optional(std::move(*parts)) : std::nullopt;
}

}  // namespace

std::string query_digest(const Query& query, const Value* where, const With* with) {
  List order;
  for (const OrderTerm& term : with == nullptr ? order_of(query) : query.order) {
    List column{
        static_cast<std::uint8_t>(term.column.pseudo),
        term.column.field == nullptr ? 0U : static_cast<std::uint32_t>(term.column.field->id),
        term.descending};
    for (const std::string& name : term.path) column.emplace_back(name);
    order.emplace_back(std::move(column));
  }
  List asked{static_cast<std::uint32_t>(query.entity->id), where == nullptr ? Value(Map()) : *where,
             std::move(order)};
  if (with != nullptr) {
    asked.emplace_back(static_cast<std::uint32_t>(with->field->id));
    asked.emplace_back(with->owner == nullptr ? 0U : static_cast<std::uint32_t>(with->owner->id));
  }
  return std::string(as_bytes(sha256(pack::to_bytes(asked))).substr(0, kDigestBytes));
}

std::string cursor_text(const Query& query, const Position& position) {
  List keys;
  for (const OwnedScalar& key : position.keys) keys.push_back(key_value(key));
  List parts{kForm, Binary{query.digest}, std::move(keys), to_value(position.id)};
  if (position.owner) {
    parts.front() = kFormWithin;
    parts.emplace_back(to_value(*position.owner));
    parts.emplace_back(Binary{position.place});
  }
  return to_hex(pack::to_bytes(Value(std::move(parts))));
}

Result<Position> read_cursor(const Query& query, std::string_view cursor) {
  const std::optional<List> parts = list_of(cursor);
  if (!parts) return wrong("this is no cursor of emstore");
  if (parts->at(1) != Value(Binary{query.digest})) {
    return failure(ErrorCode::wrong_cursor, "the cursor is of another query", "cursor",
                   "repeat the entity, where and orderBy of the page before");
  }
  Position position;
  const List* keys = parts->at(2).if_list();
  const std::optional<RecordId> id = record_id_of(parts->at(3));
  const bool is_within = parts->size() == kPartsWithin;
  const std::size_t terms = is_within ? query.order.size() : order_of(query).size();
  if (keys == nullptr || !id || keys->size() != terms) {
    return wrong("this is no cursor of emstore");
  }
  position.id = *id;
  if (is_within) {
    position.owner = record_id_of(parts->at(4));
    const Binary* const place = parts->at(5).if_binary();
    if (!position.owner || place == nullptr) return wrong("this is no cursor of emstore");
    position.place = place->data;
  }
  for (const Value& value : *keys) {
    std::optional<OwnedScalar> key = key_of(value);
    if (!key) return wrong("this is no cursor of emstore");
    position.keys.push_back(*std::move(key));
  }
  return position;
}

}  // namespace emstore::store
