#include <iostream>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/json.h"
#include "cli/show.h"
#include "cli/table.h"
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
  query.cursor = words.cursor;
  query.as_of = as_of_value(words.as_of);
  return query;
}

int find_one_record(Session& session, const FindWords& words) {
  const Query query = query_of(session, words);
  const auto record = session.client().repository(words.entity).find_id(id_of(words.id), query);
  if (!record) {
    throw Failure({ErrorCode::record_not_found,
                   words.entity + "/" + words.id +
                       (words.as_of.empty() ? " does not exist" : " did not exist then"),
                   "",
                   "`emstore find " + words.entity + "` lists the records",
                   {}});
  }
  if (session.json()) {
    session.print_json(record->values());
  } else {
    // Not from the record: `--select` may have left the id out.
    print_record(session, words.entity + "/" + cell_text(id_of(words.id)), record->view());
  }
  return 0;
}

// What the words say of a record, its id among it.
Where conditions_of(Session& session, const FindWords& words) {
  Where where = where_of(session.schema(), words.entity, words.where);
  if (words.id.empty()) return where;
  Where named{{"id", id_of(words.id)}};
  if (words.where.empty()) return named;
  return Where{all_of({std::move(named), std::move(where)})};
}

int count_records(Session& session, const FindWords& words) {
  const Where where = conditions_of(session, words);
  const std::uint64_t count =
      session.client().repository(words.entity).count(where, as_of_value(words.as_of));
  if (session.json()) {
    session.print_json(Map{{"count", count}});
  } else {
    session.print(std::to_string(count) + "\n");
  }
  return 0;
}

int tell_existence(Session& session, const FindWords& words) {
  const Where where = conditions_of(session, words);
  const bool exists =
      session.client().repository(words.entity).exists(where, as_of_value(words.as_of));
  if (session.json()) {
    session.print_json(Map{{"exists", exists}});
  } else {
    session.print(exists ? "yes\n" : "no\n");
  }
  return 0;
}

// `index idx_products_sku, equality`, then what else there is to say, one line each.
int explain_find(Session& session, const FindWords& words) {
  Query query = query_of(session, words);
  query.where = conditions_of(session, words);
  const Map plan = session.client().repository(words.entity).explain(query);
  if (session.json()) {
    session.print_json(plan);
    return 0;
  }
  session.print(cell_text(value_at(plan, "text")) + "\n");
  Table facts({{""}, {""}});
  for (const auto& [name, value] : plan) {
    if (name != "text" && name != "entity") facts.add({name, cell_text(value)});
  }
  session.print(facts.text(session.terminal(), 2));
  return 0;
}

// The same for programs: on standard error, since each line of the output is a record.
void tell_more(const FindWords& words, const Page& page) {
  Map more{{"cursor", page.cursor}};
  if (words.cursor.empty()) more.append("offset", words.offset + page.size());
  std::cerr << to_json(Map{{"more", std::move(more)}}) << "\n";
}

// How to go on: from the place where this page ends, which stays right whatever is written.
void print_more(Session& session, const FindWords& words, const Page& page) {
  const std::string offset = "--offset " + std::to_string(words.offset + page.size());
  const bool has_place = words.cursor.empty();
  session.print(dim(session.terminal(),
                    "more: " + (has_place ? offset + ", or " : "") + "--cursor " + page.cursor) +
                "\n");
}

}  // namespace

int find_records(Session& session, const FindWords& words) {
  if (words.explain) return explain_find(session, words);
  if (words.exists) return tell_existence(session, words);
  if (words.count) return count_records(session, words);
  if (!words.id.empty()) return find_one_record(session, words);
  const Page page = session.client().repository(words.entity).find_many(query_of(session, words));
  if (session.json()) {
    for (const Record& record : page) session.print_json(record.values());
    if (page.has_more) tell_more(words, page);
    return 0;
  }
  if (page.empty()) {
    session.print("no " + words.entity + " match\n");
    return 0;
  }
  session.print(records_table(page.records));
  if (page.has_more) print_more(session, words, page);
  return 0;
}

}  // namespace emstore::cli
