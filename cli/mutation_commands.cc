#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/json.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

MutationOptions options_of(const MutationWords& words) {
  MutationOptions options;
  options.key = words.key;
  options.reason = words.reason;
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
void print_plan(const Session& session, const Map& reply) {
  const List* plan = value_at(reply, "plan").if_list();
  if (plan == nullptr) return;
  for (const Value& item : *plan) {
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

int report(const Session& session, const std::string& entity, std::string_view verb,
           const Mutation& mutation) {
  if (session.json()) {
    Map line{{"entity", entity}};
    for (const Map::Member& member : mutation.reply()) line.set(member.name, member.value);
    session.print_json(line);
    return 0;
  }
  const std::string record = entity + "/" + cell_text(mutation.id());
  std::string text = bold(session.terminal(), harmless(record)) + " " + std::string(verb) +
                     "  commit " + std::to_string(mutation.sequence());
  if (mutation.replayed()) text += "  (carried out before under this key)";
  session.print(text + "\n");
  print_changes(session, record, mutation);
  return 0;
}

}  // namespace

int insert_record(Session& session, const MutationWords& words) {
  const Document document = document_of(session.schema(), words.entity, words.assignments);
  const Mutation done =
      session.client().mutator(words.entity).insert_one(document, options_of(words));
  return report(session, words.entity, "inserted", done);
}

int update_record(Session& session, const MutationWords& words) {
  const Document document = document_of(session.schema(), words.entity, words.assignments);
  const Mutation done = session.client()
                            .mutator(words.entity)
                            .update_one(id_of(words.id), document, options_of(words));
  return report(session, words.entity, "updated", done);
}

int delete_record(Session& session, const MutationWords& words) {
  DeleteOptions options;
  options.detach = words.detach;
  options.dry_run = words.dry_run;
  options.mutation = options_of(words);
  const Mutation done = session.client().mutator(words.entity).delete_one(id_of(words.id), options);
  report(session, words.entity, words.dry_run ? "would be deleted" : "deleted", done);
  if (words.dry_run && !session.json()) print_plan(session, done.reply());
  return 0;
}

int change_links(Session& session, LinkVerb verb, const LinkWords& words) {
  std::vector<std::string> ids;
  std::vector<File> files;
  for (const std::string& word : words.media) {
    if (word.starts_with('@')) {
      files.emplace_back(std::filesystem::path(word.substr(1)));
    } else {
      ids.push_back(word);
    }
  }
  if (verb == LinkVerb::detach && !files.empty()) {
    throw UsageError("detach takes the ids of media, not files", "`emstore find " + words.entity +
                                                                     " " + words.id + " --with " +
                                                                     words.field + "` shows them");
  }
  const bool is_medium = session.schema().type_of(words.entity, words.field) == "medium";
  Operators operators;
  if (verb == LinkVerb::set && is_medium && words.media.size() == 1 &&
      words.media.front() == "null") {
    operators.clear();
  } else if (verb == LinkVerb::set && is_medium && ids.size() == 1) {
    operators.set(items_of(ids).front());
  } else if (verb == LinkVerb::set && !(is_medium && ids.empty())) {
    operators.set(items_of(ids));
  } else if (verb == LinkVerb::attach && !ids.empty()) {
    operators.attach(items_of(ids));
  } else if (verb == LinkVerb::detach) {
    operators.detach(items_of(ids));
  }
  if (is_medium && files.size() == 1) {
    operators.create(files.front());
  } else if (!files.empty()) {
    operators.create(files);
  }
  Document document;
  document.set(words.field, operators);
  const Mutation done =
      session.client().mutator(words.entity).update_one(id_of(words.id), document);
  return report(session, words.entity, "updated", done);
}

}  // namespace emstore::cli
