#include "store/field_checks.h"

#include <re2/re2.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/sink.h"
#include "base/suggest.h"
#include "store/field_rules.h"

namespace emstore::store {
namespace {

using Complaints = std::vector<FieldComplaint>;

void check_text(const Field& field, Complaints& complaints) {
  if (field.min_length && field.max_length && *field.min_length > *field.max_length) {
    complaints.push_back({"minLength", "has minLength " + std::to_string(*field.min_length) +
                                           " over maxLength " + std::to_string(*field.max_length)});
  }
  if (field.pattern.empty()) return;
  const RE2 pattern(field.pattern, RE2::Quiet);
  if (!pattern.ok()) {
    complaints.push_back(
        {"pattern",
         "has the pattern " + quoted(field.pattern) + ", which is not RE2: " + pattern.error(),
         "look-around and back-references are not part of RE2"});
  }
}

void check_number(const Field& field, Complaints& complaints) {
  struct Pair {
    std::string_view low_name;
    std::optional<double> low;
    std::string_view high_name;
    std::optional<double> high;
    bool may_be_equal;
  };
  const Pair pairs[] = {
      {"minimum", field.minimum, "maximum", field.maximum, true},
      {"minimum", field.minimum, "exclusiveMaximum", field.exclusive_maximum, false},
      {"exclusiveMinimum", field.exclusive_minimum, "maximum", field.maximum, false},
      {"exclusiveMinimum", field.exclusive_minimum, "exclusiveMaximum", field.exclusive_maximum,
       false},
  };
  for (const Pair& pair : pairs) {
    if (!pair.low || !pair.high || *pair.low < *pair.high) continue;
    if (pair.may_be_equal && *pair.low == *pair.high) continue;
    complaints.push_back(
        {pair.low_name, "has " + std::string(pair.low_name) + " " + to_string(Value(*pair.low)) +
                            " with " + std::string(pair.high_name) + " " +
                            to_string(Value(*pair.high)) + ": no number lies between"});
  }
  if (field.multiple_of && *field.multiple_of <= 0) {
    complaints.push_back(
        {"multipleOf", "has multipleOf " + to_string(Value(*field.multiple_of)) + ", not above 0"});
  }
}

void check_calendar(const Field& field, Complaints& complaints) {
  if (!field.min_date || !field.max_date || *field.min_date <= *field.max_date) return;
  complaints.push_back({"min_date", "has a min_date after its max_date"});
}

void check_enumeration(const Field& field, Complaints& complaints) {
  if (field.values.empty()) {
    complaints.push_back({"options", "is an enum without values",
                          "give it options: {type: \"strings\", values: [\"a\", \"b\"]}"});
  }
  std::set<std::string_view> known;
  for (const std::string& value : field.values) {
    if (known.insert(value).second) continue;
    complaints.push_back({"options", "has the value " + quoted(value) + " twice"});
  }
}

bool is_mime_glob(std::string_view glob) {
  if (glob == "*") return true;
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&^_.+-*";
  const std::size_t slash = glob.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view type = glob.substr(0, slash);
  const std::string_view subtype = glob.substr(slash + 1);
  return !type.empty() && !subtype.empty() &&
         type.find_first_not_of(kLetters) == std::string_view::npos &&
         subtype.find_first_not_of(kLetters) == std::string_view::npos;
}

void check_links(const Field& field, Complaints& complaints) {
  if (field.max_items && *field.max_items == 0) {
    complaints.push_back({"max_items", "has max_items 0, so nothing could be linked"});
  }
  if (field.kind == FieldKind::medium && field.max_items && *field.max_items > 1) {
    complaints.push_back({"max_items",
                          "links one media, and has max_items " + std::to_string(*field.max_items),
                          "use type \"media\" and a relation without targetCardinality"});
  }
  const std::uint64_t most = field.max_items.value_or(field.kind == FieldKind::medium ? 1 : -1ULL);
  if (field.min_items && *field.min_items > most) {
    complaints.push_back({"min_items", "has min_items " + std::to_string(*field.min_items) +
                                           " over max_items " + std::to_string(most)});
  }
  if (field.max_bytes && *field.max_bytes == 0) {
    complaints.push_back(
        {"max_bytes", "has max_bytes 0, so nothing but empty files could be linked"});
  }
  for (const std::string& glob : field.mime_types) {
    if (is_mime_glob(glob)) continue;
    complaints.push_back({"mime_types", "has the mime type " + quoted(glob),
                          "write a type such as \"application/pdf\" or \"image/*\""});
  }
}

void check_default(const Field& field, Complaints& complaints) {
  if (!field.default_value) return;
  ValueSink shown;
  show(field.kind, *field.default_value, shown);
  if (auto stored = stored_form(field, shown.take()); !stored) {
    complaints.push_back(
        {"default_value", "has a default that does not fit: " + stored.error().message});
  }
}

}  // namespace

std::vector<FieldComplaint> complaints_about(const Field& field) {
  Complaints complaints;
  switch (field.kind) {
    case FieldKind::text:
      check_text(field, complaints);
      break;
    case FieldKind::number:
      check_number(field, complaints);
      break;
    case FieldKind::enumeration:
      check_enumeration(field, complaints);
      break;
    case FieldKind::medium:
    case FieldKind::media:
    case FieldKind::links:
      check_links(field, complaints);
      break;
    case FieldKind::date:
    case FieldKind::datetime:
      check_calendar(field, complaints);
      break;
    case FieldKind::boolean:
    case FieldKind::json:
    case FieldKind::address:
    case FieldKind::digest:
    case FieldKind::relation:
      break;
  }
  if (field.with_limit && *field.with_limit == 0) {
    complaints.push_back({"with_limit", "has with_limit 0, so nothing could be read along",
                          "leave it out for no limit"});
  }
  if (field.required && !field.is_fillable(kInCreate) && !field.default_value) {
    complaints.push_back(
        {"fillable",
         "is required and not fillable when a record is created, and has no default: no "
         "record could be written"});
  }
  // Bounds that are wrong themselves say nothing about the default.
  if (complaints.empty()) check_default(field, complaints);
  return complaints;
}

}  // namespace emstore::store
