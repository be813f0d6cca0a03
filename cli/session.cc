#include "cli/session.h"

#include <iostream>

#include "cli/json.h"

namespace emstore::cli {
namespace {

constexpr std::uint64_t kProgressFrom = 8u << 20;  // Smaller files are there before one could look.

}  // namespace

Session::Session(const Settings& settings)
    : settings_(settings), terminal_(terminal_of_stdout(settings.color)) {}

Client& Session::client() {
  if (client_) return *client_;
  Options options;
  options.socket = settings_.socket;
  options.client_name = "emstore-cli";
  client_.emplace(options);
  if (!settings_.json && !settings_.quiet && is_stderr_terminal()) {
    progress_ = std::make_unique<ProgressLine>(ProgressLine::Unit::bytes);
    client_->on_progress([this](std::uint64_t done, std::uint64_t total) {
      if (total >= kProgressFrom) progress_->show(done, total);
    });
  }
  return *client_;
}

const SchemaView& Session::schema() {
  if (!schema_) schema_.emplace(client().schema());
  return *schema_;
}

void Session::print(std::string_view text) const { std::cout << text; }

void Session::print(const Table& table, std::size_t indent) const {
  std::cout << table.text(terminal_, indent);
}

void Session::print_json(const Value& value) const { std::cout << to_json(value) << '\n'; }

}  // namespace emstore::cli
