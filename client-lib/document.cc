#include <emstore/document.hpp>

namespace emstore {
namespace {

List values_of(const std::vector<Item>& items) {
  List list;
  list.reserve(items.size());
  for (const Item& item : items) list.push_back(item.to_value());
  return list;
}

}  // namespace

File::File(std::filesystem::path path) : source_(path) { name(path.filename().string()); }
File::File(InMemory, std::string content) : source_(std::move(content)) {}

File File::bytes(std::string content, std::string name, std::string claimed_type) {
  File file(InMemory{}, std::move(content));
  if (!name.empty()) file.name(std::move(name));
  if (!claimed_type.empty()) file.type(std::move(claimed_type));
  return file;
}

File& File::name(std::string name) { return set("name", std::move(name)); }
File& File::type(std::string claimed_type) { return set("type", std::move(claimed_type)); }
File& File::set(std::string field, Value value) {
  fields_.set(std::move(field), std::move(value));
  return *this;
}

Item::Item(Value id) : id_(std::move(id)) {}
Item& Item::first() { return at_ = "first", *this; }
Item& Item::last() { return at_ = "last", *this; }
Item& Item::before(Value id) { return at_ = Map{{"before", std::move(id)}}, *this; }
Item& Item::after(Value id) { return at_ = Map{{"after", std::move(id)}}, *this; }
Item& Item::meta(Map data) { return meta_ = std::move(data), *this; }

Value Item::to_value() const {
  if (at_.is_null() && meta_.is_null()) return id_;
  Map map{{"id", id_}};
  if (!at_.is_null()) map.append("at", at_);
  if (!meta_.is_null()) map.append("meta", meta_);
  return map;
}

Operators& Operators::create(File file) {
  creates_one_ = files_.empty();
  files_.push_back(std::move(file));
  return *this;
}

Operators& Operators::create(std::vector<File> files) {
  creates_one_ = false;
  files_.insert(files_.end(), std::make_move_iterator(files.begin()),
                std::make_move_iterator(files.end()));
  return *this;
}

Operators& Operators::add(std::string name, const std::vector<Item>& items) {
  List more = values_of(items);
  if (Value* present = values_.find(name)) {
    present->if_list()->insert(present->if_list()->end(), more.begin(), more.end());
  } else {
    values_.append(std::move(name), std::move(more));
  }
  return *this;
}

Operators& Operators::attach(std::vector<Item> items) { return add("$attach", items); }
Operators& Operators::detach(std::vector<Item> items) { return add("$detach", items); }
Operators& Operators::set(std::initializer_list<Item> items) {
  return set(std::vector<Item>(items));
}
Operators& Operators::set(std::vector<Item> items) {
  return values_.set("$set", values_of(items)), *this;
}
Operators& Operators::set(Item item) { return values_.set("$set", item.to_value()), *this; }
Operators& Operators::clear() { return values_.set("$set", nullptr), *this; }

Operators create(File file) { return Operators().create(std::move(file)); }
Operators create(std::initializer_list<File> files) {
  return Operators().create(std::vector<File>(files));
}
Operators create(std::vector<File> files) { return Operators().create(std::move(files)); }
Operators attach(std::initializer_list<Item> items) {
  return Operators().attach(std::vector<Item>(items));
}
Operators attach(Item item) { return attach({std::move(item)}); }
Operators detach(std::initializer_list<Item> items) {
  return Operators().detach(std::vector<Item>(items));
}
Operators detach(Item item) { return detach({std::move(item)}); }
Operators set(std::initializer_list<Item> items) {
  return Operators().set(std::vector<Item>(items));
}
Operators set(Item item) { return Operators().set(std::move(item)); }
Operators set(std::nullptr_t) { return Operators().clear(); }

Document::Document(std::initializer_list<Member> members) : members_(members) {}

Document::Document(const Map& values) {
  for (const Map::Member& member : values) members_.emplace_back(member.name, member.value);
}

Document& Document::set(std::string field, Content content) {
  for (Member& member : members_) {
    if (member.name != field) continue;
    member.content = std::move(content);
    return *this;
  }
  members_.emplace_back(std::move(field), Value()).content = std::move(content);
  return *this;
}

}  // namespace emstore
