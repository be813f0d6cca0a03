#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <span>

#include "base/suggest.h"
#include "store/json_schema.h"
#include "store/json_schema_node.h"

namespace emstore::store {
namespace {

constexpr int kDepthMax = 32;

std::string step(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}
std::string step(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

tl::unexpected<Error> wrong(const std::string& path, std::string message, std::string hint = {}) {
  return failure(ErrorCode::invalid_schema, std::move(message), path, std::move(hint));
}

Result<double> number_of(const Value& given, const std::string& path) {
  if (const std::int64_t* integer = given.if_integer()) return static_cast<double>(*integer);
  if (const double* number = given.if_number(); number != nullptr && std::isfinite(*number)) {
    return *number;
  }
  return wrong(path, "is a number, not " + std::string(name_of(given.kind())));
}

Result<std::uint64_t> count_of(const Value& given, const std::string& path) {
  constexpr double kCountMax = 9007199254740992;
  const Result<double> number = number_of(given, path);
  if (!number || *number < 0 || *number > kCountMax || *number != std::floor(*number)) {
    return wrong(path, "is a whole number from 0, not " + brief(given));
  }
  return static_cast<std::uint64_t>(*number);
}

Result<std::vector<std::string>> texts_of(const Value& given, const std::string& path) {
  const List* list = given.if_list();
  std::vector<std::string> texts;
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    if ((*list)[i].if_text() == nullptr) return wrong(step(path, i), "is a text");
    texts.push_back(*(*list)[i].if_text());
  }
  if (list == nullptr) return wrong(path, "is a list of texts");
  return texts;
}

Result<std::unique_ptr<RE2>> pattern_of(std::string_view text, const std::string& path) {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(1 << 20);
  auto pattern = std::make_unique<RE2>(re2::StringPiece(text.data(), text.size()), options);
  if (pattern->ok()) return pattern;
  return wrong(path, quoted(text) + " is not RE2: " + pattern->error(),
               "look-around and back-references are not part of RE2");
}

constexpr std::array<std::pair<std::string_view, std::uint8_t>, 7> kTypeBits{{
    {"null", kJsonNull},
    {"boolean", kJsonBoolean},
    {"number", kJsonNumber},
    {"integer", kJsonInteger},
    {"string", kJsonString},
    {"array", kJsonArray},
    {"object", kJsonObject},
}};

// Reads one document; nodes are made once for each place in it, so that $ref may go round.
class JsonSchemaReading {
 public:
  explicit JsonSchemaReading(const Map& source) : source_(source) {}

  Result<std::unique_ptr<JsonSchemaNode>> read() && {
    auto root = std::make_unique<JsonSchemaNode>();
    places_.emplace(&source_, root.get());
    EMSTORE_CHECKED(fill(*root, source_, "", 0));
    // One place leads to others: the list grows while it is gone through.
    for (std::size_t i = 0; i < references_.size(); ++i) {
      const Reference reference = references_[i];
      EMSTORE_TRY(reference.node->reference, node_of(*reference.target, reference.path, 0));
    }
    EMSTORE_CHECKED(check_rings(*root));
    for (const auto& node : owned_) EMSTORE_CHECKED(check_rings(*node));
    root->owned = std::move(owned_);
    return root;
  }

 private:
  using Take = Status (JsonSchemaReading::*)(JsonSchemaNode&, const Value&, const std::string&,
                                             int);
  struct Keyword {
    std::string_view name;
    Take take;
  };
  static std::span<const Keyword> keywords();

  Result<const JsonSchemaNode*> node_of(const Value& given, const std::string& path, int depth);
  Status fill(JsonSchemaNode& node, const Map& source, const std::string& path, int depth);
  Status check_rings(const JsonSchemaNode& node) const;

  template <auto Member>
  Status number(JsonSchemaNode& node, const Value& given, const std::string& path, int) {
    EMSTORE_TRY(node.*Member, number_of(given, path));
    return {};
  }
  template <auto Member>
  Status count(JsonSchemaNode& node, const Value& given, const std::string& path, int) {
    EMSTORE_TRY(node.*Member, count_of(given, path));
    return {};
  }
  template <auto Member>
  Status schema(JsonSchemaNode& node, const Value& given, const std::string& path, int depth) {
    EMSTORE_TRY(node.*Member, node_of(given, path, depth));
    return {};
  }
  template <auto Member>
  Status schemas(JsonSchemaNode& node, const Value& given, const std::string& path, int depth) {
    const List* list = given.if_list();
    if (list == nullptr || list->empty()) return wrong(path, "is a list of schemas");
    for (std::size_t i = 0; i < list->size(); ++i) {
      EMSTORE_TRY(const JsonSchemaNode* one, node_of((*list)[i], step(path, i), depth));
      (node.*Member).push_back(one);
    }
    return {};
  }
  Status annotation(JsonSchemaNode&, const Value&, const std::string&, int) { return {}; }
  Status type(JsonSchemaNode& node, const Value& given, const std::string& path, int);
  Status choices(JsonSchemaNode& node, const Value& given, const std::string& path, int);
  Status constant(JsonSchemaNode& node, const Value& given, const std::string& path, int);
  Status multiple(JsonSchemaNode& node, const Value& given, const std::string& path, int);
  Status pattern(JsonSchemaNode& node, const Value& given, const std::string& path, int);
  Status format(JsonSchemaNode& node, const Value& given, const std::string& path, int);
  Status items(JsonSchemaNode& node, const Value& given, const std::string& path, int depth);
  Status unique(JsonSchemaNode& node, const Value& given, const std::string& path, int);
  Status required(JsonSchemaNode& node, const Value& given, const std::string& path, int);
  Status properties(JsonSchemaNode& node, const Value& given, const std::string& path, int depth);
  Status patterns(JsonSchemaNode& node, const Value& given, const std::string& path, int depth);
  Status dependencies(JsonSchemaNode& node, const Value& given, const std::string& path, int depth);
  Status definitions(JsonSchemaNode&, const Value& given, const std::string& path, int depth);
  Status reference(JsonSchemaNode& node, const Value& given, const std::string& path, int);

  // Followed when all else is read, so that a way through many of them is no depth.
  struct Reference {
    JsonSchemaNode* node;
    const Value* target;
    std::string path;
  };

  const Map& source_;
  std::vector<Reference> references_;
  std::map<const void*, JsonSchemaNode*> places_;  // By where the schema stands in the document.
  std::vector<std::unique_ptr<JsonSchemaNode>> owned_;
};

std::span<const JsonSchemaReading::Keyword> JsonSchemaReading::keywords() {
  static constexpr Keyword kKeywords[] = {
      {"$schema", &JsonSchemaReading::annotation},
      {"$id", &JsonSchemaReading::annotation},
      {"$comment", &JsonSchemaReading::annotation},
      {"title", &JsonSchemaReading::annotation},
      {"description", &JsonSchemaReading::annotation},
      {"default", &JsonSchemaReading::annotation},
      {"examples", &JsonSchemaReading::annotation},
      {"deprecated", &JsonSchemaReading::annotation},
      {"readOnly", &JsonSchemaReading::annotation},
      {"writeOnly", &JsonSchemaReading::annotation},
      {"definitions", &JsonSchemaReading::definitions},
      {"$defs", &JsonSchemaReading::definitions},
      {"$ref", &JsonSchemaReading::reference},
      {"type", &JsonSchemaReading::type},
      {"enum", &JsonSchemaReading::choices},
      {"const", &JsonSchemaReading::constant},
      {"minimum", &JsonSchemaReading::number<&JsonSchemaNode::minimum>},
      {"maximum", &JsonSchemaReading::number<&JsonSchemaNode::maximum>},
      {"exclusiveMinimum", &JsonSchemaReading::number<&JsonSchemaNode::exclusive_minimum>},
      {"exclusiveMaximum", &JsonSchemaReading::number<&JsonSchemaNode::exclusive_maximum>},
      {"multipleOf", &JsonSchemaReading::multiple},
      {"minLength", &JsonSchemaReading::count<&JsonSchemaNode::min_length>},
      {"maxLength", &JsonSchemaReading::count<&JsonSchemaNode::max_length>},
      {"pattern", &JsonSchemaReading::pattern},
      {"format", &JsonSchemaReading::format},
      {"items", &JsonSchemaReading::items},
      {"additionalItems", &JsonSchemaReading::schema<&JsonSchemaNode::items>},
      {"minItems", &JsonSchemaReading::count<&JsonSchemaNode::min_items>},
      {"maxItems", &JsonSchemaReading::count<&JsonSchemaNode::max_items>},
      {"uniqueItems", &JsonSchemaReading::unique},
      {"contains", &JsonSchemaReading::schema<&JsonSchemaNode::contains>},
      {"required", &JsonSchemaReading::required},
      {"minProperties", &JsonSchemaReading::count<&JsonSchemaNode::min_properties>},
      {"maxProperties", &JsonSchemaReading::count<&JsonSchemaNode::max_properties>},
      {"properties", &JsonSchemaReading::properties},
      {"patternProperties", &JsonSchemaReading::patterns},
      {"additionalProperties", &JsonSchemaReading::schema<&JsonSchemaNode::other_properties>},
      {"propertyNames", &JsonSchemaReading::schema<&JsonSchemaNode::names>},
      {"dependencies", &JsonSchemaReading::dependencies},
      {"dependentRequired", &JsonSchemaReading::dependencies},
      {"dependentSchemas", &JsonSchemaReading::dependencies},
      {"allOf", &JsonSchemaReading::schemas<&JsonSchemaNode::all>},
      {"anyOf", &JsonSchemaReading::schemas<&JsonSchemaNode::any>},
      {"oneOf", &JsonSchemaReading::schemas<&JsonSchemaNode::one>},
      {"not", &JsonSchemaReading::schema<&JsonSchemaNode::negated>},
      {"if", &JsonSchemaReading::schema<&JsonSchemaNode::condition>},
      {"then", &JsonSchemaReading::schema<&JsonSchemaNode::consequence>},
      {"else", &JsonSchemaReading::schema<&JsonSchemaNode::alternative>},
  };
  return kKeywords;
}

Result<const JsonSchemaNode*> JsonSchemaReading::node_of(const Value& given,
                                                         const std::string& path, int depth) {
  const Map* map = given.if_map();
  const void* place = map != nullptr ? static_cast<const void*>(map) : &given;
  if (const auto known = places_.find(place); known != places_.end()) return known->second;
  if (map == nullptr && given.if_boolean() == nullptr) {
    return wrong(path, "is a schema (a map, true or false), not " + brief(given));
  }
  if (depth >= kDepthMax) {
    return failure(ErrorCode::depth_exceeded,
                   "the schema nests deeper than " + std::to_string(kDepthMax) + " levels", path);
  }
  if (owned_.size() + 1 >= kJsonSchemaNodesMax) {
    return wrong(path, "the schema has more than " + std::to_string(kJsonSchemaNodesMax) + " parts",
                 "use several fields");
  }
  JsonSchemaNode& node = *owned_.emplace_back(std::make_unique<JsonSchemaNode>());
  places_.emplace(place, &node);
  if (map == nullptr) {
    node.nothing_fits = !*given.if_boolean();
    return &node;
  }
  EMSTORE_CHECKED(fill(node, *map, path, depth + 1));
  return &node;
}

Status JsonSchemaReading::fill(JsonSchemaNode& node, const Map& source, const std::string& path,
                               int depth) {
  // Of a list under `items`, `additionalItems` rules the others; beside one schema it says nothing.
  const Value* list = source.find("items");
  for (const Map::Member& member : source) {
    const auto known = keywords();
    const auto keyword = std::find_if(known.begin(), known.end(), [&](const Keyword& candidate) {
      return candidate.name == member.name;
    });
    const std::string at = step(path, member.name);
    if (keyword == known.end()) {
      std::vector<std::string_view> names;
      for (const Keyword& candidate : known) names.push_back(candidate.name);
      std::string hint = did_you_mean(member.name, names);
      return failure(ErrorCode::unsupported,
                     "the keyword " + quoted(member.name) + " of JSON Schema is not supported", at,
                     hint.empty() ? "leave it out; docs/protocol.md lists the keywords" : hint);
    }
    if (member.name == "additionalItems" && (list == nullptr || list->if_list() == nullptr)) {
      continue;
    }
    EMSTORE_CHECKED((this->*keyword->take)(node, member.value, at, depth));
  }
  return {};
}

// A schema that is only a way to itself says nothing and would never be done with.
Status JsonSchemaReading::check_rings(const JsonSchemaNode& node) const {
  std::size_t passed = 0;
  for (const JsonSchemaNode* at = node.reference; at != nullptr; at = at->reference) {
    if (at == &node || ++passed > kJsonSchemaNodesMax) {
      return wrong("$ref", "a $ref leads back to itself");
    }
  }
  return {};
}

// ---- Keywords -----------------------------------------------------------------------------------

Status JsonSchemaReading::type(JsonSchemaNode& node, const Value& given, const std::string& path,
                               int) {
  const Value list = given.if_text() != nullptr ? Value(List{given}) : given;
  EMSTORE_TRY(const std::vector<std::string> names, texts_of(list, path));
  for (const std::string& name : names) {
    const auto known = std::find_if(kTypeBits.begin(), kTypeBits.end(),
                                    [&](const auto& candidate) { return candidate.first == name; });
    if (known == kTypeBits.end()) {
      return wrong(path, "no value is of type " + quoted(name),
                   "use null, boolean, number, integer, string, array or object");
    }
    node.types = static_cast<std::uint8_t>(node.types | known->second);
    node.types_text += (node.types_text.empty() ? "" : " or ") + name;
  }
  if (node.types == 0) return wrong(path, "names no type");
  return {};
}

Status JsonSchemaReading::choices(JsonSchemaNode& node, const Value& given, const std::string& path,
                                  int) {
  const List* list = given.if_list();
  if (list == nullptr || list->empty()) return wrong(path, "is a list of values");
  std::vector<std::string> choices;
  for (const Value& value : *list) choices.push_back(canonical_json(value));
  if (node.choices) {  // Of `const` and `enum` beside each other both hold.
    std::erase_if(*node.choices, [&](const std::string& text) {
      return std::find(choices.begin(), choices.end(), text) == choices.end();
    });
  } else {
    node.choices = std::move(choices);
  }
  return {};
}

Status JsonSchemaReading::constant(JsonSchemaNode& node, const Value& given,
                                   const std::string& path, int) {
  return choices(node, List{given}, path, 0);
}

Status JsonSchemaReading::multiple(JsonSchemaNode& node, const Value& given,
                                   const std::string& path, int) {
  EMSTORE_TRY(const double of, number_of(given, path));
  if (of <= 0) return wrong(path, "is a number above 0, not " + brief(given));
  node.multiple_of = of;
  return {};
}

Status JsonSchemaReading::pattern(JsonSchemaNode& node, const Value& given, const std::string& path,
                                  int) {
  if (given.if_text() == nullptr) return wrong(path, "is a text");
  EMSTORE_TRY(node.pattern, pattern_of(*given.if_text(), path));
  return {};
}

Status JsonSchemaReading::format(JsonSchemaNode& node, const Value& given, const std::string& path,
                                 int) {
  if (given.if_text() == nullptr) return wrong(path, "is a text");
  const std::optional<JsonFormat> format = json_format_named(*given.if_text());
  if (!format) {
    return failure(ErrorCode::unsupported,
                   "the format " + quoted(*given.if_text()) + " is not supported", path,
                   "use pattern, or date, date-time, time, email, hostname, ipv4, uri or uuid");
  }
  node.format = *format;
  return {};
}

Status JsonSchemaReading::items(JsonSchemaNode& node, const Value& given, const std::string& path,
                                int depth) {
  if (given.if_list() == nullptr) return schema<&JsonSchemaNode::items>(node, given, path, depth);
  return schemas<&JsonSchemaNode::tuple>(node, given, path, depth);
}

Status JsonSchemaReading::unique(JsonSchemaNode& node, const Value& given, const std::string& path,
                                 int) {
  if (given.if_boolean() == nullptr) return wrong(path, "is true or false");
  node.unique_items = *given.if_boolean();
  return {};
}

Status JsonSchemaReading::required(JsonSchemaNode& node, const Value& given,
                                   const std::string& path, int) {
  EMSTORE_TRY(node.required, texts_of(given, path));
  return {};
}

Status JsonSchemaReading::properties(JsonSchemaNode& node, const Value& given,
                                     const std::string& path, int depth) {
  if (given.if_map() == nullptr) return wrong(path, "is a map of schemas");
  for (const Map::Member& member : *given.if_map()) {
    EMSTORE_TRY(const JsonSchemaNode* one, node_of(member.value, step(path, member.name), depth));
    node.properties.emplace_back(member.name, one);
  }
  std::sort(node.properties.begin(), node.properties.end());
  return {};
}

Status JsonSchemaReading::patterns(JsonSchemaNode& node, const Value& given,
                                   const std::string& path, int depth) {
  if (given.if_map() == nullptr) return wrong(path, "is a map of schemas");
  for (const Map::Member& member : *given.if_map()) {
    EMSTORE_TRY(auto pattern, pattern_of(member.name, path));
    EMSTORE_TRY(const JsonSchemaNode* one, node_of(member.value, step(path, member.name), depth));
    node.patterns.emplace_back(std::move(pattern), one);
  }
  return {};
}

// Each name brings others, or a schema for the whole object, along.
Status JsonSchemaReading::dependencies(JsonSchemaNode& node, const Value& given,
                                       const std::string& path, int depth) {
  if (given.if_map() == nullptr) return wrong(path, "is a map");
  for (const Map::Member& member : *given.if_map()) {
    const std::string at = step(path, member.name);
    if (member.value.if_list() != nullptr) {
      EMSTORE_TRY(auto names, texts_of(member.value, at));
      node.required_with.emplace_back(member.name, std::move(names));
    } else {
      EMSTORE_TRY(const JsonSchemaNode* one, node_of(member.value, at, depth));
      node.schema_with.emplace_back(member.name, one);
    }
  }
  return {};
}

Status JsonSchemaReading::definitions(JsonSchemaNode&, const Value& given, const std::string& path,
                                      int depth) {
  if (given.if_map() == nullptr) return wrong(path, "is a map of schemas");
  for (const Map::Member& member : *given.if_map()) {
    EMSTORE_TRY(const JsonSchemaNode* ignored,
                node_of(member.value, step(path, member.name), depth));
    static_cast<void>(ignored);  // For its faults: what it says, it says where it is named.
  }
  return {};
}

// "#" and "#/a/b": a place within this document, with ~1 for "/" and ~0 for "~" in its names.
Status JsonSchemaReading::reference(JsonSchemaNode& node, const Value& given,
                                    const std::string& path, int) {
  const std::string* text = given.if_text();
  if (text == nullptr || !text->starts_with('#')) {
    return failure(ErrorCode::unsupported, brief(given) + " leads out of the schema", path,
                   "copy what it names into \"definitions\" and use \"#/definitions/…\"");
  }
  if (*text == "#") {
    node.reference = places_.at(&source_);
    return {};
  }
  const Map* map = &source_;
  const Value* at = nullptr;
  std::string_view rest = std::string_view(*text).substr(1);
  while (rest.starts_with('/')) {
    rest.remove_prefix(1);
    const std::size_t end = std::min(rest.find('/'), rest.size());
    std::string name;
    for (std::size_t i = 0; i < end; ++i) {
      const bool is_escape = rest[i] == '~' && i + 1 < end;
      name += !is_escape ? rest[i] : rest[i + 1] == '1' ? '/' : '~';
      if (is_escape) ++i;
    }
    at = map == nullptr ? nullptr : map->find(name);
    map = at == nullptr ? nullptr : at->if_map();
    rest.remove_prefix(end);
  }
  if (at == nullptr || !rest.empty()) return wrong(path, quoted(*text) + " leads nowhere");
  references_.push_back({&node, at, path});
  return {};
}

}  // namespace

Result<std::unique_ptr<JsonSchemaNode>> read_json_schema(const Map& source) {
  return JsonSchemaReading(source).read();
}

}  // namespace emstore::store
