#include "store/query.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "store/answer.h"
#include "store/budget.h"
#include "store/candidates.h"
#include "store/cursor.h"
#include "store/hits.h"
#include "store/order.h"
#include "store/row_bytes.h"
#include "store/selection.h"

namespace emstore::store {
namespace {

// Whether a search ends with the last hit it wants, or goes on to count the others.
enum class Counting : bool { wanted, all };

struct Search {
  Hits hits;
  std::uint64_t matches = 0;  // All of them, when all are counted.
};

// One search. Hits come in the plan's order or, where it has to sort, are put in order.
class Searcher {
 public:
  Searcher(const Reader& reader, const Query& query, const Plan& plan, const Window& window,
           Counting counting, Budget& budget)
      : reader_(reader),
        query_(query),
        plan_(plan),
        window_(window),
        counting_(counting),
        budget_(budget),
        order_(order_of(query)),
        is_ordered_(plan.sorts && window.limit != 0),
        checks_place_(query.after && !plan.seeks && window.limit != 0),
        selection_(reader, query, is_ordered_ || checks_place_ ? order_ : kNoOrder, budget),
        found_{Hits(is_ordered_ ? order_ : kNoOrder, window, budget), 0} {}

  Result<Search> run() {
    const VisitRecord visit = [this](const RecordId& id, std::string_view row) {
      return look_at(id, row);
    };
    EMSTORE_CHECKED(
        for_each_candidate(reader_, query_.entity->id, plan_, budget_, visit, wanted()));
    found_.hits.finish();
    return std::move(found_);
  }

 private:
  // How many candidates are needed if every one of them is wanted.
  std::size_t wanted() const {
    const bool ends_early = counting_ == Counting::wanted && !is_ordered_ && window_.limit;
    if (!ends_early) return std::numeric_limits<std::size_t>::max();
    const std::uint64_t most = budget_.limits().items_max;
    return std::min(*window_.limit, most) + std::min(window_.offset, most) + 1;
  }

  Result<bool> look_at(const RecordId& id, std::string_view row) {
    EMSTORE_CHECKED(budget_.examine());
    EMSTORE_TRY(const RecordView view, view_of_owner(row));
    const Hit hit{{query_.entity->id, id}, view, true, {}, {}, nullptr};
    EMSTORE_TRY(const bool is_wanted, selection_.wants(hit.record, view));
    if (!is_wanted) return true;
    ++found_.matches;
    EMSTORE_TRY(const bool is_behind, comes_behind(id));
    if (is_behind && !found_.hits.is_full()) {
      EMSTORE_CHECKED(found_.hits.add(hit, selection_.cells()));
    }
    return counting_ == Counting::all || !found_.hits.is_full();
  }

  // Whether the record that was just looked at comes behind the page before.
  Result<bool> comes_behind(const RecordId& id) const {
    if (!checks_place_) return true;
    return store::comes_behind(*query_.after, order_, id, selection_.cells());
  }

  inline static const std::vector<OrderTerm> kNoOrder;

  const Reader& reader_;
  const Query& query_;
  const Plan& plan_;
  Window window_;
  Counting counting_;
  Budget& budget_;
  std::vector<OrderTerm> order_;
  bool is_ordered_, checks_place_;
  Selection selection_;
  Search found_;
};

Result<Search> search(const Reader& reader, const Query& query, const Plan& plan,
                      const Window& window, Counting counting, Budget& budget) {
  return Searcher(reader, query, plan, window, counting, budget).run();
}

// Where the page after `last` begins.
Result<std::string> cursor_behind(const Reader& reader, const Query& query, const Hit& last) {
  const std::vector<OrderTerm> order = order_of(query);
  std::string body;
  EMSTORE_TRY(const std::string_view fields, fields_of(reader, last.record, last.view, body));
  Cells cells;
  EMSTORE_CHECKED(cells.take(last.record.id, last.view, fields));
  EMSTORE_TRY(const std::vector<Scalar> keys, order_keys(order, cells));
  Position position{{}, last.record.id};
  for (const Scalar& key : keys) position.keys.push_back(owned(key));
  return cursor_text(query, position);
}

}  // namespace

void tell_collected(Query& query) {
  query.tells_collected =
      query.entity->id == kMediaEntity &&
      std::any_of(query.columns.begin(), query.columns.end(), [](const Column& column) {
        return column.field != nullptr && column.field->id == kMediaBlob;
      });
  for (With& with : query.with) {
    if (with.field != nullptr) tell_collected(with.query);
  }
}

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
  if (found.has_more && found.items > 0) {
    EMSTORE_TRY(found.cursor, cursor_behind(reader, query, search_result.hits.all().back()));
  }
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

Result<FoundIds> find_ids(const Reader& reader, const Query& query, const Plan& plan,
                          const QueryLimits& limits) {
  Budget budget(limits);
  const Window window{query.offset, query.limit, /*tells_more=*/true};
  EMSTORE_TRY(const Search found, search(reader, query, plan, window, Counting::wanted, budget));
  FoundIds ids{{}, found.hits.has_more()};
  for (const Hit& hit : found.hits.all()) ids.ids.push_back(hit.record.id);
  return ids;
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

Result<bool> exists(const Reader& reader, const Query& query, const Plan& plan,
                    const QueryLimits& limits) {
  Budget budget(limits);
  Plan any = plan;
  any.sorts = false;  // Whichever comes first will do.
  const Window one{0, 1, false};
  EMSTORE_TRY(const Search found, search(reader, query, any, one, Counting::wanted, budget));
  return !found.hits.all().empty();
}

Result<std::uint64_t> records_of(const Reader& reader, EntityId entity) {
  EMSTORE_TRY(const std::optional<std::string> row,
              reader.get(Family::counters, counter_key(entity)));
  if (!row) return 0;
  EMSTORE_TRY(const CounterRow counter, decode_counter(*row));
  return counter.records;
}

}  // namespace emstore::store
