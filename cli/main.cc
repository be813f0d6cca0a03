// The command line: words to commands. All of CLI11 is in this file.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <emstore/client.hpp>
#include <emstore/standard_streams.hpp>
#include <functional>
#include <iostream>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/demo.h"
#include "cli/failures.h"
#include "cli/interrupt.h"

namespace emstore::cli {
namespace {

using Command = std::function<int(Session& session)>;

// The words of all commands, filled in while the line is parsed.
struct Words {
  Settings settings;
  std::string color = "auto";
  SchemaApplyWords schema_apply;
  SchemaForm schema_form = SchemaForm::tables;
  MutationWords mutation;
  LinkWords links;
  FindWords find;
  MediaPutWords media_put;
  MediaGetWords media_get;
  std::string media_id;
  std::vector<std::string> addresses;
  std::optional<std::uint64_t> media_limit;
  std::uint64_t media_offset = 0;
  ImportWords import;
  LogWords log;
  WatchWords watch;
  std::uint64_t sequence = 0;  // Of the commit that is shown.
  DiffWords diff;
  UndoWords undo;
  AuditWords audit;
  ExportWords exported;
  StoreWords store;
  std::string backup;
  CallWords call;
  GcWords gc;
  DemoWords demo;
  Command chosen;
};

CLI::App& add(CLI::App& parent, const std::string& name, const std::string& summary, Words& words,
              Command command) {
  CLI::App* made = parent.add_subcommand(name, summary);
  made->callback([&words, command = std::move(command)] { words.chosen = command; });
  return *made;
}

void add_schema(CLI::App& app, Words& words) {
  CLI::App* schema = app.add_subcommand("schema", "Apply a schema, or show it");
  schema->require_subcommand(1);
  CLI::App& apply =
      add(*schema, "apply", "Make the store's schema the one in FILE (JSON)", words,
          [&](Session& session) { return apply_schema(session, words.schema_apply); });
  apply
      .add_option("FILE", words.schema_apply.file,
                  "emstore's own form, or bknd's schema.toJSON(); - is standard input")
      ->required();
  apply.add_flag("-n,--dry-run", words.schema_apply.dry_run, "Only say what would change");
  apply.add_flag("--allow-destructive", words.schema_apply.allow_destructive,
                 "Also drop what the schema leaves out");
  CLI::App& show = add(*schema, "show", "Show entities, fields and indexes", words,
                       [&](Session& session) { return show_schema(session, words.schema_form); });
  CLI::Option* typescript = show.add_flag_callback(
      "--typescript", [&] { words.schema_form = SchemaForm::typescript; },
      "As code for bknd's schema builder");
  show.add_flag_callback(
          "--cpp", [&] { words.schema_form = SchemaForm::cpp; },
          "As code for the schema builder of <emstore/client.hpp>")
      ->excludes(typescript);
}

void add_request_options(CLI::App& command, RequestWords& words) {
  command.add_option("--key", words.key, "Name the request: sent twice, it happens once");
  command.add_option("--reason", words.reason, "Why; recorded with the commit");
  command.add_option("--correlation", words.correlation,
                     "The undertaking that it belongs to; recorded");
  command.add_option("--causation", words.causation, "What led to it; recorded");
}

void add_mutation_options(CLI::App& command, Words& words) {
  add_request_options(command, words.mutation.request);
  command.add_option("--expected", words.mutation.expected,
                     "The version that the record must have");
}

void add_choice_options(CLI::App& command, Words& words) {
  command
      .add_option("-w,--where", words.mutation.where,
                  "All records that match, instead of ID: price>=500, as with find; or JSON")
      ->allow_extra_args(false);
  command.add_flag("--all", words.mutation.all, "Every record of the entity");
  command.add_option("--limit", words.mutation.limit,
                     "Of those that match the first so many, by id");
}

void add_mutations(CLI::App& app, Words& words) {
  const std::string fields =
      "name=Laptop, price=999, tags:=[\"a\"], thumbnail=@front.png (stored and linked), "
      "gallery+=@side.png, gallery+=17 (attach), gallery-=17 (detach), gallery=17,18 (set), "
      "gallery=null (clear); the ends of relations take ids as well";
  CLI::App& insert = add(app, "insert", "Insert a record, or many from a file", words,
                         [&](Session& session) { return insert_record(session, words.mutation); });
  insert.add_option("ENTITY", words.mutation.entity)->required();
  insert.add_option("FIELD=VALUE", words.mutation.assignments, fields);
  insert.add_option("--from", words.mutation.from,
                    "A JSON file: a document, or a list of them, all or none; - is standard input");
  add_request_options(insert, words.mutation.request);

  CLI::App& update = add(app, "update", "Change a record, or all that match", words,
                         [&](Session& session) { return update_record(session, words.mutation); });
  update.add_option("ENTITY", words.mutation.entity)->required();
  update.add_option("ID", words.mutation.id, "Left out with --where and --all")->required();
  update.add_option("FIELD=VALUE", words.mutation.assignments, fields);
  update.add_flag("--dry-run", words.mutation.dry_run,
                  "With --where and --all: only say what would change");
  add_mutation_options(update, words);
  add_choice_options(update, words);

  CLI::App& remove =
      add(app, "delete", "Delete a record, its links and what goes with it; media stay", words,
          [&](Session& session) { return delete_record(session, words.mutation); });
  remove.add_option("ENTITY", words.mutation.entity)->required();
  remove.add_option("ID", words.mutation.id, "Left out with --where and --all");
  remove.add_flag("--detach", words.mutation.detach,
                  "Of a media that is in use: drop its links first");
  remove.add_flag("--dry-run", words.mutation.dry_run, "Only say what would go and change");
  add_mutation_options(remove, words);
  add_choice_options(remove, words);

  CLI::App& transaction =
      add(app, "transaction", "Carry out the operations in FILE (JSON), all or none", words,
          [&](Session& session) { return carry_out_transaction(session, words.mutation); });
  transaction
      .add_option("FILE", words.mutation.from,
                  "[{\"insertOne\": [\"products\", {…}], \"as\": \"p\"}, …]; - is standard input")
      ->required();
  add_request_options(transaction, words.mutation.request);
}

void add_links(CLI::App& app, Words& words) {
  struct Verb {
    LinkVerb verb;
    const char* name;
    const char* summary;
    const char* media;
  };
  for (const Verb& verb :
       {Verb{LinkVerb::attach, "attach", "Add to a media() field or the list of a relation",
             "Ids of media or of records, or @FILE to store a file first"},
        Verb{LinkVerb::detach, "detach", "Take out of such a list", "Ids of media or of records"},
        Verb{LinkVerb::set, "set", "Replace what a media field or relation holds",
             "Ids of media or of records, or @FILE to store a file first; `null`, or none, "
             "clears"}}) {
    CLI::App& command =
        add(app, verb.name, verb.summary, words, [&words, kind = verb.verb](Session& session) {
          return change_links(session, kind, words.links);
        });
    command.add_option("ENTITY", words.links.entity)->required();
    command.add_option("ID", words.links.id)->required();
    command.add_option("FIELD", words.links.field)->required();
    auto* media = command.add_option("MEDIA", words.links.media, verb.media);
    if (verb.verb != LinkVerb::set) media->required();
    add_request_options(command, words.links.request);
  }
}

void add_find(CLI::App& app, Words& words) {
  CLI::App& find = add(app, "find", "Find records", words,
                       [&](Session& session) { return find_records(session, words.find); });
  find.add_option("ENTITY", words.find.entity)->required();
  find.add_option("ID", words.find.id);
  // As many times as wanted, one word each: the rest of the line belongs to others.
  find.add_option(
          "-w,--where", words.find.where,
          "price>=500, name!=Mug, name^=Lap (begins), name~%top (% any text, _ any letter), "
          "id in 1,2, owner=3, price is null, gallery.size>9; or JSON")
      ->allow_extra_args(false);
  find.add_option("--as-of", words.find.as_of,
                  "As of this commit, or of a time: 42, 2026-11-22T15:09:26Z");
  // How the records are shown, which none of those says that show none.
  const std::vector<CLI::Option*> shown{
      find.add_option(
              "--with", words.find.with,
              "A media field or relation to read along: gallery, "
              "gallery:orderBy=-created_at,limit=3, gallery:{\"where\":{\"size\":{\"$gt\":9}}}")
          ->allow_extra_args(false),
      find.add_option("--order-by", words.find.order_by,
                      "name, -price: several are parted by commas"),
      find.add_option("--select", words.find.select, "The fields to show, parted by commas"),
      find.add_option("--limit", words.find.limit, "At most so many"),
      find.add_option("--offset", words.find.offset, "Leave out so many first"),
      find.add_option("--cursor", words.find.cursor, "Go on behind the page that gave this cursor"),
  };
  CLI::Option* count = find.add_flag("--count", words.find.count, "Only say how many match");
  CLI::Option* exists =
      find.add_flag("--exists", words.find.exists, "Only say whether any matches");
  find.add_flag("--explain", words.find.explain, "Only say how the records would be found")
      ->excludes(count)
      ->excludes(exists);
  count->excludes(exists);
  for (CLI::Option* option : shown) option->excludes(count)->excludes(exists);
}

void add_media(CLI::App& app, Words& words) {
  CLI::App* media = app.add_subcommand("media", "Store, fetch and list media");
  media->require_subcommand(1);
  CLI::App& put = add(*media, "put", "Store files; each becomes a media record", words,
                      [&](Session& session) { return put_media(session, words.media_put); });
  put.add_option("FILE", words.media_put.files)->required();
  put.add_option("--set", words.media_put.assignments,
                 "A field of the media records: --set alt=\"From above\"")
      ->allow_extra_args(false);
  CLI::App& get = add(*media, "get", "Fetch the bytes of a media", words,
                      [&](Session& session) { return get_media(session, words.media_get); });
  get.add_option("MEDIA", words.media_get.id_or_address, "An id, or an address (xxh3-128:…)")
      ->required();
  get.add_option("-o,--output", words.media_get.output, "The file to write; - is standard output");
  CLI::App& have = add(*media, "have", "Say which bytes the store has, and may be named", words,
                       [&](Session& session) { return have_media(session, words.addresses); });
  have.add_option("ADDRESS", words.addresses, "Addresses (xxh3-128:…)")->required();
  CLI::App& list = add(*media, "ls", "List the media", words, [&](Session& session) {
    return list_media(session, words.media_limit, words.media_offset);
  });
  list.add_option("--limit", words.media_limit);
  list.add_option("--offset", words.media_offset);
  CLI::App& info = add(*media, "info", "Show one media and who uses it", words,
                       [&](Session& session) { return show_media(session, words.media_id); });
  info.add_option("ID", words.media_id)->required();
}

void add_import(CLI::App& app, Words& words) {
  CLI::App& command =
      add(app, "import", "Bring over what another system keeps, or make a store of an export",
          words, [&](Session& session) {
            return words.store.into.empty() ? import_store(session, words.import)
                                            : take_export(session, words.store);
          });
  CLI::Option_group* source = command.add_option_group("From", "One of them");
  CLI::Option* bknd =
      source->add_option("--from-bknd", words.import.from_bknd, "bknd's SQLite database");
  source->add_option("--into", words.store.into,
                     "Of the export on standard input, in this directory, empty or new");
  source->require_option(1);
  command.add_option("--uploads", words.import.uploads, "The folder of its media files")
      ->needs(bknd);
  command
      .add_option("--schema", words.import.schema,
                  "schema.toJSON(), where the database does not hold it")
      ->needs(bknd);
  command
      .add_flag("--skip-missing", words.import.skip_missing,
                "Leave out media whose files are missing")
      ->needs(bknd);
  command
      .add_flag("-n,--dry-run", words.import.dry_run,
                "Only look whether all is there and the schema would be taken")
      ->needs(bknd);
}

void add_history(CLI::App& app, Words& words) {
  CLI::App& show = add(app, "show", "Show one commit: who, why, what was before and after", words,
                       [&](Session& session) { return show_commit(session, words.sequence); });
  show.add_option("SEQUENCE", words.sequence)->required();
  CLI::App& diff = add(app, "diff", "Show what is different between two commits", words,
                       [&](Session& session) { return show_difference(session, words.diff); });
  diff.add_option("FROM", words.diff.from, "A commit; 0 is before the first one")->required();
  diff.add_option("TO", words.diff.to, "A later one")->required();
  diff.add_option("ENTITY", words.diff.entity, "Only of this entity, by its name at either commit");
  diff.add_option("ID", words.diff.id, "Only of this record");
  CLI::App& undo_app = add(app, "undo", "Take back what one commit did, by another one", words,
                           [&](Session& session) { return undo(session, words.undo); });
  undo_app.add_option("SEQUENCE", words.undo.sequence)->required();
  add_request_options(undo_app, words.undo.request);
}

void add_log_options(CLI::App& log, LogWords& words) {
  log.add_option("ENTITY[/ID]", words.what, "Only of this entity, or this record");
  log.add_option("--from", words.from, "The first commit");
  log.add_option("--to", words.to, "The last commit");
  log.add_option("--since", words.since, "Not before this time: 2026-11-22T15:09:26Z");
  log.add_option("--until", words.until, "Not after this time");
  log.add_option("--field", words.field, "Only what changes this field");
  log.add_option("--operator", words.operators,
                 "Only links changed by $set, $detach, $attach, $create or delete")
      ->allow_extra_args(false);
  log.add_option("--media", words.media, "Only what changes the media of this id, or its links");
  log.add_option("--uid", words.uid, "Only of this user");
  log.add_flag("--reverse", words.reverse, "The latest first");
  log.add_option("--limit", words.limit, "At most so many");
  CLI::Option* full = log.add_flag("--full", words.full, "Each commit as `show` tells it");
  log.add_flag("--graph", words.graph, "A lane for each record")->excludes(full);
}

void add_daemon(CLI::App& app, Words& words) {
  CLI::App& log = add(app, "log", "Show the commits of the log", words,
                      [&](Session& session) { return show_log(session, words.log); });
  add_log_options(log, words.log);
  CLI::App& watch_app = add(app, "watch", "Show commits as they are made", words,
                            [&](Session& session) { return watch(session, words.watch); });
  watch_app.add_option("ENTITY[/ID]", words.watch.what, "Only of this entity, or this record");
  watch_app.add_option("--from", words.watch.from, "Begin with this commit; 1: with the first");
  watch_app.add_option("--field", words.watch.field, "Only what concerns this field");
  watch_app
      .add_option("--operator", words.watch.operators,
                  "Only links changed by $set, $detach, $attach, $create or delete")
      ->allow_extra_args(false);
  watch_app.add_option("--limit", words.watch.limit, "End after so many commits");
  watch_app.add_flag("--once", words.watch.once, "End when all there is has been shown");
  add(app, "verify", "Fold the log again and compare it with the indexes", words, verify);
  add(app, "rebuild", "Fold the log again and put its indexes in place of the live ones", words,
      rebuild);
  CLI::App& gc = add(app, "gc", "Delete media that nothing links, and their bytes", words,
                     [&](Session& session) { return collect_garbage(session, words.gc); });
  gc.add_flag("--dry-run", words.gc.dry_run, "Only say what would go");
  gc.add_option("--grace", words.gc.grace,
                "Keep what was linked in the last so many seconds; else as the daemon is told");
  add(app, "status", "Show the daemon's state", words, show_status);
  add(app, "ping", "Ask whether the daemon answers", words, ping);
  CLI::App& call_app = add(app, "call", "Call any method with parameters in JSON", words,
                           [&](Session& session) { return call(session, words.call); });
  call_app.add_option("METHOD", words.call.method)->required();
  call_app.add_option("JSON", words.call.params);
  CLI::App& demo_app = add(app, "demo", "Run the example shop with a daemon of its own", words,
                           [&](Session& session) { return demo(session, words.demo); });
  demo_app.add_option("--shop", words.demo.shop, "The folder of catalog.json");
  demo_app.add_option("--keep", words.demo.keep, "Keep the data in this folder");
}

void add_audit(CLI::App& app, Words& words) {
  CLI::App& audit_app =
      add(app, "audit", "Check log, indexes, files and media; name what is damaged", words,
          [&](Session& session) { return audit(session, words.audit); });
  CLI::Option* slice =
      audit_app.add_option("--slice", words.audit.slice, "Of the media only this slice, from 1");
  audit_app.add_option("--slices", words.audit.slices, "How many slices there are")->needs(slice);
  CLI::Option* at = audit_app.add_option("--at", words.audit.at, "A commit whose root was noted");
  CLI::Option* root = audit_app.add_option("--root", words.audit.root, "The root that it had");
  at->needs(root);
  root->needs(at);
}

void add_whole_store(CLI::App& app, Words& words) {
  add_audit(app, words);
  add(app, "scrub", "Re-hash the bytes of all media, slowly; set aside what is damaged", words,
      scrub);
  CLI::App& export_app =
      add(app, "export", "Write the whole store to standard output, as one stream", words,
          [&](Session& session) { return export_store(session, words.exported); });
  export_app.add_option("--until", words.exported.until, "Up to this commit");
  CLI::App& replay_app = add(app, "replay", "Make another store of the log, as it was at a commit",
                             words, [&](Session& session) { return replay(session, words.store); });
  replay_app.add_option("--until", words.store.until, "Up to this commit");
  replay_app.add_option("--into", words.store.into, "Its data directory, empty or new")->required();
  CLI::App& backup_app =
      add(app, "backup", "Add what is new to the backup in DIRECTORY, which the daemon writes",
          words, [&](Session& session) { return backup(session, words.backup); });
  backup_app.add_option("DIRECTORY", words.backup)->required();
  CLI::App& restore_app = add(app, "restore", "Make a store of a backup, and prove it", words,
                              [&](Session& session) { return restore(session, words.store); });
  restore_app.add_option("BACKUP", words.store.backup)->required();
  restore_app.add_option("--into", words.store.into, "Its data directory, empty or new")
      ->required();
}

// What a script hands on as it has it: no page before this one, no socket of its own.
bool may_be_empty(const CLI::Option& option) {
  return option.check_lname("cursor") || option.check_lname("socket");
}

// CLI11 reads a word in brackets as a list of words, parted by commas: it would tear JSON, and the
// name of a file. Such a word goes in behind a blank, which is taken off again.
bool is_bracketed(std::string_view word) {
  word.remove_prefix(std::min(word.find_first_not_of(' '), word.size()));
  return word.starts_with('[') && word.ends_with(']');
}

std::string kept_whole(std::string word) { return is_bracketed(word) ? " " + word : word; }

void take_off_blank(CLI::Option& option) {
  option.transform(CLI::Validator(
      [](std::string& word) {
        if (word.starts_with(' ') && is_bracketed(word)) word.erase(0, 1);
        return std::string();
      },
      ""));
}

// What holds for every word of every command: none is empty that names something, and numbers are
// decimal; CLI11 by itself reads 010 as eight, and -1 as the largest.
void check_words(CLI::App& app) {
  const CLI::Validator not_empty(
      [](const std::string& word) { return std::string(word.empty() ? "an empty word" : ""); }, "");
  const CLI::Validator decimal(
      [](std::string& word) -> std::string {
        const auto number = decimal_of(word);
        if (!number) return "\"" + word + "\" is no whole number from 0 to 9223372036854775807";
        word = std::to_string(*number);
        return {};
      },
      "");
  for (CLI::Option* option : app.get_options()) {
    if (option->get_type_name() == "UINT") {
      option->transform(decimal);
    } else if (option->get_items_expected_min() > 0 && !may_be_empty(*option)) {
      option->check(not_empty);
    }
    if (option->get_items_expected_min() > 0) take_off_blank(*option);  // The first to be done.
  }
  for (CLI::App* command : app.get_subcommands({})) check_words(*command);
}

void add_everything(CLI::App& app, Words& words) {
  app.set_version_flag("--version", "emstore " EMSTORE_VERSION);
  app.add_option("--socket", words.settings.socket, "The daemon's socket")
      ->envname("EMSTORE_SOCKET");
  app.add_flag("--json", words.settings.json, "Print JSON, one object a line");
  app.add_flag("-q,--quiet", words.settings.quiet, "No progress");
  app.add_option("--color", words.color, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  app.fallthrough();  // --json may stand behind the command.
  app.require_subcommand(0, 1);
  add_find(app, words);
  add_mutations(app, words);
  add_links(app, words);
  add_media(app, words);
  add_schema(app, words);
  add_import(app, words);
  add_history(app, words);
  add_whole_store(app, words);
  add_daemon(app, words);
  check_words(app);
  app.footer(
      "Without a command: the daemon's status. Exit codes: 0 done, 1 unexpected, 2 wrong request, "
      "3 not found, 4 conflict,\n"
      "5 too large, 6 unavailable, 7 outcome unknown, 8 corruption, 9 a defect, 130 interrupted.");
}

std::vector<std::string> names_of(const std::vector<const CLI::App*>& commands) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  return names;
}

// The word that was meant to be a command, when it is none: CLI11 would only call it unexpected.
void refuse_unknown_command(const CLI::App& app, const std::vector<std::string>& line) {
  std::vector<const CLI::App*> known = app.get_subcommands({});
  for (std::size_t i = 0; i < line.size() && !known.empty(); ++i) {
    if (line[i].starts_with('-')) {
      if (app.get_option_no_throw(line[i].substr(0, line[i].find('='))) == nullptr) {
        return;  // Whether the next word is its value, nobody knows.
      }
      if (line[i] == "--socket" || line[i] == "--color")
        ++i;  // The value of an option is no command.
      continue;
    }
    const auto named = std::find_if(known.begin(), known.end(), [&](const CLI::App* command) {
      return command->get_name() == line[i];
    });
    if (named == known.end()) {
      const std::string guess = did_you_mean(line[i], names_of(known));
      throw UsageError("there is no command \"" + line[i] + "\"",
                       guess.empty() ? "`emstore --help` lists the commands" : guess);
    }
    known = (*named)->get_subcommands({});
  }
}

// The command of the line with a space behind it, as `media info `, or nothing.
std::string command_in(const CLI::App& app, const std::vector<std::string>& line) {
  std::string path;
  std::vector<const CLI::App*> known = app.get_subcommands({});
  for (const std::string& word : line) {
    const auto named = std::find_if(known.begin(), known.end(), [&](const CLI::App* command) {
      return command->get_name() == word;
    });
    if (named == known.end()) continue;
    path += word + " ";
    known = (*named)->get_subcommands({});
  }
  return path;
}

ColorChoice color_choice(const std::string& word) {
  if (word == "always") return ColorChoice::always;
  return word == "never" ? ColorChoice::never : ColorChoice::automatic;
}

// Prints errors on standard error, as the line asked for them, even when it could not be parsed.
class Reporter {
 public:
  Reporter(const std::vector<std::string>& line, const Words& words) : words_(words) {
    json_ = std::find(line.begin(), line.end(), "--json") != line.end();
  }
  int report(const Error& error) const {
    std::cout << std::flush;
    std::cerr << (json_ ? json_of(error) + "\n" : text_of(error, colors()));
    return exit_code_of(error.code);
  }
  int report(const UsageError& error) const {
    if (json_) return report(Error{ErrorCode::invalid_request, error.what(), "", error.hint(), {}});
    std::cerr << text_of(error, colors());
    return kExitUsage;
  }

 private:
  bool colors() const { return has_colors_on_stderr(color_choice(words_.color)); }
  const Words& words_;
  bool json_;
};

int run_command(const Words& words) {
  Settings settings = words.settings;
  settings.color = color_choice(words.color);
  Session session(settings);
  const int code = words.chosen ? words.chosen(session) : show_status(session);
  if (!std::cout.flush()) throw Failure(output_failure());
  return code;
}

int run(int argc, char** argv) {
  CLI::App app("emstore: entities and their media, from the command line", "emstore");
  Words words;
  add_everything(app, words);
  const std::vector<std::string> line(argv + 1, argv + argc);
  const Reporter reporter(line, words);
  try {
    refuse_unknown_command(app, line);
    std::vector<std::string> words_from_last;
    std::transform(line.rbegin(), line.rend(), std::back_inserter(words_from_last), kept_whole);
    app.parse(std::move(words_from_last));
    return run_command(words);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    return reporter.report(
        UsageError(error.what(), "`emstore " + command_in(app, line) + "--help` says how"));
  } catch (const UsageError& error) {
    return reporter.report(error);
  } catch (const Failure& failure) {
    return reporter.report(failure.error());
  } catch (const Interrupted&) {
    std::cerr << "interrupted\n";
    return kExitInterrupted;
  } catch (const std::exception& error) {
    return reporter.report(Error{ErrorCode::internal, error.what(), "", "", {}});
  }
}

}  // namespace
}  // namespace emstore::cli

int main(int argc, char** argv) {
  emstore::open_standard_streams(emstore::ClosedStreams::fail);
  return emstore::cli::run(argc, argv);
}
