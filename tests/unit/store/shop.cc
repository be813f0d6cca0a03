#include "tests/unit/store/shop.h"

#include <cctype>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "store/field_rules.h"
#include "store/index_keys.h"
#include "store/schema_change.h"

namespace emstore::store {
namespace {

class JsonReader {
 public:
  explicit JsonReader(std::string_view json) : rest_(json) {}

  Value read_all() {
    Value value = read();
    skip_blanks();
    EMSTORE_CHECK(rest_.empty());
    return value;
  }

 private:
  Value read() {
    skip_blanks();
    EMSTORE_CHECK(!rest_.empty());
    if (take('{')) return read_map();
    if (take('[')) return read_list();
    if (rest_.front() == '\'' || rest_.front() == '"') return read_quoted();
    return read_word();
  }

  Map read_map() {
    Map map;
    while (!take('}')) {
      skip_blanks();
      const bool is_quoted = rest_.front() == '\'' || rest_.front() == '"';
      std::string name = is_quoted ? read_quoted() : std::string(take_word());
      EMSTORE_CHECK(take(':'));
      map.append(std::move(name), read());
      take(',');
    }
    return map;
  }

  List read_list() {
    List list;
    while (!take(']')) {
      list.push_back(read());
      take(',');
    }
    return list;
  }

  std::string read_quoted() {
    const std::size_t end = rest_.find(rest_.front(), 1);
    EMSTORE_CHECK(end != std::string_view::npos);
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }

  Value read_word() {
    const std::string_view word = take_word();
    if (word == "null") return nullptr;
    if (word == "true" || word == "false") return word == "true";
    std::int64_t integer = 0;
    const char* const end = word.data() + word.size();
    if (std::from_chars(word.data(), end, integer).ptr == end) return integer;
    double number = 0;
    if (std::from_chars(word.data(), end, number).ptr == end) return number;
    return word;
  }

  std::string_view take_word() {
    std::size_t size = 0;
    while (size < rest_.size() &&
           (std::isalnum(static_cast<unsigned char>(rest_[size])) != 0 ||
            std::string_view("_$.+-").find(rest_[size]) != std::string_view::npos)) {
      ++size;
    }
    EMSTORE_CHECK(size > 0);
    const std::string_view word = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return word;
  }

  bool take(char sign) {
    skip_blanks();
    if (!rest_.starts_with(sign)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void skip_blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n'))
      rest_.remove_prefix(1);
  }

  std::string_view rest_;
};

constexpr std::string_view kShopSchema = R"({
  entities: {
    products: {fields: {
      name: {type: text}, price: {type: number}, active: {type: boolean}, made: {type: date, config: {type: date}},
      seen: {type: datetime}, kind: {type: enum, config: {options: {type: strings, values: [book, lamp, pen]}}},
      extra: {type: json}, secret: {type: text, config: {hidden: true}},
      stock: {type: number, config: {default_value: 7}},
      thumbnail: {type: medium}, gallery: {type: media}, documents: {type: media, config: {with_limit: 2}}}},
    media: {type: system, fields: {alt: {type: text}}}},
  relations: {
    a: {type: poly, source: products, target: media, config: {mappedBy: thumbnail, targetCardinality: 1}},
    b: {type: poly, source: products, target: media, config: {mappedBy: gallery}},
    c: {type: poly, source: products, target: media, config: {mappedBy: documents}}},
  indices: {
    idx_unique_products_name: {entity: products, fields: [name], unique: true},
    idx_products_kind_price: {entity: products, fields: [kind, price]}}})";

Reply reply_of(const Result<Found>& found, ValueSink& sink, std::string plan) {
  if (!found) return {to_text(found.error()), {}, {}, std::move(plan)};
  Value value = sink.take();
  return {to_string(value), value, *found, std::move(plan)};
}

using Find = Result<Found> (*)(const Reader&, const Schema&, const Query&, const Plan&,
                               const QueryLimits&, Sink&);

Reply find(Find how, const Shop& shop, std::string_view entity, const Map& given) {
  const Result<Query> query = resolve_query(shop.schema, entity, given);
  if (!query) return {to_text(query.error()), {}, {}, {}};
  const Plan plan = plan_of(shop.schema, *query, [](IndexId) { return true; });
  ValueSink sink;
  return reply_of(how(shop.rows, shop.schema, *query, plan, shop.limits, sink), sink, plan.text);
}

}  // namespace

Value value_of(std::string_view json) { return JsonReader(json).read_all(); }

Map map_of(std::string_view json) {
  Value value = value_of(json);
  EMSTORE_CHECK(value.if_map() != nullptr);
  return std::move(*value.if_map());
}

Schema shop_schema() {
  Result<SchemaChange> change = change_schema(initial_schema(), map_of(kShopSchema));
  if (!change) std::fprintf(stderr, "%s\n", to_string(change.error()).c_str());
  EMSTORE_CHECK(change);
  // Schemas cannot ask for it yet; queries go to any depth.
  Entity& media = change->next.entities.front();
  EMSTORE_CHECK(media.id == kMediaEntity);
  Field previews;
  previews.id = FieldId{media.next_field++};
  previews.name = "previews";
  previews.kind = FieldKind::media;
  media.fields.push_back(std::move(previews));
  return std::move(change->next);
}

RecordRef Shop::record(std::string_view entity, std::uint64_t id) const {
  return {schema.entity(entity)->id, RecordId(id)};
}

FieldValues Shop::stored(const Entity& entity, const Map& fields) const {
  FieldValues values;
  for (const auto& [name, value] : fields) {
    const Field* field = entity.field(name);
    EMSTORE_CHECK(field != nullptr);
    const Result<Value> form = stored_form(*field, value);
    EMSTORE_CHECK(form);
    values.set(field->id, *form);
  }
  return values;
}

void Shop::put(Family family, std::string key, std::string value) {
  rows.apply({family, std::move(key), std::move(value)});
}

void Shop::add(std::string_view entity_name, std::uint64_t id, const Map& fields) {
  const Entity& entity = *schema.entity(entity_name);
  FieldValues values = stored(entity, fields);
  if (entity.id == kMediaEntity) {
    values.set(kMediaBlob, Binary{to_bytes(Address{{static_cast<std::uint8_t>(id)}, 0})});
    values.set(kMediaSha256, Binary{std::string(32, static_cast<char>(id))});
  }
  const RecordRef record{entity.id, RecordId(id)};
  const Time time{static_cast<std::int64_t>(id) * 1'000'000};
  OwnerRow row{id, time, time, pack_fields(values), {}};
  if (row.fields->size() > kInlineFieldsBytesMax) {
    put(Family::bodies, record_key(record), *std::exchange(row.fields, std::nullopt));
  }
  put(Family::records, record_key(record), encode(row));
  for (const Index* index : schema.indexes_of(entity.id)) {
    const Result<std::string> key = index_key(entity, *index, values, record.id);
    EMSTORE_CHECK(key);
    put(Family::values, *key, {});
  }
  CounterRow counter;
  if (const auto before = rows.get(Family::counters, counter_key(entity.id)); *before) {
    counter = *decode_counter(**before);
  }
  put(Family::counters, counter_key(entity.id), encode(CounterRow{id + 1, counter.records + 1}));
}

void Shop::add_media(std::uint64_t id, std::string_view fields) {
  Map all{{"name", std::to_string(id) + ".png"}, {"mime_type", "image/png"}, {"size", id * 100}};
  for (const auto& [name, value] : map_of(fields)) all.set(name, value);
  add("media", id, all);
}

void Shop::link(std::string_view entity, std::uint64_t owner_id, std::string_view field_name,
                std::uint64_t media, bool covered, std::string_view meta) {
  const RecordRef owner = record(entity, owner_id);
  const RecordRef target = record("media", media);
  const Field& field = *schema.entity(entity)->field(field_name);
  const std::string prefix = link_prefix(owner, field.id);
  OrderKey order;
  if (field.kind == FieldKind::media)
    order = append_key(kFirstAppendNumber + link_numbers_[prefix]++);
  const auto target_row = rows.get(Family::records, record_key(target));
  EMSTORE_CHECK(target_row && *target_row);
  LinkRow row{target, value_of(meta), covered, std::nullopt};
  if (covered) row.cover = cover_of(*decode_owner(**target_row));
  put(Family::links, link_key(owner, field.id, order), encode(row));
  put(Family::backlinks, backlink_key(target, covered, owner, field.id),
      encode(BacklinkRow{order, EventPlace{1000 + links_++, 0}}));
}

std::string to_text(const Error& error) {
  std::string text(name_of(error.code));
  if (!error.path.empty()) text += " at " + error.path;
  text += ": " + error.message;
  if (!error.hint.empty()) text += "; " + error.hint;
  return text;
}

Reply find_many(const Shop& shop, std::string_view entity, const Map& query) {
  return find(find_many, shop, entity, query);
}

Reply find_many(const Shop& shop, std::string_view entity, std::string_view query) {
  return find_many(shop, entity, map_of(query));
}

Reply find_one(const Shop& shop, std::string_view entity, std::string_view query) {
  return find(find_one, shop, entity, map_of(query));
}

std::string ids(const Shop& shop, std::string_view entity, Map query) {
  query.set("select", List{"id"});
  const Reply reply = find_many(shop, entity, query);
  if (reply.value.if_list() == nullptr) return reply.text;
  std::string text;
  for (const Value& item : *reply.value.if_list()) {
    if (!text.empty()) text += ' ';
    text += to_string(*item.if_map()->find("id"));
  }
  return text;
}

std::string ids(const Shop& shop, std::string_view entity, std::string_view query) {
  return ids(shop, entity, map_of(query));
}

}  // namespace emstore::store
