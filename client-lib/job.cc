#include "client-lib/job.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "client-lib/answers.h"

namespace emstore {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstLook{5};
constexpr milliseconds kLongestLook{200};

// Tells the progress and whether to go on.
bool tell(const Map& job, const Client::JobProgress& progress) {
  const Map* state = RecordView(job)["progress"].if_map();
  if (!progress || !state) return true;
  return progress(unsigned_of(*state, "done"), unsigned_of(*state, "total"));
}

}  // namespace

Result<Map> run_job(Core& core, const protocol::Call& call, std::string_view what,
                    const Client::JobProgress& progress) {
  EMSTORE_TRY(const Map begun, core.call_for_map(call));
  const std::string* id = RecordView(begun)["job"].if_text();
  if (!id) return failure(ErrorCode::internal, std::string(what) + " gave no job");
  for (milliseconds pause = kFirstLook;; pause = std::min(2 * pause, kLongestLook)) {
    EMSTORE_TRY(Map job, core.call_for_map(protocol::JobGet{*id}));
    const bool go_on = tell(job, progress);
    if (const Value* error = job.find("error"); error && !error->is_null()) {
      return failure(error_of(*error));
    }
    const Map* result = RecordView(job)["result"].if_map();
    if (result) return *result;
    if (!go_on) {
      EMSTORE_CHECKED(core.call(protocol::JobCancel{*id}));
      return failure(ErrorCode::cancelled, std::string(what) + " was stopped");
    }
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace emstore
