// What this machine gives a program that does nothing else: what no store can go beyond on it. The
// budgets were set on another machine; beside these figures it shows what is the store's and what
// the machine's. Files and memory are warm.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <thread>

#include "base/hash.h"
#include "bench/suite.h"

namespace emstore::bench {
namespace {

using Clock = Latencies::Clock;

constexpr std::size_t kSize = 64u << 20;
constexpr std::size_t kMebibyte = 1u << 20;

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(kSize));
}

class WarmFile {
 public:
  WarmFile(Suite& suite, const std::string& bytes) {
    const std::filesystem::path path = suite.new_folder() / "file";
    std::ofstream(path, std::ios::binary) << bytes;
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) give_up(path.string() + ": " + std::strerror(errno));
  }
  ~WarmFile() { ::close(descriptor_); }
  WarmFile(const WarmFile&) = delete;
  WarmFile& operator=(const WarmFile&) = delete;

  void read(std::size_t offset, std::span<char> into) const {
    if (::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset)) !=
        static_cast<ssize_t>(into.size())) {
      give_up("a file is not read at once");
    }
  }

 private:
  int descriptor_ = -1;
};

void append_and_sync(benchmark::State& state, Suite& suite) {
  const int file =
      ::open((suite.new_folder() / "file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) give_up("no file for the disk's own figure");
  const std::array<char, 4096> page{};
  Latencies latencies;
  for (auto _ : state) {
    const Clock::time_point start = Clock::now();
    if (::write(file, page.data(), page.size()) < 0 || ::fdatasync(file) != 0) {
      give_up("the disk refuses");
    }
    latencies.add(Clock::now() - start);
  }
  ::close(file);
  latencies.report(state);
  state.SetItemsProcessed(state.iterations());
}

// A file that is not written again, as media and copies of them are.
void write_and_sync(benchmark::State& state, Suite& suite) {
  const std::string bytes(kSize, 'x');
  const std::filesystem::path folder = suite.new_folder();
  int files = 0;
  for (auto _ : state) {
    const int file = ::open((folder / std::to_string(++files)).c_str(),
                            O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    for (std::size_t offset = 0; offset < kSize; offset += kMebibyte) {
      if (::write(file, bytes.data() + offset, kMebibyte) != static_cast<ssize_t>(kMebibyte)) {
        give_up("the disk refuses");
      }
    }
    if (::fdatasync(file) != 0) give_up("the disk refuses");
    ::close(file);
  }
  std::filesystem::remove_all(folder);
  count_bytes(state);
}

void read_file(benchmark::State& state, Suite& suite) {
  const WarmFile file(suite, std::string(kSize, 'x'));
  std::string piece(kMebibyte, '\0');
  for (auto _ : state) {
    for (std::size_t offset = 0; offset < kSize; offset += kMebibyte) file.read(offset, piece);
    benchmark::ClobberMemory();
  }
  count_bytes(state);
}

// What it takes to know that a file is stored already: its digest, and a comparison.
void find_duplicate(benchmark::State& state, Suite& suite) {
  const std::string bytes(kSize, 'x');
  const WarmFile source(suite, bytes), stored(suite, bytes);
  std::string piece(kMebibyte, '\0'), other(kMebibyte, '\0');
  for (auto _ : state) {
    for (std::size_t offset = 0; offset < kSize; offset += kMebibyte) {
      source.read(offset, piece);
      stored.read(offset, other);
      benchmark::DoNotOptimize(xxh3_128(piece));
      if (std::memcmp(piece.data(), other.data(), kMebibyte) != 0) give_up("equal files differ");
    }
  }
  count_bytes(state);
}

template <typename Digest>
void hash(benchmark::State& state, Digest digest) {
  const std::string bytes(kSize, 'x');
  for (auto _ : state) benchmark::DoNotOptimize(digest(bytes));
  count_bytes(state);
}

// Two ends of a Unix socket; the other one belongs to a thread.
class Pair {
 public:
  explicit Pair(void (*other)(int)) {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_.data()) != 0) {
      give_up("no sockets");
    }
    thread_ = std::thread(other, ends_[1]);
  }
  ~Pair() {
    ::shutdown(ends_[0], SHUT_RDWR);
    thread_.join();
    for (const int end : ends_) ::close(end);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  int end() const { return ends_[0]; }

 private:
  std::array<int, 2> ends_{};
  std::thread thread_;
};

void send_for_ever(int socket) {
  const std::string piece(kMebibyte, 'x');
  while (::send(socket, piece.data(), piece.size(), MSG_NOSIGNAL) > 0) {
  }
}

void through_socket(benchmark::State& state) {
  const Pair pair(send_for_ever);
  std::string piece(kMebibyte, '\0');
  for (auto _ : state) {
    for (std::size_t rest = kSize; rest > 0;) {
      const ssize_t got = ::recv(pair.end(), piece.data(), std::min(rest, kMebibyte), 0);
      if (got <= 0) give_up("a socket ended");
      rest -= static_cast<std::size_t>(got);
    }
  }
  count_bytes(state);
}

// One byte there and one back.
template <int kFlags>
void echo(int socket) {
  char byte = 0;
  while (true) {
    const ssize_t got = ::recv(socket, &byte, 1, kFlags);
    if (got < 0 && errno == EAGAIN) continue;
    if (got <= 0 || ::send(socket, &byte, 1, MSG_NOSIGNAL) != 1) return;
  }
}

template <int kFlags>
void round_trip(benchmark::State& state) {
  const Pair pair(echo<kFlags>);
  Latencies latencies;
  char byte = 0;
  for (auto _ : state) {
    const Clock::time_point start = Clock::now();
    if (::send(pair.end(), &byte, 1, MSG_NOSIGNAL) != 1) give_up("a socket ended");
    while (::recv(pair.end(), &byte, 1, kFlags) != 1) {
    }
    latencies.add(Clock::now() - start);
  }
  latencies.report(state);
  state.SetItemsProcessed(state.iterations());
}

}  // namespace

void register_machine(Suite& suite) {
  const auto add = [](const char* name, auto run) {
    benchmark::RegisterBenchmark(name, run)->UseRealTime()->Unit(benchmark::kMicrosecond);
  };
  add("machine/append_and_sync",
      [&suite](benchmark::State& state) { append_and_sync(state, suite); });
  add("machine/write_and_sync",
      [&suite](benchmark::State& state) { write_and_sync(state, suite); });
  add("machine/read_file", [&suite](benchmark::State& state) { read_file(state, suite); });
  add("machine/find_duplicate",
      [&suite](benchmark::State& state) { find_duplicate(state, suite); });
  add("machine/xxh3", [](benchmark::State& state) { hash(state, xxh3_128); });
  add("machine/sha256", [](benchmark::State& state) {
    hash(state, [](std::string_view bytes) { return sha256(bytes); });
  });
  add("machine/through_socket", through_socket);
  add("machine/round_trip/blocking", round_trip<0>);
  add("machine/round_trip/spinning", round_trip<MSG_DONTWAIT>);
}

}  // namespace emstore::bench
