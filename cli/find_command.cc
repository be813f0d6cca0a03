#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/show.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

Query query_of(Session& session, const FindWords& words) {
  Query query;
  query.where = where_of(session.schema(), words.entity, words.where);
  for (const std::string& word : words.with) query.with.add(with_of(word));
  query.order_by = order_of(words.order_by);
  query.select = names_of(words.select);
  query.limit = words.limit;
  query.offset = words.offset;
  return query;
}

int find_one_record(Session& session, const FindWords& words) {
  const Query query = query_of(session, words);
  const auto record = session.client().repository(words.entity).find_id(id_of(words.id), query);
  if (!record) {
    throw Failure({ErrorCode::record_not_found,
                   words.entity + "/" + words.id + " does not exist",
                   "",
                   "`emstore find " + words.entity + "` lists the records",
                   {}});
  }
  if (session.json()) {
    session.print_json(record->values());
  } else {
    print_record(session, words.entity, record->view());
  }
  return 0;
}

int count_records(Session& session, const FindWords& words) {
  const Where where = where_of(session.schema(), words.entity, words.where);
  const std::uint64_t count = session.client().repository(words.entity).count(where);
  if (session.json()) {
    session.print_json(Map{{"count", count}});
  } else {
    session.print(std::to_string(count) + "\n");
  }
  return 0;
}

}  // namespace

int find_records(Session& session, const FindWords& words) {
  if (words.count) return count_records(session, words);
  if (!words.id.empty()) return find_one_record(session, words);
  const Page page = session.client().repository(words.entity).find_many(query_of(session, words));
  if (session.json()) {
    for (const Record& record : page) session.print_json(record.values());
    return 0;
  }
  if (page.empty()) {
    session.print("no " + words.entity + " match\n");
    return 0;
  }
  session.print(records_table(page.records));
  if (page.has_more) {
    session.print(
        dim(session.terminal(), "more: --offset " + std::to_string(words.offset + page.size())) +
        "\n");
  }
  return 0;
}

}  // namespace emstore::cli
