// Reads of records: planned on the reactor, answered there when few rows are needed, else on the
// thread of scans. A read never meets the writer.
//
// Threads: the reactor's.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "daemon/parts.h"
#include "protocol/message.h"
#include "store/query.h"

namespace emstore::daemon {

enum class ReadForm : std::uint8_t { one, many, count };

struct Read {
  ReadForm form = ReadForm::one;
  std::string entity;
  Map query;
  protocol::ReadOptions options;
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
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiting {
    Caller caller;
    std::chrono::steady_clock::time_point deadline;
    Read read;
  };

  void run(Session& session, std::uint32_t request, const Read& read);
  void wait(Session& session, std::uint32_t request, Read read);
  void give_up_the_late();
  void watch_deadlines();

  const Parts& parts_;
  std::multimap<Sequence, Waiting> waiting_;  // By the commit they wait for.
  asio::steady_timer ticker_;
  bool is_watching_ = false;
};

}  // namespace emstore::daemon
