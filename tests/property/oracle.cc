#include "tests/property/oracle.h"

#include <algorithm>
#include <tuple>

#include "base/big_endian.h"

namespace emstore::testing {
namespace {

constexpr const char* kMedia = "media";

std::string at(const std::string& path, std::size_t i) {
  return path + "[" + std::to_string(i) + "]";
}

bool is_read_only(const std::string& entity, const std::string& name) {
  static const std::set<std::string> kOfMedia{"mime_type", "claimed_type", "size", "blob",
                                              "sha256"};
  return entity == kMedia && kOfMedia.contains(name);
}

bool is_given(const std::string& name) {
  return name == "id" || name == "created_at" || name == "updated_at";
}

std::optional<std::uint64_t> id_of(const Value& value) {
  const std::int64_t* integer = value.if_integer();
  if (integer == nullptr || *integer < 1) return std::nullopt;
  return static_cast<std::uint64_t>(*integer);
}

Links::iterator find(Links& links, std::uint64_t media) {
  return std::find_if(links.begin(), links.end(),
                      [&](const OracleLink& link) { return link.media == media; });
}
}  // namespace

bool contains(const Links& links, std::uint64_t media) { return link_to(links, media) != nullptr; }

const OracleLink* link_to(const Links& links, std::uint64_t media) {
  for (const OracleLink& link : links) {
    if (link.media == media) return &link;
  }
  return nullptr;
}

// ---- The request alone --------------------------------------------------------------------------

std::optional<Oracle::Wish> Oracle::read(const store::Mutation& mutation, const std::string& path) {
  Wish wish{.mutation = &mutation, .path = path};
  const std::size_t before = refusals_.size();
  if (mutation.verb != store::Verb::insert) {
    const auto id = id_of(mutation.id);
    if (!id) refuse(ErrorCode::wrong_type, in(path, "id"));
    wish.id = id.value_or(0);
  }
  bool decidable = refusals_.size() == before;
  if (mutation.verb == store::Verb::insert && mutation.entity == kMedia) {
    wish.media = read_creation(mutation.document, path);
    decidable = refusals_.size() == before;
  } else if (mutation.verb != store::Verb::remove) {
    read_document(mutation.document, wish);
  }
  if (!decidable) return std::nullopt;
  return wish;
}

void Oracle::read_document(const Map& document, Wish& wish) {
  const std::string& entity = wish.mutation->entity;
  for (const auto& [name, value] : document) {
    const std::string path = in(wish.path, name);
    const OracleField* field = schema_.field(entity, name);
    if (is_given(name) || is_read_only(entity, name)) {
      refuse(ErrorCode::read_only, path);
    } else if (field == nullptr) {
      refuse(ErrorCode::unknown_field, path);
    } else if (field->is_link()) {
      read_links(*field, value, path, wish);
    } else {
      read_value(*field, value, path, wish.values);
    }
  }
  if (wish.mutation->verb == store::Verb::update) return;
  for (const OracleField& field : schema_.entities.at(entity)) {
    if (field.is_link() || document.contains(field.name)) continue;
    if (field.default_value) {
      wish.values[field.name] = *field.default_value;
    } else if (field.required) {
      refuse(ErrorCode::required, in(wish.path, field.name));
    }
  }
}

void Oracle::read_value(const OracleField& field, const Value& value, const std::string& path,
                        std::map<std::string, Value>& values) {
  if (value.is_null()) {
    if (field.required) return refuse(ErrorCode::required, path);
    values[field.name] = Value();
    return;
  }
  if (field.kind == OracleField::Kind::text) {
    const std::string* text = value.if_text();
    if (text == nullptr) return refuse(ErrorCode::wrong_type, path);
    if (field.max_length && text->size() > *field.max_length)
      return refuse(ErrorCode::too_long, path);
    values[field.name] = value;
    return;
  }
  if (!value.is_number()) return refuse(ErrorCode::wrong_type, path);
  const double number =
      value.if_integer() ? static_cast<double>(*value.if_integer()) : *value.if_number();
  if (field.minimum && number < *field.minimum) return refuse(ErrorCode::out_of_range, path);
  values[field.name] = number;
}

void Oracle::read_links(const OracleField& field, const Value& value, const std::string& path,
                        Wish& wish) {
  LinkWish links{.field = &field, .path = path};
  const Map* operators = value.if_map();
  if (operators == nullptr) {
    refuse(ErrorCode::wrong_operation, path);
    links.refused = true;
    wish.links.push_back(std::move(links));
    return;
  }
  const std::size_t before = refusals_.size();
  const bool one = field.kind == OracleField::Kind::medium;
  if (operators->empty()) refuse(ErrorCode::wrong_operation, path);
  for (const auto& [name, argument] : *operators) {
    const std::string place = in(path, name);
    if (name == "$set") {
      links.set = read_items(argument, place, field, name);
    } else if (name == "$create") {
      read_creations(argument, place, links);
    } else if (name != "$attach" && name != "$detach") {
      refuse(ErrorCode::unknown_operator, place);
    } else if (one) {
      refuse(ErrorCode::wrong_operation, place);
    } else {
      (name == "$attach" ? links.attach : links.detach) = read_items(argument, place, field, name);
    }
  }
  links.refused = refusals_.size() != before;
  wish.links.push_back(std::move(links));
}

Oracle::Items Oracle::read_items(const Value& argument, const std::string& path,
                                 const OracleField& field, const std::string& name) {
  Items items;
  const bool one = field.kind == OracleField::Kind::medium;
  if (one && (argument.is_null() || argument == Value(Map{{"id", Value()}}))) return items;
  const List* list = argument.if_list();
  if (list == nullptr) {
    read_item(argument, path, name, items);
    return items;
  }
  for (std::size_t i = 0; i < list->size(); ++i) read_item((*list)[i], at(path, i), name, items);
  if (one && list->size() > 1) refuse(ErrorCode::too_many_items, path);
  return items;
}

void Oracle::read_item(const Value& value, const std::string& path, const std::string& name,
                       Items& items) {
  const Map* map = value.if_map();
  const Value* given = map == nullptr ? &value : map->find("id");
  const auto id = given == nullptr ? std::nullopt : id_of(*given);
  if (!id) return refuse(ErrorCode::wrong_type, path);
  Item item{.id = *id, .path = path};
  for (std::size_t i = 0; map != nullptr && i < map->size(); ++i) {
    const auto& [option, argument] = map->begin()[static_cast<std::ptrdiff_t>(i)];
    const std::string place = in(path, option);
    if (option == "id") continue;
    if (option == "meta" && name != "$detach") {
      if (argument.is_null() || argument.if_map() != nullptr) {
        item.meta = argument;
      } else {
        refuse(ErrorCode::wrong_type, place);
      }
    } else if (option == "at" && name == "$attach") {
      const Map* beside = argument.if_map();
      const bool is_word = argument == Value("first") || argument == Value("last");
      const bool is_beside =
          beside != nullptr && beside->size() == 1 && id_of(beside->begin()->value) &&
          (beside->begin()->name == "before" || beside->begin()->name == "after");
      if (!is_word && !is_beside) refuse(ErrorCode::wrong_type, place);
      item.at = argument;
    } else {
      refuse(ErrorCode::unknown_option, place);
    }
  }
  for (const Item& other : items) {
    if (other.id == item.id) return refuse(ErrorCode::duplicate_item, path);
  }
  items.push_back(std::move(item));
}

void Oracle::read_creations(const Value& argument, const std::string& path, LinkWish& wish) {
  const List* list = argument.if_list();
  const std::size_t size = list == nullptr ? 1 : list->size();
  if (wish.field->kind == OracleField::Kind::medium && size > 1) {
    return refuse(ErrorCode::too_many_items, path);
  }
  for (std::size_t i = 0; i < size; ++i) {
    const Value& item = list == nullptr ? argument : (*list)[i];
    const std::string place = list == nullptr ? path : at(path, i);
    if (item.if_map() == nullptr) {
      refuse(ErrorCode::wrong_type, place);
    } else if (auto creation = read_creation(*item.if_map(), place)) {
      wish.create.push_back(*std::move(creation));
    }
  }
}

std::optional<Oracle::Creation> Oracle::read_creation(const Map& document,
                                                      const std::string& path) {
  const Value* file = document.find("file");
  if (file == nullptr) {
    refuse(ErrorCode::required, in(path, "file"));
    return std::nullopt;
  }
  Creation creation{
      {}, static_cast<std::size_t>(big_endian<std::uint64_t>(file->if_binary()->data)), path};
  for (const auto& [name, value] : document) {
    const std::string place = in(path, name);
    const OracleField* field = schema_.field(kMedia, name);
    if (name == "file") continue;
    if (is_given(name)) {
      refuse(ErrorCode::read_only, place);
      continue;
    }
    if (name == "type") {
      if (!value.is_null() && value.if_text() == nullptr) refuse(ErrorCode::wrong_type, place);
    } else if (is_read_only(kMedia, name)) {
      refuse(ErrorCode::read_only, place);
    } else if (field == nullptr) {
      refuse(ErrorCode::unknown_field, place);
    } else {
      read_value(*field, value, place, creation.values);
    }
  }
  for (const OracleField& field : schema_.entities.at(kMedia)) {
    if (document.contains(field.name)) continue;
    if (field.default_value) creation.values[field.name] = *field.default_value;
    if (field.required && !field.default_value) refuse(ErrorCode::required, in(path, field.name));
  }
  return creation;
}

// ---- The request against the state --------------------------------------------------------------

Expected Oracle::carry_out(const store::Command& command, std::uint32_t uid) {
  refusals_.clear();
  Expected expected;
  if (command.key) {
    const auto before = requests_.find({uid, command.key->key});
    if (before != requests_.end() && before->second.digest == command.key->digest) {
      expected = before->second.expected;
      expected.replayed = true;
      return expected;
    }
    if (before != requests_.end()) {
      expected.refusals.insert({ErrorCode::id_reused, "key"});
      return expected;
    }
  }
  next_ = state_;
  changed_ = is_open_ = false;
  Progress progress;
  for (std::size_t i = 0; i < command.mutations.size(); ++i) {
    const bool is_only = command.mutations.size() == 1 && !command.is_transaction;
    const std::string path = is_only ? "" : at("operations", i);
    const std::size_t faults = refusals_.size();
    expected.mutations.push_back(carry_out(command.mutations[i], path, command, progress));
    const std::string& name = command.mutations[i].name;
    if (name.empty()) continue;
    // One that names something refused is left out without a refusal of its own.
    const auto& documents = command.mutations[i].documents;
    const std::size_t wanted = documents ? documents->size() : 1;
    const bool is_whole = expected.mutations.back().records.size() == wanted;
    if (refusals_.size() != faults || !is_whole) progress.refused_names.insert(name);
    for (const ExpectedMutation& record : expected.mutations.back().records)
      progress.names[name].push_back(record.id);
  }
  if (refusals_.empty()) check_unique(progress.touched);
  if (!refusals_.empty()) return Expected{.refusals = refusals_};
  if (is_open_) return Expected{.is_open = true};
  if (changed_ || command.key) ++sequence_;
  state_ = std::move(next_);
  expected.sequence = sequence_;
  if (command.key) requests_[{uid, command.key->key}] = {command.key->digest, expected};
  return expected;
}

ExpectedMutation Oracle::decide(const Wish& wish, const store::Command& command) {
  first_new_media_ = next_[kMedia].next_id;
  new_media_.clear();
  const store::Mutation& mutation = *wish.mutation;
  if (mutation.verb == store::Verb::insert) return insert(wish, command);
  const Records& records = next_[mutation.entity].records;
  const auto owner = records.find(wish.id);
  if (owner == records.end()) {
    refuse(mutation.entity == kMedia ? ErrorCode::media_not_found : ErrorCode::record_not_found,
           in(wish.path, "id"));
    return {};
  }
  if (mutation.expected && *mutation.expected != owner->second.version) {
    refuse(ErrorCode::version_mismatch, in(wish.path, "expected"));
    return {};
  }
  return mutation.verb == store::Verb::update ? update(wish, command) : remove(wish);
}

ExpectedMutation Oracle::insert(const Wish& wish, const store::Command& command) {
  const std::string& entity = wish.mutation->entity;
  ExpectedMutation expected{.version = sequence_ + 1};
  if (wish.media) {
    expected.id = create(*wish.media, command);
  } else {
    expected.id = next_[entity].next_id++;
    OracleRecord record{sequence_ + 1, sequence_ + 1, wish.values, {}};
    std::set<std::string> asked;
    for (const LinkWish& links : wish.links) {
      change_links(links, command, record, expected);
      asked.insert(links.field->name);
    }
    for (const OracleField& field : schema_.entities.at(entity)) {
      if (field.is_link() && !asked.contains(field.name))
        check_count(field, 0, in(wish.path, field.name));
    }
    next_[entity].records[expected.id] = std::move(record);
  }
  changed_ = true;
  for (const OracleField& field : schema_.entities.at(entity)) {
    if (!field.is_link())
      expected.data[field.name] = shown(field, next_[entity].records[expected.id]);
  }
  return expected;
}

ExpectedMutation Oracle::update(const Wish& wish, const store::Command& command) {
  const std::string& entity = wish.mutation->entity;
  OracleRecord record = next_[entity].records.at(wish.id);
  ExpectedMutation expected{.id = wish.id};
  bool changed = false;
  for (const auto& [name, value] : wish.values) {
    if (shown(*schema_.field(entity, name), record) == value) continue;
    record.values[name] = value;
    expected.data[name] = value;
    changed = true;
  }
  for (const LinkWish& links : wish.links)
    changed = change_links(links, command, record, expected) || changed;
  if (changed) record.version = sequence_ + 1;
  changed_ = changed_ || changed;
  expected.version = record.version;
  next_[entity].records[wish.id] = std::move(record);
  return expected;
}

bool Oracle::change_links(const LinkWish& wish, const store::Command& command, OracleRecord& owner,
                          ExpectedMutation& expected) {
  if (wish.refused) return false;
  ExpectedField outcome{.name = wish.field->name,
                        .before = owner.links[wish.field->name],
                        .was_set = wish.set.has_value(),
                        .detaches = !wish.detach.empty()};
  Links links = outcome.before;
  const std::size_t refused = refusals_.size();
  if (wish.set) {
    Links wanted;
    for (const Item& item : *wish.set) {
      const OracleLink* present = link_to(links, item.id);  // Stays, whatever the rules are by now.
      if (present == nullptr && !admits(*wish.field, item.id, item.path)) continue;
      OracleLink link = present == nullptr ? OracleLink{item.id, {}, true} : *present;
      if (item.meta) link.meta = *item.meta;
      wanted.push_back(link);
    }
    links = wanted;
  }
  for (const Item& item : wish.detach) {
    const auto present = find(links, item.id);
    if (present != links.end()) {
      links.erase(present);
    } else if (link_to(outcome.before, item.id) == nullptr) {
      outcome.missed.push_back(item.id);
    }
  }
  for (const Item& item : wish.attach) {
    outcome.attached.push_back(item.id);
    attach(item, wish, links);
  }
  if (wish.field->kind == OracleField::Kind::medium && !wish.create.empty()) links.clear();
  for (const Creation& creation : wish.create) {
    const std::uint64_t media = create(creation, command);
    new_media_[{kMedia, media}] = creation.path;
    const store::PreparedFile& file = command.files[creation.file];
    if (admits_file(*wish.field, file.mime_type, file.bytes, in(creation.path, "file")))
      links.push_back({media, {}, true});
  }
  check_count(*wish.field, links.size(), wish.path, refusals_.size() == refused);
  const auto is_same_media = [](const OracleLink& a, const OracleLink& b) {
    return a.media == b.media;
  };
  const bool stands = std::ranges::equal(links, outcome.before, is_same_media);
  const auto is_named = [&](const OracleLink& link) {
    const auto names = [&](const Item& item) { return item.id == link.media; };
    return std::ranges::any_of(wish.detach, names) || std::ranges::any_of(wish.attach, names);
  };
  const bool is_known = wish.set || std::ranges::all_of(outcome.before, is_named);
  const auto is_fresh = [](const OracleLink& link) { return link.is_fresh; };
  if (stands && !is_known && std::ranges::any_of(links, is_fresh)) is_open_ = true;
  if (stands) std::ranges::for_each(links, [](OracleLink& link) { link.is_fresh = false; });
  outcome.after = links;
  const auto is_same_meta = [](const OracleLink& a, const OracleLink& b) {
    return a.meta == b.meta;
  };
  const bool changed = !stands || !std::ranges::equal(links, outcome.before, is_same_meta);
  for (OracleLink& link : links) link.is_fresh = false;
  owner.links[wish.field->name] = std::move(links);
  expected.fields.push_back(std::move(outcome));
  return changed;
}

void Oracle::attach(const Item& item, const LinkWish& wish, Links& links) {
  const auto present = find(links, item.id);
  if (present == links.end() && !admits(*wish.field, item.id, item.path)) return;
  OracleLink link = present == links.end() ? OracleLink{item.id, {}, true} : *present;
  if (item.meta) link.meta = *item.meta;
  if (present != links.end() && !item.at) {
    present->meta = link.meta;
    return;
  }
  const Map* beside = item.at ? item.at->if_map() : nullptr;
  const std::uint64_t anchor = beside == nullptr ? 0 : *id_of(beside->begin()->value);
  if (beside != nullptr && anchor == item.id) {
    return refuse(ErrorCode::wrong_operation, in(item.path, "at"));
  }
  if (beside != nullptr && find(links, anchor) == links.end()) {
    return refuse(ErrorCode::media_not_found, in(item.path, "at"));
  }
  const Links before = links;
  if (present != links.end()) links.erase(present);
  auto place = links.end();
  if (item.at && *item.at == Value("first")) place = links.begin();
  if (beside != nullptr) place = find(links, anchor) + (beside->begin()->name == "after" ? 1 : 0);
  const auto put = links.insert(place, link);
  const auto same_media = [](const OracleLink& a, const OracleLink& b) {
    return a.media == b.media;
  };
  if (!std::equal(links.begin(), links.end(), before.begin(), before.end(), same_media))
    put->is_fresh = true;
}

bool Oracle::admits(const OracleField& field, std::uint64_t media, const std::string& path) {
  const Records& records = next_[kMedia].records;
  const auto found = records.find(media);
  const bool is_there = found != records.end() && media < first_new_media_;
  if (is_there) {
    const auto& values = found->second.values;
    return admits_file(field, *values.at("mime_type").if_text(), *values.at("bytes").if_text(),
                       path);
  }
  refuse(ErrorCode::media_not_found, path);
  return false;
}

bool Oracle::admits_file(const OracleField& field, const std::string& type,
                         const std::string& bytes, const std::string& path) {
  const bool is_of_type = field.mime_type.empty() || type.starts_with("image/");
  const bool is_small = !field.max_bytes || bytes.size() <= *field.max_bytes;
  if (!is_of_type) refuse(ErrorCode::mime_not_allowed, path);
  if (!is_small) refuse(ErrorCode::blob_too_large, path);
  return is_of_type && is_small;
}

void Oracle::check_count(const OracleField& field, std::size_t count, const std::string& path,
                         bool is_whole) {
  const std::size_t most =
      field.kind == OracleField::Kind::medium ? 1 : field.max_items.value_or(1'000'000);
  if (count > most) refuse(ErrorCode::too_many_items, path);
  if (!is_whole) return;  // What was refused is not missing.
  if (count == 0 && field.required) {
    refuse(ErrorCode::required, path);
  } else if (count < field.min_items.value_or(0)) {
    refuse(ErrorCode::too_few_items, path);
  }
}

std::uint64_t Oracle::create(const Creation& creation, const store::Command& command) {
  Entity& media = next_[kMedia];
  const store::PreparedFile& file = command.files[creation.file];
  OracleRecord record{sequence_ + 1, sequence_ + 1, creation.values, {}};
  record.values["mime_type"] = file.mime_type;
  record.values["bytes"] = file.bytes;
  media.records[media.next_id] = std::move(record);
  return media.next_id++;
}

ExpectedMutation Oracle::remove(const Wish& wish) {
  const std::string& entity = wish.mutation->entity;
  if (entity == kMedia) remove_media(wish);
  const OracleRecord owner = next_[entity].records.at(wish.id);
  std::set<std::uint64_t> candidates;
  for (const OracleField& field : schema_.entities.at(entity)) {
    const auto links = owner.links.find(field.name);
    if (!field.is_link() || links == owner.links.end() || links->second.empty()) continue;
    if (field.on_delete == OracleField::OnDelete::restricted) {
      refuse(ErrorCode::restricted, in(wish.path, field.name));
    }
    if (field.on_delete != OracleField::OnDelete::collect) continue;
    for (const OracleLink& link : links->second) candidates.insert(link.media);
  }
  next_[entity].records.erase(wish.id);
  changed_ = true;
  std::set<std::uint64_t> linked;
  for (const auto& [name, others] : next_) {
    for (const auto& [id, record] : others.records) {
      for (const auto& [field, links] : record.links) {
        for (const OracleLink& link : links) linked.insert(link.media);
      }
    }
  }
  for (const std::uint64_t media : candidates) {
    if (!linked.contains(media)) next_[kMedia].records.erase(media);
  }
  return {.id = wish.id, .version = sequence_ + 1};
}

// What links the media lets go of it, where that is asked for.
void Oracle::remove_media(const Wish& wish) {
  for (auto& [name, others] : next_) {
    for (auto& [id, record] : others.records) {
      for (auto& [field, links] : record.links) {
        const auto link = find(links, wish.id);
        if (link == links.end()) continue;
        if (!wish.mutation->detach) {
          refusals_.erase({ErrorCode::still_linked, in(wish.path, "id")});  // Told once.
          refuse(ErrorCode::still_linked, in(wish.path, "id"));
          continue;
        }
        links.erase(link);
        record.version = sequence_ + 1;
        check_count(*schema_.field(name, field), links.size(),
                    name + "/" + std::to_string(id) + "." + field);
      }
    }
  }
}

std::optional<std::vector<Value>> Oracle::unique_key(const OracleIndex& index,
                                                     const OracleRecord& record) const {
  std::vector<Value> key;
  for (const std::string& field : index.fields) {
    key.push_back(shown(*schema_.field(index.entity, field), record));
    if (key.back().is_null()) return std::nullopt;
  }
  return key;
}

void Oracle::check_unique(const std::map<RecordName, std::string>& touched) {
  for (const auto& [name, index] : schema_.indexes) {
    if (!index.unique) continue;  // Also one that records of before stand against.
    for (const auto& [ref, path] : touched) {
      const Records& records = next_[ref.first].records;
      const auto record = records.find(ref.second);
      if (ref.first != index.entity || record == records.end()) continue;
      const auto key = unique_key(index, record->second);
      const Records& earlier = state_[ref.first].records;
      const auto before = earlier.find(ref.second);
      if (!key || (before != earlier.end() && unique_key(index, before->second) == key)) continue;
      const bool taken = std::any_of(
          records.begin(), records.end(), [&, id = ref.second, &unique = index](const auto& other) {
            return other.first != id && unique_key(unique, other.second) == key;
          });
      if (taken) refuse(ErrorCode::not_unique, in(path, index.fields.front()));
    }
  }
}

void Oracle::apply(OracleSchema schema) {
  schema_ = std::move(schema);
  ++sequence_;
}

std::set<std::uint64_t> Oracle::unlinked() const {
  std::set<std::uint64_t> media;
  for (const auto& [id, record] : records("media")) {
    if (uses_of(id).empty()) media.insert(id);
  }
  return media;
}

void Oracle::collect(bool is_commit) {
  for (const std::uint64_t id : unlinked()) state_["media"].records.erase(id);
  if (is_commit) ++sequence_;
}

std::set<std::string> Oracle::contents() const {
  std::set<std::string> bytes;
  for (const auto& [id, record] : records("media"))
    bytes.insert(*record.values.at("bytes").if_text());
  return bytes;
}

const Oracle::Records& Oracle::records(const std::string& entity) const {
  static const Records kNone;
  const auto found = state_.find(entity);
  return found == state_.end() ? kNone : found->second.records;
}

Value Oracle::shown(const OracleField& field, const OracleRecord& record) const {
  const auto value = record.values.find(field.name);
  if (value != record.values.end()) return value->second;
  return field.default_value.value_or(Value());
}

std::vector<Oracle::Use> Oracle::uses_of(std::uint64_t media) const {
  std::vector<Use> uses;
  for (const auto& [name, entity] : state_) {
    for (const auto& [id, record] : entity.records) {
      for (const auto& [field, links] : record.links) {
        if (contains(links, media)) uses.emplace_back(name, id, field);
      }
    }
  }
  std::sort(uses.begin(), uses.end());
  return uses;
}

}  // namespace emstore::testing
