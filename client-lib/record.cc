#include <emstore/failure.hpp>
#include <emstore/record.hpp>

#include <cmath>

#include "client-lib/core.h"

namespace emstore {
namespace {

const Value& null_value() {
  static const Value kNull;
  return kNull;
}

[[noreturn]] void throw_wrong_type(std::string_view field, std::string_view wanted,
                                   const Value& value) {
  throw Failure({ErrorCode::wrong_type,
                 std::string(field) + " is " + std::string(name_of(value.kind())) + ", not " +
                     std::string(wanted),
                 std::string(field),
                 "",
                 {}});
}

template <typename T>
T expect(const T* content, std::string_view field, std::string_view wanted, const Value& value) {
  if (content) return *content;
  throw_wrong_type(field, wanted, value);
}

std::vector<Value> ids_of(const Map& change, std::string_view name) {
  const Value* list = change.find(name);
  return list && list->if_list() ? *list->if_list() : List{};
}

}  // namespace

const Value& RecordView::operator[](std::string_view field) const {
  const Value* value = values_->find(field);
  return value ? *value : null_value();
}

bool RecordView::boolean(std::string_view field) const {
  const Value& value = (*this)[field];
  return expect(value.if_boolean(), field, "a boolean", value);
}

std::int64_t RecordView::integer(std::string_view field) const {
  constexpr double kExact = 9007199254740992.0;  // 2^53: up to here a double holds every integer.
  const Value& value = (*this)[field];
  const double* number = value.if_number();
  if (number && std::abs(*number) <= kExact && std::trunc(*number) == *number) {
    return static_cast<std::int64_t>(*number);
  }
  return expect(value.if_integer(), field, "an integer", value);
}

double RecordView::number(std::string_view field) const {
  const Value& value = (*this)[field];
  if (const auto* integer = value.if_integer()) return static_cast<double>(*integer);
  return expect(value.if_number(), field, "a number", value);
}

std::string RecordView::text(std::string_view field) const {
  const Value& value = (*this)[field];
  return expect(value.if_text(), field, "a text", value);
}

Time RecordView::time(std::string_view field) const {
  const Value& value = (*this)[field];
  return expect(value.if_time(), field, "a time", value);
}

std::string RecordView::more(std::string_view field) const {
  const Value* lists = values_->find("$more");
  const Value* cursor = lists && lists->if_map() ? lists->if_map()->find(field) : nullptr;
  return cursor && cursor->if_text() ? *cursor->if_text() : std::string();
}

RecordsView RecordView::at(std::string_view field) const {
  const Value* value = values_->find(field);
  if (!value) {
    throw Failure({ErrorCode::unknown_relation,
                   std::string(field) + " was not read along",
                   std::string(field),
                   "name it in `with`",
                   {}});
  }
  if (value->is_null()) return {value, 0};
  if (value->if_map()) return {value, 1};
  const List* list = value->if_list();
  if (!list) throw_wrong_type(field, "a media field", *value);
  for (const Value& item : *list) {
    if (!item.if_map()) throw_wrong_type(field, "a media field", *value);
  }
  return {list->data(), list->size()};
}

RecordView RecordsView::Iterator::operator*() const { return RecordView(*place_->if_map()); }

RecordView RecordsView::operator[](std::size_t index) const {
  if (index < size_) return RecordView(*first_[index].if_map());
  throw Failure(
      {ErrorCode::out_of_range,
       "there is no item " + std::to_string(index) + ", there are " + std::to_string(size_),
       "",
       "count from 0",
       {}});
}

Mutation::Mutation(Map reply) : reply_(std::move(reply)) {
  const RecordView view(reply_);
  id_ = view.id();
  version_ = unsigned_of(reply_, "version");
  sequence_ = unsigned_of(reply_, "sequence");
  const bool* replayed = view["replayed"].if_boolean();
  replayed_ = replayed && *replayed;
  if (const Map* data = view["data"].if_map()) data_ = Record(*data);
  const Map* changes = view["changes"].if_map();
  if (!changes) return;
  for (const Map::Member& change : *changes) {
    const Map* what = change.value.if_map();
    if (!what) continue;
    changes_.push_back({change.name, ids_of(*what, "added"), ids_of(*what, "removed"),
                        ids_of(*what, "moved"), ids_of(*what, "already"),
                        ids_of(*what, "missing")});
  }
}

}  // namespace emstore
