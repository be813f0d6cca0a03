#include "cli/bknd_file.h"

#include <sqlite3.h>

#include "cli/failures.h"
#include "cli/json.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

struct Finishing {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

Value column(sqlite3_stmt* row, int place) {
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(row, place));
  switch (sqlite3_column_type(row, place)) {
    case SQLITE_INTEGER:
      return sqlite3_column_int64(row, place);
    case SQLITE_FLOAT:
      return sqlite3_column_double(row, place);
    case SQLITE_TEXT:
      return std::string(reinterpret_cast<const char*>(sqlite3_column_text(row, place)), size);
    case SQLITE_BLOB:
      return Binary{std::string(static_cast<const char*>(sqlite3_column_blob(row, place)), size)};
    default:
      return nullptr;
  }
}

std::string quoted_name(const std::string& name) {
  std::string quoted = "\"";
  for (const char letter : name) quoted += letter == '"' ? "\"\"" : std::string(1, letter);
  return quoted + "\"";
}

}  // namespace

void BkndFile::Closing::operator()(sqlite3* database) const { sqlite3_close(database); }

BkndFile::BkndFile(const std::string& path) : path_(path) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr);
  database_.reset(opened);
  if (code != SQLITE_OK) throw UsageError("cannot open " + path + ": " + sqlite3_errstr(code));
}

std::vector<Map> BkndFile::select(const std::string& statement) const {
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v2(database_.get(), statement.c_str(), -1, &prepared, nullptr) != SQLITE_OK) {
    throw UsageError("cannot read " + path_ + ": " + sqlite3_errmsg(database_.get()),
                     "name a database file of bknd");
  }
  const std::unique_ptr<sqlite3_stmt, Finishing> row(prepared);
  std::vector<Map> rows;
  int code = sqlite3_step(row.get());
  for (; code == SQLITE_ROW; code = sqlite3_step(row.get())) {
    Map values;
    for (int i = 0; i < sqlite3_column_count(row.get()); ++i) {
      values.set(sqlite3_column_name(row.get(), i), column(row.get(), i));
    }
    rows.push_back(std::move(values));
  }
  if (code != SQLITE_DONE) {
    throw UsageError("cannot read " + path_ + ": " + sqlite3_errmsg(database_.get()));
  }
  return rows;
}

bool BkndFile::has_table(const std::string& name) const {
  for (const Map& row : select("SELECT name FROM sqlite_master WHERE type = 'table'")) {
    if (value_at(row, "name") == Value(name)) return true;
  }
  return false;
}

Map BkndFile::schema() const {
  if (!has_table("__bknd")) return {};
  const std::vector<Map> found = select(
      "SELECT json FROM __bknd WHERE type = 'config' ORDER BY version DESC, id DESC LIMIT 1");
  if (found.empty()) return {};
  const Value settings = parse_json(*value_at(found.front(), "json").if_text(), path_);
  const Map* map = settings.if_map();
  const Map* data = map == nullptr ? nullptr : value_at(*map, "data").if_map();
  if (data == nullptr) return {};
  Map schema;
  for (const std::string name : {"entities", "relations", "indices"}) {
    if (const Map* part = value_at(*data, name).if_map()) schema.set(name, *part);
  }
  return schema;
}

std::vector<Map> BkndFile::rows(const std::string& table) const {
  return select("SELECT * FROM " + quoted_name(table) + " ORDER BY id");
}

}  // namespace emstore::cli
