#include "daemon/flags.h"

#include <algorithm>
#include <array>

#include "base/suggest.h"

namespace emstore::daemon {
namespace {

struct Flag {
  std::string_view name;
  bool takes_value;
  void (*note)(Flags& flags, std::string_view value);
};

void override_with(Flags& flags, std::string_view setting, std::string_view value,
                   std::string_view flag) {
  flags.overrides.push_back({std::string(setting), std::string(value), std::string(flag)});
}

constexpr std::array kFlags{
    Flag{"--data", true,
         [](Flags& f, std::string_view v) { override_with(f, "data", v, "--data"); }},
    Flag{"--media", true,
         [](Flags& f, std::string_view v) { override_with(f, "media", v, "--media"); }},
    Flag{"--socket", true,
         [](Flags& f, std::string_view v) { override_with(f, "socket.path", v, "--socket"); }},
    Flag{"--config", true, [](Flags& f, std::string_view v) { f.config_file = v; }},
    Flag{"--set", true,
         [](Flags& f, std::string_view v) {
           const std::size_t sign = v.find('=');
           const bool has_value = sign != std::string_view::npos;
           override_with(f, v.substr(0, sign), has_value ? v.substr(sign + 1) : std::string_view(),
                         "--set");
         }},
    Flag{"--dump", true, [](Flags& f, std::string_view v) { f.dump = v; }},
    Flag{"--import", false, [](Flags& f, std::string_view) { f.import = true; }},
    Flag{"--restore", true, [](Flags& f, std::string_view v) { f.restore = v; }},
    Flag{"--json", false, [](Flags& f, std::string_view) { f.json = true; }},
    Flag{"--print-config", false, [](Flags& f, std::string_view) { f.print_config = true; }},
    Flag{"--version", false, [](Flags& f, std::string_view) { f.version = true; }},
    Flag{"--help", false, [](Flags& f, std::string_view) { f.help = true; }},
};

Error unknown_flag(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Flag& flag : kFlags) names.push_back(flag.name);
  const std::string hint = did_you_mean(name, names);
  return Error{ErrorCode::invalid_request, "there is no flag " + quoted(name), "",
               hint.empty() ? "emstored --help lists them" : hint};
}

// Each asks for another thing than to serve; which one is meant of two, nobody knows.
Status check_one_mode(std::span<const std::string_view> names) {
  constexpr std::array<std::string_view, 3> kModes{"--dump", "--import", "--restore"};
  std::string_view first;
  for (const std::string_view name : names) {
    if (std::ranges::find(kModes, name) == kModes.end()) continue;
    if (name == first) {
      if (name == "--import") continue;  // It has no value that could be another one.
      return failure(ErrorCode::invalid_request, std::string(name) + " is given twice", "",
                     "give it once");
    }
    if (!first.empty()) {
      return failure(ErrorCode::invalid_request,
                     std::string(first) + " and " + std::string(name) + " do not go together", "",
                     "give one of them");
    }
    first = name;
  }
  return {};
}

}  // namespace

Result<Flags> read_flags(std::span<const std::string_view> arguments) {
  Flags flags;
  std::vector<std::string_view> given;
  while (!arguments.empty()) {
    const std::string_view argument = arguments.front();
    arguments = arguments.subspan(1);
    const std::size_t sign = argument.find('=');
    const std::string_view name = argument == "-h" ? "--help" : argument.substr(0, sign);
    const auto flag = std::ranges::find(kFlags, name, &Flag::name);
    if (flag == kFlags.end()) return failure(unknown_flag(argument));
    std::string_view value;
    if (sign != std::string_view::npos) {
      value = argument.substr(sign + 1);
    } else if (flag->takes_value && !arguments.empty()) {
      value = arguments.front();
      arguments = arguments.subspan(1);
    }
    if (flag->takes_value == value.empty()) {
      return failure(
          ErrorCode::invalid_request,
          std::string(flag->name) + (flag->takes_value ? " needs a value" : " takes no value"), "",
          "emstored --help shows how");
    }
    flag->note(flags, value);
    given.push_back(flag->name);
  }
  if (flags.json && !flags.import && !flags.restore) {
    return failure(ErrorCode::invalid_request, "--json tells what --import or --restore has made",
                   "", "leave it out");
  }
  EMSTORE_CHECKED(check_one_mode(given));
  return flags;
}

std::string_view usage() {
  return R"(usage: emstored --data DIR [--media DIR] [--socket PATH] [--config FILE] [--set KEY=VALUE]

Serves the store in DIR, which is created where it is missing, to local programs over a Unix socket.

  --data DIR         the directory that holds the store
  --media DIR        the directory of large media files (default: media/ in the data directory)
  --socket PATH      where to listen (default: $XDG_RUNTIME_DIR/emstore/sock, else sock in the data directory)
  --config FILE      read this file instead of $XDG_CONFIG_HOME/emstore/emstore.toml
  --set KEY=VALUE    set any key of the configuration, such as limits.request=4MiB
  --print-config     show every setting, its value and where it came from
  --dump FAMILY      print the rows of a family (log, records … or all) of a stopped daemon's store,
                     one a line: family, key and value in hex
  --import           make a store in an empty DIR of the export on standard input, and prove it
  --restore BACKUP   make a store in an empty DIR of the backup in that directory, and prove it
  --json             say what became of --import or --restore in one line of JSON
  --version, --help

SIGTERM and SIGINT stop it in order: what is in flight is answered first.
)";
}

}  // namespace emstore::daemon
