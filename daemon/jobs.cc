#include "daemon/jobs.h"

#include <random>
#include <utility>

#include "base/hash.h"
#include "base/suggest.h"

namespace emstore::daemon {

struct Jobs::Job {
  std::string id;
  std::string kind;
  std::atomic<State> state = State::waiting;
  std::atomic<bool> is_cancelled = false;
  std::atomic<std::uint64_t> done = 0;
  std::atomic<std::uint64_t> total = 0;
  std::optional<Result<Value>> result;  // The reactor's.
};

Jobs::Jobs(Reactor& reactor, std::size_t finished_max, std::size_t waiting_max)
    : reactor_(reactor),
      finished_max_(finished_max),
      run_(std::random_device()()),
      pool_("job", 1, {.waiting = waiting_max}),
      slow_pool_("slow job", 1, {.waiting = waiting_max}) {}

Jobs::~Jobs() { stop(); }

void Jobs::stop() {
  for (const auto& [id, job] : jobs_) job->is_cancelled = true;
  pool_.stop();
  slow_pool_.stop();
}

std::string_view Jobs::name_of(State state) {
  switch (state) {
    case State::waiting:
      return "waiting";
    case State::running:
      return "running";
    case State::done:
      return "done";
    case State::failed:
      return "failed";
    case State::cancelled:
      return "cancelled";
  }
  return "failed";
}

Result<std::string> Jobs::start(std::string_view kind, Work work, Lane lane) {
  auto owned = std::make_unique<Job>();
  Job& job = *owned;
  job.kind = kind;
  job.id = job.kind + "-" + std::to_string(run_) + "-" + std::to_string(++started_);
  Pool& pool = lane == Lane::slow ? slow_pool_ : pool_;
  const bool is_taken = pool.submit([this, &job, run = std::move(work)](std::size_t) {
    job.state = State::running;
    Result<Value> result = run([&job](std::uint64_t done, std::uint64_t total) {
      job.done = done;
      job.total = total;
      return !job.is_cancelled;
    });
    reactor_.deliver(
        [this, &job, finished = std::move(result)]() mutable { finish(job, std::move(finished)); });
  });
  if (!is_taken) return failure(ErrorCode::busy, "too many jobs wait for their turn");
  std::string id = job.id;
  jobs_.emplace(id, std::move(owned));
  return id;
}

std::optional<std::string> Jobs::unfinished(std::string_view kind) const {
  for (const auto& [id, job] : jobs_) {
    if (job->kind == kind && !job->result) return id;
  }
  return std::nullopt;
}

void Jobs::finish(Job& job, Result<Value> result) {
  job.state = result ? State::done : job.is_cancelled ? State::cancelled : State::failed;
  job.result = std::move(result);
  finished_.push_back(job.id);
  if (finished_.size() <= finished_max_) return;
  jobs_.erase(finished_.front());
  finished_.pop_front();
}

Result<Jobs::Job*> Jobs::find(const std::string& id) const {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) {
    return failure(ErrorCode::job_not_found, "there is no job " + quoted(id), "id");
  }
  return found->second.get();
}

Result<Value> Jobs::get(const std::string& id) const {
  EMSTORE_TRY(const Job* job, find(id));
  const State state = job->state;
  Map shown{{"id", job->id},
            {"kind", job->kind},
            {"state", name_of(state)},
            {"progress", Map{{"done", job->done.load()}, {"total", job->total.load()}}}};
  if (job->result && *job->result) shown.append("result", **job->result);
  if (job->result && !*job->result) {
    const Error& error = job->result->error();
    shown.append("error", List{emstore::name_of(error.code), error.message,
                               Map{{"path", error.path}, {"hint", error.hint}}});
  }
  return shown;
}

Result<Value> Jobs::cancel(const std::string& id) {
  EMSTORE_TRY(Job * job, find(id));
  job->is_cancelled = true;
  return Map{{"state", name_of(job->state)}};
}

}  // namespace emstore::daemon
