// Reads of records: planned on the reactor, answered there when few rows are needed, else on the
// thread of scans. A read never meets the writer.
//
// Threads: the reactor's.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "daemon/parts.h"
#include "protocol/message.h"
#include "store/kept_chains.h"
#include "store/names_of_then.h"
#include "store/query.h"

namespace emstore::daemon {

// What is kept of the log for those who read it, by any thread.
struct KeptOfTheLog {
  store::KeptChains chains;
  store::NamesOfThen names;
};

enum class ReadForm : std::uint8_t { one, many, count, exists, explain };

struct Read {
  ReadForm form = ReadForm::one;
  std::string entity;
  Map query;
  protocol::ReadOptions options;
  bool is_by_id = false;  // The `where` is the id of findId, and is told as that.
};

class Reads {
 public:
  explicit Reads(const Parts& parts);

  void begin(Session& session, std::uint32_t request, Read read);
  void begin(Session& session, std::uint32_t request, const protocol::LogRead& read);

  // A newer commit may be visible: reads that wait for it go on.
  void committed();
  // Refuses the reads that wait for a commit: none will come.
  void drain();
  // Calls off what is being scanned for; the daemon ends.
  void cancel();
  // A connection has ended, and its reads wait no longer.
  void forget(SessionId session);
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiting {
    Caller caller;
    std::chrono::steady_clock::time_point deadline;
    Read read;
  };

  // A query on the thread of scans. Whoever sets the flag calls it off.
  struct Scan {
    Caller caller;
    std::shared_ptr<std::atomic<bool>> is_cancelled;
  };

  void run(Session& session, std::uint32_t request, const Read& read);
  using WaitingReads = std::multimap<Sequence, Waiting>;
  void wait(Session& session, std::uint32_t request, Read read);
  void begin_scan(Session& session, std::uint32_t request, struct Planned planned);
  bool has_place(SessionId session) const;
  WaitingReads::iterator end_wait(WaitingReads::iterator waiting);
  void give_up_the_late();
  void cancel_the_deserted();
  void watch_deadlines();

  const Parts& parts_;
  KeptOfTheLog kept_;
  WaitingReads waiting_;                                   // By the commit they wait for.
  std::unordered_map<SessionId, std::size_t> waiting_of_;  // How many, for each that has some.
  std::map<std::uint64_t, Scan> scans_;
  std::uint64_t scans_begun_ = 0;
  asio::steady_timer ticker_;
  bool is_watching_ = false;
};

}  // namespace emstore::daemon
