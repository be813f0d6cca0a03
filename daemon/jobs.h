// Jobs: long work that a client starts, watches and may cancel. They run one after the other on a
// thread of their own, but those that are slow on purpose, which have another one; finished ones
// are kept for a while, so that their results can be fetched. Threads: the reactor's.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <emstore/value.hpp>

#include "base/result.h"
#include "daemon/pool.h"
#include "daemon/reactor.h"

namespace emstore::daemon {

class Jobs {
 public:
  // Told what is done, in all; false: the job has been cancelled and should end.
  using Progress = std::function<bool(std::uint64_t done, std::uint64_t total)>;
  // Called on the thread of the jobs.
  using Work = std::function<Result<Value>(const Progress& progress)>;

  // `reactor` outlives it.
  Jobs(Reactor& reactor, std::size_t finished_max, std::size_t waiting_max);
  ~Jobs();

  enum class Lane : std::uint8_t { ordinary, slow };
  // Returns the job's id. Errors: busy.
  Result<std::string> start(std::string_view kind, Work work, Lane lane = Lane::ordinary);
  // A job of this kind that waits or runs.
  std::optional<std::string> unfinished(std::string_view kind) const;
  // {id, kind, state, progress, result?, error?}. Errors: job_not_found.
  Result<Value> get(const std::string& id) const;
  // {state}. A finished job stays as it is. Errors: job_not_found.
  Result<Value> cancel(const std::string& id);

  // Cancels what runs and waits, and ends the threads.
  void stop();

 private:
  enum class State : std::uint8_t { waiting, running, done, failed, cancelled };
  struct Job;
  static std::string_view name_of(State state);
  Result<Job*> find(const std::string& id) const;
  void finish(Job& job, Result<Value> result);

  Reactor& reactor_;
  std::size_t finished_max_;
  std::map<std::string, std::unique_ptr<Job>, std::less<>> jobs_;
  std::deque<std::string> finished_;  // Oldest first.
  std::uint64_t started_ = 0;
  std::uint32_t run_;  // Of this daemon: an id of an earlier one is not found.
  Pool pool_;
  Pool slow_pool_;
};

}  // namespace emstore::daemon
