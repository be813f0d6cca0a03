// `emstore import --from-bknd data.db --uploads DIR`: media first, then records in an order in
// which what is referred to is there, with the media that bknd says are theirs. Every commit has a
// request key made of the file and the ids in it, so that an import that was stopped is typed
// again.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include "cli/bknd_file.h"
#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/json.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

constexpr std::size_t kRecordsInCommit = 500;
constexpr std::size_t kNamesListed = 10;

// What bknd keeps of a media by itself; other columns are fields that its schema adds.
const std::set<std::string> kOwnColumns{"id",        "path",      "folder",  "mime_type",
                                        "size",      "scope",     "etag",    "modified_at",
                                        "reference", "entity_id", "metadata"};

const Map& map_named(const Map& map, std::string_view name) {
  static const Map kNone;
  const Value* found = map.find(name);
  return found != nullptr && found->if_map() != nullptr ? *found->if_map() : kNone;
}

std::string column_text(const Map& map, std::string_view name) {
  const Value* found = map.find(name);
  return found == nullptr || found->is_null() ? std::string() : cell_text(*found);
}

class Import {
 public:
  Import(Session& session, const ImportWords& words)
      : session_(session), words_(words), file_(words.from_bknd) {
    key_ = "bknd-" + std::to_string(std::hash<std::string>{}(
                         std::filesystem::absolute(words.from_bknd).string()));
  }

  void run() {
    take_schema();
    media_rows_ = file_.has_table("media") ? file_.rows("media") : std::vector<Map>();
    look_for_files();
    if (words_.dry_run) {
      session_.client().apply(schema_, {.dry_run = true});
      return;
    }
    session_.client().apply(schema_, {.mutation = keyed("schema")});
    for (const Map& row : media_rows_) import_media(row);
    for (const std::string& entity : in_order()) import_records(entity);
    refer_later();
    connect();
  }

  // What was done, and what could not be taken along.
  Map report() const {
    Map ids, counts;
    for (const auto& [entity, known] : ids_) {
      Map of;
      for (const auto& [before, now] : known) of.append(before, now);
      counts.append(entity, of.size());
      ids.append(entity, std::move(of));
    }
    return {{"imported", std::move(counts)},
            {"ids", std::move(ids)},
            {"notes", List(notes_.begin(), notes_.end())}};
  }

 private:
  using Ids = std::map<std::string, Value>;  // By the id before, as text.

  // A value of a field of type relation that leads to a record which is not there yet.
  struct Reference {
    std::string entity, field, target, before;
    Value id;
  };

  MutationOptions keyed(const std::string& what) const {
    return {.key = key_ + "-" + what, .reason = "import from bknd"};
  }

  void take_schema() {
    schema_ = file_.schema();
    if (!words_.schema.empty()) {
      const Value given = read_json(words_.schema);
      if (given.if_map() == nullptr) throw UsageError(words_.schema + " holds no schema");
      schema_ = *given.if_map();
    }
    if (map_named(schema_, "entities").empty()) {
      throw UsageError(words_.from_bknd + " holds no schema",
                       "bknd keeps it in the program then: write schema.toJSON() into a file and "
                       "name that, --schema FILE");
    }
    // Only media is a system's entity here.
    for (Map::Member& entity : *schema_.find("entities")->if_map()) {
      Map& about = *entity.value.if_map();
      if (entity.name != "media" && column_text(about, "type") == "system")
        about.set("type", "regular");
    }
  }

  std::filesystem::path path_of(const Map& media) const {
    return std::filesystem::path(words_.uploads) / column_text(media, "path");
  }

  // Before anything is done: every file that a media names has to be there.
  void look_for_files() {
    std::vector<Map> there;
    std::string missing;
    std::size_t count = 0;
    for (const Map& media : media_rows_) {
      if (std::filesystem::is_regular_file(path_of(media))) {
        there.push_back(media);
        continue;
      }
      note("media " + column_text(media, "id") + ": no file " + path_of(media).string());
      if (count++ < kNamesListed) missing += "\n  " + path_of(media).string();
    }
    if (count != 0 && !words_.skip_missing) {
      throw UsageError(
          std::to_string(count) + " files of media are missing:" + missing,
          "name their folder: --uploads DIR, or leave those media out: --skip-missing");
    }
    media_rows_ = std::move(there);
  }

  void import_media(const Map& row) {
    const std::string before = column_text(row, "id");
    File file(path_of(row));
    file.name(column_text(row, "path"));
    if (const std::string type = column_text(row, "mime_type"); !type.empty()) file.type(type);
    const Value* metadata = row.find("metadata");
    if (metadata != nullptr && !metadata->is_null()) {
      file.set("metadata", value_of(Map{{"type", "json"}}, *metadata));
    }
    const Map& fields = map_named(map_named(map_named(schema_, "entities"), "media"), "fields");
    for (const Map::Member& column : row) {
      if (kOwnColumns.contains(column.name) || column.value.is_null()) continue;
      if (!fields.contains(column.name)) continue;
      file.set(column.name, value_of(*fields.find(column.name)->if_map(), column.value));
    }
    const Mutation made = session_.client().media().upload(file, keyed("media-" + before));
    ids_["media"].emplace(before, made.id());
    const std::string reference = column_text(row, "reference");
    const std::size_t dot = reference.find('.');
    if (dot == std::string::npos) return;
    gallery_[{reference.substr(0, dot), column_text(row, "entity_id")}][reference.substr(dot + 1)]
        .push_back(made.id());
  }

  // Entities, those first that others refer to; the rest in the order of the schema.
  std::vector<std::string> in_order() const {
    std::vector<std::string> waiting, order{"media"};
    for (const Map::Member& entity : map_named(schema_, "entities")) {
      const bool is_own =
          entity.name == "media" || column_text(*entity.value.if_map(), "type") == "generated";
      if (!is_own && file_.has_table(entity.name)) waiting.push_back(entity.name);
    }
    const auto is_free = [&](const std::string& name) {
      const std::set<std::string> targets = targets_of(name);
      return std::all_of(targets.begin(), targets.end(), [&](const std::string& target) {
        return target == name || std::find(waiting.begin(), waiting.end(), target) == waiting.end();
      });
    };
    while (!waiting.empty()) {
      auto next = std::find_if(waiting.begin(), waiting.end(), is_free);
      if (next == waiting.end()) next = waiting.begin();  // They refer to each other.
      order.push_back(*next);
      waiting.erase(next);
    }
    order.erase(order.begin());
    return order;
  }

  std::set<std::string> targets_of(const std::string& entity) const {
    std::set<std::string> targets;
    for (const auto& [field, target] : references_of(entity)) targets.insert(target);
    return targets;
  }

  // The fields of type relation of an entity, and what they lead to: those that the schema names,
  // and those that its relations make.
  std::map<std::string, std::string> references_of(const std::string& entity) const {
    std::map<std::string, std::string> references;
    for (const Map::Member& member : map_named(schema_, "relations")) {
      const Map& relation = *member.value.if_map();
      const std::string type = column_text(relation, "type"),
                        target = column_text(relation, "target");
      if (column_text(relation, "source") != entity || (type != "n:1" && type != "1:1")) continue;
      const std::string name = column_text(map_named(relation, "config"), "mappedBy");
      references.emplace((name.empty() ? target : name) + "_id", target);
    }
    return references;
  }

  void import_records(const std::string& entity) {
    const std::vector<Map> rows = file_.rows(entity);
    for (std::size_t at = 0; at < rows.size(); at += kRecordsInCommit) {
      const std::size_t end = std::min(at + kRecordsInCommit, rows.size());
      std::vector<Document> documents;
      std::vector<std::vector<Reference>> later;
      for (std::size_t i = at; i < end; ++i) {
        documents.push_back(document_of_row(entity, rows[i], later.emplace_back()));
      }
      const Mutations made = session_.client().mutator(entity).insert_many(
          documents, keyed(entity + "-" + column_text(rows[at], "id")));
      for (std::size_t i = at; i < end; ++i) {
        ids_[entity].emplace(column_text(rows[i], "id"), made[i - at].id());
        for (Reference& reference : later[i - at]) {
          reference.id = made[i - at].id();
          later_.push_back(std::move(reference));
        }
      }
    }
  }

  Document document_of_row(const std::string& entity, const Map& row,
                           std::vector<Reference>& later) {
    Document document;
    const Map& fields = map_named(map_named(map_named(schema_, "entities"), entity), "fields");
    const auto references = references_of(entity);
    for (const Map::Member& column : row) {
      if (column.name == "id") continue;
      if (const auto reference = references.find(column.name); reference != references.end()) {
        if (column.value.is_null()) continue;
        const std::string& target = reference->second;
        const std::string before = cell_text(column.value);
        const auto known = ids_[target].find(before);
        if (known != ids_[target].end()) {
          document.set(column.name, known->second);
        } else {
          later.push_back({entity, column.name, target, before, {}});
        }
        continue;
      }
      const Value* field = fields.find(column.name);
      if (field == nullptr || field->if_map() == nullptr) {
        if (!column.value.is_null()) noted_once(entity + "." + column.name + " is in no schema");
        continue;
      }
      document.set(column.name, value_of(*field->if_map(), column.value));
    }
    add_media(entity, column_text(row, "id"), fields, document);
    return document;
  }

  void add_media(const std::string& entity, const std::string& before, const Map& fields,
                 Document& document) {
    const auto found = gallery_.find({entity, before});
    if (found == gallery_.end()) return;
    for (const auto& [field, media] : found->second) {
      const Value* about = fields.find(field);
      if (about == nullptr) {
        note(entity + "/" + before + ": no field \"" + field + "\" for its media");
        continue;
      }
      const Map& config = map_named(*about->if_map(), "config");
      if (column_text(config, "max_items") == "1") {
        document.set(field, set(Item(media.front())));  // The oldest: the one that bknd shows.
        if (media.size() > 1) {
          note(entity + "/" + before + "." + field + " had " + std::to_string(media.size()) +
               " media; the others stay, unlinked");
        }
      } else {
        document.set(field, attach(media));
      }
    }
    gallery_.erase(found);
  }

  // A value of a row as the field wants it.
  static Value value_of(const Map& field, const Value& value) {
    const std::string type = column_text(field, "type");
    if (value.is_null()) return nullptr;
    if (type == "boolean" && value.if_integer() != nullptr) return *value.if_integer() != 0;
    const bool is_json = type == "json" || type == "jsonschema";
    if (is_json && value.if_text() != nullptr) return parse_json(*value.if_text(), "a json field");
    return value;
  }

  // What led to records that came later, or to itself.
  void refer_later() {
    for (const Reference& reference : later_) {
      const auto known = ids_[reference.target].find(reference.before);
      if (known == ids_[reference.target].end()) {
        note(reference.entity + "/" + cell_text(reference.id) + "." + reference.field + " named " +
             reference.target + "/" + reference.before + ", which is not there");
        continue;
      }
      session_.client()
          .mutator(reference.entity)
          .update_one(
              reference.id, {{reference.field, known->second}},
              keyed(reference.entity + "-" + cell_text(reference.id) + "-" + reference.field));
    }
    for (const auto& [owner, fields] : gallery_) {
      note("media of " + owner.first + "/" + owner.second + ", which is not there, stay unlinked");
    }
  }

  // The pairs of many-to-many relations.
  void connect() {
    for (const Map::Member& member : map_named(schema_, "relations")) {
      const Map& relation = *member.value.if_map();
      if (column_text(relation, "type") != "m:n") continue;
      const Map& config = map_named(relation, "config");
      const std::string source = column_text(relation, "source"),
                        target = column_text(relation, "target");
      std::string table = column_text(config, "connectionTable"),
                  end = column_text(config, "mappedBy");
      if (table.empty()) table = source + "_" + target;
      if (end.empty()) end = target;
      if (file_.has_table(table)) connect_pairs(table, source, target, end);
    }
  }

  void connect_pairs(const std::string& table, const std::string& source, const std::string& target,
                     const std::string& end) {
    std::map<std::string, std::vector<std::string>> pairs;
    for (const Map& row : file_.rows(table)) {
      const std::string from = column_text(row, source + "_id"),
                        to = column_text(row, target + "_id");
      if (!ids_[source].contains(from) || !ids_[target].contains(to)) {
        note(table + "/" + column_text(row, "id") + " connects what is not there");
        continue;
      }
      std::vector<std::string>& targets = pairs[from];
      if (std::find(targets.begin(), targets.end(), to) == targets.end()) targets.push_back(to);
    }
    for (const auto& [from, targets] : pairs) {
      std::vector<Value> items;
      for (const std::string& to : targets) items.push_back(ids_[target].at(to));
      session_.client().mutator(source).update_one(ids_[source].at(from), {{end, attach(items)}},
                                                   keyed(table + "-" + from));
    }
  }

  void note(std::string text) { notes_.push_back(std::move(text)); }
  void noted_once(const std::string& text) {
    if (std::find(notes_.begin(), notes_.end(), text) == notes_.end()) note(text);
  }

  Session& session_;
  const ImportWords& words_;
  BkndFile file_;
  std::string key_;
  Map schema_;
  std::vector<Map> media_rows_;
  std::map<std::string, Ids> ids_;
  // (entity, id before) → field → media, the oldest first.
  std::map<std::pair<std::string, std::string>, std::map<std::string, std::vector<Value>>> gallery_;
  std::vector<Reference> later_;
  std::vector<std::string> notes_;
};

}  // namespace

int import_store(Session& session, const ImportWords& words) {
  Import import(session, words);
  import.run();
  const Map report = import.report();
  if (session.json()) {
    session.print_json(report);
    return 0;
  }
  for (const Map::Member& entity : map_named(report, "imported")) {
    session.print(harmless(entity.name) + "  " + cell_text(entity.value) + " imported\n");
  }
  for (const Value& note : *report.find("notes")->if_list()) {
    session.print("note: " + harmless(cell_text(note)) + "\n");
  }
  if (words.dry_run) session.print("nothing was changed: a dry run\n");
  return 0;
}

}  // namespace emstore::cli
