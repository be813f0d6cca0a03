#include "tests/property/past.h"

#include "base/sink.h"
#include "store/query.h"

namespace emstore::testing {

std::string answer(const store::Reader& reader, const store::Schema& schema,
                   const std::string& entity, const Map& query) {
  const Result<store::Query> resolved = store::resolve_query(schema, entity, query);
  if (!resolved) return to_string(resolved.error());
  const store::Plan plan = store::plan_of(schema, *resolved, [](IndexId) { return false; });
  ValueSink sink;
  const store::QueryLimits limits;
  const auto found = store::find_many(reader, schema, *resolved, plan, limits, sink);
  if (!found) return to_string(found.error());
  std::string text = to_string(sink.take());
  if (found->count) text += " of " + std::to_string(*found->count);
  if (found->cursor) text += " and more";
  return text;
}

std::string answer_as_of(const store::View& now, const store::Reader& live, Sequence sequence,
                         const std::string& entity, const Map& query) {
  const auto moment = store::moment_at(now, static_cast<std::int64_t>(sequence));
  if (!moment) return to_string(moment.error());
  const store::QueryLimits limits;
  const store::History history(live, *moment, limits);
  return answer(history, *moment->schema, entity, query);
}

}  // namespace emstore::testing
