#include "cli/arguments.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>

#include "cli/failures.h"
#include "cli/json.h"
#include "cli/terminal.h"

namespace emstore::cli {
namespace {

template <typename Number>
std::optional<Number> whole_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

// Of a word that is sent as a text.
std::string text_of_word(std::string_view word) {
  if (is_utf8(word)) return std::string(word);
  throw UsageError(in_quotes(word) + " is not UTF-8", "see which encoding the terminal sends");
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::uint64_t count_of(std::string_view name, const Value& value) {
  const auto* number = value.if_integer();
  if (!number || *number < 0) {
    throw UsageError(std::string(name) + " is a whole number from 0, not " + to_string(value));
  }
  return static_cast<std::uint64_t>(*number);
}

// ---- field=value --------------------------------------------------------------------------------

enum class Assign { set, add, remove, json };

struct Assignment {
  std::string name;
  Assign kind = Assign::set;
  std::string text;
};

Assignment assignment_of(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UsageError(in_quotes(word) + " is no field=value",
                     "write it as name=Laptop or gallery+=@front.png");
  }
  Assignment result{word.substr(0, equals), Assign::set, word.substr(equals + 1)};
  const char before = word[equals - 1];
  if (before == '+') result.kind = Assign::add;
  if (before == '-') result.kind = Assign::remove;
  if (before == ':') result.kind = Assign::json;
  if (result.kind != Assign::set) result.name.pop_back();
  return result;
}

// Collects what several words say about one media field, or end of a relation, so that they become
// one set of operators.
struct LinkedWords {
  std::vector<File> files;
  std::vector<Item> set, attach, detach;
  bool sets = false, clears = false;
};

void add_file(LinkedWords& words, const Assignment& assignment, const LinkEnd& link) {
  if (assignment.kind == Assign::remove) {
    throw UsageError("-= detaches media by their ids, not files: " + in_quotes(assignment.text));
  }
  if (link.target != "media") {
    throw UsageError(assignment.name + " leads to " + link.target +
                         ", not to media: " + in_quotes(assignment.text),
                     "name a record by its id");
  }
  words.files.emplace_back(std::filesystem::path(assignment.text.substr(1)));
}

void add_words(LinkedWords& words, const Assignment& assignment, const LinkEnd& link) {
  const bool sets = assignment.kind == Assign::set;
  words.sets = words.sets || sets;
  if (assignment.text.starts_with('@')) return add_file(words, assignment, link);
  const std::vector<std::string> ids = names_of(assignment.text);
  if (sets && (assignment.text == "null" || assignment.text.empty())) {
    words.clears = true;
    return;
  }
  if (ids.empty()) {
    throw UsageError(in_quotes(assignment.text) + " names nothing for " + assignment.name,
                     sets ? "name ids or @FILE, or null for none" : "name ids, or @FILE");
  }
  for (const std::string& id : ids) {
    std::vector<Item>& place = sets                             ? words.set
                               : assignment.kind == Assign::add ? words.attach
                                                                : words.detach;
    place.emplace_back(id_of(id));
  }
}

void refuse_unknown_field(const SchemaView& schema, std::string_view entity,
                          const std::string& field) {
  if (schema.type_of(entity, field)) return;
  const std::string guess = did_you_mean(field, schema.fields_of(entity));
  throw UsageError(std::string(entity) + " has no field " + in_quotes(field),
                   guess.empty() ? "`emstore schema show` lists the fields" : guess);
}

// The value of a field that leads nowhere.
Value value_assigned(const SchemaView& schema, std::string_view entity,
                     const Assignment& assignment) {
  const std::string& name = assignment.name;
  if (assignment.kind != Assign::set) refuse_unknown_field(schema, entity, name);
  // A name that the schema does not have goes through: the daemon says what it thinks of it.
  const std::string type = schema.type_of(entity, name).value_or("text");
  if (assignment.kind == Assign::set) return typed_value(type, assignment.text);
  const std::string sign = assignment.kind == Assign::add ? "+=" : "-=";
  throw UsageError(in_quotes(name + sign + assignment.text) +
                       ": += and -= are for media fields and relations, " + name + " is " + type,
                   "write " + name + "=VALUE");
}

// A field is said once; only the words of a media field or relation make one set of operators.
void refuse_twice(const Document& document, const std::string& field) {
  const auto& members = document.members();
  if (std::none_of(members.begin(), members.end(),
                   [&](const Document::Member& member) { return member.name == field; })) {
    return;
  }
  throw UsageError(in_quotes(field) + " is given twice", "say once what it shall be");
}

Operators operators_of(const LinkedWords& words, bool one) {
  Operators operators;
  if (!one && words.sets) operators.set(words.set);
  if (one && words.clears) operators.clear();
  if (one && words.set.size() == 1) operators.set(words.set.front());
  if (!words.detach.empty()) operators.detach(words.detach);
  if (!words.attach.empty()) operators.attach(words.attach);
  if (one && words.files.size() == 1) {
    operators.create(words.files.front());
  } else if (!words.files.empty()) {
    operators.create(words.files);
  }
  return operators;
}

// What is said of one field must be possible at once: one record, or clearing it and nothing else.
void refuse_conflict(const std::string& field, const LinkedWords& words, const LinkEnd& link) {
  const std::size_t named = words.set.size() + words.files.size();
  if (link.one && named + (words.clears ? 1 : 0) > 1) {
    const std::string what = link.target == "media" ? "medium" : "record of " + link.target;
    throw UsageError(in_quotes(field) + " takes one " + what, link.target == "media"
                                                                  ? "name one: an id, @FILE or null"
                                                                  : "name one: an id or null");
  }
  if (words.clears && !words.set.empty()) {
    throw UsageError(in_quotes(field) + " is cleared and set", "say once what it shall be");
  }
}

// ---- where --------------------------------------------------------------------------------------

struct Comparison {
  std::string_view sign;
  std::string_view operator_name;
};
// Longer signs first.
constexpr std::array<Comparison, 8> kComparisons{{{">=", "$gte"},
                                                  {"<=", "$lte"},
                                                  {"!=", "$ne"},
                                                  {"^=", "$startsWith"},
                                                  {"=", "$eq"},
                                                  {">", "$gt"},
                                                  {"<", "$lt"},
                                                  {"~", "$like"}}};

// What a condition compares with. Within json a word that is neither number nor boolean is a text.
Value operand_of(const SchemaView& schema, std::string_view entity, std::string_view field,
                 std::string_view text) {
  const bool is_id = field == "id" || field.ends_with(".id");
  if (is_id) return id_of(text);
  if (schema.link_of(entity, field)) return typed_value("relation", text);
  const std::string type = schema.type_of(entity, field).value_or("text");
  if (type != "json" || field.find('.') == std::string_view::npos) return typed_value(type, text);
  if (text == "true" || text == "false") return text == "true";
  return typed_value("number", text);
}

Where::Term membership(const SchemaView& schema, std::string_view entity, std::string_view field,
                       std::string_view list) {
  List values;
  for (const std::string& word : names_of(list)) {
    values.push_back(operand_of(schema, entity, field, word));
  }
  return {std::string(field), in(std::move(values))};
}

Where::Term comparison(const SchemaView& schema, std::string_view entity,
                       const std::string& expression) {
  const std::string_view whole = expression;
  const std::size_t sign_at = whole.find_first_of("=<>!^~");
  for (const auto& [words, null] :
       {std::pair{" is null", true}, std::pair{" is not null", false}}) {
    if (!whole.ends_with(words) || sign_at != std::string_view::npos) continue;
    return {std::string(trimmed(whole.substr(0, whole.size() - std::string_view(words).size()))),
            is_null(null)};
  }
  if (const std::size_t in_at = whole.find(" in "); in_at < sign_at) {
    return membership(schema, entity, trimmed(whole.substr(0, in_at)), whole.substr(in_at + 4));
  }
  for (const Comparison& known : kComparisons) {
    if (sign_at == std::string_view::npos || !whole.substr(sign_at).starts_with(known.sign))
      continue;
    const std::string_view field = trimmed(whole.substr(0, sign_at));
    const std::string_view text = trimmed(whole.substr(sign_at + known.sign.size()));
    return {std::string(field),
            Condition(std::string(known.operator_name), operand_of(schema, entity, field, text))};
  }
  throw UsageError(
      in_quotes(expression) + " is no condition",
      "write it as price>=500, name=Laptop, name^=Lap, id in 1,2, price is null, or as JSON");
}

// ---- queries in JSON ----------------------------------------------------------------------------

Query query_of(const Map& map);

UsageError wrong_part(const std::string& name, std::string_view what, const Value& value) {
  return UsageError(name + " is " + std::string(what) + ", not " + to_string(value),
                    "write what a query takes as JSON, as on the wire");
}

Order order_in(const std::string& field, const Value& direction) {
  if (direction != Value("asc") && direction != Value("desc")) {
    throw wrong_part("the order by " + field, "\"asc\" or \"desc\"", direction);
  }
  return {field, direction == Value("desc")};
}

std::vector<Order> order_of_value(const Value& value) {
  if (const auto* text = value.if_text()) return order_of(*text);
  std::vector<Order> orders;
  if (const Map* map = value.if_map()) {
    for (const auto& [field, direction] : *map) orders.push_back(order_in(field, direction));
  } else if (const List* list = value.if_list()) {
    for (const Value& item : *list) {
      for (Order& order : order_of_value(item)) orders.push_back(std::move(order));
    }
  } else {
    throw wrong_part("orderBy", "a field, an object or a list", value);
  }
  return orders;
}

void add_with(Query& query, const Value& value) {
  if (const auto* name = value.if_text()) {
    query.with.add(With(*name));
  } else if (const List* list = value.if_list()) {
    for (const Value& item : *list) add_with(query, item);
  } else if (const Map* map = value.if_map()) {
    for (const Map::Member& member : *map) {
      const Map* inner = member.value.if_map();
      if (inner == nullptr && member.value != Value(true)) {
        throw wrong_part("with " + member.name, "an object or true", member.value);
      }
      query.with.add(inner ? With(member.name, query_of(*inner)) : With(member.name));
    }
  } else {
    throw wrong_part("with", "a field, an object or a list", value);
  }
}

std::vector<std::string> selection_of(const Value& value) {
  if (const auto* text = value.if_text()) return names_of(*text);
  const List* list = value.if_list();
  if (list == nullptr) throw wrong_part("select", "a field or a list of fields", value);
  std::vector<std::string> names;
  for (const Value& item : *list) {
    if (item.if_text() == nullptr) throw wrong_part("a field of select", "a text", item);
    names.push_back(*item.if_text());
  }
  return names;
}

void set_part(Query& query, const std::string& name, const Value& value) {
  if (name == "where") {
    if (value.if_map() == nullptr) throw wrong_part(name, "an object", value);
    query.where = Where(*value.if_map());
  } else if (name == "orderBy" || name == "sort") {
    query.order_by = order_of_value(value);
  } else if (name == "limit") {
    query.limit = count_of(name, value);
  } else if (name == "offset") {
    query.offset = count_of(name, value);
  } else if (name == "cursor") {
    if (value.if_text() == nullptr) throw wrong_part(name, "a text", value);
    query.cursor = *value.if_text();
  } else if (name == "select") {
    query.select = selection_of(value);
  } else if (name == "with") {
    add_with(query, value);
  } else {
    const std::vector<std::string> known{"where",  "orderBy", "limit", "offset",
                                         "cursor", "select",  "with"};
    throw UsageError("a query takes where, orderBy, limit, offset, cursor, select and with, not " +
                         in_quotes(name),
                     did_you_mean(name, known));
  }
}

Query query_of(const Map& map) {
  Query query;
  for (const Map::Member& member : map) set_part(query, member.name, member.value);
  return query;
}

}  // namespace

std::optional<std::uint64_t> decimal_of(std::string_view word) {
  const auto number = whole_number<std::uint64_t>(word);
  return number && *number <= INT64_MAX ? number : std::nullopt;
}

Value id_of(std::string_view word) {
  if (const auto number = whole_number<std::int64_t>(word)) return *number;
  return text_of_word(word);
}

Value as_of_value(std::string_view word) {
  if (word.empty()) return {};
  return id_of(word);  // Numbers and texts, just so.
}

Value typed_value(std::string_view type, std::string_view text) {
  if (type == "json" || type == "jsonschema")
    return parse_json(text, "the value " + in_quotes(text));
  if (type != "text" && type != "enum" && text == "null") return nullptr;
  if (type == "relation") return id_of(text);
  if (type == "boolean" && (text == "true" || text == "false")) return text == "true";
  if (type == "number") {
    if (const auto integer = whole_number<std::int64_t>(text)) return *integer;
    const auto number = whole_number<double>(text);
    if (number && std::isfinite(*number)) {
      const bool is_whole = text.find_first_of(".eE") == std::string_view::npos;
      if (!is_whole || is_exact(*number, text)) return *number;
      throw UsageError("the number " + std::string(text) + " would be rounded",
                       "write one of at most 15 digits");
    }
  }
  return text_of_word(text);
}

void refuse_value(const SchemaView& schema, std::string_view entity, const std::string& field) {
  if (schema.link_of(entity, field)) return;
  refuse_unknown_field(schema, entity, field);
  throw UsageError(in_quotes(field) + " is a value, and links nothing",
                   "`emstore update` changes values");
}

Document document_of(const SchemaView& schema, std::string_view entity,
                     std::span<const std::string> assignments) {
  Document document;
  std::vector<std::pair<std::string, LinkedWords>> linked;
  for (const std::string& word : assignments) {
    const Assignment assignment = assignment_of(word);
    if (assignment.kind == Assign::json) {
      refuse_twice(document, assignment.name);
      document.set(assignment.name, parse_json(assignment.text, assignment.name));
    } else if (const auto link = schema.link_of(entity, assignment.name)) {
      auto known = linked.begin();
      while (known != linked.end() && known->first != assignment.name) ++known;
      if (known == linked.end()) {
        known = linked.emplace(linked.end(), assignment.name, LinkedWords{});
      }
      add_words(known->second, assignment, *link);
    } else {
      refuse_twice(document, assignment.name);
      document.set(assignment.name, value_assigned(schema, entity, assignment));
    }
  }
  for (const auto& [field, words] : linked) {
    const LinkEnd link = *schema.link_of(entity, field);
    refuse_twice(document, field);
    refuse_conflict(field, words, link);
    document.set(field, operators_of(words, link.one));
  }
  return document;
}

Where where_of(const SchemaView& schema, std::string_view entity,
               std::span<const std::string> expressions) {
  std::vector<Where> all;
  for (const std::string& expression : expressions) {
    if (trimmed(expression).starts_with('{')) {
      all.emplace_back(*parse_json(expression, "--where").if_map());
    } else {
      all.push_back(Where{comparison(schema, entity, expression)});
    }
  }
  if (all.empty()) return {};
  if (all.size() == 1) return all.front();
  return Where{all_of(all)};
}

With with_of(std::string_view word) {
  const std::size_t colon = word.find(':');
  const std::string field(word.substr(0, colon));
  if (colon == std::string_view::npos) return With(field);
  const std::string_view rest = word.substr(colon + 1);
  if (rest.starts_with('{'))
    return With(field, query_of(*parse_json(rest, "--with " + field).if_map()));
  Query query;
  for (const std::string& part : names_of(rest)) {
    const std::size_t equals = part.find('=');
    const std::string name = part.substr(0, equals);
    if (equals == std::string::npos || name == "where") {
      const char* const wrong = name == "where" ? " is written as JSON" : " is no key=value";
      throw UsageError(in_quotes(part) + " in --with " + std::string(word) + wrong,
                       "write " + field + ":orderBy=-created_at,limit=3, or all as JSON: " + field +
                           ":{\"where\":{…},\"orderBy\":[\"-size\",\"name\"]}");
    }
    const std::string text = part.substr(equals + 1);
    const bool is_count = name == "limit" || name == "offset";
    set_part(query, name, is_count ? id_of(text) : Value(text_of_word(text)));
  }
  return With(field, std::move(query));
}

std::vector<Order> order_of(std::string_view word) {
  std::vector<Order> orders;
  for (const std::string& name : names_of(word)) {
    const bool descending = name.starts_with('-');
    orders.push_back({descending ? name.substr(1) : name, descending});
  }
  return orders;
}

std::vector<std::string> names_of(std::string_view word) {
  std::vector<std::string> names;
  while (!word.empty()) {
    const std::size_t comma = word.find(',');
    const std::string_view name = trimmed(word.substr(0, comma));
    if (!name.empty()) names.emplace_back(name);
    if (comma == std::string_view::npos) break;
    word.remove_prefix(comma + 1);
  }
  return names;
}

}  // namespace emstore::cli
