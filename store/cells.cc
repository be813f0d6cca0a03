#include "store/cells.h"

#include <bit>
#include <charconv>
#include <optional>
#include <system_error>

#include "base/check.h"
#include "base/pack.h"
#include "store/number_rules.h"

namespace emstore::store {
namespace {

tl::unexpected<Error> corrupt_cell(std::string_view what) {
  return failure(ErrorCode::corrupt_index,
                 std::string(what) + " of a record is not what was written");
}

// Numbers are stored as float64 and nothing else, so the nine bytes are read without a tree.
Result<Scalar> packed_number(std::string_view packed) {
  constexpr std::size_t kNumberBytes = 9;
  if (packed.size() != kNumberBytes) return corrupt_cell("a number");
  const pack::Head head = pack::head_of(packed.data());
  if (head.shape != pack::Shape::float64) return corrupt_cell("a number");
  return std::bit_cast<double>(head.size);
}

template <typename T>
Result<Scalar> as_scalar(const Result<T>& piece) {
  if (!piece) return corrupt_cell("a value");
  return Scalar(*piece);
}

// An integer id, or the bytes of a uuid.
Result<Scalar> packed_reference(std::string_view packed) {
  pack::Cursor cursor(packed);
  if (Result<std::int64_t> integer = cursor.integer()) return Scalar(*integer);
  return as_scalar(pack::Cursor(packed).binary());
}

Result<Scalar> packed_scalar(FieldKind kind, std::string_view packed) {
  constexpr std::string_view kNil("\xc0");  // Cleared, or given as null.
  if (packed == kNil) return Scalar();
  pack::Cursor cursor(packed);
  switch (kind) {
    case FieldKind::text:
    case FieldKind::enumeration:
      return as_scalar(cursor.text());
    case FieldKind::number:
      return packed_number(packed);
    case FieldKind::boolean:
      return as_scalar(cursor.boolean());
    case FieldKind::date:
    case FieldKind::datetime:
      return as_scalar(cursor.integer());
    case FieldKind::address:
    case FieldKind::digest:
      return as_scalar(cursor.binary());
    case FieldKind::relation:
      return packed_reference(packed);
    case FieldKind::json:
    case FieldKind::medium:
    case FieldKind::media:
    case FieldKind::links:
      break;
  }
  EMSTORE_CHECK(!"a field of one comparable value");
  return Scalar();
}

// The place that the name of a part says, if it says one.
std::optional<std::size_t> place_of(std::string_view name) {
  std::size_t place = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), place);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return place;
}

const Value* part_of(const Value& whole, const std::string& name) {
  if (const Map* map = whole.if_map()) return map->find(name);
  const List* list = whole.if_list();
  const std::optional<std::size_t> place = list == nullptr ? std::nullopt : place_of(name);
  return place && *place < list->size() ? &(*list)[*place] : nullptr;
}

// The same of a packed value; empty when there is no such part.
Result<std::string_view> packed_part(std::string_view packed, const std::string& name) {
  pack::Cursor cursor(packed);
  if (cursor.next_shape() == pack::Shape::map) {
    EMSTORE_TRY(const std::size_t size, cursor.begin_map());
    for (std::size_t i = 0; i < size; ++i) {
      EMSTORE_TRY(const std::string_view member, cursor.text());
      EMSTORE_TRY(const std::string_view value, cursor.raw());
      if (member == name) return value;
    }
    return std::string_view();
  }
  const std::optional<std::size_t> place = place_of(name);
  if (!place || cursor.next_shape() != pack::Shape::list) return std::string_view();
  EMSTORE_TRY(const std::size_t size, cursor.begin_list());
  if (*place >= size) return std::string_view();
  for (std::size_t i = 0; i < *place; ++i) EMSTORE_CHECKED(cursor.raw());
  return cursor.raw();
}

// What can stand in an order; null for the rest.
Result<Scalar> packed_json_scalar(std::string_view packed) {
  pack::Cursor cursor(packed);
  const pack::Shape shape = cursor.next_shape();
  if (shape == pack::Shape::boolean) return as_scalar(cursor.boolean());
  if (shape == pack::Shape::text) return as_scalar(cursor.text());
  if (shape == pack::Shape::float64) return packed_number(packed);
  if (shape != pack::Shape::unsigned_integer && shape != pack::Shape::signed_integer) {
    return Scalar();
  }
  return as_scalar(cursor.integer());
}

}  // namespace

Scalar view_of(const OwnedScalar& scalar) {
  return std::visit([](const auto& value) { return Scalar(value); }, scalar);
}

OwnedScalar owned(const Scalar& scalar) {
  return std::visit(
      [](const auto& value) -> OwnedScalar {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string_view>) {
          return std::string(value);
        } else {
          return value;
        }
      },
      scalar);
}

std::strong_ordering compare(const Scalar& a, const Scalar& b) {
  const auto* number = std::get_if<double>(&b);
  if (const auto* integer = std::get_if<std::int64_t>(&a);
      integer != nullptr && number != nullptr) {
    return compare_numbers(*integer, *number);
  }
  if (std::holds_alternative<double>(a) && std::holds_alternative<std::int64_t>(b)) {
    return 0 <=> compare(b, a);
  }
  if (a.index() != b.index()) return a.index() <=> b.index();
  return std::visit(
      [&b](const auto& left) -> std::strong_ordering {
        using Kind = std::decay_t<decltype(left)>;
        if constexpr (std::is_same_v<Kind, std::monostate>) {
          return std::strong_ordering::equal;
        } else if constexpr (std::is_same_v<Kind, double>) {
          return compare_numbers(left, *std::get_if<Kind>(&b));
        } else {
          return left <=> *std::get_if<Kind>(&b);
        }
      },
      a);
}

bool is_of_one_kind(const Scalar& a, const Scalar& b) {
  const auto is_number = [](const Scalar& scalar) {
    return std::holds_alternative<std::int64_t>(scalar) || std::holds_alternative<double>(scalar);
  };
  return a.index() == b.index() || (is_number(a) && is_number(b));
}

Scalar scalar_of(FieldKind kind, const Value& stored) {
  if (stored.is_null()) return {};
  switch (kind) {
    case FieldKind::text:
    case FieldKind::enumeration:
      return std::string_view(*stored.if_text());
    case FieldKind::number:
      if (const auto* integer = stored.if_integer()) return static_cast<double>(*integer);
      return *stored.if_number();
    case FieldKind::boolean:
      return *stored.if_boolean();
    case FieldKind::date:
    case FieldKind::datetime:
      return *stored.if_integer();
    case FieldKind::address:
    case FieldKind::digest:
      return std::string_view(stored.if_binary()->data);
    case FieldKind::relation:
      if (const auto* integer = stored.if_integer()) return *integer;
      return std::string_view(stored.if_binary()->data);
    case FieldKind::json:
    case FieldKind::medium:
    case FieldKind::media:
    case FieldKind::links:
      break;
  }
  EMSTORE_CHECK(!"a field of one comparable value");
  return {};
}

std::optional<Scalar> json_scalar(const Value& value) {
  if (value.is_null()) return Scalar();
  if (const bool* boolean = value.if_boolean()) return Scalar(*boolean);
  if (const std::int64_t* integer = value.if_integer()) return Scalar(*integer);
  if (const double* number = value.if_number()) return Scalar(*number);
  if (const std::string* text = value.if_text()) return Scalar(std::string_view(*text));
  return std::nullopt;
}

const Value& json_at(const Value& whole, std::span<const std::string> way) {
  static const Value kNull;
  const Value* value = &whole;
  for (const std::string& name : way) {
    value = part_of(*value, name);
    if (value == nullptr) return kNull;
  }
  return *value;
}

Status Cells::take(const RecordId& id, const RecordView& view, std::string_view fields) {
  id_ = id;
  version_ = view.version;
  created_ = view.created;
  updated_ = view.updated;
  fields_.clear();
  if (fields.empty()) return {};
  pack::Cursor cursor(fields);
  const Result<std::size_t> size = cursor.begin_map();
  if (!size) return corrupt_cell("the fields");
  for (std::size_t i = 0; i < *size; ++i) {
    const Result<std::uint64_t> field = cursor.unsigned_integer();
    if (!field) return corrupt_cell("the fields");
    const Result<std::string_view> value = cursor.raw();
    if (!value) return corrupt_cell("the fields");
    fields_.emplace_back(FieldId{static_cast<std::uint32_t>(*field)}, *value);
  }
  return cursor.at_end() ? Status() : corrupt_cell("the fields");
}

std::string_view Cells::packed(FieldId field) const {
  // Records have few fields: looking at all of them beats searching.
  for (const auto& [id, value] : fields_) {
    if (id == field) return value;
  }
  return {};
}

Result<Scalar> Cells::scalar(const Column& column) const {
  switch (column.pseudo) {
    case Pseudo::none:
      break;
    case Pseudo::id:
      if (id_.is_uuid()) return Scalar(as_bytes(id_.uuid()));
      return Scalar(static_cast<std::int64_t>(id_.integer()));
    case Pseudo::created_at:
      return Scalar(created_.micros);
    case Pseudo::updated_at:
      return Scalar(updated_.micros);
    case Pseudo::version:
      return Scalar(static_cast<std::int64_t>(version_));
    case Pseudo::modified_at:
    case Pseudo::path:
    case Pseudo::etag:
    case Pseudo::reference:
    case Pseudo::entity_id:
      EMSTORE_CHECK(!"a column that is stored");
      break;
  }
  const Field& field = *column.field;
  const std::string_view value = packed(field.id);
  if (!value.empty()) return packed_scalar(field.kind, value);
  return field.default_value ? scalar_of(field.kind, *field.default_value) : Scalar();
}

Result<Value> Cells::json(const Field& field) const {
  const std::string_view packed_value = packed(field.id);
  if (packed_value.empty()) return field.default_value.value_or(Value());
  Result<Value> value = pack::Cursor(packed_value).value();
  if (!value) return corrupt_cell("a json value");
  return value;
}

Result<Scalar> Cells::scalar_within(const Field& field, std::span<const std::string> way) const {
  std::string_view value = packed(field.id);
  if (value.empty()) {
    if (!field.default_value) return Scalar();
    return json_scalar(json_at(*field.default_value, way)).value_or(Scalar());
  }
  for (const std::string& name : way) {
    const Result<std::string_view> part = packed_part(value, name);
    if (!part) return corrupt_cell("a json value");
    if (part->empty()) return Scalar();
    value = *part;
  }
  return packed_json_scalar(value);
}

}  // namespace emstore::store
