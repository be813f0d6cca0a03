#include "tests/property/author.h"

#include <iterator>

#include "base/hash.h"

namespace emstore::testing {
namespace {

using Kind = OracleField::Kind;
using OnDelete = OracleField::OnDelete;

constexpr const char* kEntities[] = {"products", "products", "products", "pages", "pages", "media"};
constexpr const char* kFiles[] = {"picture a", "picture b",     "picture c",
                                  "%PDF a",    "%PDF at large", "picture at large"};
constexpr std::size_t kSmallBytes = 9;  // Of "picture a".
constexpr const char* kWords[] = {"", "a", "b", "c", "red", "draft"};

store::PreparedFile prepared(std::string bytes) {
  const ContentDigest digest = digest_of(bytes);
  std::string type = bytes.starts_with("%PDF") ? "application/pdf" : "image/png";
  return {std::move(bytes), digest, std::move(type)};
}

}  // namespace

OracleSchema shop_of_stage(std::size_t stage) {
  OracleSchema schema;
  schema.entities["products"] = {
      {.name = "name", .kind = Kind::text, .required = true, .max_length = 8},
      {.name = "price", .kind = Kind::number, .minimum = 0},
      {.name = "sku", .kind = Kind::text},
      {.name = "state", .kind = Kind::text, .default_value = "draft"},
      {.name = "thumbnail", .kind = Kind::medium, .mime_type = "image/*", .max_bytes = kSmallBytes},
      {.name = "gallery", .kind = Kind::media, .max_items = 2, .mime_type = "image/*"},
      {.name = "documents", .kind = Kind::media, .on_delete = OnDelete::collect}};
  schema.entities["pages"] = {
      {.name = "slug", .kind = Kind::text, .required = true},
      {.name = "cover", .kind = Kind::medium, .required = true},
      {.name = "images", .kind = Kind::media, .min_items = 1, .on_delete = OnDelete::restricted}};
  schema.entities["media"] = {{.name = "name", .kind = Kind::text},
                              {.name = "alt", .kind = Kind::text, .max_length = 6}};
  schema.indexes["sku"] = {"products", {"sku"}, true};
  if (stage >= 1) {
    schema.entities["products"].push_back(
        {.name = "colour", .kind = Kind::text, .required = true, .default_value = "red"});
    schema.indexes["by_price"] = {"products", {"price", "name"}, false};
  }
  if (stage >= 2) {
    schema.indexes["name_and_colour"] = {"products", {"colour", "name"}, true};
    for (OracleField& field : schema.entities["products"]) {
      if (field.name == "gallery" || field.name == "documents") field.max_bytes = kSmallBytes;
    }
  }
  if (stage >= 3) {
    schema.entities["pages"].push_back(
        {.name = "rank", .kind = Kind::number, .default_value = 1.0});
    schema.entities["media"].push_back({.name = "rating", .kind = Kind::number, .minimum = 0});
    schema.indexes["slug"] = {"pages", {"slug"}, true};
    schema.indexes["alt_and_name"] = {"media", {"alt", "name"}, true};
  }
  if (stage >= 4) {
    schema.entities["shelves"] = {{.name = "label", .kind = Kind::text},
                                  {.name = "items", .kind = Kind::media, .max_items = 40}};
    schema.indexes["label"] = {"shelves", {"label"}, true};
  }
  return schema;
}

store::Command Author::command() {
  store::Command command;
  media_names_.clear();
  product_names_.clear();
  names_ = 0;
  const std::size_t size = dice_.in(4) ? 2 + dice_.below(4) : 1;
  command.is_transaction = dice_.in(20);
  for (std::size_t i = 0; i < size; ++i) {
    command.mutations.push_back(mutation());
    if (size > 1) name(command.mutations.back());
  }
  // What the author writes as files is bytes: nothing here can be refused.
  static_cast<void>(store::prepare_files(command, prepared));
  if (dice_.in(20)) command.reason = "spring cleaning";
  return command;
}

store::Mutation Author::mutation() {
  if (dice_.in(14)) return many_insertions();
  if (dice_.in(14)) return choice();
  if (dice_.in(14)) return check();
  const std::uint64_t choice = dice_.below(20);
  if (choice < 5) return insertion();
  return choice < 18 ? change() : removal();
}

store::Mutation Author::insertion() {
  std::string entity = dice_.one_of(kEntities);
  if (oracle_.schema().entities.contains("shelves") && dice_.in(8)) entity = "shelves";
  if (dice_.in(60)) entity = "prodcuts";
  Map content = entity == "media" ? created() : Map{};
  if (entity != "media" && entity != "prodcuts") content = document(entity, true);
  return {store::Verb::insert, entity, {}, std::move(content), {}, false};
}

store::Mutation Author::many_insertions() {
  store::Mutation mutation = insertion();
  List documents;
  for (std::size_t i = dice_.below(4); i > 0; --i) {
    const bool is_known = mutation.entity != "prodcuts";
    Map document = mutation.entity == "media" ? created() : Map{};
    if (is_known && mutation.entity != "media") document = this->document(mutation.entity, true);
    documents.emplace_back(std::move(document));
    if (dice_.in(60)) documents.emplace_back(7);
  }
  mutation.document = {};
  mutation.documents = std::move(documents);
  return mutation;
}

store::Mutation Author::choice() {
  const std::string entity = dice_.one_of(kEntities);
  store::Mutation mutation{store::Verb::update, entity, {}, document(entity, false), {}, false};
  if (dice_.in(4)) {
    mutation.verb = store::Verb::remove;
    mutation.document = {};
    mutation.detach = dice_.in(2);
  }
  mutation.choice = store::Choice{where(entity), dice_.in(20), {}, {}};
  if (!dice_.in(3)) mutation.choice->limit = 1 + dice_.below(3);
  if (dice_.in(3)) mutation.choice->order_by = "-id";
  return mutation;
}

store::Mutation Author::check() {
  const std::string entity = dice_.one_of(kEntities);
  const std::uint64_t id = record(entity);
  const auto& records = oracle_.records(entity);
  store::Mutation mutation{store::Verb::check, entity, id, {}, {}, false};
  mutation.exists = dice_.in(8) ? !records.contains(id) : records.contains(id);
  if (dice_.in(3)) {
    mutation.choice = store::Choice{where(entity), false, {}, {}};
    if (dice_.in(2)) mutation.id = Value();
  } else if (mutation.exists && records.contains(id)) {
    mutation.expected = records.at(id).version - (dice_.in(8) ? 1 : 0);
  }
  return mutation;
}

Map Author::where(const std::string& entity) {
  if (dice_.in(20)) return {};
  switch (dice_.below(4)) {
    case 0:
      return Map{{"id", Map{{"$in", List{record(entity), record(entity), record(entity)}}}}};
    case 1:
      return Map{{"id", Map{{dice_.in(2) ? "$gt" : "$lte", record(entity)}}}};
    case 2:
      if (entity == "products") return Map{{"price", Map{{"$gt", dice_.below(8)}}}};
      [[fallthrough]];
    default: {
      const char* field = entity == "media" ? "alt" : entity == "pages" ? "slug" : "name";
      return Map{{field, std::string(dice_.one_of(kWords))}};
    }
  }
}

void Author::name(store::Mutation& mutation) {
  if (mutation.verb != store::Verb::insert || dice_.in(4)) return;
  const bool is_media = mutation.entity == "media";
  if (!is_media && mutation.entity != "products") return;
  mutation.name = "r" + std::to_string(names_++);
  std::vector<std::string>& names = is_media ? media_names_ : product_names_;
  if (!mutation.documents) return names.push_back(mutation.name);
  for (std::size_t i = 0; i < mutation.documents->size(); ++i) {
    names.push_back(mutation.name + "[" + std::to_string(i) + "]");
  }
}

store::Mutation Author::change() {
  std::string entity = dice_.one_of(kEntities);
  if (oracle_.schema().entities.contains("shelves") && dice_.in(4)) entity = "shelves";
  const std::uint64_t id = record(entity);
  store::Mutation mutation{store::Verb::update, entity, id, document(entity, false), {}, false};
  const auto& records = oracle_.records(entity);
  if (dice_.in(8) && records.contains(id))
    mutation.expected = records.at(id).version - dice_.below(2);
  if (dice_.in(80)) mutation.id = "no id";
  if (entity == "products" && !product_names_.empty() && dice_.in(2)) {
    mutation.id = Map{{"$ref", dice_.one_of(product_names_)}};
    mutation.expected.reset();
    return mutation;
  }
  if (records.contains(id) && !dice_.in(2)) return mutation;
  // Links that are there are the better half of the work.
  if (!records.contains(id)) return mutation;
  for (const OracleField& field : oracle_.schema().entities.at(entity)) {
    const auto present = records.at(id).links.find(field.name);
    if (!field.is_link() || present == records.at(id).links.end() || dice_.in(2)) continue;
    mutation.document.set(field.name, links(field, present->second));
  }
  return mutation;
}

store::Mutation Author::removal() {
  const std::string entity = dice_.one_of(kEntities);
  return {store::Verb::remove, entity, record(entity), {}, {}, dice_.in(2)};
}

Map Author::document(const std::string& entity, bool is_new) {
  Map document;
  const auto& fields = oracle_.schema().entities.at(entity);
  for (const OracleField& field : fields) {
    const bool is_needed = is_new && (field.required || field.min_items);
    if (is_needed ? dice_.in(30) : !dice_.in(4)) continue;
    if (field.is_link()) {
      document.set(field.name, links(field, {}));
    } else {
      document.set(field.name, field.kind == Kind::text ? text() : number());
    }
  }
  if (dice_.in(15)) add_flaw(document);
  return document;
}

void Author::add_flaw(Map& document) {
  switch (dice_.below(5)) {
    case 0:
      document.set("nmae", 1);
      break;
    case 1:
      document.set("created_at", 1);
      break;
    case 2:
      document.set("name", 17);
      break;
    case 3:
      document.set("gallery", 3);
      break;
    default:
      document.set("name", "far too long a name");
      break;
  }
}

Value Author::text() {
  if (dice_.in(12)) return {};
  if (dice_.in(40)) return 5;
  return std::string(dice_.one_of(kWords)) + (dice_.in(2) ? std::to_string(dice_.below(40)) : "");
}

Value Author::number() {
  if (dice_.in(10)) return {};
  if (dice_.in(30)) return -1;
  return dice_.in(2) ? Value(dice_.below(10)) : Value(0.5);
}

Value Author::links(const OracleField& field, const std::vector<OracleLink>& present) {
  Map operators;
  const bool one = field.kind == Kind::medium;
  const std::size_t size = dice_.in(4) ? 2 + dice_.below(2) : 1;
  for (std::size_t i = 0; i < size; ++i) {
    const std::uint64_t choice = dice_.below(one ? 42 : 20);
    if (one ? choice < 20 : choice < 4) {
      operators.set("$set", set_argument(field, present));
    } else if (one ? choice < 40 : choice < 7) {
      operators.set("$create", create_argument(field));
    } else if (choice < 11 && !one) {
      operators.set("$detach", detach_argument(present));
    } else if (one) {  // Refused unread: a name in it would name nothing.
      operators.set("$attach", List{media(present)});
    } else {
      operators.set("$attach", attach_argument(present));
    }
  }
  if (dice_.in(60)) operators.set("$attahc", List{1});
  if (dice_.in(60)) operators = Map{};
  return operators;
}

Value Author::set_argument(const OracleField& field, const std::vector<OracleLink>& present) {
  if (field.kind == Kind::medium) {
    if (dice_.in(5)) return dice_.in(2) ? Value() : Value(Map{{"id", Value()}});
    if (dice_.in(20)) return List{media(present), media(present)};
    return item(media(present), present, dice_.in(30));
  }
  List items;
  std::vector<OracleLink> rest = present;
  while (!rest.empty() && !dice_.in(5)) {
    const auto place = rest.begin() + static_cast<std::ptrdiff_t>(dice_.below(rest.size()));
    items.push_back(item(place->media, present, dice_.in(40)));
    rest.erase(place);
    if (dice_.in(4)) items.push_back(item(media(present), present, false));
  }
  if (items.empty() && !dice_.in(3)) items.push_back(item(media({}), present, false));
  return items;
}

Value Author::attach_argument(const std::vector<OracleLink>& present) {
  List items;
  for (std::size_t i = 1 + dice_.below(3); i > 0; --i) {
    items.push_back(item(media(present), present, dice_.in(2)));
    // What stands beside another item of the same request.
    const Map* last = items.back().if_map();
    if (last == nullptr || !dice_.in(4)) continue;
    const char* word = dice_.in(2) ? "before" : "after";
    items.push_back(Map{{"id", media(present)}, {"at", Map{{word, *last->find("id")}}}});
  }
  if (items.size() == 1 && dice_.in(4)) return items.front();
  return items;
}

Value Author::detach_argument(const std::vector<OracleLink>& present) {
  List items;
  for (std::size_t i = 1 + dice_.below(2); i > 0; --i) items.push_back(media(present));
  if (dice_.in(40)) items.push_back(Map{{"id", media(present)}, {"meta", Map{}}});
  return items;
}

Value Author::create_argument(const OracleField& field) {
  if (dice_.in(60)) return "no file";
  if (field.kind == Kind::medium || dice_.in(2)) return created();
  List items;
  for (std::size_t i = 1 + dice_.below(2); i > 0; --i) items.push_back(created());
  return items;
}

Map Author::created() {
  Map document;
  if (!dice_.in(40)) document.set("file", Binary{dice_.one_of(kFiles)});
  if (dice_.in(3)) document.set("name", text());
  if (dice_.in(3)) document.set("alt", text());
  if (dice_.in(40)) document.set("mime_type", "image/gif");
  if (dice_.in(40)) document.set("gallery", Map{{"$attach", List{1}}});
  return document;
}

Value Author::item(std::uint64_t id, const std::vector<OracleLink>& present, bool may_be_placed) {
  const bool is_named = !media_names_.empty() && dice_.in(2);
  const bool is_plain = !may_be_placed && !dice_.in(5) && !is_named;
  if (is_plain) return id;
  Map item{{"id", id}};
  if (is_named) item.set("id", Map{{"$ref", dice_.one_of(media_names_)}});
  if (dice_.in(3)) item.set("meta", dice_.in(4) ? Value() : Value(Map{{"alt", dice_.below(3)}}));
  if (!may_be_placed) return item;
  switch (dice_.below(8)) {
    case 0:
    case 1:
      item.set("at", "first");
      break;
    case 2:
      item.set("at", "last");
      break;
    case 3:
      if (dice_.in(6)) item.set("at", "middle");
      break;
    default:
      item.set("at", Map{{dice_.in(2) ? "before" : "after", media(present)}});
      break;
  }
  return item;
}

// One that is linked already, one that is there, or one that is not.
std::uint64_t Author::media(const std::vector<OracleLink>& present) {
  if (!present.empty() && dice_.in(2)) return dice_.one_of(present).media;
  return record("media");
}

std::uint64_t Author::record(const std::string& entity) {
  const auto& records = oracle_.records(entity);
  if (records.empty() || dice_.in(40)) return 1 + dice_.below(400);
  return std::next(records.begin(), static_cast<std::ptrdiff_t>(dice_.below(records.size())))
      ->first;
}

}  // namespace emstore::testing
