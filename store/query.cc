#include "store/query.h"

#include <algorithm>
#include <utility>

#include "store/answer.h"
#include "store/budget.h"
#include "store/candidates.h"
#include "store/hits.h"
#include "store/row_bytes.h"
#include "store/selection.h"

namespace emstore::store {
namespace {

// How the candidates come, and what is left to be put in order.
struct Arrangement {
  Direction direction = Direction::forward;
  std::vector<OrderTerm> order;  // Empty: they come in the order that is wanted.
};

Arrangement arrangement_of(const Query& query, const Plan& plan) {
  std::vector<OrderTerm> order = query.order;
  if (order.empty()) order.push_back({{Pseudo::id, nullptr}, false});
  const OrderTerm first = order.front();
  if (!plan.is_by_id || first.column.pseudo != Pseudo::id)
    return {Direction::forward, std::move(order)};
  return {first.descending ? Direction::backward : Direction::forward, {}};
}

// Whether a search ends with the last hit it wants, or goes on to count the others.
enum class Counting : bool { wanted, all };

struct Search {
  Hits hits;
  std::uint64_t matches = 0;  // All of them, when all are counted.
};

Result<Search> search(const Reader& reader, const Query& query, const Plan& plan,
                      const Window& window, Counting counting, Budget& budget) {
  const Arrangement arrangement = window.limit == 0 ? Arrangement() : arrangement_of(query, plan);
  Search found{Hits(arrangement.order, window, budget), 0};
  Selection selection(reader, query, arrangement.order, budget);
  const auto look_at = [&](const RecordId& id, std::string_view row) -> Result<bool> {
    EMSTORE_CHECKED(budget.examine());
    EMSTORE_TRY(const RecordView view, view_of_owner(row));
    const Hit hit{{query.entity->id, id}, view, true, {}, {}, nullptr};
    EMSTORE_TRY(const bool is_wanted, selection.wants(hit.record, view));
    if (!is_wanted) return true;
    ++found.matches;
    if (!found.hits.is_full()) EMSTORE_CHECKED(found.hits.add(hit, selection.cells()));
    return counting == Counting::all || !found.hits.is_full();
  };
  EMSTORE_CHECKED(
      for_each_candidate(reader, query.entity->id, plan, arrangement.direction, look_at));
  found.hits.finish();
  return found;
}

Result<std::uint64_t> records_of(const Reader& reader, EntityId entity) {
  EMSTORE_TRY(const std::optional<std::string> row,
              reader.get(Family::counters, counter_key(entity)));
  if (!row) return 0;
  EMSTORE_TRY(const CounterRow counter, decode_counter(*row));
  return counter.records;
}

}  // namespace

Result<Found> find_one(const Reader& reader, const Schema& schema, const Query& query,
                       const Plan& plan, const QueryLimits& limits, Sink& sink) {
  Budget budget(limits, &sink);
  const Window window{query.offset, std::min<std::uint64_t>(query.limit.value_or(1), 1), false};
  EMSTORE_TRY(const Search search_result,
              search(reader, query, plan, window, Counting::wanted, budget));
  Found found;
  if (query.count) {
    EMSTORE_TRY(found.count, count(reader, schema, query, plan, limits));
  }
  if (search_result.hits.all().empty()) {
    sink.null();
    return found;
  }
  const Hit& hit = search_result.hits.all().front();
  EMSTORE_CHECKED(Answer(reader, schema, budget, sink).write(query, hit));
  found.items = 1;
  found.version = hit.view.version;
  return found;
}

Result<Found> find_many(const Reader& reader, const Schema& schema, const Query& query,
                        const Plan& plan, const QueryLimits& limits, Sink& sink) {
  Budget budget(limits, &sink);
  const Window window{query.offset, query.limit, /*tells_more=*/true};
  const Counting counting =
      query.count && query.where != nullptr ? Counting::all : Counting::wanted;
  EMSTORE_TRY(const Search search_result, search(reader, query, plan, window, counting, budget));
  Found found;
  found.items = search_result.hits.all().size();
  found.has_more = search_result.hits.has_more();
  if (query.count) {
    found.count = search_result.matches;
    if (query.where == nullptr) {
      EMSTORE_TRY(found.count, records_of(reader, query.entity->id));
    }
  }
  sink.begin_list(found.items);
  Answer answer(reader, schema, budget, sink);
  for (const Hit& hit : search_result.hits.all()) EMSTORE_CHECKED(answer.write(query, hit));
  return found;
}

Result<std::uint64_t> count(const Reader& reader, const Schema& schema, const Query& query,
                            const Plan& plan, const QueryLimits& limits) {
  static_cast<void>(schema);
  if (query.where == nullptr) return records_of(reader, query.entity->id);
  Budget budget(limits);
  const Window nothing{0, 0, false};
  EMSTORE_TRY(const Search found, search(reader, query, plan, nothing, Counting::all, budget));
  return found.matches;
}

}  // namespace emstore::store
