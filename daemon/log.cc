#include "daemon/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <array>

namespace emstore::daemon {
namespace {

bool is_plain(char sign) {
  return (sign >= 'a' && sign <= 'z') || (sign >= 'A' && sign <= 'Z') ||
         (sign >= '0' && sign <= '9') ||
         std::string_view("-_./:+@%,").find(sign) != std::string_view::npos;
}

void append_escaped(char sign, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (sign == '"' || sign == '\\') {
    out.append(1, '\\').append(1, sign);
  } else if (sign >= 0x20 && sign < 0x7f) {
    out.push_back(sign);
  } else {
    const auto byte = static_cast<unsigned char>(sign);
    out.append("\\x").append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  }
}

void append_value(std::string_view value, std::string& out) {
  if (!value.empty() && std::ranges::all_of(value, is_plain)) {
    out.append(value);
    return;
  }
  out.push_back('"');
  for (const char sign : value) append_escaped(sign, out);
  out.push_back('"');
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

}  // namespace

std::string log_line(std::string_view event, LogFields fields) {
  std::string line = "event=";
  append_value(event, line);
  for (const LogField& field : fields) {
    line.append(1, ' ').append(field.name).append(1, '=');
    append_value(field.value, line);
  }
  return line;
}

struct Log::State {
  spdlog::logger logger{"emstored", std::make_shared<spdlog::sinks::stderr_sink_mt>()};

  void write(LogLevel level, std::string_view event, LogFields fields) {
    if (!logger.should_log(level_of(level))) return;
    logger.log(level_of(level), "{}", log_line(event, fields));
  }
};

Log::Log(LogLevel level) : state_(std::make_unique<State>()) {
  state_->logger.set_level(level_of(level));
  state_->logger.set_pattern("%Y-%m-%dT%H:%M:%S.%fZ %l %v", spdlog::pattern_time_type::utc);
}

Log::~Log() = default;

void Log::debug(std::string_view event, LogFields fields) {
  state_->write(LogLevel::debug, event, fields);
}
void Log::info(std::string_view event, LogFields fields) {
  state_->write(LogLevel::info, event, fields);
}
void Log::warning(std::string_view event, LogFields fields) {
  state_->write(LogLevel::warning, event, fields);
}
void Log::error(std::string_view event, LogFields fields) {
  state_->write(LogLevel::error, event, fields);
}

void Log::error(std::string_view event, const Error& error) {
  state_->write(
      LogLevel::error, event,
      {{"code", name_of(error.code)},
       {"message", error.message},
       {"next", error.hint.empty() ? advice_for(error.code) : std::string_view(error.hint)}});
}

}  // namespace emstore::daemon
