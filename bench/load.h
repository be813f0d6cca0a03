// Many connections, driven by one thread as a good client would: non-blocking sockets, one send for
// all that is ready, the next request as soon as a reply has come.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/suite.h"

namespace emstore::bench {

// Appends the next request, with this id.
using Request = std::function<void(std::uint32_t id, std::string& out)>;

Request attach_requests(AttachStream& attaches);
Request find_one_requests(std::uint64_t products);
// The pieces of a media, from the first to the last and again.
Request read_requests(std::string address, std::uint64_t size, std::uint64_t piece);

class Load {
 public:
  struct Result {
    std::uint64_t answers = 0;
    std::chrono::duration<double> took{};
    Latencies latencies;  // Of each request: from its send to its reply.
  };

  // `depth`: requests of each connection that are on their way at any time; at most 128.
  Load(const std::filesystem::path& socket, std::size_t connections, std::size_t depth,
       Request request);
  ~Load();

  // Keeps them busy until `goes_on` says no, then waits for what is on its way. Every reply has to
  // be a result.
  Result run(const std::function<bool()>& goes_on);
  Result run_for(std::chrono::milliseconds window);

 private:
  class Connection;
  bool take_replies(Connection& connection, bool goes_on, Result& result);

  Request request_;
  std::size_t depth_;
  std::vector<std::unique_ptr<Connection>> connections_;
  int epoll_ = -1;
};

}  // namespace emstore::bench
