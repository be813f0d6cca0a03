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

// Collects what several words say about one media field, so that they become one set of operators.
struct MediaWords {
  std::vector<File> files;
  std::vector<Item> set, attach, detach;
  bool sets = false, clears = false;
};

void add_words(MediaWords& words, const Assignment& assignment) {
  const std::string_view text = assignment.text;
  if (text.starts_with('@')) {
    if (assignment.kind == Assign::remove) {
      throw UsageError("-= detaches media by their ids, not files: " + in_quotes(text));
    }
    words.sets = words.sets || assignment.kind == Assign::set;
    words.files.emplace_back(std::filesystem::path(text.substr(1)));
    return;
  }
  if (assignment.kind == Assign::set && text == "null") {
    words.clears = true;
    return;
  }
  words.sets = words.sets || assignment.kind == Assign::set;
  for (const std::string& id : names_of(text)) {
    std::vector<Item>& place = assignment.kind == Assign::set   ? words.set
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

// A field is said once; only the words of a media field make one set of operators.
void refuse_twice(const Document& document, const std::string& field) {
  const auto& members = document.members();
  if (std::none_of(members.begin(), members.end(),
                   [&](const Document::Member& member) { return member.name == field; })) {
    return;
  }
  throw UsageError(in_quotes(field) + " is given twice", "say once what it shall be");
}

Operators operators_of(const MediaWords& words, bool one) {
  Operators operators;
  if (words.clears) operators.clear();
  if (one) {
    if (words.set.size() == 1) operators.set(words.set.front());
    if (words.set.size() > 1) operators.set(words.set);
  } else if (words.sets) {
    operators.set(words.set);
  }
  if (!words.detach.empty()) operators.detach(words.detach);
  if (!words.attach.empty()) operators.attach(words.attach);
  if (one && words.files.size() == 1) {
    operators.create(words.files.front());
  } else if (!words.files.empty()) {
    operators.create(words.files);
  }
  return operators;
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
  const std::string type = schema.type_of(entity, field).value_or("text");
  if (is_media_type(type)) return id_of(text);
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

std::vector<Order> order_of_value(const Value& value) {
  if (const auto* text = value.if_text()) return order_of(*text);
  std::vector<Order> orders;
  if (const Map* map = value.if_map()) {
    for (const Map::Member& member : *map) {
      orders.push_back({member.name, member.value == Value("desc")});
    }
  } else if (const List* list = value.if_list()) {
    for (const Value& item : *list) {
      for (Order& order : order_of_value(item)) orders.push_back(std::move(order));
    }
  } else {
    throw UsageError("orderBy is a field, an object or a list, not " + to_string(value));
  }
  return orders;
}

void add_with(Query& query, const Value& value) {
  if (const auto* name = value.if_text()) query.with.add(With(*name));
  if (const List* list = value.if_list()) {
    for (const Value& item : *list) add_with(query, item);
  }
  if (const Map* map = value.if_map()) {
    for (const Map::Member& member : *map) {
      const Map* inner = member.value.if_map();
      query.with.add(inner ? With(member.name, query_of(*inner)) : With(member.name));
    }
  }
}

void set_part(Query& query, const std::string& name, const Value& value) {
  if (name == "where" && value.if_map()) {
    query.where = Where(*value.if_map());
  } else if (name == "orderBy" || name == "sort") {
    query.order_by = order_of_value(value);
  } else if (name == "limit") {
    query.limit = count_of(name, value);
  } else if (name == "offset") {
    query.offset = count_of(name, value);
  } else if (name == "cursor" && value.if_text()) {
    query.cursor = *value.if_text();
  } else if (name == "select" && value.if_text()) {
    query.select = names_of(*value.if_text());
  } else if (name == "select" && value.if_list()) {
    for (const Value& item : *value.if_list())
      query.select.push_back(item.if_text() ? *item.if_text() : "");
  } else if (name == "with") {
    add_with(query, value);
  } else {
    const std::vector<std::string> known{"where",  "orderBy", "limit", "offset",
                                         "cursor", "select",  "with"};
    const std::string guess = did_you_mean(name, known);
    throw UsageError("a query takes where, orderBy, limit, offset, cursor, select and with, not " +
                         in_quotes(name),
                     guess);
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

std::vector<Item> items_of(std::span<const std::string> words) {
  std::vector<Item> items;
  for (const std::string& word : words) items.emplace_back(id_of(word));
  return items;
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

Document document_of(const SchemaView& schema, std::string_view entity,
                     std::span<const std::string> assignments) {
  Document document;
  std::vector<std::pair<std::string, MediaWords>> media;
  for (const std::string& word : assignments) {
    const Assignment assignment = assignment_of(word);
    // A name that the schema does not have goes through: the daemon says what it thinks of it.
    const std::string type = schema.type_of(entity, assignment.name).value_or("text");
    if (assignment.kind == Assign::json) {
      refuse_twice(document, assignment.name);
      document.set(assignment.name, parse_json(assignment.text, assignment.name));
    } else if (!is_media_type(type)) {
      if (assignment.kind != Assign::set) {
        refuse_unknown_field(schema, entity, assignment.name);
        throw UsageError(in_quotes(word) + ": += and -= are for media fields, " + assignment.name +
                             " is " + type,
                         "write " + assignment.name + "=" + assignment.text);
      }
      refuse_twice(document, assignment.name);
      document.set(assignment.name, typed_value(type, assignment.text));
    } else {
      auto known = media.begin();
      while (known != media.end() && known->first != assignment.name) ++known;
      if (known == media.end()) known = media.emplace(media.end(), assignment.name, MediaWords{});
      add_words(known->second, assignment);
    }
  }
  for (const auto& [field, words] : media) {
    const bool one = schema.type_of(entity, field) == "medium";
    refuse_twice(document, field);
    if (one && words.set.size() + words.files.size() + (words.clears ? 1 : 0) > 1) {
      throw UsageError(in_quotes(field) + " takes one medium", "name one: an id, @FILE or null");
    }
    document.set(field, operators_of(words, one));
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
    if (equals == std::string::npos) {
      throw UsageError(in_quotes(part) + " in --with " + std::string(word) + " is no key=value",
                       "write it as gallery:orderBy=-created_at,limit=3");
    }
    set_part(query, part.substr(0, equals), id_of(part.substr(equals + 1)));
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
