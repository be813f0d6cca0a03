#include "daemon/scrub.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/address.h"
#include "daemon/asking.h"
#include "daemon/media_check.h"
#include "store/damage.h"
#include "store/environment.h"
#include "store/row_bytes.h"

namespace emstore::daemon {
namespace {

using store::BlobRow;
using store::Family;
using store::ScrubState;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kKind = "scrub";
constexpr std::size_t kSliceContents = 256;
constexpr std::size_t kListedContentsMax = 1'000;
constexpr std::size_t kLeastBytes =
    4096;  // What a content counts at least: it costs more than that.
constexpr std::chrono::seconds kNoteEvery{1};
constexpr std::chrono::milliseconds kAskAgainAfter{50};  // When the writer has no room.

// Holds a reading to so many bytes a second.
class Throttle {
 public:
  Throttle(std::uint64_t bytes_a_second, std::function<bool()> still)
      : rate_(static_cast<double>(bytes_a_second)), still_(std::move(still)) {}

  bool operator()(std::size_t bytes) {
    constexpr std::chrono::milliseconds kNap{20};
    due_ = std::max(due_, Clock::now() - kCredit) + seconds(static_cast<double>(bytes) / rate_);
    while (Clock::now() < due_) {
      if (!still_()) return false;
      std::this_thread::sleep_for(std::min<Clock::duration>(kNap, due_ - Clock::now()));
    }
    return still_();
  }

 private:
  // What a slow moment may be made up for by.
  static constexpr std::chrono::milliseconds kCredit{100};
  static Clock::duration seconds(double count) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(count));
  }

  double rate_;
  std::function<bool()> still_;
  Clock::time_point due_ = Clock::now();
};

struct Entry {
  Address address;
  BlobRow row;
};

// The next contents behind an address. A view of its own each time: one that was kept for hours
// would keep the database from tidying up.
Result<std::vector<Entry>> next_slice(const store::View& view, const std::optional<Address>& last) {
  std::vector<Entry> slice;
  store::KeyRange range;
  if (last) range.from = to_bytes(*last).append(1, '\0');
  EMSTORE_CHECKED(view.reader->try_scan(
      Family::blobs, range, [&](std::string_view key, std::string_view value) -> Result<bool> {
        const auto address = address_of_bytes(key);
        if (!address) return failure(ErrorCode::corrupt_index, "a blob row of no address");
        EMSTORE_TRY(const BlobRow row, store::decode_blob(value));
        slice.push_back({*address, row});
        return slice.size() < kSliceContents;
      }));
  return slice;
}

class Run {
 public:
  Run(const Parts& parts, const Jobs::Progress& progress)
      : parts_(parts),
        progress_(progress),
        environment_(store::system_environment()),
        throttle_(parts.config.scrub_rate, [this] { return progress_(done_, total_); }) {}

  Result<Value> go() {
    EMSTORE_CHECKED(begin());
    while (true) {
      EMSTORE_TRY(const std::vector<Entry> slice, next_slice(*parts_.store.view(), state_.last));
      if (slice.empty()) break;
      for (const Entry& entry : slice) EMSTORE_CHECKED(pass(entry));
    }
    state_.last.reset();
    state_.finished = environment_->now();
    EMSTORE_CHECKED(note());
    parts_.log.info(
        "scrubbed",
        {{"contents", state_.contents}, {"bytes", state_.bytes}, {"damaged", state_.damaged}});
    return report();
  }

 private:
  Status begin() {
    EMSTORE_TRY(const auto before, store::read_scrub(*parts_.store.view()->reader));
    is_resumed_ = before && before->is_under_way();
    if (is_resumed_) {
      state_ = *before;
      return {};
    }
    state_.started = environment_->now();
    return note();
  }

  Status pass(const Entry& entry) {
    ++done_;
    total_ = std::max(done_, parts_.store.database().size(Family::blobs).rows);
    if (entry.row.collected_at == 0) EMSTORE_CHECKED(check(entry));
    state_.last = entry.address;
    if (!progress_(done_, total_)) return failure(ErrorCode::cancelled, "the scrub was cancelled");
    return Clock::now() - noted_ < kNoteEvery ? Status() : note();
  }

  // What is known of the damage is read before the bytes are: a later mending shows by that.
  Status check(const Entry& entry) {
    const auto view = parts_.store.view();
    EMSTORE_TRY(const auto before, store::read_damage(*view->reader, entry.address));
    EMSTORE_TRY(const auto checked, check_content(parts_.store, *view, parts_.files, entry.address,
                                                  entry.row, std::ref(throttle_)));
    if (!checked) return {};
    ++state_.contents;
    state_.bytes += checked->bytes;
    const bool goes_on = checked->bytes >= kLeastBytes || throttle_(kLeastBytes - checked->bytes);
    if (!goes_on) return failure(ErrorCode::cancelled, "the scrub was cancelled");
    if (checked->fault) return set_aside(entry, *checked->fault, before ? before->mended : Time{});
    return before && before->is_open() ? close(entry.address, *before) : Status();
  }

  // Somebody has put the bytes back by hand, or was not there any more to say that he did.
  Status close(const Address& address, const store::DamageRow& damage) {
    EMSTORE_CHECKED(ask(store::FoundWholeCommand{address, damage.found}));
    return {};
  }

  // What cannot be read now may be readable later: it is told, and stays where it is.
  Status set_aside(const Entry& entry, const Error& fault, Time mended) {
    const bool is_missing = fault.code == ErrorCode::blob_not_found;
    if (!is_missing && fault.code != ErrorCode::corrupt_blob) return tell(entry.address, fault);
    const bool is_moved = !is_missing && entry.address.is_file();
    if (is_moved) {
      const ContentDigest recorded{entry.address.digest, entry.row.sha256, entry.row.size};
      const auto moved = parts_.files.set_aside(entry.address, recorded, std::ref(throttle_));
      if (!moved && moved.error().code == ErrorCode::cancelled) return failure(moved.error());
      if (!moved) return tell(entry.address, moved.error());
      // It has been mended, or collected, in the meantime; or it reads as it should by now.
      if (!*moved) return {};
      // Whatever becomes of the run from here on, somebody has to know where the copy is.
      log_damage(entry.address, fault, (*moved)->string());
    }
    EMSTORE_TRY(const auto outcome, ask(store::SetAsideCommand{entry.address, mended}));
    if (!std::get<store::SetAsideOutcome>(outcome).is_damaged) return {};
    if (!is_moved) return tell(entry.address, fault);
    ++state_.damaged;
    return {};
  }

  Status tell(const Address& address, const Error& fault) {
    ++state_.damaged;
    log_damage(address, fault);
    return {};
  }

  void log_damage(const Address& address, const Error& fault, const std::string& kept = {}) {
    parts_.log.warning("damaged",
                       {{"blob", to_string(address)}, {"message", fault.message}, {"kept", kept}});
  }

  Status note() {
    noted_ = Clock::now();
    EMSTORE_CHECKED(ask(store::ScrubCommand{state_}));
    return {};
  }

  // A writer that is full for a moment does not end what goes on for days.
  template <typename Work>
  store::Outcome ask(const Work& work) {
    const Jobs::Progress still = [this](std::uint64_t, std::uint64_t) {
      return progress_(done_, total_);
    };
    while (true) {
      store::Outcome outcome = ask_writer(parts_, {{}, work}, sizeof(Work), still);
      if (outcome || outcome.error().code != ErrorCode::busy) return outcome;
      if (!progress_(done_, total_))
        return failure(ErrorCode::cancelled, "the scrub was cancelled");
      std::this_thread::sleep_for(kAskAgainAfter);
    }
  }

  Result<Value> report() const {
    List waiting;
    EMSTORE_CHECKED(store::each_damage(
        *parts_.store.view()->reader, [&](const Address& address, const store::DamageRow& row) {
          if (row.is_open()) {
            waiting.push_back(Map{{"blob", to_string(address)}, {"found", row.found}});
          }
          return waiting.size() < kListedContentsMax;
        }));
    return Map{{"contents", state_.contents}, {"bytes", state_.bytes},
               {"damaged", state_.damaged},   {"resumed", is_resumed_},
               {"started", state_.started},   {"waiting", std::move(waiting)}};
  }

  const Parts& parts_;
  const Jobs::Progress& progress_;
  const std::unique_ptr<store::Environment> environment_;
  Throttle throttle_;
  ScrubState state_;
  bool is_resumed_ = false;
  std::uint64_t done_ = 0, total_ = 0;  // Of this run, in contents.
  Clock::time_point noted_{};
};

}  // namespace

Result<Value> Scrub::run(const Jobs::Progress& progress) { return Run(parts_, progress).go(); }

Result<std::string> Scrub::start() {
  if (auto running = parts_.jobs.unfinished(kKind)) return *std::move(running);
  return parts_.jobs.start(
      kKind,
      [this](const Jobs::Progress& progress) {
        Result<Value> report = run(progress);
        has_failed_ = !report && report.error().code != ErrorCode::cancelled;
        return report;
      },
      Jobs::Lane::slow);
}

// One that was cancelled waits until somebody asks for it.
bool Scrub::is_due(bool is_first) const {
  const auto last = store::read_scrub(*parts_.store.view()->reader);
  if (!last || !*last) return true;
  if ((*last)->is_under_way() && (is_first || has_failed_)) return true;
  const Time now = store::system_environment()->now();
  const std::int64_t age = now.micros - (*last)->started.micros;
  return age < 0 || age >= parts_.config.scrub_every.count();  // Below 0: the clock was ahead then.
}

Value shown_scrub(const store::View& view) {
  const auto state = store::read_scrub(*view.reader);
  if (!state || !*state) return nullptr;
  const ScrubState& scrub = **state;
  Map shown{{"started", scrub.started},
            {"finished", scrub.is_under_way() ? Value() : Value(scrub.finished)},
            {"contents", scrub.contents},
            {"bytes", scrub.bytes},
            {"damaged", scrub.damaged}};
  return shown;
}

Value shown_damage(const store::View& view) {
  const auto counts = store::count_damage(*view.reader);
  if (!counts) return nullptr;
  return Map{{"waiting", counts->waiting}, {"mended", counts->mended}};
}

}  // namespace emstore::daemon
