// What every command is given: the connection, made when first needed, and where its output goes.
#pragma once

#include <emstore/client.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/progress.h"
#include "cli/schema_view.h"
#include "cli/table.h"
#include "cli/terminal.h"

namespace emstore::cli {

struct Settings {
  std::string socket;  // Empty: where the client looks by itself.
  bool json = false;
  bool quiet = false;
  ColorChoice color = ColorChoice::automatic;
};

class Session {
 public:
  explicit Session(const Settings& settings);

  Client& client();
  const SchemaView& schema();  // Asked for once.
  const Terminal& terminal() const { return terminal_; }
  bool json() const { return settings_.json; }

  void print(std::string_view text) const;
  void print(const Table& table, std::size_t indent = 0) const;
  void print_json(const Value& value) const;  // One line.

 private:
  Settings settings_;
  Terminal terminal_;
  std::optional<Client> client_;
  std::optional<SchemaView> schema_;
  std::unique_ptr<ProgressLine> progress_;
};

}  // namespace emstore::cli
