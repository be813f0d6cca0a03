#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/pack.h"
#include "base/suggest.h"
#include "store/cursor.h"
#include "store/query.h"
#include "store/relations.h"
#include "store/violations.h"
#include "store/where.h"

namespace emstore::store {
namespace {

constexpr std::string_view kLinkColumn = "$link";
constexpr std::string_view kReferenceName = "reference";

// The keys of a read, and those of a `with`, where counting makes no sense.
constexpr std::array<std::string_view, 9> kReadKeys{"where", "with",   "select", "orderBy", "sort",
                                                    "limit", "offset", "cursor", "count"};
constexpr std::span<const std::string_view> kWithKeys(kReadKeys.data(), kReadKeys.size() - 1);
constexpr std::array<std::string_view, 2> kReferenceKeys{"limit", "offset"};

struct LaterKey {
  std::string_view name, hint;
};
constexpr std::array kLaterKeys{
    LaterKey{"join", "`with` brings linked records along"},
    LaterKey{"as_of", "it stands beside the query, and holds for all of the read"},
};

tl::unexpected<Error> expected(std::string_view what, const Value& given, const std::string& path) {
  return failure(ErrorCode::wrong_type,
                 std::string(what) + " is expected, not " + std::string(name_of(given.kind())),
                 path);
}

Status unknown_key(const std::string& name, std::span<const std::string_view> known,
                   const std::string& path) {
  for (const LaterKey& later : kLaterKeys) {
    if (name == later.name) {
      return failure(ErrorCode::unsupported, quoted(name) + " is not supported", path,
                     std::string(later.hint));
    }
  }
  return failure(ErrorCode::unknown_option, "a query has no option " + quoted(name), path,
                 did_you_mean(name, known));
}

Status check_keys(const Map& query, std::span<const std::string_view> known,
                  const std::string& path) {
  Violations violations(kQueryViolationsMax);
  for (const Map::Member& member : query) {
    if (std::find(known.begin(), known.end(), member.name) == known.end())
      violations.add(unknown_key(member.name, known, step(path, member.name)));
  }
  return std::move(violations).to_status();
}

// An option that is nil counts as left out.
const Value* option_given(const Map& given, std::string_view name) {
  const Value* value = given.find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Result<std::uint64_t> integer_from(std::int64_t least, const Value& given, const std::string& path,
                                   std::string hint) {
  const std::int64_t* integer = given.if_integer();
  if (integer == nullptr) return expected("an integer", given, path);
  if (*integer >= least) return static_cast<std::uint64_t>(*integer);
  return failure(ErrorCode::out_of_range,
                 brief(given) + " is no integer from " + std::to_string(least), path,
                 std::move(hint));
}

// A limit of 0 would leave out what no cursor leads to.
Status read_window(const Map& given, const std::string& path, Query& query) {
  constexpr std::string_view kNoLimit =
      "leave it out for no limit; `count` and `exists` give no records";
  Violations violations(kQueryViolationsMax);
  if (const Value* limit = option_given(given, "limit")) {
    query.limit =
        violations.take(integer_from(1, *limit, step(path, "limit"), std::string(kNoLimit)));
  }
  if (const Value* offset = option_given(given, "offset"))
    query.offset = violations.take(integer_from(0, *offset, step(path, "offset"), {}));
  return std::move(violations).to_status();
}

// ---- orderBy ------------------------------------------------------------------------------------

Result<bool> is_descending(const Value& direction, const std::string& path) {
  const std::string* text = direction.if_text();
  if (text == nullptr) return expected("\"asc\" or \"desc\"", direction, path);
  if (*text == "asc") return false;
  if (*text == "desc") return true;
  return failure(ErrorCode::invalid_request, quoted(*text) + " is no direction", path,
                 "write \"asc\" or \"desc\"");
}

class OrderReader {
 public:
  explicit OrderReader(const Entity& entity) : entity_(entity) {}

  // Every form: "name", "-name", {name: "desc"}, {by, dir}, and lists of these.
  Status read(const Value& given, const std::string& path) {
    const List* list = given.if_list();
    if (list == nullptr) return read_one(given, path);
    Violations violations(kQueryViolationsMax);
    for (std::size_t i = 0; i < list->size(); ++i)
      violations.add(read_one((*list)[i], step(path, i)));
    return std::move(violations).to_status();
  }

  // With id behind the rest in the direction of the last, so that equal records always come in one
  // order.
  std::vector<OrderTerm> take() {
    const auto is_by_id = [](const OrderTerm& term) { return term.column.pseudo == Pseudo::id; };
    if (!terms_.empty() && std::none_of(terms_.begin(), terms_.end(), is_by_id)) {
      terms_.push_back({{Pseudo::id, nullptr}, terms_.back().descending, {}});
    }
    return std::move(terms_);
  }

  Status add(std::string_view name, bool descending, const std::string& path) {
    const std::size_t point = name.find('.');
    if (point != std::string_view::npos) return add_within(name, point, descending, path);
    Result<Column> found = find_column(entity_, name);
    if (!found) return with_path(std::move(found).error(), path);
    const Column column = without_alias(*found, entity_);
    const Field* rules = rules_of(column);
    const bool is_ordered =
        rules != nullptr && rules->kind != FieldKind::json && !is_link(rules->kind);
    if (column.pseudo != Pseudo::id && column.pseudo != Pseudo::version && !is_ordered) {
      return failure(ErrorCode::wrong_operation, quoted(name) + " has no order", path);
    }
    terms_.push_back({column, descending, {}});
    return {};
  }

 private:
  // `metadata.width`
  Status add_within(std::string_view name, std::size_t point, bool descending,
                    const std::string& path) {
    Result<Column> found = find_column(entity_, name.substr(0, point));
    if (!found) return with_path(std::move(found).error(), path);
    if (found->field == nullptr || found->field->kind != FieldKind::json) {
      return failure(ErrorCode::wrong_operation, quoted(name) + " has no order", path,
                     "an order looks at fields of the record, and into its json fields");
    }
    Result<std::vector<std::string>> way = names_within(name.substr(point + 1));
    if (!way) return with_path(std::move(way).error(), path);
    terms_.push_back({*found, descending, *std::move(way)});
    return {};
  }

  Status read_one(const Value& given, const std::string& path) {
    if (const std::string* text = given.if_text()) {
      const bool descending = text->starts_with('-');
      return add(std::string_view(*text).substr(descending ? 1 : 0), descending, path);
    }
    const Map* map = given.if_map();
    if (map == nullptr) return expected("a name, a map or a list of them", given, path);
    if (map->contains("by") && entity_.field("by") == nullptr) return read_by(*map, path);
    Violations violations(kQueryViolationsMax);
    for (const auto& [name, direction] : *map)
      violations.add(read_member(name, direction, step(path, name)));
    return std::move(violations).to_status();
  }

  Status read_member(const std::string& name, const Value& direction, const std::string& path) {
    EMSTORE_TRY(const bool descending, is_descending(direction, path));
    return add(name, descending, path);
  }

  Status read_by(const Map& map, const std::string& path) {
    constexpr std::array<std::string_view, 2> kKeys{"by", "dir"};
    EMSTORE_CHECKED(check_keys(map, kKeys, path));
    const Value& by = *map.find("by");
    if (by.if_text() == nullptr) return expected("a name", by, step(path, "by"));
    bool descending = false;
    if (const Value* direction = option_given(map, "dir")) {
      EMSTORE_TRY(descending, is_descending(*direction, step(path, "dir")));
    }
    return add(*by.if_text(), descending, step(path, "by"));
  }

  const Entity& entity_;
  std::vector<OrderTerm> terms_;
};

Result<std::vector<OrderTerm>> read_order(const Entity& entity, const Map& given,
                                          const std::string& path) {
  const Value* order_by = option_given(given, "orderBy");
  const Value* sort = option_given(given, "sort");
  if (order_by != nullptr && sort != nullptr) {
    return failure(ErrorCode::invalid_request, "orderBy and sort say the same thing",
                   step(path, "sort"), "leave one of them out");
  }
  OrderReader reader(entity);
  if (order_by != nullptr) EMSTORE_CHECKED(reader.read(*order_by, step(path, "orderBy")));
  if (sort != nullptr) EMSTORE_CHECKED(reader.read(*sort, step(path, "sort")));
  return reader.take();
}

// The order that the schema gives an entity, unless it is the usual one.
Result<std::vector<OrderTerm>> own_order(const Entity& entity) {
  const bool descending = entity.sort_direction == "desc";
  if (entity.sort_field == "id" && !descending) return std::vector<OrderTerm>();
  OrderReader reader(entity);
  EMSTORE_CHECKED(reader.add(entity.sort_field, descending, "orderBy"));
  return reader.take();
}

// ---- select -------------------------------------------------------------------------------------

std::vector<Column> usual_columns(const Entity& entity) {
  std::vector<Column> columns;
  columns.reserve(entity.fields.size() + 3);
  columns.push_back({Pseudo::id, nullptr});
  for (const Field& field : entity.fields) {
    if (!field.is_hidden(kInRead) && !is_link(field.kind))
      columns.push_back({Pseudo::none, &field});
  }
  columns.push_back({Pseudo::created_at, nullptr});
  columns.push_back({Pseudo::updated_at, nullptr});
  return columns;
}

enum class Level : std::uint8_t { top, record, link };  // Of a read, of a `with`, by links.

Status add_selected(const Value& given, Level level, const std::string& path, Query& query) {
  if (given.if_text() == nullptr) return expected("a name", given, path);
  const std::string& name = *given.if_text();
  if (name == kLinkColumn) {
    if (level != Level::link) {
      return failure(ErrorCode::wrong_operation,
                     std::string("$link belongs to the items of ") +
                         (level == Level::top ? "a `with`" : "links in a `with`"),
                     path);
    }
    query.shows_link = true;
    return {};
  }
  Result<Column> column = find_column(*query.entity, name);
  if (!column) return with_path(std::move(column).error(), path);
  if (column->field != nullptr && is_link(column->field->kind)) {
    return failure(ErrorCode::wrong_operation, quoted(name) + " holds links, no value", path,
                   "ask for it by with: {" + quoted(name) + ": true}");
  }
  if (std::find(query.columns.begin(), query.columns.end(), *column) != query.columns.end()) {
    return failure(ErrorCode::duplicate_item, quoted(name) + " is selected twice", path);
  }
  query.columns.push_back(*column);
  return {};
}

Status read_columns(const Value* select, Level level, const std::string& path, Query& query) {
  if (select == nullptr) {
    query.columns = usual_columns(*query.entity);
    query.shows_link = level == Level::link;
    return {};
  }
  const List* names = select->if_list();
  if (names == nullptr) return expected("a list of names", *select, path);
  Violations violations(kQueryViolationsMax);
  for (std::size_t i = 0; i < names->size(); ++i)
    violations.add(add_selected((*names)[i], level, step(path, i), query));
  return std::move(violations).to_status();
}

Status read_select(const Value* select, Level level, const std::string& path, Query& query) {
  EMSTORE_CHECKED(read_columns(select, level, path, query));
  query.names.reserve(query.columns.size());
  for (const Column& column : query.columns) {
    pack::Writer(query.names.emplace_back()).text(name_of(column));
  }
  return {};
}

// ---- cursor -------------------------------------------------------------------------------------

// What a further page needs: the digest, and the place at which it begins. `with`: of its list.
Status read_page(const Map& given, const std::string& path, const With* with, Query& query) {
  const Value* cursor = option_given(given, "cursor");
  if (cursor == nullptr && !query.limit) return {};
  query.digest = query_digest(query, option_given(given, "where"), with);
  if (cursor == nullptr) return {};
  const std::string place = step(path, "cursor");
  if (cursor->if_text() == nullptr) return expected("the text of a cursor", *cursor, place);
  if (option_given(given, "offset") != nullptr) {
    return failure(ErrorCode::invalid_request, "cursor and offset both say where a page begins",
                   step(path, "offset"), "leave one of them out");
  }
  Result<Position> position = read_cursor(query, *cursor->if_text());
  if (!position) return with_path(std::move(position).error(), place);
  query.after = *std::move(position);
  return {};
}

// ---- with ---------------------------------------------------------------------------------------

class WithReader {
 public:
  WithReader(const Schema& schema, const Entity& entity) : schema_(schema), entity_(entity) {}

  Result<std::vector<With>> read(const Value& given, const std::string& path) const;

 private:
  struct Asked {
    std::string name;
    const Value* options;  // Null: all of them as usual.
    std::string path;
  };

  static Result<std::vector<Asked>> names_in(const Value& given, const std::string& path);
  Result<std::vector<Asked>> every_relation(const std::string& path) const;
  Status add(const Asked& asked, std::vector<With>& with) const;
  Result<With> read_one(const Asked& asked) const;
  Result<With> read_reference(const Asked& asked) const;
  tl::unexpected<Error> unknown_relation(const Asked& asked) const;

  const Schema& schema_;
  const Entity& entity_;
};

// What a query of a read and of a `with` have in common.
Result<Query> read_query(const Schema& schema, const Entity& entity, const Map& given, Level level,
                         const std::string& path) {
  Violations violations(kQueryViolationsMax);
  violations.add(check_keys(given, level == Level::top ? kReadKeys : kWithKeys, path));
  Query query;
  query.entity = &entity;
  if (const Value* where = option_given(given, "where"))
    query.where = violations.take(resolve_where(schema, entity, *where, step(path, "where")));
  query.order = violations.take(read_order(entity, given, path));
  violations.add(read_window(given, path, query));
  violations.add(read_select(option_given(given, "select"), level, step(path, "select"), query));
  if (const Value* with = option_given(given, "with"))
    query.with = violations.take(WithReader(schema, entity).read(*with, step(path, "with")));
  EMSTORE_CHECKED(std::move(violations).to_status());
  return query;
}

Result<std::vector<WithReader::Asked>> WithReader::names_in(const Value& given,
                                                            const std::string& path) {
  std::vector<Asked> asked;
  if (const std::string* name = given.if_text()) {
    asked.push_back({*name, nullptr, path});
  } else if (const List* names = given.if_list()) {
    for (std::size_t i = 0; i < names->size(); ++i) {
      const std::string* listed = (*names)[i].if_text();
      if (listed == nullptr) return expected("a name", (*names)[i], step(path, i));
      asked.push_back({*listed, nullptr, step(path, i)});
    }
  } else if (const Map* options = given.if_map()) {
    for (const auto& [name_of_relation, value] : *options) {
      asked.push_back({name_of_relation, &value, step(path, name_of_relation)});
    }
  } else {
    return expected("true, a name, a list of names or a map", given, path);
  }
  return asked;
}

Result<std::vector<WithReader::Asked>> WithReader::every_relation(const std::string& path) const {
  std::vector<Asked> asked;
  for (const Side& side : sides_of(schema_, entity_)) {
    if (!side.inverse) asked.push_back({std::string(side.name), nullptr, path});
  }
  return asked;
}

Result<std::vector<With>> WithReader::read(const Value& given, const std::string& path) const {
  std::vector<With> with;
  const bool* all = given.if_boolean();
  if (all != nullptr && !*all) return with;
  EMSTORE_TRY(const std::vector<Asked> asked,
              all != nullptr ? every_relation(path) : names_in(given, path));
  Violations violations(kQueryViolationsMax);
  for (const Asked& one : asked) violations.add(add(one, with));
  EMSTORE_CHECKED(std::move(violations).to_status());
  return with;
}

Status WithReader::add(const Asked& asked, std::vector<With>& with) const {
  const bool* wanted = asked.options == nullptr ? nullptr : asked.options->if_boolean();
  const bool is_reference = entity_.id == kMediaEntity && asked.name == kReferenceName;
  EMSTORE_TRY(With read, is_reference ? read_reference(asked) : read_one(asked));
  if (wanted != nullptr && !*wanted) return {};
  const auto is_same = [&read](const With& other) {
    return other.field == read.field && other.owner == read.owner;
  };
  if (std::any_of(with.begin(), with.end(), is_same)) {
    return failure(ErrorCode::duplicate_item, quoted(asked.name) + " is asked for twice",
                   asked.path);
  }
  with.push_back(std::move(read));
  return {};
}

Result<With> WithReader::read_one(const Asked& asked) const {
  const std::optional<Side> side = find_side(schema_, entity_, asked.name);
  if (!side) return unknown_relation(asked);
  static const Map kNoOptions;
  const Map* options = &kNoOptions;
  if (asked.options != nullptr && asked.options->if_boolean() == nullptr) {
    options = asked.options->if_map();
    if (options == nullptr) return expected("true or a map of options", *asked.options, asked.path);
  }
  With with;
  with.field = side->field;
  if (side->inverse) with.owner = side->owner;
  const Level level = side->has_links() ? Level::link : Level::record;
  EMSTORE_TRY(with.query, read_query(schema_, *side->target, *options, level, asked.path));
  const bool has_limit = side->has_links() ? !side->inverse : side->many;
  if (has_limit && option_given(*options, "limit") == nullptr)
    with.query.limit = side->field->with_limit;
  if (side->many) {
    EMSTORE_CHECKED(read_page(*options, asked.path, &with, with.query));
  } else if (option_given(*options, "cursor") != nullptr) {
    return failure(ErrorCode::wrong_operation, quoted(asked.name) + " leads to one record",
                   step(asked.path, "cursor"), "a cursor is for lists");
  }
  return with;
}

Result<With> WithReader::read_reference(const Asked& asked) const {
  With with;
  if (asked.options == nullptr || asked.options->if_boolean() != nullptr) return with;
  const Map* options = asked.options->if_map();
  if (options == nullptr) return expected("true or a map of options", *asked.options, asked.path);
  EMSTORE_CHECKED(check_keys(*options, kReferenceKeys, asked.path));
  EMSTORE_CHECKED(read_window(*options, asked.path, with.query));
  return with;
}

tl::unexpected<Error> WithReader::unknown_relation(const Asked& asked) const {
  if (entity_.field(asked.name) != nullptr) {
    return failure(ErrorCode::unknown_relation,
                   quoted(asked.name) + " of " + entity_.name + " is a value, not a relation",
                   asked.path, "it is in the result without `with`");
  }
  std::vector<std::string_view> names;
  for (const Side& side : sides_of(schema_, entity_)) names.push_back(side.name);
  if (entity_.id == kMediaEntity) names.push_back(kReferenceName);
  return failure(ErrorCode::unknown_relation,
                 entity_.name + " has no relation " + quoted(asked.name), asked.path,
                 did_you_mean(asked.name, names));
}

Result<bool> read_count(const Map& given) {
  const Value* count = option_given(given, "count");
  if (count == nullptr) return false;
  if (count->if_boolean() == nullptr) return expected("true or false", *count, "count");
  return *count->if_boolean();
}

// A result is a map: no name may stand in it twice.
Status check_names(const Query& query, const std::string& path) {
  const bool selects_reference =
      std::any_of(query.columns.begin(), query.columns.end(),
                  [](const Column& column) { return column.pseudo == Pseudo::reference; });
  for (const With& with : query.with) {
    if (with.field == nullptr && selects_reference) {
      return failure(ErrorCode::duplicate_item,
                     "reference is both selected and asked for by `with`", step(path, "select"),
                     "leave one of them out");
    }
    if (with.field != nullptr) {
      EMSTORE_CHECKED(check_names(with.query, step(step(path, "with"), name_of(with))));
    }
  }
  return {};
}

}  // namespace

Result<Query> resolve_query(const Schema& schema, std::string_view entity, const Map& given) {
  Result<const Entity*> known = find_entity(schema, entity);
  if (!known) return with_path(std::move(known).error(), "entity");
  const Entity* found = *known;
  Violations violations(kQueryViolationsMax);
  Query query = violations.take(read_query(schema, *found, given, Level::top, {}));
  query.count = violations.take(read_count(given));
  EMSTORE_CHECKED(std::move(violations).to_status());
  EMSTORE_CHECKED(check_names(query, {}));
  if (option_given(given, "orderBy") == nullptr && option_given(given, "sort") == nullptr) {
    EMSTORE_TRY(query.order, own_order(*found));
  }
  EMSTORE_CHECKED(read_page(given, {}, nullptr, query));
  return query;
}

}  // namespace emstore::store
