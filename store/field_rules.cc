#include "store/field_rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/address.h"
#include "base/big_endian.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/suggest.h"
#include "base/time.h"
#include "store/number_rules.h"
#include "store/row_bytes.h"

namespace emstore::store {
namespace {

constexpr std::int64_t kExactIntegerMax = std::int64_t{1} << 53;
// A json value stands inside events, rows and replies, which have a limit of their own.
constexpr int kJsonDepthMax = 32;

tl::unexpected<Error> wrong_type(const Field& field, const Value& given, std::string hint) {
  std::string message = field.name + " is of type " + std::string(name_of(field.kind)) + ", not " +
                        std::string(name_of(given.kind()));
  if (given.if_text() != nullptr) message += " " + quoted(*given.if_text());
  return failure(ErrorCode::wrong_type, std::move(message), {}, std::move(hint));
}

// ---- Types --------------------------------------------------------------------------------------

Result<Value> text_form(const Field& field, const Value& given) {
  const std::string* text = given.if_text();
  if (text == nullptr) return wrong_type(field, given, "send a text");
  if (!is_utf8(*text)) {
    return failure(ErrorCode::wrong_type, field.name + " is text, and these bytes are not UTF-8");
  }
  return given;
}

Result<Value> number_form(const Field& field, const Value& given) {
  if (const std::int64_t* integer = given.if_integer()) {
    if (*integer > kExactIntegerMax || *integer < -kExactIntegerMax) {
      return failure(ErrorCode::out_of_range,
                     field.name + " is a number, exact up to 2^53, and cannot hold " +
                         std::to_string(*integer),
                     {}, "keep large integers as text");
    }
    return Value(static_cast<double>(*integer));
  }
  const double* number = given.if_number();
  if (number == nullptr) return wrong_type(field, given, "send a number");
  if (!std::isfinite(*number)) {
    return failure(
        ErrorCode::wrong_type,
        field.name + " is a number, and " + text_of_number(*number) + " is none that can be stored",
        {}, "send a finite number, or null for none");
  }
  return Value(*number == 0 ? 0.0 : *number);  // -0 is 0.
}

Result<Value> date_form(const Field& field, const Value& given) {
  if (const std::string* text = given.if_text()) {
    if (const auto days = date_of(*text)) return Value(*days);
  }
  return wrong_type(field, given, "send a date as text: \"2026-11-22\"");
}

Result<Value> datetime_form(const Field& field, const Value& given) {
  std::optional<Time> time;
  if (const Time* point = given.if_time()) time = *point;
  if (const std::string* text = given.if_text()) time = time_of(*text);
  if (!time) {
    return wrong_type(field, given, "send a time, or text such as \"2026-11-22T15:09:26Z\"");
  }
  if (!is_in_calendar(*time)) {
    return failure(ErrorCode::out_of_range, field.name + " is a datetime of the years 0000 to " +
                                                "9999, and cannot hold " + to_string(*time));
  }
  return Value(time->micros);
}

Result<Value> json_form(const Field& field, const Value& given, int depth) {
  if (depth > kJsonDepthMax) {
    return failure(ErrorCode::depth_exceeded,
                   field.name + " nests deeper than " + std::to_string(kJsonDepthMax) + " levels");
  }
  if (given.if_binary() != nullptr || given.if_time() != nullptr) {
    return failure(ErrorCode::wrong_type,
                   field.name + " is json, which cannot hold " + std::string(name_of(given.kind())),
                   {}, "send it as text");
  }
  if (given.if_text() != nullptr) return text_form(field, given);
  if (given.if_number() != nullptr) return number_form(field, given);
  if (const List* list = given.if_list()) {
    List result;
    result.reserve(list->size());
    for (const Value& item : *list) {
      EMSTORE_TRY(Value form, json_form(field, item, depth + 1));
      result.push_back(std::move(form));
    }
    return Value(std::move(result));
  }
  if (const Map* map = given.if_map()) {
    Map result;
    for (const Map::Member& member : *map) {
      EMSTORE_TRY(Value form, json_form(field, member.value, depth + 1));
      result.append(member.name, std::move(form));
    }
    return Value(std::move(result));
  }
  return given;
}

Result<Value> address_form(const Field& field, const Value& given) {
  std::optional<Address> address;
  if (const std::string* text = given.if_text()) address = address_of(*text);
  if (const Binary* binary = given.if_binary()) address = address_of_bytes(binary->data);
  if (!address) return wrong_type(field, given, "send an address such as \"xxh3-128:9fea…\"");
  return Value(Binary{to_bytes(*address)});
}

Result<Value> digest_form(const Field& field, const Value& given) {
  std::optional<std::string> bytes;
  if (const std::string* text = given.if_text()) bytes = from_hex(*text);
  if (const Binary* binary = given.if_binary()) bytes = binary->data;
  if (!bytes || bytes->size() != sizeof(Sha256)) {
    return wrong_type(field, given, "send 64 hexadecimal digits");
  }
  return Value(Binary{*std::move(bytes)});
}

Result<Value> reference_form(const Field& field, const Value& given) {
  const std::optional<RecordId> id = record_id_of(given);
  if (!id) return wrong_type(field, given, "send the id of a record of " + field.target);
  return stored_reference(*id);
}

// ---- Bounds -------------------------------------------------------------------------------------

// Compiling a pattern costs far more than matching it. Each thread keeps those it met last.
const RE2& compiled(const std::string& pattern) {
  constexpr std::size_t kPatternsMax = 256;
  thread_local std::unordered_map<std::string, std::unique_ptr<RE2>> patterns;
  if (const auto known = patterns.find(pattern); known != patterns.end()) return *known->second;
  if (patterns.size() >= kPatternsMax) patterns.clear();
  return *patterns.emplace(pattern, std::make_unique<RE2>(pattern, RE2::Quiet)).first->second;
}

Status check_text(const Field& field, const std::string& text) {
  const std::uint64_t length = code_points(text);
  const std::string counted =
      field.name + " has " + std::to_string(length) + (length == 1 ? " character" : " characters");
  if (field.max_length && length > *field.max_length) {
    return failure(ErrorCode::too_long,
                   counted + ", and may have " + std::to_string(*field.max_length));
  }
  if (field.min_length && length < *field.min_length) {
    return failure(ErrorCode::too_short,
                   counted + ", and needs " + std::to_string(*field.min_length));
  }
  if (!field.pattern.empty() && !RE2::PartialMatch(text, compiled(field.pattern))) {
    return failure(
        ErrorCode::pattern_mismatch,
        field.name + " " + quoted(text) + " does not match the pattern " + quoted(field.pattern));
  }
  return {};
}

Status check_number(const Field& field, double number) {
  const NumberBounds bounds{field.minimum, field.maximum, field.exclusive_minimum,
                            field.exclusive_maximum, field.multiple_of};
  const std::string fault = fault_of_number(bounds, number);
  if (fault.empty()) return {};
  return failure(ErrorCode::out_of_range, field.name + " " + fault);
}

Status check_calendar(const Field& field, std::int64_t point) {
  const auto text_of = [&](std::int64_t stored) {
    return field.kind == FieldKind::date ? date_text(stored) : to_string(Time{stored});
  };
  const bool is_early = field.min_date && point < *field.min_date;
  if (!is_early && (!field.max_date || point <= *field.max_date)) return {};
  return failure(ErrorCode::out_of_range,
                 field.name + " " + text_of(point) + (is_early ? " is before " : " is after ") +
                     text_of(is_early ? *field.min_date : *field.max_date));
}

Status check_enumeration(const Field& field, const std::string& text) {
  if (std::find(field.values.begin(), field.values.end(), text) != field.values.end()) return {};
  const std::vector<std::string_view> names(field.values.begin(), field.values.end());
  std::string hint = did_you_mean(text, names);
  if (hint.empty()) {
    constexpr std::size_t kListed = 10;
    for (std::size_t i = 0; i < std::min(names.size(), kListed); ++i) {
      hint += (i == 0 ? "use one of " : ", ") + quoted(names[i]);
    }
    if (names.size() > kListed) hint += ", …";
  }
  return failure(ErrorCode::not_in_enum, field.name + " cannot be " + quoted(text), {},
                 std::move(hint));
}

Status check_bounds(const Field& field, const Value& stored) {
  switch (field.kind) {
    case FieldKind::text:
      return check_text(field, *stored.if_text());
    case FieldKind::number:
      return check_number(field, *stored.if_number());
    case FieldKind::enumeration:
      return check_enumeration(field, *stored.if_text());
    case FieldKind::date:
    case FieldKind::datetime:
      return check_calendar(field, *stored.if_integer());
    case FieldKind::json:
      return field.json_schema ? field.json_schema->check(stored, field.name) : Status{};
    case FieldKind::boolean:
    case FieldKind::medium:
    case FieldKind::media:
    case FieldKind::address:
    case FieldKind::digest:
    case FieldKind::relation:
    case FieldKind::links:
      return {};
  }
  return {};
}

// ---- Keys ---------------------------------------------------------------------------------------

constexpr char kNullTag = 0x00;
constexpr char kValueTag = 0x01;

// 0x00 becomes 0x00 0xFF, and the end is 0x00 0x01: it sorts before every way to go on, and no text
// is the beginning of another.
void append_text(std::string_view text, std::string& key) {
  for (const char letter : text) {
    key.push_back(letter);
    if (letter == '\0') key.push_back('\xFF');
  }
  key.append({'\0', '\x01'});
}

void append_integer(std::int64_t integer, std::string& key) {
  append_big_endian(key, static_cast<std::uint64_t>(integer) ^ (1ULL << 63));
}

// Positive numbers get the sign bit, so that they sort after negative ones, whose order is turned
// round.
void append_number(double number, std::string& key) {
  const auto bits = std::bit_cast<std::uint64_t>(number == 0 ? 0.0 : number);
  append_big_endian(key, (bits >> 63) != 0 ? ~bits : bits | (1ULL << 63));
}

// As ids in keys: integers before uuids.
bool append_reference(const Value& stored, std::string& key) {
  const std::optional<RecordId> id = reference_of(stored);
  if (id) append_id(*id, key);
  return id.has_value();
}

// False when the value is not in the stored form of its kind.
bool append_stored(FieldKind kind, const Value& stored, std::string& key) {
  switch (kind) {
    case FieldKind::text:
    case FieldKind::enumeration:
      if (stored.if_text() == nullptr) return false;
      append_text(*stored.if_text(), key);
      return true;
    case FieldKind::number:
      if (stored.if_number() == nullptr) return false;
      append_number(*stored.if_number(), key);
      return true;
    case FieldKind::boolean:
      if (stored.if_boolean() == nullptr) return false;
      key.push_back(*stored.if_boolean() ? '\x01' : '\x00');
      return true;
    case FieldKind::date:
    case FieldKind::datetime:
      if (stored.if_integer() == nullptr) return false;
      append_integer(*stored.if_integer(), key);
      return true;
    case FieldKind::address:
    case FieldKind::digest:
      if (stored.if_binary() == nullptr) return false;
      key += stored.if_binary()->data;  // Of one length each.
      return true;
    case FieldKind::relation:
      return append_reference(stored, key);
    case FieldKind::json:
    case FieldKind::medium:
    case FieldKind::media:
    case FieldKind::links:
      return false;
  }
  return false;
}

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

// `*` stands for any letters, also none; upper and lower case are the same.
bool matches_glob(std::string_view text, std::string_view glob) {
  std::size_t star = std::string_view::npos;  // The last `*` passed, and what it stood for so far.
  std::size_t taken = 0;
  std::size_t at = 0;
  std::size_t in_glob = 0;
  while (at < text.size()) {
    if (in_glob < glob.size() && glob[in_glob] == '*') {
      star = in_glob++;
      taken = at;
    } else if (in_glob < glob.size() && lower(glob[in_glob]) == lower(text[at])) {
      ++in_glob;
      ++at;
    } else if (star != std::string_view::npos) {
      in_glob = star + 1;
      at = ++taken;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of('*', in_glob) == std::string_view::npos;
}

}  // namespace

Result<Value> literal_form(const Field& field, const Value& given) {
  EMSTORE_CHECK(!is_link(field.kind));
  if (given.is_null()) return given;
  switch (field.kind) {
    case FieldKind::text:
    case FieldKind::enumeration:
      return text_form(field, given);
    case FieldKind::number:
      return number_form(field, given);
    case FieldKind::boolean:
      if (given.if_boolean() == nullptr) return wrong_type(field, given, "send true or false");
      return given;
    case FieldKind::date:
      return date_form(field, given);
    case FieldKind::datetime:
      return datetime_form(field, given);
    case FieldKind::json:
      return json_form(field, given, 0);
    case FieldKind::address:
      return address_form(field, given);
    case FieldKind::digest:
      return digest_form(field, given);
    case FieldKind::relation:
      return reference_form(field, given);
    case FieldKind::medium:
    case FieldKind::media:
    case FieldKind::links:
      break;  // Refused above.
  }
  return given;
}

Result<Value> stored_form(const Field& field, const Value& given) {
  EMSTORE_TRY(Value stored, literal_form(field, given));
  if (stored.is_null()) {
    if (field.required) return failure(ErrorCode::required, field.name + " is required");
    return stored;
  }
  EMSTORE_CHECKED(check_bounds(field, stored));
  return stored;
}

namespace {

void show_binary(FieldKind kind, std::string_view bytes, Sink& sink) {
  if (kind == FieldKind::digest) return sink.text(to_hex(bytes));
  const auto address = address_of_bytes(bytes);
  if (kind == FieldKind::address && address) return sink.text(to_string(*address));
  sink.binary(bytes);
}

}  // namespace

void show(FieldKind kind, const Value& stored, Sink& sink) {
  if (kind == FieldKind::relation) {
    if (const std::optional<RecordId> id = reference_of(stored)) return sink.value(to_value(*id));
  }
  if (const std::int64_t* integer = stored.if_integer()) {
    if (kind == FieldKind::date) return sink.text(date_text(*integer));
    if (kind == FieldKind::datetime) return sink.time(Time{*integer});
  }
  if (const Binary* binary = stored.if_binary()) return show_binary(kind, binary->data, sink);
  sink.value(stored);
}

Value shown(const Field& field, const Value& stored) {
  ValueSink sink;
  show(field.kind, stored, sink);
  return sink.take();
}

namespace {

// False: these are not the bytes of a value of that kind.
bool show_packed_binary(FieldKind kind, std::string_view bytes, pack::Buffer& shown) {
  if (kind == FieldKind::digest) {
    if (bytes.size() != std::tuple_size_v<Sha256>) return false;
    put_hex(bytes, shown.text(2 * bytes.size()));
    return true;
  }
  const std::optional<Address> address = address_of_bytes(bytes);
  if (!address) return false;
  std::array<char, kAddressTextBytesMax> text;
  const std::size_t size = put_text(*address, text);
  std::copy_n(text.data(), size, shown.text(size));
  return true;
}

}  // namespace

Status show_packed(FieldKind kind, std::string_view packed, pack::Buffer& shown) {
  const auto corrupt = [](std::string_view why) {
    return failure(ErrorCode::corrupt_index, "a stored value cannot be read: " + std::string(why));
  };
  const bool is_time = kind == FieldKind::date || kind == FieldKind::datetime;
  pack::Cursor cursor(packed);
  if (is_shown_as_stored(kind) || cursor.next_shape() == pack::Shape::null) {
    shown.raw(packed);
    return {};
  }
  if (is_time) {
    const Result<std::int64_t> integer = cursor.integer();
    if (!integer) return corrupt(integer.error().message);
    if (kind == FieldKind::date) {
      const std::string text = date_text(*integer);
      std::ranges::copy(text, shown.text(text.size()));
    } else {
      shown.time(Time{*integer});
    }
  } else if (kind == FieldKind::relation) {
    const Result<Value> id = cursor.value();
    if (!id) return corrupt(id.error().message);
    if (!reference_of(*id)) return corrupt("it is no id");
    std::string bytes;
    pack::Writer writer(bytes);
    show(kind, *id, writer);
    shown.raw(bytes);
  } else {
    const Result<std::string_view> binary = cursor.binary();
    if (!binary) return corrupt(binary.error().message);
    if (!show_packed_binary(kind, *binary, shown)) return corrupt("its size is another one");
  }
  return cursor.at_end() ? Status() : corrupt("other bytes follow it");
}

bool mime_fits(std::string_view mime_type, const std::vector<std::string>& globs) {
  if (globs.empty()) return true;
  // "text/plain; charset=utf-8" is text/plain.
  std::string_view essence = mime_type.substr(0, mime_type.find(';'));
  while (!essence.empty() && essence.back() == ' ') essence.remove_suffix(1);
  return std::any_of(globs.begin(), globs.end(),
                     [essence](const std::string& glob) { return matches_glob(essence, glob); });
}

Value stored_reference(const RecordId& id) {
  if (!id.is_uuid()) return static_cast<std::int64_t>(id.integer());
  return Binary{std::string(as_bytes(id.uuid()))};
}

std::optional<RecordId> reference_of(const Value& stored) {
  if (const std::int64_t* integer = stored.if_integer(); integer != nullptr && *integer > 0) {
    return RecordId(static_cast<std::uint64_t>(*integer));
  }
  std::array<std::uint8_t, 16> uuid{};
  const Binary* bytes = stored.if_binary();
  if (bytes == nullptr || bytes->data.size() != uuid.size()) return std::nullopt;
  std::copy(bytes->data.begin(), bytes->data.end(), uuid.begin());
  return RecordId(uuid);
}

Status append_index_value(FieldKind kind, const Value& stored, std::string& key) {
  const std::size_t before = key.size();
  if (stored.is_null()) {
    key.push_back(kNullTag);
    return {};
  }
  key.push_back(kValueTag);
  if (!append_stored(kind, stored, key)) {
    key.resize(before);
    return failure(ErrorCode::corrupt_index, std::string(name_of(stored.kind())) +
                                                 " is not how a value of type " +
                                                 std::string(name_of(kind)) + " is indexed");
  }
  if (const std::size_t size = key.size() - before; size > kIndexValueBytesMax) {
    key.resize(before);
    return failure(ErrorCode::value_too_large,
                   "the value takes " + std::to_string(size) + " bytes in an index, which holds " +
                       std::to_string(kIndexValueBytesMax),
                   {}, "shorten the value, or drop the index");
  }
  return {};
}

}  // namespace emstore::store
