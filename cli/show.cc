#include "cli/show.h"

#include <algorithm>
#include <array>

#include "cli/text.h"

namespace emstore::cli {
namespace {

// Shown in the detail of one record; in a list of many they would only take the place of the rest.
constexpr std::array<std::string_view, 2> kTimes{"created_at", "updated_at"};
constexpr std::string_view kMoreName = "$more";  // Cursors of lists, shown beside these.

bool is_media(const Value& value) {
  if (const Map* map = value.if_map()) return map->contains("id") && map->contains("mime_type");
  const List* list = value.if_list();
  if (!list || list->empty()) return false;
  return std::all_of(list->begin(), list->end(), [](const Value& item) {
    const Map* map = item.if_map();
    return map && map->contains("id") && (map->contains("mime_type") || map->contains("name"));
  });
}

bool is_right_aligned(const std::vector<RecordView>& records, const std::string& field) {
  return std::any_of(records.begin(), records.end(),
                     [&](RecordView record) { return record[field].is_number(); });
}

std::string record_cell(RecordView record, const std::string& field) {
  const Value& value = record[field];
  return is_media(value) ? names_text(record.at(field)) : cell_text(value);
}

// The uses of a media, when they were asked for; they come last.
bool is_uses(const Map::Member& member) {
  return member.name == "reference" && member.value.if_list();
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char letter) {
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
  });
  return text;
}

Table table_of(const std::vector<RecordView>& records) {
  std::vector<std::string> fields;
  for (const RecordView record : records) {
    for (const Map::Member& member : record.values()) {
      const bool is_time = std::find(kTimes.begin(), kTimes.end(), member.name) != kTimes.end();
      const bool is_known = std::find(fields.begin(), fields.end(), member.name) != fields.end();
      if (member.name == kMoreName) continue;
      if (!is_known && (!is_time || record.values().size() <= kTimes.size() + 1))
        fields.push_back(member.name);
    }
  }
  std::vector<Table::Column> columns;
  for (const std::string& field : fields) {
    columns.push_back({upper(field), is_right_aligned(records, field) ? Table::Align::right
                                                                      : Table::Align::left});
  }
  Table table(std::move(columns));
  for (const RecordView record : records) {
    std::vector<std::string> cells;
    for (const std::string& field : fields) cells.push_back(record_cell(record, field));
    table.add(std::move(cells));
  }
  return table;
}

}  // namespace

Table media_table(RecordsView media) {
  using Align = Table::Align;
  const auto has = [&](std::string_view field) {
    return std::any_of(media.begin(), media.end(),
                       [&](RecordView medium) { return !medium[field].is_null(); });
  };
  std::vector<Table::Column> columns{
      {"ID", Align::right}, {"NAME"}, {"TYPE"}, {"SIZE", Align::right}, {"BLOB"}};
  if (has("alt")) columns.push_back({"ALT"});
  if (has("meta")) columns.push_back({"LINK"});
  Table table(columns);
  for (const RecordView medium : media) {
    const auto* size = medium["size"].if_integer();
    const auto* bytes = medium["size"].if_number();
    const std::uint64_t length = size    ? static_cast<std::uint64_t>(*size)
                                 : bytes ? static_cast<std::uint64_t>(*bytes)
                                         : 0;
    std::vector<std::string> cells{
        cell_text(medium.id()), cell_text(medium["name"]), cell_text(medium["mime_type"]),
        size || bytes ? size_text(length) : "", address_text(cell_text(medium["blob"]))};
    if (has("alt")) cells.push_back(cell_text(medium["alt"]));
    if (has("meta")) cells.push_back(cell_text(medium["meta"]));
    table.add(std::move(cells));
  }
  return table;
}

void print_record(const Session& session, const std::string& name, RecordView record) {
  session.print(bold(session.terminal(), harmless(name)) + "\n");
  std::size_t width = 0;
  for (const Map::Member& member : record.values()) width = std::max(width, member.name.size());
  for (const Map::Member& member : record.values()) {
    if (member.name == "id" || member.name == kMoreName || is_uses(member)) continue;
    const std::string label = "  " + member.name + std::string(width - member.name.size() + 2, ' ');
    if (!is_media(member.value)) {
      session.print(dim(session.terminal(), label) + harmless(cell_text(member.value)) + "\n");
      continue;
    }
    const RecordsView media = record.at(member.name);
    session.print(dim(session.terminal(), label) + "(" + std::to_string(media.size()) + ")\n");
    const bool are_files = std::all_of(media.begin(), media.end(), [](RecordView item) {
      return item.values().contains("mime_type");
    });
    session.print(are_files ? media_table(media) : table_of({media.begin(), media.end()}), 4);
    const std::string more = record.more(member.name);
    if (!more.empty()) {
      session.print("    the rest: --with " + member.name + ":cursor=" + more +
                    ",… as it was asked for\n");
    }
  }
  const Value* uses = record.values().find("reference");
  if (!uses || !uses->if_list()) return;
  if (uses->if_list()->empty()) {
    session.print("  used by nothing\n");
  } else {
    session.print(uses_table(record.at("reference")), 2);
  }
}

Table records_table(std::span<const Record> records) {
  return table_of({records.begin(), records.end()});
}

Table uses_table(RecordsView uses) {
  Table table({{"USED BY"}, {"FIELD"}, {"LINK"}});
  for (const RecordView use : uses) {
    table.add({cell_text(use["entity"]) + "/" + cell_text(use["entity_id"]),
               cell_text(use["field"]), cell_text(use["meta"])});
  }
  return table;
}

}  // namespace emstore::cli
