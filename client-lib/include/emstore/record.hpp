// What reads and mutations answer with.
#pragma once

#include <emstore/value.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace emstore {

class RecordsView;

// One record, or one medium within it. A view: valid as long as the Record it comes from.
class RecordView {
 public:
  explicit RecordView(const Map& values) : values_(&values) {}

  // The value of a field; null when it has none or was not asked for.
  const Value& operator[](std::string_view field) const;
  const Value& id() const { return (*this)["id"]; }
  // The field as bool, std::int64_t, double, std::string, Time, or an optional of these (nothing
  // for null). Throws Failure wrong_type, which names field and kind.
  template <typename T>
  T get(std::string_view field) const;
  // The items of a media field that the query had in `with`; of a medium(), one or none. Throws
  // Failure unknown_relation when the field was not read along.
  RecordsView at(std::string_view field) const;
  // Where the list of `field` goes on that a limit cut, for the `cursor` of its With in a query for
  // this record; empty when all of it is there.
  std::string more(std::string_view field) const;
  const Map& values() const { return *values_; }

 private:
  bool boolean(std::string_view field) const;
  std::int64_t integer(std::string_view field) const;
  double number(std::string_view field) const;
  std::string text(std::string_view field) const;
  Time time(std::string_view field) const;

  const Map* values_;
};

class RecordsView {
 public:
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = RecordView;
    explicit Iterator(const Value* place = nullptr) : place_(place) {}
    RecordView operator*() const;
    Iterator& operator++() { return ++place_, *this; }
    Iterator operator++(int) { return Iterator(place_++); }
    bool operator==(const Iterator&) const = default;

   private:
    const Value* place_;
  };

  RecordsView(const Value* first, std::size_t size) : first_(first), size_(size) {}
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Throws Failure out_of_range when there are not so many.
  RecordView operator[](std::size_t index) const;
  Iterator begin() const { return Iterator(first_); }
  Iterator end() const { return Iterator(first_ + size_); }

 private:
  const Value* first_;  // Maps, one after the other.
  std::size_t size_;
};

class Record {
 public:
  Record() = default;
  explicit Record(Map values) : values_(std::move(values)) {}

  const Value& operator[](std::string_view field) const { return view()[field]; }
  const Value& id() const { return view().id(); }
  template <typename T>
  T get(std::string_view field) const {
    return view().get<T>(field);
  }
  RecordsView at(std::string_view field) const { return view().at(field); }
  std::string more(std::string_view field) const { return view().more(field); }
  const Map& values() const { return values_; }
  RecordView view() const { return RecordView(values_); }
  operator RecordView() const { return view(); }

 private:
  Map values_;
};

template <typename T>
concept OptionalValue = std::same_as<T, std::optional<typename T::value_type>>;

template <typename T>
T RecordView::get(std::string_view field) const {
  if constexpr (OptionalValue<T>) {
    if ((*this)[field].is_null()) return std::nullopt;
    return get<typename T::value_type>(field);
  } else if constexpr (std::same_as<T, bool>) {
    return boolean(field);
  } else if constexpr (std::same_as<T, std::int64_t>) {
    return integer(field);
  } else if constexpr (std::same_as<T, double>) {
    return number(field);
  } else if constexpr (std::same_as<T, std::string>) {
    return text(field);
  } else {
    static_assert(std::same_as<T, Time>,
                  "bool, std::int64_t, double, std::string, Time or an optional of these");
    return time(field);
  }
}

// What a mutation did to one media field.
struct FieldChange {
  std::string field;
  std::vector<Value> added, removed, moved;
  std::vector<Value> already;  // Asked to attach, was there.
  std::vector<Value> missing;  // Asked to detach, was not there.
};

// A mutation that was carried out, or found to change nothing.
class Mutation {
 public:
  Mutation() = default;
  explicit Mutation(Map reply);

  const Value& id() const { return id_; }
  std::uint64_t version() const { return version_; }    // Of the record, now.
  std::uint64_t sequence() const { return sequence_; }  // Of the commit.
  bool replayed() const { return replayed_; }   // It was a repetition: this is the first answer.
  const Record& data() const { return data_; }  // The changed fields; of an insert, all.
  const std::vector<FieldChange>& changes() const { return changes_; }
  const Map& reply() const { return reply_; }  // As on the wire.

 private:
  Map reply_;
  Value id_;
  std::uint64_t version_ = 0, sequence_ = 0;
  bool replayed_ = false;
  Record data_;
  std::vector<FieldChange> changes_;
};

// What a mutation of several records did: one for each document of an insert_many, or for each
// record that an update_where or delete_where found, also those that were already as asked.
struct Mutations {
  std::vector<Mutation> records;
  std::uint64_t sequence = 0;
  bool has_more = false;  // A limit left out others that match.
  bool replayed = false;
  List plan;  // Of a dry run: {action, entity, id, fields} of each record that would change.

  std::size_t size() const { return records.size(); }
  bool empty() const { return records.empty(); }
  const Mutation& operator[](std::size_t index) const { return records.at(index); }
  auto begin() const { return records.begin(); }
  auto end() const { return records.end(); }
};

// The records of a find_many, in order.
struct Page {
  std::vector<Record> records;
  std::uint64_t sequence = 0;          // The state of the store that was read.
  bool has_more = false;               // The limit left some out.
  std::optional<std::uint64_t> count;  // Of all that match, when the query asked.
  std::string cursor;  // For Query::cursor: the next page; empty when there is none.

  std::size_t size() const { return records.size(); }
  bool empty() const { return records.empty(); }
  const Record& operator[](std::size_t index) const { return records.at(index); }
  auto begin() const { return records.begin(); }
  auto end() const { return records.end(); }
};

struct SchemaChange {
  std::uint64_t sequence = 0, version = 0;
  bool changed = false;
  std::vector<std::string> difference;  // One line each: "+ products.sku text".
};

}  // namespace emstore
