// Queries: what is asked (names resolved, literals in stored form), how it is found (the plan), and
// the answer, written straight into a sink. Sees rows only through Reader. Errors of a query are
// complete before anything is written where that is possible; otherwise the sink's owner takes back
// what was written. Threads: pure but for the reader; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sink.h"
#include "store/columns.h"
#include "store/reader.h"
#include "store/schema.h"

namespace emstore::store {

struct QueryLimits {
  std::uint64_t items_max = 100'000;           // Records in one result, `with` included.
  std::uint64_t result_bytes_max = 16u << 20;  // Bytes of one result.
  std::uint64_t examined_max = 10'000'000;     // Rows one query may look at.
};

// A `where`, resolved. See where.h.
struct Condition;
struct With;

struct OrderTerm {
  Column column;
  bool descending = false;
  bool operator==(const OrderTerm&) const = default;
};

struct Query {
  const Entity* entity = nullptr;
  std::shared_ptr<const Condition> where;  // Null: all.
  std::vector<OrderTerm> order;            // Ends with id. Empty: in `with` by place, else by id.
  std::optional<std::uint64_t> limit;
  std::uint64_t offset = 0;
  std::vector<Column> columns;  // What is shown, in this order.
  bool shows_link = false;      // In `with`: `$link` as the last member.
  std::vector<With> with;
  bool count = false;
};

struct With {
  const Field* field = nullptr;  // Null: `reference`, all uses of a media.
  Query query;                   // Of the targets; of `reference`, limit and offset only.
};

// Resolves the `query` map of a read ({where, with, select, orderBy | sort, limit, offset, count})
// against the schema, which must outlive the result. Unknown keys, fields, operators and relations
// are errors with a path and a suggestion; literals of the wrong type are wrong_type.
Result<Query> resolve_query(const Schema& schema, std::string_view entity, const Map& query);

// How the records will be found, so that the caller knows whether to run it in place.
struct Plan {
  enum class Kind : std::uint8_t { nothing, by_id, by_index, scan } kind = Kind::scan;
  std::vector<RecordId> ids;     // by_id: at most these, in order, each once.
  const Index* index = nullptr;  // by_index.
  KeyRange range;                // by_index: of Family::values; scan: of Family::records.
  bool is_by_id = true;          // Whether records come in the order of their ids.
  std::string text;              // For people: `by id`, `index idx_unique_posts_slug, equality` …
};
// `ready` says which indexes are complete. The plan may find more than is wanted, never less:
// `where` is still asked of each record.
Plan plan_of(const Schema& schema, const Query& query,
             const std::function<bool(IndexId)>& index_is_ready);

struct Found {
  std::uint64_t items = 0;             // Records written, without those of `with`.
  bool has_more = false;               // The limit cut the result; not asked by find_one.
  std::optional<std::uint64_t> count;  // All that match, when asked.
  Version version = 0;                 // Of the one record, for find_one.
};

// Writes the first match as a map, or null. Errors: result_too_large, corrupt_index.
Result<Found> find_one(const Reader& reader, const Schema& schema, const Query& query,
                       const Plan& plan, const QueryLimits& limits, Sink& sink);
// Writes a list of the matches. Errors: result_too_large that says how to page, corrupt_index.
Result<Found> find_many(const Reader& reader, const Schema& schema, const Query& query,
                        const Plan& plan, const QueryLimits& limits, Sink& sink);
// How many match, whatever the query's limit and offset are.
Result<std::uint64_t> count(const Reader& reader, const Schema& schema, const Query& query,
                            const Plan& plan, const QueryLimits& limits);

}  // namespace emstore::store
