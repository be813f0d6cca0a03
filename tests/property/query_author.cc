#include <algorithm>
#include <utility>

#include "tests/property/query_model.h"

namespace emstore::testing {
namespace {

constexpr std::uint64_t kItems = 30;
constexpr std::uint64_t kMediaRecords = 9;

// Few values, so that they meet often.
Value random_value(Dice& dice, const std::string& type) {
  if (type == "id" || type == "relation") return 1 + dice.below(kItems + 2);
  if (type == "text")
    return dice.one_of({"a", "b", "ab", "ba", "A", "é", "aé", "a%", "b_", "ab c"});
  if (type == "number") {
    return dice.in(3) ? Value(static_cast<double>(dice.below(5)) - 1.5) : Value(dice.below(4));
  }
  if (type == "boolean") return dice.in(2);
  if (type == "date") return dice.one_of({"2023-12-31", "2024-02-29", "1969-07-20"});
  if (type == "datetime") {
    return dice.one_of({"2024-01-01T00:00:00Z", "2024-01-01T00:00:01Z", "1969-12-31T23:59:59Z"});
  }
  return dice.one_of({"book", "lamp", "pen"});
}

Value random_scalar(Dice& dice) {
  return random_value(dice, dice.one_of({"text", "number", "number", "boolean"}));
}

std::string random_way(Dice& dice) {
  return dice.one_of({"a", "b.c", "list.0", "list.1.d", "none", "0"});
}

Value random_json(Dice& dice) {
  if (dice.in(6)) return random_scalar(dice);
  if (dice.in(6)) return List{random_scalar(dice), random_scalar(dice)};
  Map map;
  if (!dice.in(4)) map.set("a", dice.in(6) ? Value() : random_scalar(dice));
  if (!dice.in(3)) map.set("b", Map{{"c", random_scalar(dice)}});
  if (!dice.in(3)) map.set("list", List{random_scalar(dice), Map{{"d", random_scalar(dice)}}});
  return map;
}

Value random_of(Dice& dice, const std::string& type) {
  return type == "json" ? random_json(dice) : random_value(dice, type);
}

// Leads to media and to items before it.
ModelRecord random_item(Dice& dice, const Model& model, std::uint64_t id) {
  ModelRecord record;
  for (const ModelField& field : model.fields) {
    if (field.is_link()) {
      Ids& links = record.links[field.name];
      if (field.type == "side") continue;
      const std::size_t most = field.type == "medium" ? 1 : 4;
      const std::uint64_t last = field.target == "media" ? kMediaRecords : id - 1;
      for (std::uint64_t other = 1; other <= last && links.size() < most; ++other) {
        if (dice.in(4)) links.push_back(other);
      }
    } else if (field.type == "relation") {
      if (id > 1 && !dice.in(4)) record.values.set(field.name, 1 + dice.below(id - 1));
    } else if (!dice.in(4)) {
      record.values.set(field.name, random_of(dice, field.type));
    }
  }
  return record;
}

// What the relations between items look like from their other ends.
void add_sides(Model& model) {
  for (auto& [id, item] : model.items) {
    if (const Value* parent = item.values.find("parent_id")) {
      const auto to = static_cast<std::uint64_t>(*parent->if_integer());
      item.links["parent"] = {to};
      model.items.at(to).links["children"].push_back(id);
    }
    for (const std::uint64_t to : item.links.at("related")) {
      model.items.at(to).links["related_by"].push_back(id);
    }
  }
}

// ---- Conditions ---------------------------------------------------------------------------------

// What a test asks for: a name, possibly a path, and the type of what is there.
struct Asked {
  std::string name, type;
};

class WhereAuthor {
 public:
  WhereAuthor(Dice& dice, const Model& model, Language language)
      : dice_(dice), model_(model), language_(language) {}

  Map where(std::size_t depth) {
    Map where;
    const std::size_t size = dice_.below(3) + (depth == 0 ? 1 : 0);
    for (std::size_t i = 0; i < size; ++i) {
      if (depth < 3 && dice_.in(3)) {
        const std::string logic = dice_.one_of({"$and", "$or", "$or", "$not"});
        where.set(logic, dice_.in(2) ? Value(this->where(depth + 1)) : wheres(depth + 1));
      } else {
        const Asked asked = random_name();
        where.set(asked.name, test_of(asked));
      }
    }
    return where;
  }

 private:
  Value wheres(std::size_t depth) {
    List list;
    for (std::size_t part = dice_.below(3); part > 0; --part) list.push_back(where(depth));
    return list;
  }

  Asked random_name(std::size_t depth = 0) {
    if (dice_.in(7)) return {"id", "id"};
    const ModelField& field = dice_.one_of(model_.fields);
    if (field.type == "json" && language_ == Language::of_sql) return random_name(depth);
    if (field.type == "json" && !dice_.in(4)) {
      return {field.name + "." + random_way(dice_), "json"};
    }
    if (!field.is_link()) return {field.name, field.type};
    if (depth == 3 || dice_.in(5)) return {field.name, "link"};
    if (dice_.in(4)) return {field.name + ".id", "id"};
    const ModelField& of_media = dice_.one_of(model_.media_fields);
    const Asked inner =
        field.target == "media" ? Asked{of_media.name, of_media.type} : random_name(depth + 1);
    return {field.name + "." + inner.name, inner.type};
  }

  Value operand(const std::string& type) {
    if (type == "link") return 1 + dice_.below(kMediaRecords);
    return type == "json" ? random_scalar(dice_) : random_value(dice_, type);
  }

  Value operands(const std::string& type, std::size_t size) {
    List list;
    for (std::size_t i = 0; i < size; ++i) list.push_back(operand(type));
    return list;
  }

  Value test_of(const Asked& asked) {
    if (dice_.in(3)) return operand(asked.type);
    if (asked.type == "json" && dice_.in(8)) return Map{{"$eq", random_json(dice_)}};
    Map operators;
    for (std::size_t part = 1 + dice_.below(2); part > 0; --part) {
      Map::Member member = random_operator(asked.type);
      operators.set(member.name, member.value);
    }
    if (asked.type != "link" && dice_.in(10)) return Map{{"$not", std::move(operators)}};
    if (dice_.in(10)) {
      Map other;
      Map::Member member = random_operator(asked.type);
      other.set(member.name, member.value);
      return Map{{"$or", List{std::move(operators), std::move(other)}}};
    }
    return operators;
  }

  Map::Member random_operator(const std::string& type) {
    const bool is_text = type == "text" || type == "enum" || type == "json";
    if (is_text && dice_.in(3)) return random_text_operator();
    switch (dice_.below(5)) {
      case 0:
        if (type != "link") return {"$between", operands(type, 2)};
        break;
      case 1:
        return {dice_.in(2) ? "$in" : "$notin", operands(type, dice_.below(4))};
      case 2:
        return {"$isnull", dice_.in(2)};
      default:
        break;
    }
    std::string op = dice_.one_of({"$eq", "$ne", "$gt", "$gte", "$lt", "$lte"});
    if (type == "link") op = dice_.one_of({"$eq", "$ne"});
    const bool may_be_null = op == "$eq" || op == "$ne";
    return {op, may_be_null && dice_.in(6) ? Value() : operand(type)};
  }

  Map::Member random_text_operator() {
    if (dice_.in(3)) {
      const std::string op = language_ == Language::of_sql || dice_.in(2) ? "$like" : "$ilike";
      return {op, dice_.one_of({"a%", "%b", "_", "%", "A_", "a\\%", "%a%", "b__k", "é%", "ab"})};
    }
    return {dice_.one_of({"$startsWith", "$endsWith", "$contains"}),
            dice_.one_of({"a", "b", "é", "ab", "", "boo", "%"})};
  }

  Dice& dice_;
  const Model& model_;
  Language language_;
};

Map typed_field(const std::string& type, Map config = {}) {
  return Map{{"type", type}, {"config", std::move(config)}};
}

// Of items to items.
Map related(const char* type, const char* mapped_by, const char* inversed_by) {
  return Map{{"type", type},
             {"source", "items"},
             {"target", "items"},
             {"config", Map{{"mappedBy", mapped_by}, {"inversedBy", inversed_by}}}};
}

}  // namespace

Map Model::schema() const {
  Map of_items, indices;
  Map relations{{"parent", related("n:1", "parent", "children")},
                {"related", related("m:n", "related", "related_by")}};
  for (const ModelField& field : fields) {
    if (field.type == "relation" || field.target == "items") continue;  // Made by its relation.
    Map config;
    if (field.type == "enum") {
      config.set("options", Map{{"type", "strings"}, {"values", List{"book", "lamp", "pen"}}});
    }
    if (!field.default_value.is_null()) config.set("default_value", field.default_value);
    of_items.set(field.name, typed_field(field.is_link() ? "media" : field.type, config));
    if (!field.is_link()) continue;
    Map mapped{{"mappedBy", field.name}};
    if (field.type == "medium") mapped.set("targetCardinality", 1);
    relations.set(field.name, Map{{"type", "poly"},
                                  {"source", "items"},
                                  {"target", "media"},
                                  {"config", std::move(mapped)}});
  }
  for (const std::vector<std::string>& index : indexes) {
    List names;
    std::string name = "idx_items";
    for (const std::string& one : index) {
      names.emplace_back(one);
      name += "_" + one;
    }
    indices.set(name, Map{{"entity", "items"}, {"fields", std::move(names)}});
  }
  const Map of_media{
      {"type", "system"},
      {"fields", Map{{"alt", typed_field("text")}, {"rank", typed_field("number")}}}};
  indices.set("idx_media_rank", Map{{"entity", "media"}, {"fields", List{"rank"}}});
  return Map{
      {"entities", Map{{"items", Map{{"fields", std::move(of_items)}}}, {"media", of_media}}},
      {"relations", std::move(relations)},
      {"indices", std::move(indices)}};
}

const ModelField& Model::field(const std::string& name) const {
  static const ModelField kId{"id", "id"};
  const auto is_it = [&name](const ModelField& field) { return field.name == name; };
  const auto found = std::find_if(fields.begin(), fields.end(), is_it);
  if (found != fields.end()) return *found;
  const auto of_media = std::find_if(media_fields.begin(), media_fields.end(), is_it);
  return of_media == media_fields.end() ? kId : *of_media;
}

const std::map<std::uint64_t, ModelRecord>& Model::targets(const ModelField& link) const {
  return link.target == "media" ? media : items;
}

Model random_model(Dice& dice) {
  Model model;
  model.media_fields = {{"alt", "text"}, {"rank", "number"}};
  std::vector<std::string> indexed;
  for (std::size_t i = 0; i < 6; ++i) {
    ModelField field{"f" + std::to_string(i),
                     dice.one_of({"text", "number", "boolean", "date", "datetime", "enum"})};
    if (dice.in(4)) field.default_value = random_value(dice, field.type);
    indexed.push_back(field.name);
    model.fields.push_back(std::move(field));
  }
  model.fields.push_back({"tree", "json"});
  model.fields.push_back({"cover", "medium", {}, "media"});
  model.fields.push_back({"gallery", "media", {}, "media"});
  model.fields.push_back({"related", "links", {}, "items"});
  model.fields.push_back({"parent_id", "relation"});
  model.fields.push_back({"parent", "side", {}, "items", "parent_id"});
  model.fields.push_back({"children", "side", {}, "items"});
  model.fields.push_back({"related_by", "side", {}, "items"});
  indexed.emplace_back("parent_id");
  for (std::size_t i = dice.below(4); i > 0; --i) {
    std::shuffle(indexed.begin(), indexed.end(), std::mt19937_64(dice.below(1000)));
    model.indexes.emplace_back(indexed.begin(),
                               indexed.begin() + 1 + static_cast<std::ptrdiff_t>(dice.below(3)));
  }
  std::sort(model.indexes.begin(), model.indexes.end());
  model.indexes.erase(std::unique(model.indexes.begin(), model.indexes.end()), model.indexes.end());
  for (std::uint64_t id = 1; id <= kMediaRecords; ++id) {
    ModelRecord medium;
    for (const ModelField& field : model.media_fields) {
      if (!dice.in(4)) medium.values.set(field.name, random_value(dice, field.type));
    }
    model.media.emplace(id, std::move(medium));
  }
  for (std::uint64_t id = 1; id <= kItems; ++id) {
    model.items.emplace(id, random_item(dice, model, id));
  }
  add_sides(model);
  return model;
}

Map ModelQuery::to_map() const {
  Map map{{"where", where}};
  List terms;
  for (const ModelOrder& term : order) terms.push_back((term.descending ? "-" : "") + term.name);
  if (!terms.empty()) map.set("orderBy", std::move(terms));
  if (limit) map.set("limit", *limit);
  if (offset > 0) map.set("offset", offset);
  return map;
}

ModelQuery random_query(Dice& dice, const Model& model, Language language) {
  ModelQuery query;
  query.where = WhereAuthor(dice, model, language).where(0);
  for (std::size_t terms = dice.below(4); terms > 0; --terms) {
    const ModelField& field = dice.one_of(model.fields);
    const std::string name = dice.in(6) ? "id" : field.name;
    if (name != "id" && field.is_link()) continue;
    const bool is_json = name != "id" && field.type == "json";
    if (is_json && language == Language::of_sql) continue;
    query.order.push_back({is_json ? name + "." + random_way(dice) : name, dice.in(2)});
  }
  if (dice.in(2)) query.limit = 1 + dice.below(11);
  if (dice.in(3)) query.offset = dice.below(6);
  return query;
}

}  // namespace emstore::testing
