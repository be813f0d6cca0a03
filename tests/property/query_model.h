// Random schemas, records and queries for the query language, and two judges of what a query must
// give: one that says each rule in the plainest way, and SQLite. Neither shares code with store/.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <emstore/value.hpp>

#include "tests/support/chance.h"

namespace emstore::testing {

struct ModelField {
  std::string name;
  std::string type;  // As in schemas; "id" for the id, "side" for what follows from another field.
  Value default_value = {};
  std::string target = {};  // Of links: the entity.
  std::string value = {};   // Of a side that is the value of a field: that field.
  bool is_link() const { return !target.empty(); }
};

using Ids = std::vector<std::uint64_t>;

struct ModelRecord {
  Map values;                        // As a client sends them.
  std::map<std::string, Ids> links;  // In order; those of the sides too.
};

// Entity `items` with fields of every kind, which link to `media` and to each other.
struct Model {
  std::vector<ModelField> fields;        // Of items, links included; not the id.
  std::vector<ModelField> media_fields;  // Those that queries ask for; not the id.
  std::vector<std::vector<std::string>> indexes;
  std::map<std::uint64_t, ModelRecord> items, media;

  Map schema() const;
  const ModelField& field(const std::string& name) const;
  const std::map<std::uint64_t, ModelRecord>& targets(const ModelField& link) const;
};

Model random_model(Dice& dice);

struct ModelOrder {
  std::string name;
  bool descending = false;
};

struct ModelQuery {
  Map where;
  std::vector<ModelOrder> order;
  std::size_t offset = 0;
  std::optional<std::size_t> limit;

  Map to_map() const;  // As on the wire.
};

// What a query may contain: SQL has no json like ours.
enum class Language : bool { whole, of_sql };
ModelQuery random_query(Dice& dice, const Model& model, Language language);

// A judge that is wrong on purpose: whoever compares with it must notice.
enum class Flaw {
  none,
  null_is_false,     // Two values of logic instead of three.
  siblings_of_or,    // {a, $or: …} as a or …, which is what bknd makes of it.
  like_folds,        // $like takes no notice of case.
  ties_ascend,       // Ties by id upwards, whatever the direction.
  nulls_last,        // In orders.
  any_is_all,        // A path through a relation asks all linked records.
  greater_is_equal,  // $gt lets the equal through.
  json_kinds_mix,    // "10" in json equals 10.
  texts_first,       // In orders within json: before booleans and numbers.
};
inline constexpr Flaw kFlaws[] = {Flaw::null_is_false,    Flaw::siblings_of_or, Flaw::like_folds,
                                  Flaw::ties_ascend,      Flaw::nulls_last,     Flaw::any_is_all,
                                  Flaw::greater_is_equal, Flaw::json_kinds_mix, Flaw::texts_first};

// All matches in their order, whatever offset and limit are.
Ids naive_matches(const Model& model, const ModelQuery& query, Flaw flaw = Flaw::none);

// The same model in a database of SQLite in memory.
class SqliteJudge {
 public:
  explicit SqliteJudge(const Model& model);
  ~SqliteJudge();
  // What the page has, with offset and limit.
  Ids page(const ModelQuery& query);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace emstore::testing
