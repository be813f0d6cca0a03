// Exports that are being fetched: each belongs to a connection, ends with it, and is read a piece
// at a time on the thread of scans, so that a slow reader costs one snapshot.
//
// Threads: the reactor's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "daemon/export.h"
#include "daemon/parts.h"
#include "protocol/message.h"

namespace emstore::daemon {

class Exports {
 public:
  explicit Exports(const Parts& parts) : parts_(parts) {}

  void begin(Session& session, std::uint32_t request, const protocol::ExportOpen& call);
  void begin(Session& session, std::uint32_t request, const protocol::ExportRead& call);
  // A connection has ended.
  void forget(SessionId session);

 private:
  using Name = std::pair<SessionId, std::uint64_t>;
  struct Running {
    std::shared_ptr<Export> exported;  // The pool's, while it reads.
    bool is_reading = false;
  };

  void take(const Name& name, std::uint32_t request, const Result<std::string>& piece);

  const Parts& parts_;
  std::map<Name, Running> running_;
  std::uint64_t begun_ = 0;
};

}  // namespace emstore::daemon
