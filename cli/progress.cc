#include "cli/progress.h"

#include <iostream>
#include <string>

#include "cli/text.h"

namespace emstore::cli {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;

constexpr milliseconds kBetweenLines{100};
constexpr std::string_view kEraseLine = "\r\x1b[K";

std::string amount(ProgressLine::Unit unit, double number) {
  const auto whole = static_cast<std::uint64_t>(number);
  switch (unit) {
    case ProgressLine::Unit::bytes:
      return size_text(whole);
    case ProgressLine::Unit::commits:
      return count_text(whole) + " commits";
    case ProgressLine::Unit::contents:
      return count_text(whole) + " contents";
  }
  return count_text(whole);
}

}  // namespace

ProgressLine::ProgressLine(Unit unit) : unit_(unit), start_(Clock::now()) {}

ProgressLine::~ProgressLine() {
  if (is_shown_) std::cerr << kEraseLine << std::flush;
}

void ProgressLine::show(std::uint64_t done, std::uint64_t total) {
  const Clock::time_point now = Clock::now();
  if (done < last_) start_ = now;  // The next file.
  last_ = done;
  if (is_shown_ && done < total && now - shown_ < kBetweenLines) return;
  const double seconds = duration<double>(now - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  std::string line =
      amount(unit_, static_cast<double>(done)) + " of " + amount(unit_, static_cast<double>(total));
  if (total > 0) line += "  " + std::to_string(100 * done / total) + " %";
  if (rate > 0 && seconds > 0.2) {
    line += "  " + amount(unit_, rate) + "/s";
    if (done < total)
      line += "  " + duration_text(static_cast<double>(total - done) / rate) + " left";
  }
  std::cerr << kEraseLine << line << std::flush;
  shown_ = now;
  is_shown_ = true;
  if (done < total) return;
  std::cerr << kEraseLine << std::flush;
  is_shown_ = false;
}

}  // namespace emstore::cli
