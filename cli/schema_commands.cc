#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/json.h"
#include "cli/schema_code.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

std::string options_text(const Map& field) {
  std::string text;
  const Map* config = value_at(field, "config").if_map();
  if (!config) return text;
  for (const Map::Member& option : *config) {
    if (!text.empty()) text += ", ";
    text += option.name;
    if (!(option.value == Value(true))) text += " " + cell_text(option.value);
  }
  return text;
}

Table entity_table(const Map& entity) {
  Table table({{"FIELD"}, {"TYPE"}, {"OPTIONS"}});
  const Map* fields = value_at(entity, "fields").if_map();
  if (!fields) return table;
  for (const Map::Member& field : *fields) {
    if (const Map* map = field.value.if_map()) {
      table.add({field.name, cell_text(value_at(*map, "type")), options_text(*map)});
    }
  }
  return table;
}

int print_code(Session& session, const char* language, const std::string& code) {
  if (session.json()) {
    session.print_json(Map{{language, code}});
  } else {
    session.print(code);
  }
  return 0;
}

}  // namespace

int apply_schema(Session& session, const SchemaApplyWords& words) {
  const Value document = read_json(words.file);
  if (!document.if_map())
    throw UsageError(words.file + " holds no schema but " + std::string(name_of(document.kind())));
  ApplyOptions options;
  options.dry_run = words.dry_run;
  options.allow_destructive = words.allow_destructive;
  const SchemaChange change = session.client().apply(*document.if_map(), options);
  if (session.json()) {
    List lines(change.difference.begin(), change.difference.end());
    session.print_json(Map{{"version", change.version},
                           {"sequence", change.sequence},
                           {"changed", change.changed},
                           {"difference", std::move(lines)}});
    return 0;
  }
  for (const std::string& line : change.difference) session.print(harmless(line) + "\n");
  if (!change.changed) {
    session.print("the schema is already so: version " + std::to_string(change.version) + "\n");
  } else if (words.dry_run) {
    session.print("nothing was changed: a dry run\n");
  } else {
    session.print("schema version " + std::to_string(change.version) + "\n");
  }
  return 0;
}

int show_schema(Session& session, SchemaForm form) {
  const Map answer = session.client().schema();
  const Map* document = value_at(answer, "schema").if_map();
  if (document != nullptr && form == SchemaForm::typescript) {
    return print_code(session, "typescript", typescript_of(*document));
  }
  if (document != nullptr && form == SchemaForm::cpp) {
    return print_code(session, "cpp", cpp_of(*document));
  }
  if (document != nullptr && session.json()) {
    session.print_json(portable_schema(*document));
    return 0;
  }
  const Map* entities = value_at(answer, "schema.entities").if_map();
  session.print("schema version " + cell_text(value_at(answer, "version")) + "\n");
  if (entities) {
    for (const Map::Member& entity : *entities) {
      session.print("\n" + bold(session.terminal(), harmless(entity.name)) + "\n");
      if (entity.value.if_map()) session.print(entity_table(*entity.value.if_map()), 2);
    }
  }
  const List* indexes = value_at(answer, "indexes").if_list();
  if (!indexes || indexes->empty()) return 0;
  session.print("\n");
  Table table({{"INDEX"}, {"STATE"}, {"DETAIL"}});
  for (const Value& index : *indexes) {
    if (const Map* map = index.if_map()) {
      table.add({cell_text(value_at(*map, "name")), cell_text(value_at(*map, "state")),
                 cell_text(value_at(*map, "detail"))});
    }
  }
  session.print(table);
  return 0;
}

}  // namespace emstore::cli
