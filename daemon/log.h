// The daemon's own log: one line a record on stderr, `event=… name=value …`, for people and for
// grep. Whatever came from a client is escaped, so a record is one line whatever it holds.
//
// Threads: any.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace emstore::daemon {

enum class LogLevel : std::uint8_t { debug, info, warning, error, off };

// One value of a record, as text.
struct LogField {
  LogField(std::string_view field, std::string_view text) : name(field), value(text) {}
  LogField(std::string_view field, const char* text) : name(field), value(text) {}
  template <std::integral Integer>
  LogField(std::string_view field, Integer number) : name(field), value(std::to_string(number)) {}

  std::string_view name;
  std::string value;
};
using LogFields = std::initializer_list<LogField>;

class Log {
 public:
  explicit Log(LogLevel level);
  ~Log();

  void debug(std::string_view event, LogFields fields = {});
  void info(std::string_view event, LogFields fields = {});
  void warning(std::string_view event, LogFields fields = {});
  void error(std::string_view event, LogFields fields = {});
  // An error with its code, message and next step.
  void error(std::string_view event, const Error& error);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `event=accepted path="/a b" uid=7`: values that hold more than letters, digits and ordinary signs
// are quoted, and what is not printable ASCII within them is escaped.
std::string log_line(std::string_view event, LogFields fields);

}  // namespace emstore::daemon
