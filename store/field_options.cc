#include "store/field_options.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "store/field_rules.h"

namespace emstore::store {
namespace {

// ---- For which kinds ----------------------------------------------------------------------------

bool is_any(FieldKind) { return true; }
bool is_plain(FieldKind kind) { return !is_link(kind) && !is_relation(kind); }
bool is_to_one(FieldKind kind) { return kind == FieldKind::relation; }
bool is_to_many(FieldKind kind) { return kind == FieldKind::links; }
bool leads_on(FieldKind kind) { return is_link(kind) || is_relation(kind); }
bool is_text(FieldKind kind) { return kind == FieldKind::text; }
bool is_number(FieldKind kind) { return kind == FieldKind::number; }
bool is_json(FieldKind kind) { return kind == FieldKind::json; }
bool is_enumeration(FieldKind kind) { return kind == FieldKind::enumeration; }
bool is_calendar(FieldKind kind) { return kind == FieldKind::date || kind == FieldKind::datetime; }

// ---- Plain members ------------------------------------------------------------------------------

template <std::string Field::*Member>
std::string take_text(const Value& given, Field& field) {
  if (given.if_text() == nullptr) return "a text";
  field.*Member = *given.if_text();
  return {};
}
template <std::string Field::*Member>
std::optional<Value> show_text(const Field& field) {
  if ((field.*Member).empty()) return std::nullopt;
  return Value(field.*Member);
}

template <bool Field::*Member>
std::string take_flag(const Value& given, Field& field) {
  if (given.if_boolean() == nullptr) return "true or false";
  field.*Member = *given.if_boolean();
  return {};
}
template <bool Field::*Member>
std::optional<Value> show_true(const Field& field) {
  if (!(field.*Member)) return std::nullopt;
  return Value(true);
}

std::optional<double> finite_number(const Value& given) {
  if (const std::int64_t* integer = given.if_integer()) return static_cast<double>(*integer);
  if (const double* number = given.if_number(); number != nullptr && std::isfinite(*number)) {
    return *number;
  }
  return std::nullopt;
}

template <std::optional<double> Field::*Member>
std::string take_number(const Value& given, Field& field) {
  field.*Member = finite_number(given);
  return field.*Member ? "" : "a number";
}
template <std::optional<double> Field::*Member>
std::optional<Value> show_number(const Field& field) {
  if (!(field.*Member)) return std::nullopt;
  return Value(*(field.*Member));
}

template <std::optional<std::uint64_t> Field::*Member>
std::string take_count(const Value& given, Field& field) {
  constexpr double kCountMax = 9007199254740992;  // Clients without integers send these exactly.
  const auto number = finite_number(given);
  if (!number || *number < 0 || *number > kCountMax || *number != std::floor(*number)) {
    return "a whole number from 0";
  }
  field.*Member = static_cast<std::uint64_t>(*number);
  return {};
}
template <std::optional<std::uint64_t> Field::*Member>
std::optional<Value> show_count(const Field& field) {
  if (!(field.*Member)) return std::nullopt;
  return Value(*(field.*Member));
}

std::optional<std::vector<std::string>> texts_of(const Value& given) {
  const List* list = given.if_list();
  if (list == nullptr) return std::nullopt;
  std::vector<std::string> texts;
  for (const Value& item : *list) {
    if (item.if_text() == nullptr) return std::nullopt;
    texts.push_back(*item.if_text());
  }
  return texts;
}

List list_of(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

// ---- Options of their own -----------------------------------------------------------------------

constexpr std::array<std::pair<Contexts, std::string_view>, 7> kContexts{{
    {kInCreate, "create"},
    {kInRead, "read"},
    {kInUpdate, "update"},
    {kInDelete, "delete"},
    {kInForm, "form"},
    {kInTable, "table"},
    {kInSubmit, "submit"},
}};

// true: all of `allowed`; false: none; a list: those it names.
std::optional<std::uint8_t> contexts_of(const Value& given, std::uint8_t allowed) {
  if (const bool* all = given.if_boolean()) return *all ? allowed : std::uint8_t{0};
  const auto names = texts_of(given);
  if (!names) return std::nullopt;
  unsigned contexts = 0;
  for (const std::string& name : *names) {
    const auto known = std::find_if(kContexts.begin(), kContexts.end(), [&](const auto& candidate) {
      return candidate.second == name && (candidate.first & allowed) != 0;
    });
    if (known == kContexts.end()) return std::nullopt;
    contexts |= known->first;
  }
  return static_cast<std::uint8_t>(contexts);
}

Value list_of_contexts(std::uint8_t contexts) {
  List names;
  for (const auto& [context, name] : kContexts) {
    if ((contexts & context) != 0) names.emplace_back(name);
  }
  return names;
}

std::string take_fillable(const Value& given, Field& field) {
  const auto contexts = contexts_of(given, kInMutations);
  if (!contexts) return "true, false, or a list of create, read, update, delete";
  // The operators fill media fields, whatever a schema of bknd says.
  if (!is_link(field.kind)) field.fillable = *contexts;
  return {};
}
std::optional<Value> show_fillable(const Field& field) {
  if (field.fillable == kInMutations) return std::nullopt;
  if (field.fillable == 0) return Value(false);
  return list_of_contexts(field.fillable);
}

std::string take_hidden(const Value& given, Field& field) {
  const auto contexts = contexts_of(given, kEverywhere);
  if (!contexts) {
    return "true, false, or a list of create, read, update, delete, form, table, submit";
  }
  field.hidden = *contexts;
  return {};
}
std::optional<Value> show_hidden(const Field& field) {
  if (field.hidden == 0) return std::nullopt;
  if (field.hidden == kEverywhere) return Value(true);
  return list_of_contexts(field.hidden);
}

// Links are virtual by nature, others never.
std::string take_virtual(const Value& given, Field& field) {
  if (given.if_boolean() == nullptr) return "true or false";
  if (*given.if_boolean() && !is_link(field.kind))
    return "left out: only fields of links are virtual";
  return {};
}

std::string take_default(const Value& given, Field& field) {
  auto stored = literal_form(field, given);
  if (!stored) return "a value of the field's own type (" + stored.error().message + ")";
  field.default_value = *std::move(stored);
  return {};
}
std::optional<Value> show_default(const Field& field) {
  if (!field.default_value) return std::nullopt;
  ValueSink sink;
  show(field.kind, *field.default_value, sink);
  return sink.take();
}

// Bknd repeats the kind of dates here.
std::string take_calendar_type(const Value& given, Field& field) {
  if (given.if_text() != nullptr && *given.if_text() == name_of(field.kind)) return {};
  return "\"" + std::string(name_of(field.kind)) + "\", as the field";
}

std::string take_timezone(const Value& given, Field&) {
  if (given.if_text() != nullptr && *given.if_text() == "UTC") return {};
  return "\"UTC\": emstore keeps dates and times in UTC";
}

template <std::optional<std::int64_t> Field::*Member>
std::string take_point(const Value& given, Field& field) {
  const auto stored = literal_form(field, given);
  if (!stored || stored->if_integer() == nullptr) {
    return field.kind == FieldKind::date ? "a date such as \"2026-11-22\""
                                         : "a time such as \"2026-11-22T15:09:26Z\"";
  }
  field.*Member = *stored->if_integer();
  return {};
}
template <std::optional<std::int64_t> Field::*Member>
std::optional<Value> show_point(const Field& field) {
  if (!(field.*Member)) return std::nullopt;
  ValueSink sink;
  show(field.kind, Value(*(field.*Member)), sink);
  return sink.take();
}

std::string take_json_schema(const Value& given, Field& field) {
  if (given.if_map() == nullptr) return "a JSON Schema (a map)";
  auto schema = JsonSchema::read(*given.if_map());
  if (schema) {
    field.json_schema = *std::move(schema);
    return {};
  }
  const Error& error = schema.error();
  return "a JSON Schema that emstore can hold values against (" + error.path + ": " +
         error.message + (error.hint.empty() ? "" : "; " + error.hint) + ")";
}
std::optional<Value> show_json_schema(const Field& field) {
  if (!field.json_schema) return std::nullopt;
  return Value(field.json_schema->source());
}

std::string take_ui_schema(const Value& given, Field& field) {
  if (given.if_map() == nullptr) return "a map";
  field.ui_schema = *given.if_map();
  return {};
}
std::optional<Value> show_ui_schema(const Field& field) {
  if (field.ui_schema.empty()) return std::nullopt;
  return Value(field.ui_schema);
}

std::string take_enumeration(const Value& given, Field& field) {
  auto values = texts_of(given);
  if (!values) return "a list of texts";
  field.values = *std::move(values);
  field.value_labels.clear();
  return {};
}

// {type: "strings", values: ["a"]} or {type: "objects", values: [{label: "A", value: "a"}]}
std::string take_enum_options(const Value& given, Field& field) {
  constexpr std::string_view kWanted =
      "{type: \"strings\", values: [\"a\"]} or {type: \"objects\", values: [{label, value}]}";
  const Map* options = given.if_map();
  if (options == nullptr) return std::string(kWanted);
  const Value* type = options->find("type");
  const Value* values = options->find("values");
  if (type == nullptr || values == nullptr || options->size() != 2) return std::string(kWanted);
  if (*type == Value("strings")) return take_enumeration(*values, field);
  if (*type != Value("objects") || values->if_list() == nullptr) return std::string(kWanted);

  field.values.clear();
  field.value_labels.clear();
  for (const Value& item : *values->if_list()) {
    const Map* pair = item.if_map();
    const Value* label = pair == nullptr ? nullptr : pair->find("label");
    const Value* value = pair == nullptr ? nullptr : pair->find("value");
    if (label == nullptr || value == nullptr || pair->size() != 2) return std::string(kWanted);
    if (label->if_text() == nullptr || value->if_text() == nullptr) return std::string(kWanted);
    field.value_labels.push_back(*label->if_text());
    field.values.push_back(*value->if_text());
  }
  return {};
}
std::optional<Value> show_enum_options(const Field& field) {
  if (field.values.empty()) return std::nullopt;
  if (field.value_labels.empty()) {
    return Value(Map{{"type", "strings"}, {"values", list_of(field.values)}});
  }
  List pairs;
  for (std::size_t i = 0; i < field.values.size(); ++i) {
    pairs.push_back(Map{{"label", field.value_labels[i]}, {"value", field.values[i]}});
  }
  return Value(Map{{"type", "objects"}, {"values", std::move(pairs)}});
}

std::string take_mime_types(const Value& given, Field& field) {
  auto globs = texts_of(given);
  if (!globs) return "a list of mime types such as \"image/*\"";
  field.mime_types = *std::move(globs);
  return {};
}
std::optional<Value> show_mime_types(const Field& field) {
  if (field.mime_types.empty()) return std::nullopt;
  return Value(list_of(field.mime_types));
}

// What deleting does: to the media of a record, or to what refers to a record.
struct DeleteRule {
  OnDelete rule;
  std::string_view name;
  bool of_media, of_relations;
};
constexpr std::array kDeleteRules{
    DeleteRule{OnDelete::detach, "set null", false, true},
    DeleteRule{OnDelete::detach, "detach", true, true},
    DeleteRule{OnDelete::collect, "collect", true, false},
    DeleteRule{OnDelete::restrict_, "restrict", true, true},
    DeleteRule{OnDelete::cascade, "cascade", false, true},
};

bool is_for(const DeleteRule& rule, FieldKind kind) {
  return is_media_link(kind) ? rule.of_media : rule.of_relations;
}

std::string take_on_delete(const Value& given, Field& field) {
  for (const DeleteRule& rule : kDeleteRules) {
    const bool is_meant = given.if_text() != nullptr && *given.if_text() == rule.name;
    if (!is_meant || !is_for(rule, field.kind)) continue;
    field.on_delete = rule.rule;
    return {};
  }
  return is_media_link(field.kind) ? "\"detach\", \"collect\" or \"restrict\""
                                   : "\"set null\", \"restrict\" or \"cascade\"";
}
std::optional<Value> show_on_delete(const Field& field) {
  if (field.on_delete == OnDelete::detach && !is_relation(field.kind)) return std::nullopt;
  for (const DeleteRule& rule : kDeleteRules) {
    if (rule.rule == field.on_delete && is_for(rule, field.kind)) return Value(rule.name);
  }
  return std::nullopt;
}

// ---- Options of relations -----------------------------------------------------------------------

// Records are found by their id, whatever format it has.
std::string take_target_field(const Value& given, Field&) {
  return given == Value("id") ? "" : "\"id\"";
}
std::string take_target_type(const Value& given, Field&) {
  const bool is_known =
      given == Value("integer") || given == Value("text") || given == Value("uuid");
  return is_known ? "" : "\"integer\", \"text\" or \"uuid\"";
}
std::string take_unique(const Value& given, Field& field) {
  if (given.if_boolean() == nullptr) return "true or false";
  field.unique = *given.if_boolean();
  return {};
}

std::optional<Value> show_never(const Field&) { return std::nullopt; }

// ---- The table ----------------------------------------------------------------------------------

constexpr std::array kOptions{
    FieldOption{"label", Bound::none, is_any, take_text<&Field::label>, show_text<&Field::label>},
    FieldOption{"description", Bound::none, is_any, take_text<&Field::description>,
                show_text<&Field::description>},
    FieldOption{"required", Bound::none, is_any, take_flag<&Field::required>,
                show_true<&Field::required>},
    FieldOption{"fillable", Bound::none, is_any, take_fillable, show_fillable},
    FieldOption{"hidden", Bound::none, is_any, take_hidden, show_hidden},
    FieldOption{"virtual", Bound::none, is_any, take_virtual, show_never},
    FieldOption{"default_value", Bound::none, is_plain, take_default, show_default},
    FieldOption{"minLength", Bound::lower, is_text, take_count<&Field::min_length>,
                show_count<&Field::min_length>},
    FieldOption{"maxLength", Bound::upper, is_text, take_count<&Field::max_length>,
                show_count<&Field::max_length>},
    FieldOption{"pattern", Bound::exact, is_text, take_text<&Field::pattern>,
                show_text<&Field::pattern>},
    FieldOption{"minimum", Bound::lower, is_number, take_number<&Field::minimum>,
                show_number<&Field::minimum>},
    FieldOption{"maximum", Bound::upper, is_number, take_number<&Field::maximum>,
                show_number<&Field::maximum>},
    FieldOption{"exclusiveMinimum", Bound::lower, is_number, take_number<&Field::exclusive_minimum>,
                show_number<&Field::exclusive_minimum>},
    FieldOption{"exclusiveMaximum", Bound::upper, is_number, take_number<&Field::exclusive_maximum>,
                show_number<&Field::exclusive_maximum>},
    FieldOption{"multipleOf", Bound::exact, is_number, take_number<&Field::multiple_of>,
                show_number<&Field::multiple_of>},
    FieldOption{"options", Bound::choice, is_enumeration, take_enum_options, show_enum_options},
    FieldOption{"enum", Bound::none, is_enumeration, take_enumeration, show_never},
    FieldOption{"type", Bound::none, is_calendar, take_calendar_type, show_never},
    FieldOption{"timezone", Bound::none, is_calendar, take_timezone, show_never},
    FieldOption{"min_date", Bound::lower, is_calendar, take_point<&Field::min_date>,
                show_point<&Field::min_date>},
    FieldOption{"max_date", Bound::upper, is_calendar, take_point<&Field::max_date>,
                show_point<&Field::max_date>},
    FieldOption{"schema", Bound::exact, is_json, take_json_schema, show_json_schema},
    FieldOption{"ui_schema", Bound::none, is_json, take_ui_schema, show_ui_schema},
    FieldOption{"default_from_schema", Bound::none, is_json, take_flag<&Field::default_from_schema>,
                show_true<&Field::default_from_schema>},
    FieldOption{"min_items", Bound::lower, is_link, take_count<&Field::min_items>,
                show_count<&Field::min_items>},
    FieldOption{"max_items", Bound::upper, is_link, take_count<&Field::max_items>,
                show_count<&Field::max_items>},
    FieldOption{"mime_types", Bound::choice, is_media_link, take_mime_types, show_mime_types},
    FieldOption{"max_bytes", Bound::upper, is_media_link, take_count<&Field::max_bytes>,
                show_count<&Field::max_bytes>},
    FieldOption{"reference", Bound::none, is_to_one, take_text<&Field::reference>,
                show_text<&Field::reference>},
    FieldOption{"target", Bound::none, is_relation, take_text<&Field::target>,
                show_text<&Field::target>},
    FieldOption{"target_field", Bound::none, is_to_one, take_target_field, show_never},
    FieldOption{"target_field_type", Bound::none, is_to_one, take_target_type, show_never},
    FieldOption{"inversedBy", Bound::none, is_relation, take_text<&Field::inverse>,
                show_text<&Field::inverse>},
    FieldOption{"connectionTable", Bound::none, is_to_many, take_text<&Field::connection>,
                show_text<&Field::connection>},
    FieldOption{"unique", Bound::exact, is_to_one, take_unique, show_true<&Field::unique>},
    FieldOption{"on_delete", Bound::none, leads_on, take_on_delete, show_on_delete},
    FieldOption{"with_limit", Bound::none, leads_on, take_count<&Field::with_limit>,
                show_count<&Field::with_limit>},
};

// The values of a choice, whatever they are dressed in.
std::vector<std::string> choices(const Value& shown) {
  if (const Map* options = shown.if_map()) {
    std::vector<std::string> values;
    for (const Value& item : *options->find("values")->if_list()) {
      const Map* pair = item.if_map();
      values.push_back(*(pair == nullptr ? item : *pair->find("value")).if_text());
    }
    return values;
  }
  return texts_of(shown).value_or(std::vector<std::string>{});
}

// Of bounds as shown: numbers, days as text, or times.
bool is_less(const Value& left, const Value& right) {
  if (left.if_text() != nullptr) return *left.if_text() < *right.if_text();
  if (left.if_time() != nullptr) return *left.if_time() < *right.if_time();
  return *finite_number(left) < *finite_number(right);
}

}  // namespace

std::span<const FieldOption> field_options() { return kOptions; }

const FieldOption* field_option_named(std::string_view name) {
  const auto* option =
      std::find_if(kOptions.begin(), kOptions.end(),
                   [name](const auto& candidate) { return candidate.name == name; });
  return option == kOptions.end() ? nullptr : option;
}

bool is_tighter(Bound bound, const std::optional<Value>& before,
                const std::optional<Value>& after) {
  if (bound == Bound::none || !after || before == after) return false;
  if (!before) return true;
  switch (bound) {
    case Bound::none:
      return false;
    case Bound::lower:
      return is_less(*before, *after);
    case Bound::upper:
      return is_less(*after, *before);
    case Bound::exact:
      return true;
    case Bound::choice:
      break;
  }
  const std::vector<std::string> allowed = choices(*after);
  const std::vector<std::string> known = choices(*before);
  return !std::all_of(known.begin(), known.end(), [&allowed](const std::string& value) {
    return std::find(allowed.begin(), allowed.end(), value) != allowed.end();
  });
}

}  // namespace emstore::store
