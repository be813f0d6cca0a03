// Where: which records a query wants. Read from what the user sends (where_resolve.cc), evaluated
// on one record at a time (where.cc). Pure.
//
// Logic has three values: what is compared with a null is unknown, and a record is wanted only
// where the whole is yes. The empty `$in` and `$or` are no, the empty `$notin` and `$and` are yes,
// for nulls too.
//
// Within a json field what is not there is null, and a value of another kind than the operand is
// neither equal to it nor less nor greater. A path through a relation says yes when one of the
// linked records meets the test, no when none does: never unknown.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "store/cells.h"
#include "store/columns.h"
#include "store/text_match.h"

namespace emstore::store {

enum class Truth : std::uint8_t { no, unknown, yes };

enum class Comparator : std::uint8_t { equal, less, less_or_equal, greater, greater_or_equal };
enum class TextTest : std::uint8_t { starts_with, ends_with, contains };

struct With;  // query.h

// What a test looks at: a column or, within a json field, the value at the end of a path of names
// and of places in lists.
struct Subject {
  Column column;
  std::vector<std::string> path;
};

struct Condition {
  struct All {
    std::vector<Condition> parts;
  };
  struct Any {
    std::vector<Condition> parts;
  };
  struct Not {
    std::vector<Condition> part;  // Exactly one.
  };
  struct IsNull {
    Subject subject;
  };
  struct Compare {
    Subject subject;
    Comparator comparator = Comparator::equal;
    OwnedScalar operand;  // Never null.
  };
  struct OneOf {
    Subject subject;
    std::vector<OwnedScalar> operands;  // Never null; sorted, each once.
  };
  struct TextHas {
    Subject subject;
    TextTest test = TextTest::contains;
    std::string operand;
  };
  struct Like {
    Subject subject;
    LikePattern pattern;
  };
  struct SameJson {
    Subject subject;
    Value operand;  // A list or a map.
  };
  // Whether any of the records that `with` leads to is one that its query wants.
  struct Linked {
    std::shared_ptr<const With> with;
  };

  std::variant<All, Any, Not, IsNull, Compare, OneOf, TextHas, Like, SameJson, Linked> test;
};

// Of one `where`: it is held against every record that is looked at, so its size is bounded.
inline constexpr std::size_t kConditionsMax = 256;   // Fields and operators, at any depth.
inline constexpr std::size_t kOperandsMax = 10'000;  // Values, those of $in included.

// Reads a `where`; null when it asks for nothing. `path` is where it stands in the request. Errors:
// unknown_field, unknown_operator, wrong_type, wrong_operation, unsupported and others, with paths;
// of several the first, with all as its violations.
Result<std::shared_ptr<const Condition>> resolve_where(const Schema& schema, const Entity& entity,
                                                       const Value& where, std::string_view path);

// Looks through the links of the record that is being held against the condition.
using LooksAtLinks = std::function<Result<bool>(const With&)>;

// Errors: corrupt_index, those of `links`.
Result<Truth> evaluate(const Condition& condition, const Cells& record, const LooksAtLinks& links);

// What a condition that looks at no record says of every one: it is made of nothing but empty ones.
std::optional<Truth> constant_truth(const Condition& condition);

// Whether evaluate() looks at stored fields, and not only at id and times.
bool reads_fields(const Condition& condition);

// Whether two json values say the same: numbers by value, members of maps in any order.
bool is_same_json(const Value& a, const Value& b);

}  // namespace emstore::store
