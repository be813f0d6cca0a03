#include <algorithm>
#include <array>
#include <utility>

#include "base/suggest.h"
#include "store/field_rules.h"
#include "store/query.h"
#include "store/relations.h"
#include "store/violations.h"
#include "store/where.h"

namespace emstore::store {
namespace {

enum class Operator : std::uint8_t {
  eq,
  ne,
  gt,
  gte,
  lt,
  lte,
  between,
  in,
  notin,
  isnull,
  starts_with,
  ends_with,
  contains,
  like,
  ilike,
  all,
  any,
  negation,
};

struct OperatorName {
  std::string_view name;
  Operator op;
};

constexpr std::array kOperatorNames{
    OperatorName{"$eq", Operator::eq},
    OperatorName{"$ne", Operator::ne},
    OperatorName{"$gt", Operator::gt},
    OperatorName{"$gte", Operator::gte},
    OperatorName{"$lt", Operator::lt},
    OperatorName{"$lte", Operator::lte},
    OperatorName{"$between", Operator::between},
    OperatorName{"$in", Operator::in},
    OperatorName{"$notin", Operator::notin},
    OperatorName{"$isnull", Operator::isnull},
    OperatorName{"$startsWith", Operator::starts_with},
    OperatorName{"$endsWith", Operator::ends_with},
    OperatorName{"$contains", Operator::contains},
    OperatorName{"$like", Operator::like},
    OperatorName{"$ilike", Operator::ilike},
    OperatorName{"$and", Operator::all},
    OperatorName{"$or", Operator::any},
    OperatorName{"$not", Operator::negation},
};

bool is_logic(Operator op) {
  return op == Operator::all || op == Operator::any || op == Operator::negation;
}
bool is_of_text(Operator op) { return op >= Operator::starts_with && op <= Operator::ilike; }
bool is_of_equality(Operator op) {
  return op == Operator::eq || op == Operator::ne || op == Operator::isnull || op == Operator::in ||
         op == Operator::notin;
}

std::optional<Operator> operator_named(std::string_view name) {
  for (const OperatorName& entry : kOperatorNames) {
    if (entry.name == name) return entry.op;
  }
  return std::nullopt;
}

tl::unexpected<Error> unknown_operator(std::string_view name, const std::string& path) {
  std::vector<std::string_view> names;
  for (const OperatorName& entry : kOperatorNames) names.push_back(entry.name);
  return failure(ErrorCode::unknown_operator, "there is no operator " + quoted(name), path,
                 did_you_mean(name, names));
}

Condition negation_of(Condition condition) {
  std::vector<Condition> part;
  part.push_back(std::move(condition));
  return {Condition::Not{std::move(part)}};
}

// Parts that are read one after the other; what is wrong with any of them is wrong with all.
template <typename T>
class Parts {
 public:
  void add(Result<T> part) {
    if (part) {
      parts_.push_back(*std::move(part));
    } else {
      violations_.add(std::move(part).error());
    }
  }
  Result<std::vector<T>> take() && {
    EMSTORE_CHECKED(std::move(violations_).to_status());
    return std::move(parts_);
  }

 private:
  std::vector<T> parts_;
  Violations violations_{kQueryViolationsMax};
};

// Conditions as one; a single one as itself.
Condition all_of(std::vector<Condition> parts) {
  if (parts.size() == 1) return std::move(parts.front());
  return {Condition::All{std::move(parts)}};
}

Condition joined(Operator logic, std::vector<Condition> parts) {
  if (logic == Operator::any) return {Condition::Any{std::move(parts)}};
  Condition all = all_of(std::move(parts));
  return logic == Operator::negation ? negation_of(std::move(all)) : std::move(all);
}

// Whether any record that `side` leads to is wanted; null: whether there is one.
Condition linked(const Side& side, std::shared_ptr<const Condition> where) {
  With with;
  with.field = side.field;
  if (side.inverse) with.owner = side.owner;
  with.query.entity = side.target;
  with.query.where = std::move(where);
  with.query.limit = 1;
  return {Condition::Linked{std::make_shared<const With>(std::move(with))}};
}

// What may be asked of one subject, and the literals for it. A relation without more is asked for
// the ids of the records it leads to.
class Test {
 public:
  Test(Subject subject, IdFormat ids)
      : subject_(std::move(subject)), name_(name_of(subject_.column)), ids_(ids) {}
  explicit Test(const Side& side)
      : subject_{{Pseudo::id, nullptr}, {}},
        name_(side.name),
        ids_(side.target->ids),
        relation_(side) {}

  // `given` is a literal, or a map of operators.
  Result<Condition> resolve(const Value& given, const std::string& path) const {
    const Map* operators = given.if_map();
    if (operators == nullptr || (is_json() && !has_only_operators(*operators))) {
      return apply(Operator::eq, given, path);
    }
    if (operators->empty()) {
      return failure(ErrorCode::invalid_request, "no operator for " + quoted(name_), path,
                     "leave the field out to ask nothing of it");
    }
    EMSTORE_TRY(std::vector<Condition> parts, resolve_each(*operators, path));
    return all_of(std::move(parts));
  }

 private:
  bool is_json() const { return kind() == FieldKind::json; }
  bool is_id() const { return subject_.column.pseudo == Pseudo::id; }
  FieldKind kind() const { return is_id() ? FieldKind::number : rules_of(subject_.column)->kind; }

  // A condition on the subject; of a relation, on the records it leads to.
  Condition asked(Condition condition) const {
    if (!relation_) return condition;
    return linked(*relation_, std::make_shared<const Condition>(std::move(condition)));
  }
  Condition is_null() const {
    if (!relation_) return {Condition::IsNull{subject_}};
    return negation_of(linked(*relation_, nullptr));
  }

  static bool has_only_operators(const Map& map) {
    return !map.empty() && std::all_of(map.begin(), map.end(), [](const Map::Member& member) {
      return member.name.starts_with('$');
    });
  }

  Result<std::vector<Condition>> resolve_each(const Map& operators, const std::string& path) const {
    Parts<Condition> parts;
    for (const auto& [name, operand] : operators)
      parts.add(resolve_operator(name, operand, step(path, name)));
    return std::move(parts).take();
  }

  Result<Condition> resolve_operator(const std::string& name, const Value& operand,
                                     const std::string& path) const {
    const std::optional<Operator> op = operator_named(name);
    if (!op) return unknown_operator(name, path);
    EMSTORE_CHECKED(check_fits(*op, name, path));
    return is_logic(*op) ? resolve_logic(*op, operand, path) : apply(*op, operand, path);
  }

  Result<Condition> resolve_logic(Operator logic, const Value& given,
                                  const std::string& path) const {
    std::vector<Condition> parts;
    if (const List* list = given.if_list()) {
      Parts<Condition> listed;
      for (std::size_t i = 0; i < list->size(); ++i) listed.add(resolve((*list)[i], step(path, i)));
      EMSTORE_TRY(parts, std::move(listed).take());
    } else if (given.if_map() != nullptr && has_only_operators(*given.if_map())) {
      EMSTORE_TRY(parts, resolve_each(*given.if_map(), path));
    } else {
      return failure(ErrorCode::wrong_type, "operators, or a list of them, are expected", path);
    }
    return joined(logic, std::move(parts));
  }

  Status check_fits(Operator op, std::string_view name, const std::string& path) const {
    const FieldKind of = kind();
    const bool has_texts =
        !is_id() && (of == FieldKind::text || of == FieldKind::enumeration || is_json());
    const bool is_opaque =
        of == FieldKind::address || of == FieldKind::digest || relation_.has_value();
    const bool fits =
        is_logic(op) || is_of_equality(op) || (!is_opaque && (has_texts || !is_of_text(op)));
    if (fits) return {};
    const std::string_view what = relation_.has_value() ? name_of(relation_->field->kind)
                                  : is_id()             ? "id"
                                                        : name_of(of);
    return failure(ErrorCode::wrong_operation,
                   std::string(name) + " does not fit " + quoted(name_) + ", which is of type " +
                       std::string(what),
                   path);
  }

  Result<Condition> apply(Operator op, const Value& operand, const std::string& path) const {
    switch (op) {
      case Operator::eq:
        return equal(operand, path);
      case Operator::ne: {
        EMSTORE_TRY(Condition same, equal(operand, path));
        return negation_of(std::move(same));
      }
      case Operator::gt:
        return comparison(Comparator::greater, operand, path);
      case Operator::gte:
        return comparison(Comparator::greater_or_equal, operand, path);
      case Operator::lt:
        return comparison(Comparator::less, operand, path);
      case Operator::lte:
        return comparison(Comparator::less_or_equal, operand, path);
      case Operator::between:
        return between(operand, path);
      case Operator::in:
        return one_of(operand, path);
      case Operator::notin: {
        EMSTORE_TRY(Condition inside, one_of(operand, path));
        return negation_of(std::move(inside));
      }
      case Operator::isnull:
        return null_test(operand, path);
      case Operator::starts_with:
        return text_test(TextTest::starts_with, operand, path);
      case Operator::ends_with:
        return text_test(TextTest::ends_with, operand, path);
      case Operator::contains:
        return text_test(TextTest::contains, operand, path);
      case Operator::like:
        return like(Case::matters, operand, path);
      case Operator::ilike:
        return like(Case::folded, operand, path);
      case Operator::all:
      case Operator::any:
      case Operator::negation:
        return resolve_logic(op, operand, path);
    }
    return unknown_operator({}, path);
  }

  Result<Condition> equal(const Value& operand, const std::string& path) const {
    if (operand.is_null()) return is_null();
    const bool is_tree = operand.if_list() != nullptr || operand.if_map() != nullptr;
    if (!is_json() || !is_tree) return comparison(Comparator::equal, operand, path);
    Result<Value> stored = literal_form(*subject_.column.field, operand);
    if (!stored) return with_path(std::move(stored).error(), path);
    return Condition{Condition::SameJson{subject_, *std::move(stored)}};
  }

  Result<Condition> comparison(Comparator comparator, const Value& operand,
                               const std::string& path) const {
    EMSTORE_TRY(OwnedScalar literal, literal_of(operand, path));
    return asked({Condition::Compare{subject_, comparator, std::move(literal)}});
  }

  Result<Condition> between(const Value& operand, const std::string& path) const {
    const List* ends = operand.if_list();
    if (ends == nullptr || ends->size() != 2) {
      return failure(ErrorCode::wrong_type,
                     "$between takes a list of two: the least and the greatest", path);
    }
    Parts<Condition> parts;
    parts.add(comparison(Comparator::greater_or_equal, (*ends)[0], step(path, std::size_t{0})));
    parts.add(comparison(Comparator::less_or_equal, (*ends)[1], step(path, std::size_t{1})));
    EMSTORE_TRY(std::vector<Condition> both, std::move(parts).take());
    return all_of(std::move(both));
  }

  Result<Condition> one_of(const Value& operand, const std::string& path) const {
    const List* list = operand.if_list();
    if (list == nullptr)
      return failure(ErrorCode::wrong_type, "a list of values is expected", path);
    Parts<OwnedScalar> literals;
    for (std::size_t i = 0; i < list->size(); ++i)
      literals.add(literal_of((*list)[i], step(path, i)));
    EMSTORE_TRY(std::vector<OwnedScalar> operands, std::move(literals).take());
    const auto order = [](const OwnedScalar& a, const OwnedScalar& b) {
      return compare(view_of(a), view_of(b));
    };
    std::sort(operands.begin(), operands.end(),
              [&](const OwnedScalar& a, const OwnedScalar& b) { return order(a, b) < 0; });
    operands.erase(
        std::unique(operands.begin(), operands.end(),
                    [&](const OwnedScalar& a, const OwnedScalar& b) { return order(a, b) == 0; }),
        operands.end());
    return asked({Condition::OneOf{subject_, std::move(operands)}});
  }

  Result<Condition> null_test(const Value& operand, const std::string& path) const {
    const bool* wants_null = operand.if_boolean();
    if (wants_null == nullptr) {
      return failure(ErrorCode::wrong_type, "$isnull takes true or false, not " + brief(operand),
                     path);
    }
    Condition test = is_null();
    return *wants_null ? std::move(test) : negation_of(std::move(test));
  }

  Result<Condition> text_test(TextTest test, const Value& operand, const std::string& path) const {
    EMSTORE_TRY(const std::string* text, text_of(operand, path));
    return Condition{Condition::TextHas{subject_, test, *text}};
  }

  Result<Condition> like(Case letters, const Value& operand, const std::string& path) const {
    EMSTORE_TRY(const std::string* text, text_of(operand, path));
    Result<LikePattern> pattern = LikePattern::of(*text, letters);
    if (!pattern) return with_path(std::move(pattern).error(), path);
    return Condition{Condition::Like{subject_, *std::move(pattern)}};
  }

  Result<const std::string*> text_of(const Value& operand, const std::string& path) const {
    if (const std::string* text = operand.if_text()) return text;
    return failure(ErrorCode::wrong_type,
                   "a text is expected, not " + std::string(name_of(operand.kind())), path);
  }

  Result<OwnedScalar> literal_of(const Value& operand, const std::string& path) const {
    if (operand.is_null()) {
      return failure(ErrorCode::wrong_type, "nothing can be compared with null", path,
                     "ask {\"$isnull\": true} or false");
    }
    if (is_id()) return id_literal(operand, path);
    if (is_json()) return json_literal(operand, path);
    if (kind() == FieldKind::relation && operand.if_integer() != nullptr) {
      return OwnedScalar(*operand.if_integer());  // A bound, as for ids.
    }
    Result<Value> stored = literal_form(*rules_of(subject_.column), operand);
    if (!stored) {
      Error error = std::move(stored).error();
      if (operand.if_list() != nullptr) error.hint = "one of several values: {\"$in\": […]}";
      return with_path(std::move(error), path);
    }
    return owned(scalar_of(kind(), *stored));
  }

  static Result<OwnedScalar> json_literal(const Value& operand, const std::string& path) {
    if (const std::optional<Scalar> scalar = json_scalar(operand)) return owned(*scalar);
    return failure(
        ErrorCode::wrong_type,
        "a number, a text or a boolean is expected, not " + std::string(name_of(operand.kind())),
        path, "lists and maps are compared as a whole by $eq and $ne");
  }

  // Any integer is a bound for ids, also one that no record can have.
  Result<OwnedScalar> id_literal(const Value& operand, const std::string& path) const {
    if (ids_ == IdFormat::uuid) return uuid_literal(operand, path);
    if (const auto* integer = operand.if_integer()) return OwnedScalar(*integer);
    return failure(ErrorCode::wrong_type, brief(operand) + " is no id", path,
                   "ids here are integers");
  }

  static Result<OwnedScalar> uuid_literal(const Value& operand, const std::string& path) {
    const std::optional<RecordId> id = record_id_of(operand);
    if (id && id->is_uuid()) return OwnedScalar(std::string(as_bytes(id->uuid())));
    return failure(ErrorCode::wrong_type, brief(operand) + " is no id", path,
                   "ids here are uuids, as text");
  }

  Subject subject_;
  std::string_view name_;
  IdFormat ids_;
  std::optional<Side> relation_;
};

class WhereReader {
 public:
  WhereReader(const Schema& schema, const Entity& entity) : schema_(schema), entity_(entity) {}

  Result<std::vector<Condition>> read_each(const Map& where, const std::string& path) const {
    Parts<Condition> parts;
    for (const auto& [name, given] : where) parts.add(read_member(name, given, step(path, name)));
    return std::move(parts).take();
  }

 private:
  Result<Condition> read_member(const std::string& name, const Value& given,
                                const std::string& path) const {
    if (!name.starts_with('$')) return read_test(name, given, path);
    const std::optional<Operator> op = operator_named(name);
    if (!op) return unknown_operator(name, path);
    if (is_logic(*op)) return read_logic(*op, given, path);
    return failure(ErrorCode::wrong_operation, name + " stands under a field", path,
                   "write {\"<field>\": {\"" + name + "\": …}}");
  }

  Result<Condition> read_logic(Operator logic, const Value& given, const std::string& path) const {
    std::vector<Condition> parts;
    if (const List* list = given.if_list()) {
      Parts<Condition> listed;
      for (std::size_t i = 0; i < list->size(); ++i)
        listed.add(read_listed((*list)[i], step(path, i)));
      EMSTORE_TRY(parts, std::move(listed).take());
    } else if (const Map* where = given.if_map()) {
      EMSTORE_TRY(parts, read_each(*where, path));
    } else {
      return failure(ErrorCode::wrong_type, "conditions, or a list of them, are expected", path);
    }
    return joined(logic, std::move(parts));
  }

  Result<Condition> read_listed(const Value& given, const std::string& path) const {
    const Map* where = given.if_map();
    if (where == nullptr)
      return failure(ErrorCode::wrong_type, "a map of conditions is expected", path);
    EMSTORE_TRY(std::vector<Condition> each, read_each(*where, path));
    return all_of(std::move(each));
  }

  // `price`, `metadata.width`, `gallery.mime_type`: what stands before the first point is a column.
  Result<Condition> read_test(std::string_view name, const Value& given,
                              const std::string& path) const {
    const std::size_t point = std::min(name.find('.'), name.size());
    if (const std::optional<Side> side = find_side(schema_, entity_, name.substr(0, point))) {
      if (point == name.size()) return of_relation(*side).resolve(given, path);
      return through(*side, name.substr(point + 1), given, path);
    }
    EMSTORE_TRY(const Column column, column_named(name.substr(0, point), path));
    if (point == name.size()) return Test({column, {}}, entity_.ids).resolve(given, path);
    const std::string_view rest = name.substr(point + 1);
    if (column.field != nullptr && column.field->kind == FieldKind::json) {
      Result<std::vector<std::string>> names = names_within(rest);
      if (!names) return with_path(std::move(names).error(), path);
      return Test({column, *std::move(names)}, entity_.ids).resolve(given, path);
    }
    return failure(ErrorCode::wrong_operation,
                   quoted(name_of(column)) + " of " + entity_.name + " has nothing within it", path,
                   "a path leads into json fields and through relations");
  }

  // A relation that is a value is asked as that value.
  static Test of_relation(const Side& side) {
    if (side.inverse || side.has_links()) return Test(side);
    return Test(Subject{{Pseudo::none, side.field}, {}}, side.target->ids);
  }

  Result<Condition> through(const Side& side, std::string_view rest, const Value& given,
                            const std::string& path) const {
    EMSTORE_TRY(Condition inner, WhereReader(schema_, *side.target).read_test(rest, given, path));
    return linked(side, std::make_shared<const Condition>(std::move(inner)));
  }

  Result<Column> column_named(std::string_view name, const std::string& path) const {
    Result<Column> found = find_column(entity_, name);
    if (!found) return with_path(std::move(found).error(), path);
    const Column column = without_alias(*found, entity_);
    if (column.pseudo != Pseudo::id && rules_of(column) == nullptr) {
      return failure(ErrorCode::unsupported, "a where cannot ask for " + quoted(name), path,
                     "it can be selected");
    }
    return column;
  }

  const Schema& schema_;
  const Entity& entity_;
};

}  // namespace

namespace {

// Members of maps, and values that are neither map nor list. The depth is bounded by the message's.
struct Size {
  std::size_t conditions = 0, operands = 0;
};

Size size_of(const Value& value) {
  Size size;
  const auto add = [&size](const Value& part) {
    const Size inner = size_of(part);
    size.conditions += inner.conditions;
    size.operands += inner.operands;
  };
  if (const Map* map = value.if_map()) {
    size.conditions += map->size();
    for (const auto& [name, part] : *map) add(part);
  } else if (const List* list = value.if_list()) {
    for (const Value& part : *list) add(part);
  } else {
    size.operands = 1;
  }
  return size;
}

}  // namespace

Result<std::shared_ptr<const Condition>> resolve_where(const Schema& schema, const Entity& entity,
                                                       const Value& where, std::string_view path) {
  const Map* conditions = where.if_map();
  if (conditions == nullptr) {
    return failure(ErrorCode::wrong_type,
                   "a map of conditions is expected, not " + std::string(name_of(where.kind())),
                   std::string(path), "leave it out to ask for everything");
  }
  if (conditions->empty()) return nullptr;
  const Size size = size_of(where);
  if (size.conditions > kConditionsMax || size.operands > kOperandsMax) {
    return failure(ErrorCode::value_too_large,
                   std::to_string(size.conditions) + " conditions with " +
                       std::to_string(size.operands) + " values; at most " +
                       std::to_string(kConditionsMax) + " and " + std::to_string(kOperandsMax) +
                       " make one where",
                   std::string(path), "ask in several queries");
  }
  EMSTORE_TRY(std::vector<Condition> parts,
              WhereReader(schema, entity).read_each(*conditions, std::string(path)));
  return std::make_shared<const Condition>(all_of(std::move(parts)));
}

}  // namespace emstore::store
