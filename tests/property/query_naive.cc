#include <algorithm>
#include <cctype>

#include "tests/property/query_model.h"

namespace emstore::testing {
namespace {

using Truth = std::optional<bool>;

double as_number(const Value& value) {
  if (const auto* integer = value.if_integer()) return static_cast<double>(*integer);
  return *value.if_number();
}

// The kind as far as comparisons see it.
int kind_of(const Value& value) {
  return value.is_number() ? static_cast<int>(Value::Kind::number) : static_cast<int>(value.kind());
}

// Below, equal or above. Dates and times compare as their texts do.
int sign_of(const Value& a, const Value& b) {
  if (a.if_text() != nullptr) return a.if_text()->compare(*b.if_text());
  if (a.if_boolean() != nullptr) {
    return static_cast<int>(*a.if_boolean()) - static_cast<int>(*b.if_boolean());
  }
  return as_number(a) < as_number(b) ? -1 : as_number(a) > as_number(b) ? 1 : 0;
}

bool is_scalar(const Value& value) {
  return value.is_number() || value.if_text() != nullptr || value.if_boolean() != nullptr;
}

bool is_same(const Value& a, const Value& b) {
  if (kind_of(a) != kind_of(b)) return false;
  if (const Map* map = a.if_map()) {
    return map->size() == b.if_map()->size() &&
           std::all_of(map->begin(), map->end(), [&](const Map::Member& member) {
             const Value* other = b.if_map()->find(member.name);
             return other != nullptr && is_same(member.value, *other);
           });
  }
  if (const List* list = a.if_list()) {
    return std::equal(list->begin(), list->end(), b.if_list()->begin(), b.if_list()->end(),
                      is_same);
  }
  return a.is_null() || sign_of(a, b) == 0;
}

// Among booleans, numbers and texts.
int place_of(const Value& value) {
  return value.if_boolean() != nullptr ? 0 : value.is_number() ? 1 : 2;
}

Truth negated(Truth truth) { return truth ? Truth(!*truth) : truth; }

// Code points, so that `_` is one of them.
std::vector<std::string> letters_of(const std::string& text, bool folds) {
  std::vector<std::string> letters;
  for (const char byte : text) {
    const bool continues = (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
    if (!continues) letters.emplace_back();
    letters.back() +=
        folds ? static_cast<char>(std::tolower(static_cast<unsigned char>(byte))) : byte;
  }
  return letters;
}

using Letters = std::vector<std::string>;
bool is_like(const Letters& text, std::size_t at, const Letters& pattern, std::size_t in) {
  if (in == pattern.size()) return at == text.size();
  if (pattern[in] == "%") {
    return is_like(text, at, pattern, in + 1) ||
           (at < text.size() && is_like(text, at + 1, pattern, in));
  }
  if (at == text.size()) return false;
  if (pattern[in] == "_") return is_like(text, at + 1, pattern, in + 1);
  const std::size_t letter = pattern[in] == "\\" ? in + 1 : in;
  return text[at] == pattern[letter] && is_like(text, at + 1, pattern, letter + 1);
}

class Judge {
 public:
  Judge(const Model& model, Flaw flaw) : model_(model), flaw_(flaw) {}

  Truth meets(std::uint64_t id, const ModelRecord& record, const Map& where) const {
    return with_siblings(where, id, record);
  }

  // Nulls come first.
  int order_of(const Value& a, const Value& b) const {
    if (a.is_null() || b.is_null()) {
      const int sign = static_cast<int>(b.is_null()) - static_cast<int>(a.is_null());
      return flaw_ == Flaw::nulls_last ? -sign : sign;
    }
    // Only within json two values of different kinds meet.
    if (kind_of(a) == kind_of(b)) return sign_of(a, b);
    const int sign = place_of(a) < place_of(b) ? -1 : 1;
    const bool is_wrong = flaw_ == Flaw::texts_first && (place_of(a) == 2 || place_of(b) == 2);
    return is_wrong ? -sign : sign;
  }

  // What an order looks at: a field, or what a way into json leads to, if that can be compared.
  Value key_of(std::uint64_t id, const ModelRecord& record, const std::string& name) const {
    const std::size_t point = name.find('.');
    if (point == std::string::npos) return value_of(id, record, name);
    const Value value =
        value_at(value_of(id, record, name.substr(0, point)), name.substr(point + 1));
    return is_scalar(value) ? value : Value();
  }

  Value value_of(std::uint64_t id, const ModelRecord& record, const std::string& name) const {
    if (name == "id") return id;
    if (const Value* value = record.values.find(name)) return *value;
    return model_.field(name).default_value;
  }

 private:
  Truth all(const std::vector<Truth>& truths) const {
    if (std::count(truths.begin(), truths.end(), Truth(false)) > 0) return false;
    if (std::count(truths.begin(), truths.end(), Truth()) > 0) return std::nullopt;
    return true;
  }
  Truth any(std::vector<Truth> truths) const {
    for (Truth& truth : truths) truth = negated(truth);
    return negated(all(truths));
  }

  std::vector<Truth> members(const Map& where, std::uint64_t id, const ModelRecord& record) const {
    std::vector<Truth> truths;
    for (const Map::Member& member : where) truths.push_back(meets_member(member, id, record));
    return truths;
  }

  Truth with_siblings(const Map& where, std::uint64_t id, const ModelRecord& record) const {
    const std::vector<Truth> truths = members(where, id, record);
    const bool is_wrong = flaw_ == Flaw::siblings_of_or && where.contains("$or");
    return is_wrong ? any(truths) : all(truths);
  }

  Truth meets_member(const Map::Member& member, std::uint64_t id, const ModelRecord& record) const {
    if (!member.name.starts_with('$')) return meets_test(member, id, record);
    std::vector<Truth> truths;
    if (const List* list = member.value.if_list()) {
      for (const Value& part : *list) truths.push_back(with_siblings(*part.if_map(), id, record));
    } else {
      truths = members(*member.value.if_map(), id, record);
    }
    if (member.name == "$or") return any(truths);
    return member.name == "$and" ? all(truths) : negated(all(truths));
  }

  // ---- Tests: of a field, within json, through a relation.
  Truth meets_test(const Map::Member& member, std::uint64_t id, const ModelRecord& record) const {
    const std::size_t point = std::min(member.name.find('.'), member.name.size());
    const std::string name = member.name.substr(0, point);
    const std::string rest = member.name.substr(std::min(point + 1, member.name.size()));
    const ModelField& field = model_.field(name);
    if (field.is_link() && !rest.empty()) {
      return through(record.links.at(name), model_.targets(field), {rest, member.value});
    }
    if (!field.value.empty()) return test(value_of(id, record, field.value), member.value);
    if (field.is_link()) return test_links(record.links.at(name), member.value);
    return test(value_at(value_of(id, record, name), rest), member.value);
  }

  Truth through(const Ids& links, const std::map<std::uint64_t, ModelRecord>& targets,
                const Map::Member& test) const {
    const auto holds = [&](std::uint64_t id) {
      return meets_test(test, id, targets.at(id)) == Truth(true);
    };
    return flaw_ == Flaw::any_is_all ? std::all_of(links.begin(), links.end(), holds)
                                     : std::any_of(links.begin(), links.end(), holds);
  }

  static Value value_at(Value value, std::string path) {
    while (!path.empty()) {
      const std::size_t point = std::min(path.find('.'), path.size());
      const std::string name = path.substr(0, point);
      path.erase(0, point + 1);
      Value inner;
      if (const Map* map = value.if_map(); map != nullptr && map->contains(name)) {
        inner = *map->find(name);
      }
      const bool is_place = std::all_of(name.begin(), name.end(),
                                        [](char letter) { return letter >= '0' && letter <= '9'; });
      if (const List* list = value.if_list(); list != nullptr && is_place) {
        const std::size_t place = std::stoul(name);
        if (place < list->size()) inner = list->at(place);
      }
      value = inner;
    }
    return value;
  }

  static bool has_operators(const Value& given) {
    const Map* map = given.if_map();
    return map != nullptr && !map->empty() && map->begin()->name.starts_with('$');
  }

  Truth test_links(const Ids& links, const Value& given) const {
    if (!has_operators(given)) return test_link(links, "$eq", given);
    std::vector<Truth> truths;
    for (const auto& [op, operand] : *given.if_map()) {
      truths.push_back(test_link(links, op, operand));
    }
    return all(truths);
  }

  Truth test_link(const Ids& links, const std::string& op, const Value& operand) const {
    const auto holds = [&](const Value& id) {
      return std::count(links.begin(), links.end(), static_cast<std::uint64_t>(*id.if_integer())) >
             0;
    };
    if (op == "$or") {
      std::vector<Truth> truths;
      for (const Value& part : *operand.if_list()) truths.push_back(test_links(links, part));
      return any(truths);
    }
    if (op == "$isnull") return links.empty() == *operand.if_boolean();
    if (op == "$eq" || op == "$ne") {
      const bool is_so = operand.is_null() ? links.empty() : holds(operand);
      return is_so == (op == "$eq");
    }
    const List& list = *operand.if_list();
    return std::any_of(list.begin(), list.end(), holds) == (op == "$in");
  }

  Truth test(const Value& value, const Value& given) const {
    if (!has_operators(given)) return apply(value, "$eq", given);
    std::vector<Truth> truths;
    for (const auto& [op, operand] : *given.if_map()) truths.push_back(apply(value, op, operand));
    return all(truths);
  }

  Truth apply(const Value& value, const std::string& op, const Value& operand) const {
    if (op == "$not") return negated(test(value, operand));
    if (op == "$or") {
      std::vector<Truth> truths;
      for (const Value& part : *operand.if_list()) truths.push_back(test(value, part));
      return any(truths);
    }
    if (op == "$isnull") return value.is_null() == *operand.if_boolean();
    if (op == "$in" || op == "$notin") {
      std::vector<Truth> truths;
      for (const Value& one : *operand.if_list()) truths.push_back(compare(value, "$eq", one));
      return op == "$in" ? any(truths) : negated(any(truths));
    }
    if (op == "$between") {
      return all({compare(value, "$gte", operand.if_list()->at(0)),
                  compare(value, "$lte", operand.if_list()->at(1))});
    }
    if (op == "$like" || op == "$ilike" || op == "$startsWith" || op == "$endsWith" ||
        op == "$contains") {
      return test_text(value, op, *operand.if_text());
    }
    if (op == "$ne") return negated(compare(value, "$eq", operand));
    return compare(value, op, operand);
  }

  Truth compare(const Value& value, const std::string& op, const Value& operand) const {
    if (operand.is_null()) return value.is_null();
    if (value.is_null()) return unknown();
    if (op == "$eq" && is_same(value, operand)) return true;
    if (flaw_ == Flaw::json_kinds_mix && op == "$eq" && is_scalar(value) && is_scalar(operand)) {
      if (kind_of(value) != kind_of(operand)) return true;
    }
    if (!is_scalar(value) || kind_of(value) != kind_of(operand)) return false;
    const int sign = sign_of(value, operand);
    if (op == "$eq") return sign == 0;
    if (op == "$gt") return sign > 0 || (flaw_ == Flaw::greater_is_equal && sign == 0);
    if (op == "$gte") return sign >= 0;
    if (op == "$lt") return sign < 0;
    return sign <= 0;
  }

  Truth test_text(const Value& value, const std::string& op, const std::string& operand) const {
    if (value.is_null()) return unknown();
    if (value.if_text() == nullptr) return false;
    const std::string& text = *value.if_text();
    if (op == "$startsWith") return text.starts_with(operand);
    if (op == "$endsWith") return text.ends_with(operand);
    if (op == "$contains") return text.find(operand) != std::string::npos;
    const bool folds = op == "$ilike" || flaw_ == Flaw::like_folds;
    return is_like(letters_of(text, folds), 0, letters_of(operand, folds), 0);
  }

  Truth unknown() const { return flaw_ == Flaw::null_is_false ? Truth(false) : Truth(); }

  const Model& model_;
  Flaw flaw_;
};

}  // namespace

Ids naive_matches(const Model& model, const ModelQuery& query, Flaw flaw) {
  const Judge judge(model, flaw);
  Ids ids;
  for (const auto& [id, record] : model.items) {
    if (judge.meets(id, record, query.where) == Truth(true)) ids.push_back(id);
  }
  std::vector<ModelOrder> order = query.order;
  const bool descends = !order.empty() && order.back().descending;
  order.push_back({"id", descends && flaw != Flaw::ties_ascend});
  std::sort(ids.begin(), ids.end(), [&](std::uint64_t a, std::uint64_t b) {
    for (const ModelOrder& term : order) {
      const int sign = judge.order_of(judge.key_of(a, model.items.at(a), term.name),
                                      judge.key_of(b, model.items.at(b), term.name));
      if (sign != 0) return term.descending ? sign > 0 : sign < 0;
    }
    return false;
  });
  return ids;
}

}  // namespace emstore::testing
