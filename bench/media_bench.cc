// Bytes in and out of a daemon, through the client library: as a file, which the client passes by
// its descriptor, and as bytes, which it sends in pieces. Peers do the same with files: cp, reading
// the copy once for its XXH3, sync. Every figure is durable but for the peer that says so; sources
// are warm. Budgets (guarantees): in by descriptor ≥ 1 × the peer with SHA-256, duplicates ≥ 7
// GB/s, out by descriptor ≥ 16 GB/s, in pieces ≥ 5 GB/s.
#include <emstore/client.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <utility>

#include "base/hash.h"
#include "bench/load.h"
#include "bench/suite.h"

namespace emstore::bench {
namespace {

constexpr std::size_t kPiece = 1u << 20;

// What begins like a JPEG, as most media do: what noise is, nobody knows, and looking for it takes
// half a millisecond.
constexpr std::string_view kHead = "\xff\xd8\xff\xe0";
constexpr std::size_t kTurnPlace = 8;  // Where one turn differs from the next.

std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint64_t state = 88'172'645'463'325'252u;
  for (std::size_t i = 0; i + sizeof state <= size; i += sizeof state) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    std::memcpy(bytes.data() + i, &state, sizeof state);
  }
  bytes.replace(0, kHead.size(), kHead);
  return bytes;
}

// A source that is another one at each turn, though only its first bytes change.
class Source {
 public:
  Source(Suite& suite, std::size_t size) : bytes_(noise(size)), path_(suite.new_folder() / "file") {
    std::filesystem::create_directories(path_.parent_path());
    std::ofstream(path_, std::ios::binary) << bytes_;
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) give_up(path_.string() + ": " + std::strerror(errno));
  }
  ~Source() { ::close(descriptor_); }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  void change() {
    ++turn_;
    std::memcpy(bytes_.data() + kTurnPlace, &turn_, sizeof turn_);
    if (::pwrite(descriptor_, &turn_, sizeof turn_, kTurnPlace) != sizeof turn_) {
      give_up("cannot write");
    }
  }
  const std::string& bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::string bytes_;
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t turn_ = 0;
};

void count(benchmark::State& state, std::size_t size) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(size));
}

// On a virtual machine, memory that was never used, or not for long, costs more than what is done
// in it: whoever came first would pay for whoever comes next.
void warm_memory() {
  constexpr std::size_t kWarmBytes = 2u << 30;
  void* memory =
      ::mmap(nullptr, kWarmBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || ::madvise(memory, kWarmBytes, MADV_POPULATE_WRITE) != 0) {
    give_up(std::string("no memory to begin with: ") + std::strerror(errno));
  }
  ::munmap(memory, kWarmBytes);
}

Client connect_to_daemon(Suite& suite, Role role = Role::commits) {
  Options options;
  options.socket = suite.daemon(role).socket();
  return connect(options);
}

enum class Way { descriptor, pieces };

File file_of(const Source& source, Way way) {
  if (way == Way::descriptor) return File(source.path());
  return File::bytes(source.bytes(), "file");
}

void in(benchmark::State& state, Suite& suite, Way way, bool is_duplicate,
        Role role = Role::commits) {
  const auto size = static_cast<std::size_t>(state.range(0));
  Client client = connect_to_daemon(suite, role);
  Source source(suite, size);
  source.change();
  client.media().upload(file_of(source, way));
  for (auto _ : state) {
    state.PauseTiming();
    if (!is_duplicate) source.change();
    const File file = file_of(source, way);
    state.ResumeTiming();
    client.media().upload(file);
  }
  count(state, size);
}

// Read so many bytes at a time: a piece, as one does who looks at them as they come, or all of them
// into memory of their size.
void out(benchmark::State& state, Suite& suite, std::size_t step) {
  const auto size = static_cast<std::size_t>(state.range(0));
  Client client = connect_to_daemon(suite);
  Source source(suite, size);
  const Value id = client.media().upload(File(source.path())).id();
  std::string into(std::min(size, step), '\0');
  for (auto _ : state) {
    MediaReader reader = client.media().open(id);
    std::size_t read = 0;
    while (const std::size_t got = reader.read(into)) read += got;
    if (read != size) give_up("a media is shorter than it was");
  }
  count(state, size);
}

// One piece at a time, as a client without descriptors that waits for each.
void out_in_pieces(benchmark::State& state, Suite& suite) {
  const auto size = static_cast<std::size_t>(state.range(0));
  Client client = connect_to_daemon(suite);
  Source source(suite, size);
  const Mutation made = client.media().upload(File(source.path()));
  const Value address = *made.data().values().find("blob");
  for (auto _ : state) {
    for (std::size_t offset = 0; offset < size; offset += kPiece) {
      benchmark::DoNotOptimize(client.call(
          "blob.read",
          {address, offset, static_cast<std::uint64_t>(std::min(kPiece, size - offset))}));
    }
  }
  count(state, size);
}

// Several pieces on their way, as a client does that streams, and looks at them no further.
void out_streamed(benchmark::State& state, Suite& suite) {
  constexpr std::size_t kDepth = 4;
  constexpr std::chrono::milliseconds kWindow{500};
  const auto size = static_cast<std::size_t>(state.range(0));
  Client client = connect_to_daemon(suite);
  Source source(suite, size);
  const Mutation made = client.media().upload(File(source.path()));
  const std::string address = *made.data().values().find("blob")->if_text();
  const std::filesystem::path& socket = suite.daemon(Role::commits).socket();
  std::uint64_t pieces = 0;
  for (auto _ : state) {
    Load load(socket, 1, kDepth, read_requests(address, size, kPiece));
    const Load::Result result = load.run_for(kWindow);
    state.SetIterationTime(result.took.count());
    pieces += result.answers;
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(pieces * std::min(size, kPiece)));
}

// What a program without a store does: cp, the digest of each MiB of the copy, sync. It keeps its
// copies, as a store does: on a virtual machine, memory that was never used costs more than to copy
// into it.
void peer(benchmark::State& state, Suite& suite, bool is_synced) {
  const auto size = static_cast<std::size_t>(state.range(0));
  Source source(suite, size);
  std::vector<std::filesystem::path> copies;
  std::string buffer(kPiece, '\0');
  for (auto _ : state) {
    state.PauseTiming();
    source.change();
    const auto& copy =
        copies.emplace_back(source.path().string() + ".copy" + std::to_string(copies.size()));
    state.ResumeTiming();
    std::filesystem::copy_file(source.path(), copy);  // copy_file_range, as cp does.
    const int file = ::open(copy.c_str(), O_RDONLY | O_CLOEXEC);
    ContentDigest digest;
    while (const ssize_t got = ::read(file, buffer.data(), buffer.size())) {
      if (got < 0) give_up("cannot read the copy");
      digest.xxh3 = xxh3_128({buffer.data(), static_cast<std::size_t>(got)});
    }
    benchmark::DoNotOptimize(digest);
    if (is_synced && ::fsync(file) != 0) give_up("cannot sync");
    ::close(file);
  }
  count(state, size);
  for (const auto& copy : copies) std::filesystem::remove(copy);
}

// As many media of 1 KiB as one request takes, in one commit.
void small(benchmark::State& state, Suite& suite) {
  constexpr std::size_t kCount = 1000;
  Client client = connect_to_daemon(suite);
  std::string bytes = noise(1024);
  std::uint64_t turn = 0;
  for (auto _ : state) {
    state.PauseTiming();
    List documents;
    for (std::size_t i = 0; i < kCount; ++i) {
      ++turn;
      std::memcpy(bytes.data() + kTurnPlace, &turn, sizeof turn);
      documents.push_back(Map{{"file", Binary{bytes}}});
    }
    state.ResumeTiming();
    client.call("insertMany", {"media", std::move(documents)});
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kCount));
}

// What a program without a store does with them: a file each, and one sync of the file system for
// all.
void small_files(benchmark::State& state, Suite& suite) {
  constexpr int kCount = 1000;
  const std::string bytes = noise(1024);
  for (auto _ : state) {
    state.PauseTiming();
    const std::filesystem::path folder = suite.new_folder();
    const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    state.ResumeTiming();
    for (int i = 0; i < kCount; ++i) {
      const int file = ::openat(directory, std::to_string(i).c_str(),
                                O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
      if (::write(file, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
        give_up("the disk refuses");
      }
      ::close(file);
    }
    if (::syncfs(directory) != 0) give_up("the disk refuses");
    ::close(directory);
  }
  state.SetItemsProcessed(state.iterations() * kCount);
}

}  // namespace

void register_media(Suite& suite) {
  std::vector<std::int64_t> sizes{1 << 10, 1 << 20};
  if (!suite.settings().quick) sizes = {1 << 10, 64 << 10, 1 << 20, 16 << 20, 64 << 20, 256 << 20};
  if (suite.settings().large) sizes.push_back(1 << 30);
  const double seconds = suite.settings().quick ? 0.05 : 1.0;
  const bool is_warmed = !suite.settings().quick;
  const auto add = [&](const char* name, std::int64_t size, auto run) {
    benchmark::RegisterBenchmark(name,
                                 [is_warmed, run](benchmark::State& state) {
                                   if (is_warmed) warm_memory();
                                   run(state);
                                 })
        ->ArgName("size")
        ->Arg(size)
        ->UseRealTime()
        ->MinTime(seconds)
        ->Unit(benchmark::kMicrosecond);
  };
  // Whom a figure is compared with runs right before or after it.
  for (const std::int64_t size : sizes) {
    add("media/in/descriptor", size,
        [&](benchmark::State& state) { in(state, suite, Way::descriptor, false); });
    add("media/in/cp_xxh3_sync", size, [&](benchmark::State& state) { peer(state, suite, true); });
    add("media/in/pieces", size,
        [&](benchmark::State& state) { in(state, suite, Way::pieces, false); });
    add("media/in/cp_xxh3", size, [&](benchmark::State& state) { peer(state, suite, false); });
    add("media/in/duplicate", size,
        [&](benchmark::State& state) { in(state, suite, Way::descriptor, true); });
    add("media/out/descriptor", size, [&](benchmark::State& state) { out(state, suite, kPiece); });
    add("media/out/descriptor_whole", size,
        [&](benchmark::State& state) { out(state, suite, SIZE_MAX); });
    add("media/out/pieces", size, [&](benchmark::State& state) { out_in_pieces(state, suite); });
  }
  const std::int64_t streamed = suite.settings().quick ? 1 << 20 : 64 << 20;
  add("media/in/pieces_in_memory", streamed,
      [&](benchmark::State& state) { in(state, suite, Way::pieces, false, Role::in_memory); });
  benchmark::RegisterBenchmark("media/out/stream",
                               [&](benchmark::State& state) { out_streamed(state, suite); })
      ->ArgName("size")
      ->Arg(streamed)
      ->UseManualTime()
      ->MinTime(seconds)
      ->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark("media/in/1000_of_1_KiB",
                               [&](benchmark::State& state) { small(state, suite); })
      ->UseRealTime()
      ->MinTime(seconds)
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("media/in/1000_files_of_1_KiB_syncfs",
                               [&](benchmark::State& state) { small_files(state, suite); })
      ->UseRealTime()
      ->MinTime(seconds)
      ->Unit(benchmark::kMillisecond);
  if (suite.settings().quick) return;
  benchmark::RegisterBenchmark("media/in/100_times_1000_of_1_KiB",
                               [&](benchmark::State& state) { small(state, suite); })
      ->UseRealTime()
      ->Iterations(100)
      ->Unit(benchmark::kMillisecond);
}

}  // namespace emstore::bench
