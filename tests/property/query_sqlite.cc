#include <sqlite3.h>

#include <stdexcept>

#include "tests/property/query_model.h"

namespace emstore::testing {
namespace {

std::string quoted(const std::string& text) {
  std::string sql = "'";
  for (const char letter : text) sql += letter == '\'' ? "''" : std::string(1, letter);
  return sql + "'";
}

std::string literal(const Value& value) {
  if (value.is_null()) return "NULL";
  if (const bool* boolean = value.if_boolean()) return *boolean ? "1" : "0";
  if (const std::string* text = value.if_text()) return quoted(*text);
  return to_string(value);
}

std::string joined(const std::vector<std::string>& parts, const std::string& by,
                   const std::string& otherwise) {
  if (parts.empty()) return otherwise;
  std::string sql = "(";
  for (const std::string& part : parts) sql += (sql.size() > 1 ? by : "") + part;
  return sql + ")";
}

// A `where` as SQL, of one table, which stands within others as deep as that.
class Translator {
 public:
  Translator(const Model& model, std::string table, std::size_t depth = 0)
      : model_(model), table_(std::move(table)), depth_(depth) {}

  std::string where(const Map& where) const { return joined(members(where), " AND ", "1"); }

 private:
  std::vector<std::string> members(const Map& where) const {
    std::vector<std::string> parts;
    for (const auto& [name, given] : where) parts.push_back(member(name, given));
    return parts;
  }

  std::string member(const std::string& name, const Value& given) const {
    if (!name.starts_with('$')) return named_test(name, given);
    std::vector<std::string> parts;
    if (const List* list = given.if_list()) {
      for (const Value& part : *list) parts.push_back(where(*part.if_map()));
    } else {
      parts = members(*given.if_map());
    }
    if (name == "$or") return joined(parts, " OR ", "0");
    const std::string all = joined(parts, " AND ", "1");
    return name == "$and" ? all : "NOT " + all;
  }

  std::string named_test(const std::string& name, const Value& given) const {
    const std::size_t point = name.find('.');
    const ModelField& field = model_.field(name.substr(0, point));
    if (!field.is_link()) return test(table_ + "." + name, given, false);
    const std::string target = "t" + std::to_string(depth_);
    const std::string links = "EXISTS (SELECT 1 FROM link JOIN " + field.target + " AS " + target +
                              " ON " + target + ".id = link.target WHERE link.owner = " + table_ +
                              ".id AND link.field = " + quoted(field.name);
    const bool is_whole = point == std::string::npos;
    if (is_whole && !field.value.empty()) return test(table_ + "." + field.value, given, false);
    if (is_whole) return test(links, given, true);
    const Translator inner(model_, target, depth_ + 1);
    return links + " AND " + inner.member(name.substr(point + 1), given) + ")";
  }

  // `subject` is a column or, of links, the beginning of an EXISTS.
  std::string test(const std::string& subject, const Value& given, bool is_link) const {
    const Map* operators = given.if_map();
    if (operators == nullptr) return apply(subject, "$eq", given, is_link);
    std::vector<std::string> parts;
    for (const auto& [op, operand] : *operators) {
      parts.push_back(apply(subject, op, operand, is_link));
    }
    return joined(parts, " AND ", "1");
  }

  std::string apply(const std::string& subject, const std::string& op, const Value& operand,
                    bool is_link) const {
    if (op == "$not") return "NOT " + test(subject, operand, is_link);
    if (op == "$or") {
      std::vector<std::string> parts;
      for (const Value& part : *operand.if_list()) parts.push_back(test(subject, part, is_link));
      return joined(parts, " OR ", "0");
    }
    return is_link ? of_link(subject, op, operand) : of_column(subject, op, operand);
  }

  static std::string list_of(const Value& operands) {
    std::vector<std::string> parts;
    for (const Value& one : *operands.if_list()) parts.push_back(literal(one));
    return joined(parts, ", ", "()");
  }

  static std::string of_link(const std::string& exists, const std::string& op,
                             const Value& operand) {
    if (op == "$isnull") return (*operand.if_boolean() ? "NOT " : "") + exists + ")";
    if (op == "$in" || op == "$notin") {
      return (op == "$in" ? "" : "NOT ") + exists + " AND link.target IN " + list_of(operand) + ")";
    }
    if (operand.is_null()) return (op == "$eq" ? "NOT " : "") + exists + ")";
    return (op == "$eq" ? "" : "NOT ") + exists + " AND link.target = " + literal(operand) + ")";
  }

  static std::string of_column(const std::string& column, const std::string& op,
                               const Value& operand) {
    if (op == "$isnull") return column + (*operand.if_boolean() ? " IS NULL" : " IS NOT NULL");
    if (op == "$in") return column + " IN " + list_of(operand);
    if (op == "$notin") return column + " NOT IN " + list_of(operand);
    if (op == "$between") {
      return "(" + column + " BETWEEN " + literal(operand.if_list()->at(0)) + " AND " +
             literal(operand.if_list()->at(1)) + ")";
    }
    if (op == "$like") return column + " LIKE " + literal(operand) + " ESCAPE '\\'";
    const std::string bytes = "CAST(" + column + " AS BLOB)";
    const std::string size = "length(CAST(" + literal(operand) + " AS BLOB))";
    const std::string wanted = "CAST(" + literal(operand) + " AS BLOB)";
    if (op == "$startsWith") return "substr(" + bytes + ", 1, " + size + ") = " + wanted;
    if (op == "$endsWith") {
      return "(length(" + bytes + ") >= " + size + " AND substr(" + bytes + ", length(" + bytes +
             ") - " + size + " + 1) = " + wanted + ")";
    }
    if (op == "$contains") return "instr(" + bytes + ", " + wanted + ") > 0";
    if (operand.is_null()) return column + (op == "$eq" ? " IS NULL" : " IS NOT NULL");
    if (op == "$eq") return column + " = " + literal(operand);
    if (op == "$ne") return column + " <> " + literal(operand);
    return column +
           (op == "$gt"    ? " > "
            : op == "$gte" ? " >= "
            : op == "$lt"  ? " < "
                           : " <= ") +
           literal(operand);
  }

  const Model& model_;
  std::string table_;
  std::size_t depth_;
};

}  // namespace

struct SqliteJudge::State {
  explicit State(const Model& judged) : model(judged) {
    if (sqlite3_open(":memory:", &database) != SQLITE_OK) throw std::runtime_error("no SQLite");
    // Without rows in order of their ids by chance: every order that is given is given by name.
    run("PRAGMA case_sensitive_like = ON");
  }
  ~State() { sqlite3_close(database); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Ids run(const std::string& sql) {
    Ids ids;
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
      throw std::runtime_error(std::string(sqlite3_errmsg(database)) + ": " + sql);
    }
    while (sqlite3_step(statement) == SQLITE_ROW) {
      ids.push_back(static_cast<std::uint64_t>(sqlite3_column_int64(statement, 0)));
    }
    if (sqlite3_finalize(statement) != SQLITE_OK) {
      throw std::runtime_error(std::string(sqlite3_errmsg(database)) + ": " + sql);
    }
    return ids;
  }

  void add(const std::string& table, const std::vector<ModelField>& fields,
           const std::map<std::uint64_t, ModelRecord>& records) {
    std::string columns = "id INTEGER PRIMARY KEY";
    for (const ModelField& field : fields) {
      if (field.is_link() || field.type == "json") continue;
      columns += ", " + field.name + (field.type == "number" ? " REAL" : "");
    }
    run("CREATE TABLE " + table + " (" + columns + ")");
    for (const auto& [id, record] : records) {
      std::string values = std::to_string(id);
      for (const ModelField& field : fields) {
        if (field.is_link() || field.type == "json") continue;
        const Value* value = record.values.find(field.name);
        values += ", " + literal(value == nullptr ? field.default_value : *value);
      }
      run("INSERT INTO " + table + " VALUES (" + values + ")");
      for (const auto& [field, links] : record.links) {
        for (const std::uint64_t target : links) {
          run("INSERT INTO link VALUES (" + std::to_string(id) + ", " + quoted(field) + ", " +
              std::to_string(target) + ")");
        }
      }
    }
  }

  const Model& model;
  sqlite3* database = nullptr;
};

SqliteJudge::SqliteJudge(const Model& model) : state_(std::make_unique<State>(model)) {
  state_->run("CREATE TABLE link (owner INTEGER, field TEXT, target INTEGER)");
  state_->add("media", model.media_fields, model.media);
  state_->add("items", model.fields, model.items);
}

SqliteJudge::~SqliteJudge() = default;

Ids SqliteJudge::page(const ModelQuery& query) {
  std::string sql = "SELECT id FROM items WHERE " +
                    Translator(state_->model, "items").where(query.where) + " ORDER BY ";
  for (const ModelOrder& term : query.order) {
    sql += term.name + (term.descending ? " DESC, " : ", ");
  }
  sql += !query.order.empty() && query.order.back().descending ? "id DESC" : "id";
  sql += " LIMIT " + (query.limit ? std::to_string(*query.limit) : "-1");
  return state_->run(sql + " OFFSET " + std::to_string(query.offset));
}

}  // namespace emstore::testing
