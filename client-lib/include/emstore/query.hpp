// What a read asks for. Names and meanings are those of the wire; the daemon resolves them.
//
//   products.find_many({.where = {{"price", gte(500)}},
//                       .with = {"thumbnail", {"gallery", {.order_by = {desc("created_at")}}}},
//                       .order_by = {asc("name")}, .limit = 20});
#pragma once

#include <emstore/value.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

namespace emstore {

// A test of one field. `gte(10) && lt(20)` tests both, `ne(1) && ne(2)` too.
class Condition {
 public:
  Condition(std::string operator_name, Value operand);
  const Map& to_map() const { return tests_; }
  friend Condition operator&&(Condition left, const Condition& right);

 private:
  Map tests_;
};

Condition eq(Value value);
Condition ne(Value value);
Condition gt(Value value);
Condition gte(Value value);
Condition lt(Value value);
Condition lte(Value value);
Condition between(Value low, Value high);  // Both included.
Condition in(List values);
Condition not_in(List values);
Condition is_null(bool null = true);
Condition starts_with(std::string text);
Condition ends_with(std::string text);
Condition contains(std::string text);
Condition like(std::string pattern);   // % any text, _ any one letter.
Condition ilike(std::string pattern);  // The same, upper and lower case alike.

// Which records. All terms hold; a bare value means eq(). A name may lead into a json field
// ("metadata.width", "tags.0") or through a relation ("gallery.mime_type": any linked record).
class Where {
 public:
  struct Term {
    template <typename T>
    requires std::constructible_from<Value, T> Term(std::string field, T&& value)
        : name(std::move(field)), operand(std::forward<T>(value)) {}
    Term(std::string field, Value value) : name(std::move(field)), operand(std::move(value)) {}
    Term(std::string field, const Condition& condition)
        : name(std::move(field)), operand(condition.to_map()) {}
    std::string name;
    Value operand;
  };

  Where() = default;
  Where(std::initializer_list<Term> terms);
  explicit Where(Map raw) : map_(std::move(raw)) {}  // As on the wire.
  const Map& to_map() const { return map_; }

 private:
  Map map_;
};

// Terms of a where: `{{"price", gte(500)}, any_of({Where{{"a", 1}}, Where{{"b", 2}}})}`.
Where::Term any_of(const std::vector<Where>& alternatives);
Where::Term all_of(const std::vector<Where>& all);
Where::Term none_of(const Where& where);

struct Order {
  std::string field;
  bool descending = false;
};
inline Order asc(std::string field) { return {std::move(field), false}; }
inline Order desc(std::string field) { return {std::move(field), true}; }

struct With;

// The media fields to read along: `{"thumbnail", {"gallery", {.limit = 3}}}`.
class Withs {
 public:
  Withs();
  Withs(std::initializer_list<With> relations);
  Withs(const Withs&);
  Withs(Withs&&) noexcept;
  Withs& operator=(const Withs&);
  Withs& operator=(Withs&&) noexcept;
  ~Withs();

  void add(With relation);
  const std::vector<With>& relations() const { return relations_; }

 private:
  std::vector<With> relations_;
};

struct Query {
  Where where = {};
  Withs with = {};
  std::vector<std::string> select = {};  // Empty: every field that is not hidden.
  // Empty: as the entity is sorted (Entity::sorted_by), else by id; of a media field, by place.
  std::vector<Order> order_by = {};
  std::optional<std::uint64_t> limit = {};
  std::uint64_t offset = 0;
  bool count = false;       // Also say how many match in all.
  std::string cursor = {};  // Of the page before (Page::cursor): go on behind it. Without offset.
  // These two are of the whole query, never of a With. Answer once this commit is visible.
  std::optional<std::uint64_t> after = {};
  // Answer as of this commit, or as of a time (Time, or text as in RFC 3339): what is read along
  // included, and with the schema of then. Null: as of now.
  Value as_of = {};
};

// A media field to read along, with its own query; `reference` on media: all its uses.
struct With {
  With(const char* field_name);
  With(std::string field_name);
  With(std::string field_name, Query query_of_items);
  With(const With&);
  With(With&&) noexcept;
  With& operator=(const With&);
  With& operator=(With&&) noexcept;
  ~With();

  std::string field;
  Query query;
};

// Which commits of the log. What is left out asks for nothing.
struct LogQuery {
  std::uint64_t from = 1;
  std::optional<std::uint64_t> to = {};     // The last one.
  Value since = {}, until = {};             // Times, both included; also as text.
  bool reverse = false;                     // The latest first.
  std::string entity = {};                  // Commits that change its records;
  Value id = {};                            // this one;
  std::string field = {};                   // this field of them.
  std::vector<std::string> operators = {};  // "$set", "$detach", "$attach", "$create", "delete".
  Value media = {};                         // That change this media, or links to it.
  std::optional<std::uint64_t> uid = {};    // Of this user.
  std::uint64_t limit = 100;
};

// The query as on the wire, without `after` and `as_of`. Throws Failure: unknown_option for these
// two within a With, out_of_range for what is above 2^63-1.
Map to_map(const Query& query);
// The order as on the wire.
Value to_value(const std::vector<Order>& order);

}  // namespace emstore
