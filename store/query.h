// Queries: what is asked (names resolved, literals in stored form), how it is found (the plan), and
// the answer, written straight into a sink. Sees rows only through Reader. Errors of a query are
// complete before anything is written where that is possible; otherwise the sink's owner takes back
// what was written. Threads: pure but for the reader; any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sink.h"
#include "store/cells.h"
#include "store/columns.h"
#include "store/reader.h"
#include "store/schema.h"

namespace emstore::store {

struct QueryLimits {
  std::uint64_t items_max = 100'000;           // Records in one result, `with` included.
  std::uint64_t result_bytes_max = 16u << 20;  // Bytes of one result.
  std::uint64_t examined_max = 10'000'000;     // Rows one query may look at.
  // Set by another thread, it ends the query with `cancelled` at the next row.
  const std::atomic<bool>* is_cancelled = nullptr;
};

// A `where`, resolved. See where.h.
struct Condition;
struct With;

struct OrderTerm {
  Column column;
  bool descending = false;
  std::vector<std::string> path = {};  // In a json field: the way to the value, as in a `where`.
  bool operator==(const OrderTerm&) const = default;
};

// Where a page goes on: behind the record with these values of the order's columns and this id.
struct Position {
  std::vector<OwnedScalar> keys;  // One a term of the order; null for the id.
  RecordId id;
  // In a `with`: the record whose list it is, and the place of the link there.
  std::optional<RecordId> owner = {};
  std::string place = {};
};

struct Query {
  const Entity* entity = nullptr;
  std::shared_ptr<const Condition> where;  // Null: all.
  std::vector<OrderTerm> order;            // Ends with id. Empty: in `with` by place, else by id.
  std::optional<std::uint64_t> limit;
  std::uint64_t offset = 0;
  std::vector<Column> columns;     // What is shown, in this order.
  std::vector<std::string> names;  // Of the columns, packed.
  bool shows_link = false;         // In `with`: `$link` as the last member.
  std::vector<With> with;
  bool count = false;
  bool tells_collected = false;   // See tell_collected().
  std::optional<Position> after;  // From a cursor: only what comes behind it.
  std::string digest;             // For a cursor (cursor.h), when there may be another page.
};

// The order that is asked for, or that of the ids.
std::vector<OrderTerm> order_of(const Query& query);

struct With;
// Makes the query say, beside the `blob` of a media whose bytes were collected, `bytes:
// "collected"` and `collected_at`, the sequence; also of those read along. For reads of the past:
// whoever is there now has its bytes.
void tell_collected(Query& query);

struct With {
  const Field* field = nullptr;  // That makes the relation. Null: `reference`, all uses of a media.
  const Entity* owner = nullptr;  // Seen from its other side: the entity that has the field.
  Query query;                    // Of the targets; of `reference`, limit and offset only.
};
// As the record calls it: "gallery", "author", "posts", "reference".
std::string_view name_of(const With& with);
// Whether it gives a list; otherwise one record or none.
bool is_many(const With& with);
// Whether it stands on the value of a field of the record itself.
bool follows_value(const With& with);

// Of what is wrong with one query: more is not named.
inline constexpr std::size_t kQueryViolationsMax = 100;

// Resolves the `query` map of a read ({where, with, select, orderBy | sort, limit, offset, cursor,
// count}) against the schema, which must outlive the result. Unknown keys, fields, operators and
// relations are errors with a path and a suggestion; literals of the wrong type are wrong_type; the
// cursor of another query is wrong_cursor. Of several errors the first, with all as its violations.
Result<Query> resolve_query(const Schema& schema, std::string_view entity, const Map& query);

// How the records will be found, so that the caller knows whether to run it in place. It may lead
// to more than is wanted, never to less: `where` is still asked of each record. Points into the
// query and the schema.
struct Plan {
  enum class Kind : std::uint8_t {
    nothing,
    by_id,     // Those of `ids`.
    by_index,  // Those in `ranges` of an index, in the order of its keys.
    by_links,  // Those that link, by `through`, to what the one of `parts` leads to.
    by_value,  // Those whose field `relation` holds one of `ids`, by what refers to these.
    any_of,    // What any of `parts` leads to.
    scan,      // Those in `ranges` of all records.
  } kind = Kind::scan;
  std::vector<RecordId> ids;               // by_id, by_value: ascending, each once.
  const Index* index = nullptr;            // by_index.
  IdFormat id_format = IdFormat::integer;  // by_index: of the ids that end its keys.
  std::vector<KeyRange> ranges;     // Ascending and apart; of Family::values or Family::records.
  std::vector<Plan> parts;          // None of them a scan.
  const With* through = nullptr;    // by_links.
  const Field* relation = nullptr;  // by_value,
  const Entity* target = nullptr;   // and the entity that it leads to.
  std::size_t equal_fields = 0;     // by_index: leading fields held to single values,
  bool has_range = false;           // and the next one, or the id, to a range.
  Direction direction = Direction::forward;
  bool sorts = false;  // Whether what is found has still to be put in order.
  bool seeks = false;  // Whether `ranges` begin behind the query's cursor.
  std::string text;    // For people: `by id`, `index idx_unique_posts_slug, equality` …
};
// Whether the plan leads to nothing but what is wanted, one record after the other: all that
// `where` asks about is the id.
bool is_range_of_ids(const Query& query, const Plan& plan);
// Says which indexes are complete.
using IndexIsReady = std::function<bool(IndexId)>;
// The best of the plans there are; the same one for the same schema and query.
Plan plan_of(const Schema& schema, const Query& query, const IndexIsReady& index_is_ready);

struct Found {
  std::uint64_t items = 0;             // Records written, without those of `with`.
  bool has_more = false;               // The limit cut the result; not asked by find_one.
  std::optional<std::uint64_t> count;  // All that match, when asked.
  Version version = 0;                 // Of the one record, for find_one.
  std::optional<std::string> cursor;   // Of find_many, when there is more: where that begins.
};

// Writes the first match as a map, or null. Errors: result_too_large, corrupt_index.
Result<Found> find_one(const Reader& reader, const Schema& schema, const Query& query,
                       const Plan& plan, const QueryLimits& limits, Sink& sink);
// Writes a list of the matches. Errors: result_too_large that says how to page, corrupt_index.
Result<Found> find_many(const Reader& reader, const Schema& schema, const Query& query,
                        const Plan& plan, const QueryLimits& limits, Sink& sink);
struct FoundIds {
  std::vector<RecordId> ids;  // In the query's order.
  bool has_more = false;      // The limit left some out.
};
// The ids of the matches alone. Errors: as find_many().
Result<FoundIds> find_ids(const Reader& reader, const Query& query, const Plan& plan,
                          const QueryLimits& limits);
// How many match, whatever the query's limit, offset and cursor are.
Result<std::uint64_t> count(const Reader& reader, const Schema& schema, const Query& query,
                            const Plan& plan, const QueryLimits& limits);
// Whether any does. Ends with the first that is found.
Result<bool> exists(const Reader& reader, const Query& query, const Plan& plan,
                    const QueryLimits& limits);

// How many records an entity has, as the store keeps count of them.
Result<std::uint64_t> records_of(const Reader& reader, EntityId entity);

}  // namespace emstore::store
