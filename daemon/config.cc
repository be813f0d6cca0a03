#include "daemon/config.h"

#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "base/hash.h"
#include "base/suggest.h"
#include "daemon/settings.h"

namespace emstore::daemon {
namespace {

const Setting* setting_named(std::string_view name) {
  const auto found = std::ranges::find(settings(), name, &Setting::name);
  return found == settings().end() ? nullptr : &*found;
}

std::vector<std::string_view> names_of_settings() {
  std::vector<std::string_view> names;
  for (const Setting& setting : settings()) names.push_back(setting.name);
  return names;
}

bool is_section(std::string_view name) {
  return std::ranges::any_of(settings(), [name](const Setting& setting) {
    return setting.name.starts_with(name) && setting.name.substr(name.size()).starts_with('.');
  });
}

constexpr const char* kListed = "docs/operations.md lists the settings, and what they take";

tl::unexpected<Error> unknown_setting(std::string_view name, const std::string& origin) {
  if (is_section(name)) {
    return failure(ErrorCode::invalid_request, origin + ": " + quoted(name) + " is a section",
                   std::string(name), "write [" + std::string(name) + "], and its settings below");
  }
  const std::string guess = did_you_mean(name, names_of_settings());
  return failure(ErrorCode::invalid_request, origin + ": there is no setting " + quoted(name),
                 std::string(name), guess.empty() ? kListed : guess);
}

tl::unexpected<Error> unknown_section(const std::string& name, const std::string& origin) {
  if (setting_named(name) == nullptr) return unknown_setting(name, origin);
  return failure(ErrorCode::invalid_request,
                 origin + ": " + quoted(name) + " is a setting, and no section", name,
                 "write " + name + " = VALUE");
}

class ConfigReader {
 public:
  Status take(std::string_view name, std::string_view value, const std::string& origin);
  Status take_file(const std::filesystem::path& path);
  Status take_environment(const Environment& environment);
  Configuration finish(Config config) const;
  Config& config() { return config_; }

 private:
  Status take_table(const toml::table& table, const std::string& prefix, const std::string& path);

  Config config_;
  std::map<std::string, std::string, std::less<>> origins_;
};

Status ConfigReader::take(std::string_view name, std::string_view value,
                          const std::string& origin) {
  const Setting* setting = setting_named(name);
  if (setting == nullptr) return unknown_setting(name, origin);
  if (Status assigned = assign(*setting, config_, value); !assigned) {
    Error error = std::move(assigned).error();
    error.message.insert(0, origin + ": ");
    return failure(std::move(error));
  }
  origins_[std::string(name)] = origin;
  return {};
}

std::string place_of(const std::string& path, const toml::source_position& position) {
  return path + ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
}

std::optional<std::string> text_of_node(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  return std::nullopt;
}

Status ConfigReader::take_table(const toml::table& table, const std::string& prefix,
                                const std::string& path) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    const std::string place = place_of(path, key.source().begin);
    if (const toml::table* section = node.as_table()) {
      if (!is_section(name)) return unknown_section(name, place);
      EMSTORE_CHECKED(take_table(*section, name + ".", path));
      continue;
    }
    const std::optional<std::string> text = text_of_node(node);
    if (!text) {
      return failure(ErrorCode::invalid_request,
                     place + ": " + name + " is neither a text, a whole number nor true or false",
                     name, kListed);
    }
    EMSTORE_CHECKED(take(name, *text, place));
  }
  return {};
}

Status ConfigReader::take_file(const std::filesystem::path& path) {
  constexpr const char* kNameAnother = "name another one with --config";
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) {
    return failure(ErrorCode::invalid_request,
                   "the configuration file " + path.string() + " is a directory", "config",
                   kNameAnother);
  }
  try {
    return take_table(toml::parse_file(path.string()), "", path.string());
  } catch (const toml::parse_error& error) {
    // A file that cannot be opened has no position either.
    const bool is_unreadable = error.source().begin.line == 0;
    if (is_unreadable) {
      return failure(ErrorCode::invalid_request,
                     "cannot read the configuration file " + path.string(), "config", kNameAnother);
    }
    return failure(
        ErrorCode::invalid_request,
        place_of(path.string(), error.source().begin) + ": " + std::string(error.description()),
        "config", "correct it there; docs/operations.md shows how the file is written");
  }
}

// Of other EMSTORE_ variables we know nothing: they may be another program's. But one that begins
// like a section of ours is a slip of the hand.
Status ConfigReader::take_environment(const Environment& environment) {
  std::vector<std::string> variables;
  std::vector<std::string> sections;  // "EMSTORE_LIMITS_"
  for (const Setting& setting : settings()) {
    variables.push_back(variable_of(setting));
    const std::size_t end = variables.back().find('_', std::string_view("EMSTORE_").size());
    if (end != std::string::npos) sections.push_back(variables.back().substr(0, end + 1));
    const auto found = environment.find(variables.back());
    if (found != environment.end() && !found->second.empty()) {
      EMSTORE_CHECKED(take(setting.name, found->second, found->first));
    }
  }
  const std::vector<std::string_view> known(variables.begin(), variables.end());
  for (const auto& [variable, value] : environment) {
    const auto begins_it = [&name = variable](const std::string& section) {
      return name.starts_with(section);
    };
    if (std::ranges::none_of(sections, begins_it)) continue;
    if (std::ranges::find(known, variable) != known.end()) continue;
    const std::string guess = variable == "EMSTORE_SOCKET_PATH"
                                  ? "the variable of socket.path is EMSTORE_SOCKET"
                                  : did_you_mean(variable, known);
    return failure(ErrorCode::invalid_request,
                   "the environment variable " + variable + " sets nothing", variable,
                   guess.empty() ? "unset it, or correct its name" : guess);
  }
  return {};
}

// As it stands in a TOML file.
std::string quoted_for_toml(std::string_view value) {
  std::string text = "\"";
  for (const char sign : value) {
    const auto code = static_cast<unsigned char>(sign);
    constexpr unsigned char kFirstPrintable = 0x20;
    constexpr unsigned char kDelete = 0x7f;
    if (code < kFirstPrintable || code == kDelete) {
      text.append("\\u00").append(to_hex({&sign, 1}));
      continue;
    }
    if (sign == '"' || sign == '\\') text.push_back('\\');
    text.push_back(sign);
  }
  return text + "\"";
}

Configuration ConfigReader::finish(Config config) const {
  Configuration configuration{std::move(config), {}};
  for (const Setting& setting : settings()) {
    const auto origin = origins_.find(setting.name);
    std::string value = text_of(setting, configuration.config);
    if (is_quoted(setting)) value = quoted_for_toml(value);
    configuration.shown.push_back({std::string(setting.name), std::move(value),
                                   origin == origins_.end() ? "default" : origin->second,
                                   std::string(setting.help)});
  }
  return configuration;
}

std::string variable(const Environment& environment, std::string_view name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

}  // namespace

std::vector<std::filesystem::path> usual_config_files(const Environment& environment) {
  std::vector<std::filesystem::path> files{"/etc/emstore/emstore.toml"};
  const std::string config_home = variable(environment, "XDG_CONFIG_HOME");
  const std::string home = variable(environment, "HOME");
  if (!config_home.empty()) {
    files.push_back(std::filesystem::path(config_home) / "emstore/emstore.toml");
  } else if (!home.empty()) {
    files.push_back(std::filesystem::path(home) / ".config/emstore/emstore.toml");
  }
  return files;
}

Result<Configuration> read_config(const ConfigSources& sources) {
  ConfigReader reader;
  for (const std::filesystem::path& path : sources.optional_files) {
    std::error_code error;
    if (std::filesystem::exists(path, error)) EMSTORE_CHECKED(reader.take_file(path));
  }
  if (sources.file) EMSTORE_CHECKED(reader.take_file(*sources.file));
  EMSTORE_CHECKED(reader.take_environment(sources.environment));
  for (const Override& given : sources.overrides) {
    EMSTORE_CHECKED(reader.take(given.name, given.value, given.origin));
  }
  Config config = reader.config();
  EMSTORE_CHECKED(complete(config, sources.environment));
  return reader.finish(std::move(config));
}

Status complete(Config& config, const Environment& environment) {
  if (config.socket.path.empty()) {
    const std::string runtime = variable(environment, "XDG_RUNTIME_DIR");
    if (!runtime.empty()) {
      config.socket.path = std::filesystem::path(runtime) / "emstore/sock";
    } else if (!config.data.empty()) {
      config.socket.path = config.data / "sock";
    }
  }
  const protocol::Limits& wire = config.session.wire;
  constexpr std::uint64_t kEnvelopeBytes = 64u << 10;
  struct Part {
    const char* name;
    std::uint64_t bytes;
  };
  // A commit is read, and exported, as it was written: in one reply.
  for (const Part& part : {Part{"limits.result_bytes", config.query.result_bytes_max},
                           Part{"limits.mutation_answer", config.store.answer_bytes_max},
                           Part{"limits.commit_bytes", config.store.commit_bytes_max}}) {
    if (part.bytes <= wire.reply_bytes_max && wire.reply_bytes_max - part.bytes >= kEnvelopeBytes) {
      continue;
    }
    return failure(ErrorCode::invalid_request,
                   std::string(part.name) + " (" + bytes_text(part.bytes) +
                       ") does not fit into limits.reply (" + bytes_text(wire.reply_bytes_max) +
                       ")",
                   part.name, "lower it, or raise limits.reply");
  }
  for (const Part& part : {Part{"limits.connection_memory", config.session.held_bytes_max},
                           Part{"limits.connections_memory", config.session.all_bytes_max}}) {
    if (part.bytes >= wire.chunk_bytes_max + kEnvelopeBytes) continue;
    return failure(ErrorCode::invalid_request,
                   std::string(part.name) + " (" + bytes_text(part.bytes) +
                       ") has no room for a request with limits.chunk (" +
                       bytes_text(wire.chunk_bytes_max) + ")",
                   part.name, "raise it, or lower limits.chunk");
  }
  if (wire.chunk_bytes_max + kEnvelopeBytes >
      std::min(wire.request_bytes_max, wire.reply_bytes_max)) {
    return failure(ErrorCode::invalid_request,
                   "limits.chunk (" + bytes_text(wire.chunk_bytes_max) +
                       ") does not fit into limits.request and limits.reply",
                   "limits.chunk", "lower it, or raise those");
  }
  return {};
}

}  // namespace emstore::daemon
