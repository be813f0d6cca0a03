#include "base/sink.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/pack.h"

namespace emstore {

Status Sink::packed(std::string_view bytes) {
  pack::Cursor cursor(bytes);
  EMSTORE_CHECKED(cursor.copy_to(*this));
  if (cursor.at_end()) return {};
  return failure(ErrorCode::malformed_message, "a packed value is followed by other bytes");
}

Status Sink::members(std::string_view pairs, std::size_t count) {
  pack::Cursor cursor(pairs);
  for (std::size_t i = 0; i < count; ++i) {
    EMSTORE_TRY(const std::string_view name, cursor.text());
    text(name);
    EMSTORE_CHECKED(cursor.copy_to(*this));
  }
  if (cursor.at_end()) return {};
  return failure(ErrorCode::malformed_message, "packed members are followed by other bytes");
}

void Sink::value(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      null();
      break;
    case Value::Kind::boolean:
      boolean(*value.if_boolean());
      break;
    case Value::Kind::integer:
      integer(*value.if_integer());
      break;
    case Value::Kind::number:
      number(*value.if_number());
      break;
    case Value::Kind::text:
      text(*value.if_text());
      break;
    case Value::Kind::binary:
      binary(value.if_binary()->data);
      break;
    case Value::Kind::time:
      time(*value.if_time());
      break;
    case Value::Kind::list:
      begin_list(value.if_list()->size());
      for (const Value& item : *value.if_list()) this->value(item);
      break;
    case Value::Kind::map:
      begin_map(value.if_map()->size());
      for (const Map::Member& member : *value.if_map()) {
        text(member.name);
        this->value(member.value);
      }
      break;
  }
}

// A list or map whose values have not all come yet.
struct ValueSink::Frame {
  Value container;
  std::size_t missing = 0;
  std::optional<std::string> name = {};  // Of a map: the name whose value comes next.
};

ValueSink::ValueSink() = default;
ValueSink::~ValueSink() = default;

void ValueSink::add(Value value) {
  ++bytes_;
  if (open_.empty()) {
    root_ = std::move(value);
    return;
  }
  Frame& frame = open_.back();
  if (List* list = frame.container.if_list()) {
    list->push_back(std::move(value));
  } else {
    EMSTORE_CHECK(frame.name.has_value());
    frame.container.if_map()->append(*std::move(frame.name), std::move(value));
    frame.name.reset();
  }
  --frame.missing;
  close_full_frames();
}

void ValueSink::close_full_frames() {
  while (!open_.empty() && open_.back().missing == 0) {
    Value closed = std::move(open_.back().container);
    open_.pop_back();
    if (open_.empty()) {
      root_ = std::move(closed);
      return;
    }
    Frame& frame = open_.back();
    if (List* list = frame.container.if_list()) {
      list->push_back(std::move(closed));
    } else {
      frame.container.if_map()->append(*std::move(frame.name), std::move(closed));
      frame.name.reset();
    }
    --frame.missing;
  }
}

void ValueSink::null() { add(nullptr); }
void ValueSink::boolean(bool value) { add(value); }
void ValueSink::integer(std::int64_t value) { add(value); }
void ValueSink::number(double value) { add(value); }

void ValueSink::text(std::string_view value) {
  bytes_ += value.size();
  const bool is_name =
      !open_.empty() && open_.back().container.if_map() != nullptr && !open_.back().name;
  if (is_name) {
    open_.back().name = std::string(value);
  } else {
    add(value);
  }
}

void ValueSink::binary(std::string_view value) {
  bytes_ += value.size();
  add(Binary{std::string(value)});
}

void ValueSink::time(Time value) { add(value); }

void ValueSink::begin_list(std::size_t size) {
  ++bytes_;
  List list;
  list.reserve(size);
  open_.push_back(Frame{std::move(list), size});
  close_full_frames();
}

void ValueSink::begin_map(std::size_t size) {
  ++bytes_;
  Map map;
  map.reserve(size);
  open_.push_back(Frame{std::move(map), size});
  close_full_frames();
}

std::size_t ValueSink::bytes_written() const { return bytes_; }

Value ValueSink::take() {
  EMSTORE_CHECK(open_.empty());
  bytes_ = 0;
  return std::exchange(root_, Value());
}

}  // namespace emstore
