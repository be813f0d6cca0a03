#include "daemon/asking.h"

#include <chrono>
#include <future>
#include <memory>
#include <utility>

namespace emstore::daemon {
namespace {

constexpr std::chrono::milliseconds kLookForCancel{20};

}  // namespace

store::Outcome ask_writer(const Parts& parts, store::Submission submission, std::size_t bytes,
                          const Jobs::Progress& progress) {
  const auto answered = std::make_shared<std::promise<store::Outcome>>();
  std::future<store::Outcome> answer = answered->get_future();
  parts.reactor.deliver([&writer = parts.writer, held = std::move(submission), bytes,
                         answered]() mutable {
    const bool is_taken = writer.submit(std::move(held), bytes, [answered](store::Outcome outcome) {
      answered->set_value(std::move(outcome));
    });
    if (!is_taken) answered->set_value(failure(too_much_waits("mutations")));
  });
  while (answer.wait_for(kLookForCancel) != std::future_status::ready) {
    if (!progress(0, 0)) return failure(ErrorCode::cancelled, "it was cancelled");
  }
  return answer.get();
}

}  // namespace emstore::daemon
