// A database file of bknd, read as it lies there: its schema, and the rows of its tables. The only
// door to SQLite. Throws UsageError for a file that is none.
#pragma once

#include <emstore/value.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

struct sqlite3;

namespace emstore::cli {

class BkndFile {
 public:
  // Opened for reading alone; bknd should not be writing meanwhile.
  explicit BkndFile(const std::string& path);

  // What its own table of settings says under `data`: {entities, relations, indices}. Empty when
  // it has none: bknd in "code mode" keeps it in the program.
  Map schema() const;
  bool has_table(const std::string& name) const;
  // The rows of a table, by id. Values are null, integers, numbers, texts and binary.
  std::vector<Map> rows(const std::string& table) const;

 private:
  std::vector<Map> select(const std::string& statement) const;

  struct Closing {
    void operator()(sqlite3* database) const;
  };
  std::string path_;
  std::unique_ptr<sqlite3, Closing> database_;
};

}  // namespace emstore::cli
