// What a mutation writes: values, files, and the four operators on media fields.
//
//   products.insert_one({{"name", "Laptop"}, {"gallery", create({File("1.png"), File("2.png")})}});
//   products.update_one(1, {{"gallery", attach({17, 18})}});
#pragma once

#include <emstore/value.hpp>

#include <concepts>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace emstore {

// A file to be stored, with the fields of the media record made for it. Nothing is read before the
// mutation is sent; then small files travel in the request, as many as it has room for, and the
// others are streamed before it.
class File {
 public:
  explicit File(std::filesystem::path path);
  // Bytes in memory. The type is what the sender claims; emstore looks for itself.
  static File bytes(std::string content, std::string name, std::string claimed_type = {});

  File& name(std::string name);
  File& type(std::string claimed_type);
  File& set(std::string field,
            Value value);  // A field of the media record: set("alt", "From above").

  // The path, or the content.
  const std::variant<std::filesystem::path, std::string>& source() const { return source_; }
  const Map& fields() const { return fields_; }  // `name` and `type` among them.

 private:
  struct InMemory {};
  File(InMemory, std::string content);
  std::variant<std::filesystem::path, std::string> source_;
  Map fields_;
};

// What texts are made of: no text is a range of ids.
template <typename T>
concept Letter = std::same_as<T, char> || std::same_as<T, wchar_t> || std::same_as<T, char8_t> ||
    std::same_as<T, char16_t> || std::same_as<T, char32_t>;

// One media to link, by its id: `17`, or `item(17).first().meta({{"caption", "From above"}})`.
class Item {
 public:
  Item(Value id);
  template <std::integral Integer>
  requires(!Letter<Integer>) Item(Integer id) : Item(Value(id)) {}
  Item(const char* id) : Item(Value(id)) {}
  Item(std::string_view id) : Item(Value(id)) {}
  Item(std::string id) : Item(Value(std::move(id))) {}
  Item(std::nullptr_t) = delete;  // Nothing is no id: set(nullptr) clears.
  template <Letter L>
  Item(L) = delete;  // A letter is no id, but would be taken for its number.

  Item& first();
  Item& last();
  Item& before(Value id);
  Item& after(Value id);
  Item& meta(Map data);  // The link's own data.

  // As on the wire: the bare id when there is nothing else to say.
  Value to_value() const;

 private:
  Value id_, at_, meta_;
};

inline Item item(Value id) { return Item(std::move(id)); }

template <typename R>
concept RangeOfItems = std::ranges::input_range<R> && !std::convertible_to<R, Item> &&
                       std::convertible_to<std::ranges::range_reference_t<const R&>, Item>;

// What to do with one media field. Several operators run in the order set, detach, attach, create:
// `attach({17}).detach({3})`. Files and items that are given twice add up; the last set() counts.
class Operators {
 public:
  Operators& create(File file);
  Operators& create(std::vector<File> files);
  Operators& attach(std::vector<Item> items);
  Operators& detach(std::vector<Item> items);
  Operators& set(std::initializer_list<Item> items);
  Operators& set(std::vector<Item> items);
  Operators& set(Item item);
  Operators& set(std::nullptr_t) { return clear(); }
  Operators& clear();

  const Map& values() const { return values_; }  // Every operator but $create, as on the wire.
  const std::vector<File>& files() const { return files_; }
  bool creates_one() const { return creates_one_; }  // `$create: {…}` rather than a list.

 private:
  Operators& add(std::string name, const std::vector<Item>& items);
  Map values_;
  std::vector<File> files_;
  bool creates_one_ = false;
};

// Makes media records of the files and links them: one for a medium(), one or several for a
// media().
Operators create(File file);
Operators create(std::initializer_list<File> files);
Operators create(std::vector<File> files);
// Links media to a media(), after what is there or at the place the item names.
Operators attach(std::initializer_list<Item> items);
Operators attach(Item item);
// Drops links; the media stay.
Operators detach(std::initializer_list<Item> items);
Operators detach(Item item);
// Replaces what is linked. `set(nullptr)` clears a medium(), `set({})` a media().
Operators set(std::initializer_list<Item> items);
Operators set(Item item);
Operators set(std::nullptr_t);

template <RangeOfItems R>
std::vector<Item> items_of(const R& range) {
  return std::vector<Item>(std::ranges::begin(range), std::ranges::end(range));
}
template <RangeOfItems R>
Operators attach(const R& items) {
  return Operators().attach(items_of(items));
}
template <RangeOfItems R>
Operators detach(const R& items) {
  return Operators().detach(items_of(items));
}
template <RangeOfItems R>
Operators set(const R& items) {
  return Operators().set(items_of(items));
}

class Document {
 public:
  using Content = std::variant<Value, Operators>;
  struct Member {
    template <typename T>
    requires std::constructible_from<Value, T> Member(std::string field, T&& value)
        : name(std::move(field)), content(Value(std::forward<T>(value))) {}
    Member(std::string field, Value value) : name(std::move(field)), content(std::move(value)) {}
    Member(std::string field, Operators operators)
        : name(std::move(field)), content(std::move(operators)) {}
    std::string name;
    Content content;
  };

  Document() = default;
  // A field that stands there twice is refused when the document is sent: invalid_request.
  Document(std::initializer_list<Member> members);
  explicit Document(const Map& values);

  Document& set(std::string field, Content content);  // Replaces what the field had.
  const std::vector<Member>& members() const { return members_; }

 private:
  std::vector<Member> members_;
};

}  // namespace emstore
