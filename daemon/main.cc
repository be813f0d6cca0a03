// emstored: flags → configuration → App → exit code.
#include <emstore/standard_streams.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "daemon/answers.h"
#include "daemon/app.h"
#include "daemon/backup.h"
#include "daemon/config.h"
#include "daemon/dump.h"
#include "daemon/flags.h"
#include "daemon/import.h"
#include "daemon/memory.h"
#include "daemon/notify.h"
#include "daemon/outcome.h"

namespace {

using emstore::Error;
using emstore::daemon::App;
using emstore::daemon::Config;
using emstore::daemon::Configuration;
using emstore::daemon::Flags;

int report(const Error& error, bool as_json = false) {
  if (as_json) {
    std::fprintf(stderr, "%s\n", emstore::daemon::json_of(error).c_str());
    return emstore::exit_code_of(error.code);
  }
  std::fprintf(stderr, "emstored: error: %s [%s]\n", error.message.c_str(),
               std::string(emstore::name_of(error.code)).c_str());
  const std::string next =
      error.hint.empty() ? std::string(emstore::advice_for(error.code)) : error.hint;
  std::fprintf(stderr, "  next: %s\n", next.c_str());
  return emstore::exit_code_of(error.code);
}

emstore::daemon::Environment environment_of_process() {
  emstore::daemon::Environment environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t sign = text.find('=');
    if (sign == std::string_view::npos) continue;
    environment.emplace(text.substr(0, sign), text.substr(sign + 1));
  }
  return environment;
}

emstore::Result<Configuration> configuration_of(const Flags& flags,
                                                const emstore::daemon::Environment& environment) {
  emstore::daemon::ConfigSources sources;
  sources.environment = environment;
  sources.overrides = flags.overrides;
  sources.optional_files = emstore::daemon::usual_config_files(environment);
  if (flags.config_file) {
    sources.optional_files.resize(1);  // The system's; --config stands in for the user's.
    sources.file = *flags.config_file;
  }
  return emstore::daemon::read_config(sources);
}

int print_config(const Configuration& configuration) {
  for (const emstore::daemon::SettingShown& shown : configuration.shown) {
    std::printf("%-28s = %-24s # %s\n", shown.name.c_str(), shown.value.c_str(),
                shown.origin.c_str());
  }
  return 0;
}

// A write to a peer that has gone, or past the limit of a file's size, is an error of that call and
// no reason to end.
void ignore_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

// Every connection is a descriptor, and every table of the database; the usual soft limit is lower
// than our own.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  constexpr rlim_t kWanted = 16'384;
  limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, kWanted));
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int serve(const Config& config, const std::string& notify_socket) {
  const auto began = std::chrono::steady_clock::now();
  emstore::daemon::set_up_memory();
  ignore_signals();
  auto app = App::open(config);
  if (!app) return report(app.error());
  (*app)->stop_on_signals();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - began);
  std::printf("%s ready in %lld ms  socket %s  data %s  sequence %llu\n",
              emstore::daemon::server_text().c_str(), static_cast<long long>(took.count()),
              config.socket.path.c_str(), config.data.c_str(),
              static_cast<unsigned long long>((*app)->sequence()));
  std::fflush(stdout);
  emstore::daemon::notify(notify_socket, "READY=1");
  const emstore::Status served = (*app)->run();
  return served ? 0 : report(served.error());
}

void print(const emstore::daemon::ImportReport& made, const Config& config) {
  std::printf("store in %s  commit %llu  media %llu\nroot          %s\nstate digest  %s  (%s)\n",
              config.data.c_str(), static_cast<unsigned long long>(made.sequence),
              static_cast<unsigned long long>(made.blobs),
              emstore::to_hex(emstore::as_bytes(made.root)).c_str(),
              emstore::to_hex(emstore::as_bytes(made.state_digest)).c_str(),
              made.is_compared ? "equal to the source's" : "the source does not say");
  if (made.collected > 0) {
    std::printf(
        "collected     %llu contents of media, which have no bytes here: gc took them later\n",
        static_cast<unsigned long long>(made.collected));
  }
}

// A store made of an export or of a backup; nobody is served.
int make_store(const Flags& flags, const Config& config) {
  ignore_signals();
  emstore::daemon::Log log(emstore::daemon::LogLevel::warning);
  const auto made =
      flags.restore
          ? emstore::daemon::restore(config, *flags.restore, log)
          : emstore::daemon::import_store(
                config, {emstore::daemon::source_of(STDIN_FILENO, "standard input")}, {}, log);
  if (!made) return report(made.error(), flags.json);
  if (flags.json) {
    std::puts(emstore::daemon::json_of(*made, config.data).c_str());
  } else {
    print(*made, config);
    std::fflush(stdout);
    std::fputs(emstore::daemon::warnings_of(*made).c_str(), stderr);
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return report(
        {emstore::ErrorCode::io_failed, "the store is made; standard output cannot be written"},
        flags.json);
  }
  return made->damaged.empty() ? 0 : emstore::exit_code_of(emstore::ErrorCode::corrupt_blob);
}

}  // namespace

int main(int argc, char** argv) {
  emstore::open_standard_streams(emstore::ClosedStreams::swallow);
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const emstore::Result<Flags> flags = emstore::daemon::read_flags(arguments);
  if (!flags) {  // Nobody has read them all: what stands there is what there is to go by.
    return report(flags.error(), std::ranges::find(arguments, "--json") != arguments.end());
  }
  if (flags->help) {
    std::fputs(std::string(emstore::daemon::usage()).c_str(), stdout);
    return 0;
  }
  if (flags->version) {
    std::puts(emstore::daemon::server_text().c_str());
    return 0;
  }
  const emstore::daemon::Environment environment = environment_of_process();
  const emstore::Result<Configuration> configuration = configuration_of(*flags, environment);
  if (!configuration) return report(configuration.error(), flags->json);
  if (flags->print_config) return print_config(*configuration);
  raise_descriptor_limit();
  if (flags->import || flags->restore) return make_store(*flags, configuration->config);
  if (flags->dump) {
    emstore::daemon::Log log(emstore::daemon::LogLevel::warning);
    const emstore::Status dumped =
        emstore::daemon::dump(configuration->config, *flags->dump, stdout, log);
    return dumped ? 0 : report(dumped.error());
  }
  const auto notify_socket = environment.find("NOTIFY_SOCKET");
  return serve(configuration->config,
               notify_socket == environment.end() ? std::string() : notify_socket->second);
}
