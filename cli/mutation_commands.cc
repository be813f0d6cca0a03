#include <algorithm>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/json.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

MutationOptions options_of(const RequestWords& words) {
  MutationOptions options;
  options.key = words.key;
  options.reason = words.reason;
  options.correlation = words.correlation;
  options.causation = words.causation;
  return options;
}

MutationOptions options_of(const MutationWords& words) {
  MutationOptions options = options_of(words.request);
  options.expected = words.expected;
  return options;
}

std::string ids_text(std::string_view before, const std::vector<Value>& ids,
                     std::string_view after = "") {
  std::string text;
  for (const Value& id : ids)
    text += "  " + std::string(before) + cell_text(id) + std::string(after);
  return text;
}

// products/1.gallery  +17  +18
void print_changes(const Session& session, const std::string& record, const Mutation& mutation) {
  for (const FieldChange& change : mutation.changes()) {
    session.print("  " + harmless(record + "." + change.field) + ids_text("-", change.removed) +
                  ids_text("+", change.added) + ids_text("", change.moved, " moved") +
                  ids_text("", change.already, " was there already") +
                  ids_text("", change.missing, " was not there") + "\n");
  }
}

// comments/1  deleted
void print_plan(const Session& session, const List& plan) {
  for (const Value& item : plan) {
    const Map* effect = item.if_map();
    if (effect == nullptr) continue;
    std::string text = cell_text(value_at(*effect, "entity")) + "/" +
                       cell_text(value_at(*effect, "id")) + "  " +
                       cell_text(value_at(*effect, "action"));
    const List* fields = value_at(*effect, "fields").if_list();
    for (const Value& field : fields == nullptr ? List() : *fields) text += " " + cell_text(field);
    session.print("  " + harmless(text) + "\n");
  }
}

// `deleted  commit 44`; of what was only tried, `would be deleted`.
std::string outcome(std::string_view verb, std::uint64_t sequence, bool dry_run) {
  if (dry_run) return "would be " + std::string(verb);
  return std::string(verb) + "  commit " + std::to_string(sequence);
}

int report(const Session& session, const std::string& entity, std::string_view verb,
           const Mutation& mutation, bool dry_run = false) {
  if (session.json()) {
    Map line{{"entity", entity}};
    for (const Map::Member& member : mutation.reply()) line.set(member.name, member.value);
    session.print_json(line);
    return 0;
  }
  const std::string record = entity + "/" + cell_text(mutation.id());
  std::string text = bold(session.terminal(), harmless(record)) + " " +
                     outcome(verb, mutation.sequence(), dry_run);
  if (mutation.replayed()) text += "  (carried out before under this key)";
  session.print(text + "\n");
  print_changes(session, record, mutation);
  return 0;
}

std::string counted(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " record " : " records ");
}

// 3 records of products updated  commit 44
int report(const Session& session, const std::string& entity, std::string_view verb,
           const Mutations& mutations, bool dry_run = false) {
  if (session.json()) {
    List records;
    for (const Mutation& mutation : mutations) records.emplace_back(mutation.reply());
    Map shown{{"entity", entity},
              {"sequence", mutations.sequence},
              {"data", std::move(records)},
              {"hasMore", mutations.has_more},
              {"replayed", mutations.replayed}};
    if (!mutations.plan.empty()) shown.append("plan", mutations.plan);
    session.print_json(shown);
    return 0;
  }
  for (const Mutation& mutation : mutations) {
    const std::string record = entity + "/" + cell_text(mutation.id());
    session.print(bold(session.terminal(), harmless(record)) + "\n");
    print_changes(session, record, mutation);
  }
  print_plan(session, mutations.plan);
  session.print(counted(mutations.size()) + "of " + harmless(entity) + " " +
                outcome(verb, mutations.sequence, dry_run) + "\n");
  if (mutations.has_more) session.print("others match, too: do it again beyond the last id\n");
  return 0;
}

bool chooses(const MutationWords& words) { return words.all || !words.where.empty(); }

ChoiceOptions choice_of(const MutationWords& words) {
  if (words.expected) {
    throw UsageError("--expected is the version of one record, not of all that match",
                     "name the record by its id");
  }
  ChoiceOptions options;
  options.all = words.all;
  options.limit = words.limit;
  options.detach = words.detach;
  options.dry_run = words.dry_run;
  options.mutation = options_of(words);
  return options;
}

void expect_no_choice(const MutationWords& words) {
  if (!words.limit) return;
  throw UsageError("--limit stands with --where or --all", "leave it out");
}

int insert_from_file(Session& session, const MutationWords& words) {
  if (!words.assignments.empty()) {
    throw UsageError("fields are given in " + words.from + " or by words, not by both",
                     "leave out --from, or the words");
  }
  const Value content = read_json(words.from);
  Mutator mutator = session.client().mutator(words.entity);
  if (const Map* document = content.if_map()) {
    return report(session, words.entity, "inserted",
                  mutator.insert_one(Document(*document), options_of(words)));
  }
  const List* list = content.if_list();
  if (!list) throw UsageError(words.from + " holds no documents but " + cell_text(content));
  std::vector<Document> documents;
  for (const Value& item : *list) {
    if (!item.if_map()) throw UsageError(words.from + " holds no document but " + cell_text(item));
    documents.emplace_back(*item.if_map());
  }
  return report(session, words.entity, "inserted",
                mutator.insert_many(documents, options_of(words)));
}

}  // namespace

int insert_record(Session& session, const MutationWords& words) {
  if (!words.from.empty()) return insert_from_file(session, words);
  const Document document = document_of(session.schema(), words.entity, words.assignments);
  const Mutation done =
      session.client().mutator(words.entity).insert_one(document, options_of(words));
  return report(session, words.entity, "inserted", done);
}

int update_record(Session& session, const MutationWords& words) {
  std::vector<std::string> assignments = words.assignments;
  // Without an id, what stands in its place is the first of the fields.
  if (chooses(words)) assignments.insert(assignments.begin(), words.id);
  const Document document = document_of(session.schema(), words.entity, assignments);
  Mutator mutator = session.client().mutator(words.entity);
  if (chooses(words)) {
    const Where where = where_of(session.schema(), words.entity, words.where);
    return report(session, words.entity, "updated",
                  mutator.update_where(where, document, choice_of(words)), words.dry_run);
  }
  expect_no_choice(words);
  if (words.dry_run) {
    throw UsageError("--dry-run of an update stands with --where or --all",
                     "leave it out, or write --where id=" + words.id);
  }
  if (assignments.empty()) {
    throw UsageError("nothing is said to change", "name=Laptop changes the name, for instance");
  }
  return report(session, words.entity, "updated",
                mutator.update_one(id_of(words.id), document, options_of(words)));
}

int delete_record(Session& session, const MutationWords& words) {
  Mutator mutator = session.client().mutator(words.entity);
  if (chooses(words) != words.id.empty()) {
    throw UsageError(words.id.empty() ? "which record is to be deleted?"
                                      : "an id stands beside --where or --all",
                     "name an id, or say --where or --all");
  }
  if (chooses(words)) {
    const Where where = where_of(session.schema(), words.entity, words.where);
    return report(session, words.entity, "deleted", mutator.delete_where(where, choice_of(words)),
                  words.dry_run);
  }
  expect_no_choice(words);
  DeleteOptions options;
  options.detach = words.detach;
  options.dry_run = words.dry_run;
  options.mutation = options_of(words);
  const Mutation done = mutator.delete_one(id_of(words.id), options);
  report(session, words.entity, "deleted", done, words.dry_run);
  const List* plan = value_at(done.reply(), "plan").if_list();
  if (plan != nullptr && !session.json()) print_plan(session, *plan);
  return 0;
}

int undo(Session& session, const UndoWords& words) {
  const TransactionResult done = session.client().undo(words.sequence, options_of(words.request));
  if (session.json()) {
    session.print_json(Map{{"sequence", done.sequence}, {"replayed", done.replayed}});
    return 0;
  }
  const std::string taken_back = std::to_string(words.sequence);
  session.print("took back commit " + taken_back + ": `emstore show " +
                std::to_string(done.sequence) + "` tells how\n");
  return 0;
}

int carry_out_transaction(Session& session, const MutationWords& words) {
  const Value content = read_json(words.from);
  const List* operations = content.if_list();
  if (!operations) throw UsageError(words.from + " holds no list of operations");
  Transaction transaction = session.client().transaction();
  for (const Value& operation : *operations) {
    if (!operation.if_map()) {
      throw UsageError(words.from + " holds no operation but " + cell_text(operation),
                       "write {\"updateOne\": [entity, id, document]}, for instance");
    }
    transaction.add(*operation.if_map());
  }
  const TransactionResult done = transaction.run(options_of(words));
  std::size_t records = 0;
  List results;
  for (const Mutations& result : done.results) {
    records += result.size();
    List ids;
    for (const Mutation& mutation : result) ids.emplace_back(mutation.reply());
    results.emplace_back(std::move(ids));
  }
  if (session.json()) {
    session.print_json(Map{
        {"sequence", done.sequence}, {"results", std::move(results)}, {"replayed", done.replayed}});
  } else {
    session.print(std::to_string(done.results.size()) + " operations on " + counted(records) +
                  " commit " + std::to_string(done.sequence) + "\n");
  }
  return 0;
}

namespace {

// What cannot be meant by any field.
void refuse_words(LinkVerb verb, const LinkWords& words) {
  const std::string record = words.entity + " " + words.id;
  const auto is_file = [](const std::string& word) { return word.starts_with('@'); };
  if (verb == LinkVerb::detach && std::ranges::any_of(words.media, is_file)) {
    throw UsageError("detach takes the ids of media, not files",
                     "`emstore find " + record + " --with " + words.field + "` shows them");
  }
  const bool has_null = std::ranges::find(words.media, "null") != words.media.end();
  if (verb != LinkVerb::set && has_null) {
    throw UsageError("null is nothing that could be attached or detached",
                     "`emstore set " + record + " " + words.field + " null` clears all of it");
  }
}

// The same in the words of `emstore update`. To set nothing is to clear.
std::vector<std::string> assignments_of(LinkVerb verb, const LinkWords& words) {
  const std::string start = words.field + (verb == LinkVerb::attach   ? "+="
                                           : verb == LinkVerb::detach ? "-="
                                                                      : "=");
  if (words.media.empty()) return {start};
  std::vector<std::string> assignments;
  for (const std::string& word : words.media) assignments.push_back(start + word);
  return assignments;
}

}  // namespace

int change_links(Session& session, LinkVerb verb, const LinkWords& words) {
  refuse_words(verb, words);
  refuse_value(session.schema(), words.entity, words.field);
  const Document document =
      document_of(session.schema(), words.entity, assignments_of(verb, words));
  const Mutation done = session.client()
                            .mutator(words.entity)
                            .update_one(id_of(words.id), document, options_of(words.request));
  return report(session, words.entity, "updated", done);
}

}  // namespace emstore::cli
