#include "store/json_schema.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/suggest.h"
#include "store/json_schema_node.h"
#include "store/number_rules.h"

namespace emstore::store {
namespace {

using Node = JsonSchemaNode;

// Why a value does not fit, and where in it. Nothing: it fits.
struct Misfit {
  std::string place;  // ".size[2]"
  std::string message;
};
using Fit = std::optional<Misfit>;

Fit misfit(std::string message) { return Misfit{{}, std::move(message)}; }

std::uint8_t types_of(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      return kJsonNull;
    case Value::Kind::boolean:
      return kJsonBoolean;
    case Value::Kind::integer:
      return kJsonNumber | kJsonInteger;
    case Value::Kind::number:
      return *value.if_number() == std::floor(*value.if_number()) ? kJsonNumber | kJsonInteger
                                                                  : kJsonNumber;
    case Value::Kind::text:
      return kJsonString;
    case Value::Kind::list:
      return kJsonArray;
    case Value::Kind::map:
      return kJsonObject;
    case Value::Kind::binary:
    case Value::Kind::time:
      break;  // Refused before: json holds neither.
  }
  return 0;
}

class Checking {
 public:
  Fit fit(const Node& node, const Value& value);
  bool is_exhausted() const { return is_exhausted_; }

 private:
  static Fit fit_number(const Node& node, const Value& number);
  Fit fit_text(const Node& node, const std::string& text) const;
  Fit fit_list(const Node& node, const List& list);
  Fit fit_map(const Node& node, const Map& map);
  Fit fit_member(const Node& node, const Map::Member& member);
  Fit fit_names(const Node& node, const Map& map);
  Fit fit_combined(const Node& node, const Value& value);
  bool is_unique(const List& list);
  bool is_choice(const std::vector<std::string>& choices, const Value& value);
  bool take_steps(std::uint64_t count);

  std::uint64_t steps_left_ = kJsonSchemaStepsMax;
  int depth_ = 0;
  bool is_exhausted_ = false;
};

// Schemas that lead to themselves without a step into the value end at the depth, like values that
// are too much work: the check has no answer then.
bool Checking::take_steps(std::uint64_t count) {
  constexpr int kDepthMax = 200;
  if (count <= steps_left_ && depth_ < kDepthMax) {
    steps_left_ -= count;
  } else {
    is_exhausted_ = true;
  }
  return !is_exhausted_;
}

Fit Checking::fit(const Node& node, const Value& value) {
  ++depth_;
  auto result = [&]() -> Fit {
    if (!take_steps(1)) return misfit("takes too long to check");
    if (node.nothing_fits) return misfit("is not allowed");
    if (node.types != 0 && (node.types & types_of(value)) == 0) {
      return misfit("is " + node.types_text + ", not " + brief(value));
    }
    if (node.choices && !is_choice(*node.choices, value)) {
      return misfit(brief(value) + " is none of the values allowed");
    }
    if (node.reference != nullptr) {
      if (Fit fault = fit(*node.reference, value)) return fault;
    }
    Fit fault;
    if (value.is_number()) fault = fit_number(node, value);
    if (value.if_text() != nullptr) fault = fit_text(node, *value.if_text());
    if (value.if_list() != nullptr) fault = fit_list(node, *value.if_list());
    if (value.if_map() != nullptr) fault = fit_map(node, *value.if_map());
    return fault ? fault : fit_combined(node, value);
  }();
  --depth_;
  return result;
}

bool Checking::is_choice(const std::vector<std::string>& choices, const Value& value) {
  const std::string text = canonical_json(value);
  if (!take_steps(text.size() / 64)) return false;
  return std::find(choices.begin(), choices.end(), text) != choices.end();
}

Fit Checking::fit_number(const Node& node, const Value& number) {
  const NumberBounds bounds{node.minimum, node.maximum, node.exclusive_minimum,
                            node.exclusive_maximum, node.multiple_of};
  const std::int64_t* integer = number.if_integer();
  const std::string fault = integer != nullptr ? fault_of_number(bounds, *integer)
                                               : fault_of_number(bounds, *number.if_number());
  return fault.empty() ? Fit() : misfit(fault);
}

Fit Checking::fit_text(const Node& node, const std::string& text) const {
  const std::uint64_t length = node.min_length || node.max_length ? code_points(text) : 0;
  if (node.min_length && length < *node.min_length) {
    return misfit("has " + std::to_string(length) + " characters, and needs " +
                  std::to_string(*node.min_length));
  }
  if (node.max_length && length > *node.max_length) {
    return misfit("has " + std::to_string(length) + " characters, and may have " +
                  std::to_string(*node.max_length));
  }
  if (node.pattern && !RE2::PartialMatch(text, *node.pattern)) {
    return misfit(quoted(text) + " does not match the pattern " + quoted(node.pattern->pattern()));
  }
  if (!has_json_format(node.format, text)) {
    return misfit(quoted(text) + " is no " + std::string(name_of(node.format)));
  }
  return {};
}

Fit fit_count(std::uint64_t count, std::string_view noun, std::optional<std::uint64_t> least,
              std::optional<std::uint64_t> most) {
  const std::string counted = "has " + std::to_string(count) + " " + std::string(noun);
  if (least && count < *least) return misfit(counted + ", and needs " + std::to_string(*least));
  if (most && count > *most) return misfit(counted + ", and may have " + std::to_string(*most));
  return {};
}

bool Checking::is_unique(const List& list) {
  std::set<std::string> known;
  for (const Value& item : list) {
    std::string text = canonical_json(item);
    if (!take_steps(1 + text.size() / 64)) return false;
    if (!known.insert(std::move(text)).second) return false;
  }
  return true;
}

Fit Checking::fit_list(const Node& node, const List& list) {
  if (Fit fault = fit_count(list.size(), "items", node.min_items, node.max_items)) return fault;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Node* of = i < node.tuple.size() ? node.tuple[i] : node.items;
    if (of == nullptr) break;
    if (Fit fault = fit(*of, list[i])) {
      fault->place.insert(0, "[" + std::to_string(i) + "]");
      return fault;
    }
  }
  if (node.contains != nullptr && std::none_of(list.begin(), list.end(), [&](const Value& item) {
        return !fit(*node.contains, item);
      })) {
    return misfit("has no item that fits \"contains\"");
  }
  if (node.unique_items && !is_unique(list)) return misfit("has an item twice");
  return {};
}

Fit Checking::fit_names(const Node& node, const Map& map) {
  for (const std::string& name : node.required) {
    if (!map.contains(name)) return misfit("has no " + quoted(name));
  }
  for (const auto& [name, others] : node.required_with) {
    if (!map.contains(name)) continue;
    for (const std::string& other : others) {
      if (!map.contains(other)) return misfit("has " + quoted(name) + " and no " + quoted(other));
    }
  }
  return {};
}

Fit Checking::fit_member(const Node& node, const Map::Member& member) {
  bool is_known = false;
  const auto place = std::lower_bound(
      node.properties.begin(), node.properties.end(), member.name,
      [](const auto& candidate, const std::string& name) { return candidate.first < name; });
  if (place != node.properties.end() && place->first == member.name) {
    is_known = true;
    if (Fit fault = fit(*place->second, member.value)) return fault;
  }
  for (const auto& [pattern, of] : node.patterns) {
    if (!take_steps(1)) return misfit("takes too long to check");
    if (!RE2::PartialMatch(member.name, *pattern)) continue;
    is_known = true;
    if (Fit fault = fit(*of, member.value)) return fault;
  }
  if (is_known || node.other_properties == nullptr) return {};
  if (node.other_properties->nothing_fits) {
    std::vector<std::string_view> names;
    for (const auto& property : node.properties) names.emplace_back(property.first);
    const std::string meant = did_you_mean(member.name, names);
    return misfit("is not a property of the schema" + (meant.empty() ? "" : "; " + meant));
  }
  return fit(*node.other_properties, member.value);
}

Fit Checking::fit_map(const Node& node, const Map& map) {
  if (Fit fault = fit_count(map.size(), "properties", node.min_properties, node.max_properties)) {
    return fault;
  }
  if (Fit fault = fit_names(node, map)) return fault;
  for (const Map::Member& member : map) {
    Fit fault = node.names == nullptr ? Fit() : fit(*node.names, Value(member.name));
    if (!fault) fault = fit_member(node, member);
    if (!fault) continue;
    fault->place.insert(0, "." + member.name);
    return fault;
  }
  return {};
}

Fit Checking::fit_combined(const Node& node, const Value& value) {
  for (const auto& [name, of] : node.schema_with) {
    if (value.if_map() == nullptr || !value.if_map()->contains(name)) continue;
    if (Fit fault = fit(*of, value)) return fault;
  }
  for (const Node* of : node.all) {
    if (Fit fault = fit(*of, value)) return fault;
  }
  const auto fits = [&](const Node* of) { return !fit(*of, value); };
  if (!node.any.empty() && std::none_of(node.any.begin(), node.any.end(), fits)) {
    return misfit("fits none of the " + std::to_string(node.any.size()) + " schemas of anyOf");
  }
  if (!node.one.empty()) {
    const auto count = std::count_if(node.one.begin(), node.one.end(), fits);
    if (count != 1) {
      return misfit("fits " + std::to_string(count) + " of the " + std::to_string(node.one.size()) +
                    " schemas of oneOf, not one");
    }
  }
  if (node.negated != nullptr && fits(node.negated)) return misfit("fits the schema of not");
  if (node.condition == nullptr) return {};
  const Node* branch = fits(node.condition) ? node.consequence : node.alternative;
  return branch == nullptr ? Fit() : fit(*branch, value);
}

// Defaults of properties, where an object has any.
std::optional<Value> default_of(const Map& schema, int depth) {
  constexpr int kDepthMax = 8;
  if (const Value* given = schema.find("default")) return *given;
  const Value* properties = schema.find("properties");
  if (properties == nullptr || properties->if_map() == nullptr || depth >= kDepthMax) {
    return std::nullopt;
  }
  Map made;
  for (const Map::Member& member : *properties->if_map()) {
    if (member.value.if_map() == nullptr) continue;
    if (auto value = default_of(*member.value.if_map(), depth + 1)) {
      made.append(member.name, *std::move(value));
    }
  }
  if (made.empty()) return std::nullopt;
  return Value(std::move(made));
}

}  // namespace

JsonSchema::JsonSchema()
    : source_(std::make_shared<const Map>()), root_(std::make_shared<const Node>()) {}

JsonSchema::JsonSchema(std::shared_ptr<const Map> source, std::shared_ptr<const Node> root)
    : source_(std::move(source)), root_(std::move(root)) {}

Result<JsonSchema> JsonSchema::read(const Map& source) {
  EMSTORE_TRY(std::unique_ptr<Node> root, read_json_schema(source));
  return JsonSchema(std::make_shared<const Map>(source), std::move(root));
}

Status JsonSchema::check(const Value& value, std::string_view name) const {
  Checking checking;
  const Fit fault = checking.fit(*root_, value);
  if (checking.is_exhausted()) {
    return failure(ErrorCode::value_too_large,
                   std::string(name) + " takes more than " + std::to_string(kJsonSchemaStepsMax) +
                       " steps to hold against its schema",
                   {}, "send less at once");
  }
  if (!fault) return {};
  return failure(ErrorCode::schema_mismatch,
                 std::string(name) + fault->place + ": " + fault->message);
}

std::optional<Value> JsonSchema::default_value() const { return default_of(*source_, 0); }

}  // namespace emstore::store
