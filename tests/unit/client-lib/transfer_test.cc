#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <emstore/client.hpp>
#include <fstream>
#include <mutex>
#include <thread>

#include "base/address.h"
#include "tests/unit/client-lib/fake_daemon.h"

namespace emstore {
namespace {

using testing::FakeDaemon;
using testing::Link;
using testing::mutation_reply;
using testing::TemporaryFolder;

// Where a content lies.
std::string lies_at(const std::string& bytes) {
  const bool is_file = bytes.size() > kSmallBlobBytesMax;
  return to_string(Address{xxh3_128(bytes), is_file ? kFirstFileOrdinal : kFirstRowOrdinal});
}

// Answers the hello of a connection: descriptors are taken and given.
void greet_as_capable(Link& link) {
  if (const auto hello = link.next()) {
    link.answer(hello->id, Map{{"store_id", "a store"}, {"capabilities", List{"descriptors"}}});
  }
}

// The part of a daemon that takes uploads: pieces in order, what it has already it skips.
class Uploads {
 public:
  // Hangs up, once, instead of answering the n-th request for bytes.
  int hang_up_at = 0;
  // Then something happens to the bytes that it has.
  std::function<void(std::string& content)> meanwhile = [](std::string&) {};
  // Refuses, once, the n-th request for bytes.
  int refuse_at = 0;
  ErrorCode refuse_with = ErrorCode::busy;
  // Says that it takes descriptors, and refuses each that is passed.
  std::optional<ErrorCode> refuse_passed_with;

  FakeDaemon::Script script() {
    return [this](Link& link) {
      if (refuse_passed_with) greet_as_capable(link);
      while (const auto request = link.next_after_hello()) {
        const std::lock_guard turn(turn_);
        if (std::holds_alternative<protocol::BlobPutFd>(request->call)) {
          ++taken_.passed;
          link.refuse(request->id, refuse_passed_with.value());
          continue;
        }
        if (++asked_ == hang_up_at) {
          take(*request);
          meanwhile(taken_.content);
          return;
        }
        if (asked_ == refuse_at) {
          link.refuse(request->id, refuse_with);
          continue;
        }
        const auto answer = take(*request);
        if (answer) {
          link.answer(request->id, *answer);
        } else {
          link.refuse(request->id, ErrorCode::upload_not_found);
        }
      }
    };
  }

  struct Taken {
    std::string content;
    int begun = 0, committed = 0, passed = 0;
    Map inserted;
  };
  Taken taken() {
    const std::lock_guard turn(turn_);
    return taken_;
  }

 private:
  std::optional<Value> take(const protocol::Request& request) {
    if (std::holds_alternative<protocol::BlobBegin>(request.call)) {
      ++taken_.begun;
      taken_.content.clear();
      is_open_ = true;
      return Map{{"token", "t" + std::to_string(taken_.begun)}, {"offset", 0}, {"chunk", 1 << 20}};
    }
    if (const auto* write = std::get_if<protocol::BlobWrite>(&request.call)) {
      if (!is_open_) return std::nullopt;
      if (write->offset <= taken_.content.size()) {
        const std::size_t known = taken_.content.size() - write->offset;
        if (known < write->bytes.data.size()) taken_.content += write->bytes.data.substr(known);
      }
      return Map{{"offset", taken_.content.size()}};
    }
    if (std::holds_alternative<protocol::BlobCommit>(request.call)) {
      if (!is_open_) return std::nullopt;
      is_open_ = false;
      ++taken_.committed;
      return Map{{"blob", lies_at(taken_.content)}, {"size", taken_.content.size()}};
    }
    taken_.inserted = std::get<protocol::InsertOne>(request.call).document;
    return mutation_reply();
  }

  std::mutex turn_;
  Taken taken_;
  int asked_ = 0;
  bool is_open_ = false;
};

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 251);
  return text;
}

TEST(ClientUpload, SendsSmallFilesInsideTheRequest) {
  Uploads uploads;
  FakeDaemon daemon({uploads.script()});
  Client client = connect(daemon.options());
  client.mutator("products")
      .insert_one({{"thumbnail", create(File::bytes(pattern(65'536), "a.png", "image/png"))}});
  EXPECT_EQ(uploads.taken().begun, 0);
  EXPECT_EQ(uploads.taken().inserted,
            (Map{{"thumbnail", Map{{"$create", Map{{"file", Binary{pattern(65'536)}},
                                                   {"name", "a.png"},
                                                   {"type", "image/png"}}}}}}));
}

TEST(ClientUpload, StreamsLargerFilesAndNamesThemByAddress) {
  Uploads uploads;
  FakeDaemon daemon({uploads.script()});
  Client client = connect(daemon.options());
  const std::string bytes = pattern((10u << 20) + 1);
  std::uint64_t last = 0, total = 0;
  client.on_progress([&](std::uint64_t done, std::uint64_t all) {
    EXPECT_GT(done, last);
    last = done;
    total = all;
  });
  client.mutator("products").insert_one({{"gallery", create({File::bytes(bytes, "a.bin")})}});
  EXPECT_EQ(uploads.taken().content, bytes);
  EXPECT_EQ(last, bytes.size());
  EXPECT_EQ(total, bytes.size());
  EXPECT_EQ(uploads.taken().inserted,
            (Map{{"gallery", Map{{"$create", List{Map{{"file", Map{{"blob", lies_at(bytes)}}},
                                                      {"name", "a.bin"}}}}}}}));
}

// What a request has no room for goes before it, however small.
TEST(ClientUpload, SendsNoMoreInsideARequestThanItHasRoomFor) {
  Uploads uploads;
  FakeDaemon daemon({uploads.script()});
  Client client = connect(daemon.options());
  constexpr std::size_t kSize = 60'000, kInside = (4u << 20) / kSize;
  const std::vector<File> files(kInside + 3, File::bytes(pattern(kSize), "a.png"));
  client.mutator("products").insert_one({{"gallery", create(files)}});
  EXPECT_EQ(uploads.taken().begun, 3);
  const Map inserted = uploads.taken().inserted;
  EXPECT_EQ(inserted.find("gallery")->if_map()->find("$create")->if_list()->size(), kInside + 3);
}

TEST(ClientUpload, IsAsGoodAsNewAfterAnExceptionOfItsListener) {
  Uploads uploads, left, next;
  FakeDaemon daemon({uploads.script(), left.script(), next.script()});
  Options options = daemon.options();
  options.retry_for = std::chrono::milliseconds(0);
  Client client = connect(options);
  const std::string bytes = pattern(4u << 20);
  const File file = File::bytes(bytes, "a.bin");
  client.on_progress([](std::uint64_t, std::uint64_t) { throw 7; });
  EXPECT_THROW(client.mutator("products").insert_one({{"thumbnail", create(file)}}), int);
  client.on_progress({});
  client.mutator("products").insert_one({{"thumbnail", create(file)}});
  EXPECT_EQ(next.taken().content, bytes);
}

TEST(ClientUpload, RefusesItsListenerTheMediaThatWouldWaitForIt) {
  Uploads uploads;
  FakeDaemon daemon({uploads.script()});
  Client client = connect(daemon.options());
  const std::string bytes = pattern(4u << 20);
  const File file = File::bytes(bytes, "a.bin");
  std::optional<Error> refused;
  client.on_progress([&](std::uint64_t, std::uint64_t) {
    client.mutator("products").insert_one({{"thumbnail", create(file)}}, refused);
  });
  client.mutator("products").insert_one({{"thumbnail", create(file)}});
  EXPECT_EQ(uploads.taken().content, bytes);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, ErrorCode::unsupported) << to_string(*refused);
}

// As the daemon says nothing while it reads, a larger file would take too long each time.
TEST(ClientUpload, GoesOnInPiecesWhenTheDaemonReadsTheFileForTooLong) {
  Uploads uploads;
  std::atomic<int> passed = 0;
  const auto capable = [&uploads](Link& link) {
    greet_as_capable(link);
    uploads.script()(link);
  };
  const auto silent = [&passed](Link& link) {
    while (link.next_after_hello()) ++passed;
  };
  FakeDaemon daemon({capable, silent, uploads.script()});
  Options options = daemon.options();
  options.timeout = std::chrono::seconds(2);  // Holds for each of the pieces, too.
  Client client = connect(options);
  const TemporaryFolder folder;
  const std::string bytes = pattern(2u << 20);
  std::ofstream(folder.path() / "a.bin", std::ios::binary) << bytes;
  client.mutator("products").insert_one({{"thumbnail", create(File(folder.path() / "a.bin"))}});
  EXPECT_EQ(passed, 1);
  EXPECT_EQ(uploads.taken().content, bytes);
}

// The file lies where the daemon does not read, or another refusal that stays.
TEST(ClientUpload, GoesInPiecesOnlyWhenTheDaemonDoesNotReadFromThere) {
  const TemporaryFolder folder;
  const std::string bytes = pattern(2u << 20);
  std::ofstream(folder.path() / "a.bin", std::ios::binary) << bytes;
  for (const auto code : {ErrorCode::invalid_request, ErrorCode::source_changed}) {
    Uploads uploads;
    uploads.refuse_passed_with = code;
    FakeDaemon daemon({uploads.script()});
    Client client = connect(daemon.options());
    std::optional<Error> error;
    client.mutator("products")
        .insert_one({{"thumbnail", create(File(folder.path() / "a.bin"))}}, error);
    EXPECT_EQ(uploads.taken().passed, 1);
    EXPECT_EQ(error ? error->code : code, code);
    EXPECT_EQ(error.has_value(), code == ErrorCode::source_changed);
    EXPECT_EQ(uploads.taken().begun, error ? 0 : 1);
    EXPECT_EQ(uploads.taken().content, error ? "" : bytes);
  }
}

// Request 1 begins, 2 to 5 are pieces, 6 commits.
class ClientUploadInterrupted : public ::testing::TestWithParam<int> {};

TEST_P(ClientUploadInterrupted, ArrivesWhole) {
  Uploads uploads;
  uploads.hang_up_at = GetParam();
  FakeDaemon daemon({uploads.script()});
  Client client = connect(daemon.options());
  const std::string bytes = pattern(4u << 20);
  client.mutator("products").insert_one({{"thumbnail", create(File::bytes(bytes, "a.bin"))}});
  EXPECT_EQ(uploads.taken().content, bytes);
  // Only a begin or a commit whose answer was lost makes a second upload: pieces go on where they
  // were.
  const bool begins_again = GetParam() == 1 || GetParam() == 6;
  EXPECT_EQ(uploads.taken().begun, begins_again ? 2 : 1);
}

INSTANTIATE_TEST_SUITE_P(AtEveryRequest, ClientUploadInterrupted, ::testing::Range(1, 7));

// Request 3 brings the second piece; what followed it is lost with the connection.
class ClientUploadInterruptedForLong : public ::testing::Test {
 protected:
  ClientUploadInterruptedForLong() {
    uploads_.hang_up_at = 3;
    std::ofstream(path_, std::ios::binary) << bytes_;
  }
  std::optional<Error> upload() {
    FakeDaemon daemon({uploads_.script()});
    Client client = connect(daemon.options());
    std::optional<Error> error;
    client.mutator("products").insert_one({{"thumbnail", create(File(path_))}}, error);
    EXPECT_EQ(uploads_.taken().committed, 1);
    EXPECT_EQ(uploads_.taken().inserted.empty(), error.has_value());
    return error;
  }

  const TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_.path() / "a.bin";
  const std::string bytes_ = pattern(9u << 20);
  Uploads uploads_;
};

TEST_F(ClientUploadInterruptedForLong, GoesOnFromWithinAPiece) {
  uploads_.meanwhile = [](std::string& content) { content.resize(content.size() - 100'000); };
  EXPECT_FALSE(upload());
  EXPECT_EQ(uploads_.taken().content, bytes_);
}

TEST_F(ClientUploadInterruptedForLong, IsCorruptWhenItsBytesRotMeanwhile) {
  uploads_.meanwhile = [](std::string& content) {
    content.resize(content.size() - 100'000);
    content[1'000'000] = static_cast<char>(content[1'000'000] ^ 0x10);
  };
  const std::optional<Error> error = upload();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::corrupt_blob);
  EXPECT_EQ(error->path, "thumbnail.$create");
}

TEST_F(ClientUploadInterruptedForLong, IsCorruptWhenMoreIsThereThanWasSent) {
  uploads_.meanwhile = [](std::string& content) { content.resize(8u << 20); };
  const std::optional<Error> error = upload();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::corrupt_blob);
}

TEST_F(ClientUploadInterruptedForLong, SaysThatItsSourceChangedMeanwhile) {
  uploads_.meanwhile = [this](std::string& content) {
    content.resize(content.size() - 100'000);
    std::ofstream(path_, std::ios::binary) << std::string(bytes_.size(), 'x');
  };
  const std::optional<Error> error = upload();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::source_changed);
}

// The daemon has always something to do. This one answers a piece only when two more have come.
TEST(ClientUpload, SendsAPieceWhileThoseBeforeAreNotAnswered) {
  constexpr std::uint64_t kSize = 20u << 20;
  const std::string bytes = pattern(kSize), address = lies_at(bytes);
  const auto script = [&address](Link& link) {
    std::deque<protocol::Request> open;
    const auto answer_one = [&] {
      const auto& write = std::get<protocol::BlobWrite>(open.front().call);
      link.answer(open.front().id, Map{{"offset", write.offset + write.bytes.data.size()}});
      open.pop_front();
    };
    while (auto request = link.next_after_hello()) {
      if (std::holds_alternative<protocol::BlobBegin>(request->call)) {
        link.answer(request->id, Map{{"token", "t"}, {"offset", 0}, {"chunk", 1 << 20}});
      } else if (std::holds_alternative<protocol::BlobCommit>(request->call)) {
        link.answer(request->id, Map{{"blob", address}, {"size", kSize}});
      } else if (const auto* write = std::get_if<protocol::BlobWrite>(&request->call)) {
        const bool is_last = write->offset + write->bytes.data.size() == kSize;
        open.push_back(*std::move(request));
        while (open.size() > (is_last ? 0u : 2u)) answer_one();
      } else {
        link.answer(request->id, mutation_reply());
      }
    }
  };
  FakeDaemon daemon({script});
  Client client = connect(daemon.options());
  const Mutation made =
      client.mutator("products").insert_one({{"thumbnail", create(File::bytes(bytes, "a.bin"))}});
  EXPECT_GT(made.sequence(), 0u);
}

// What was refused for now is sent again from where the daemon says, and nothing before it.
TEST(ClientUpload, GoesOnWhereTheDaemonSaysAfterARefusal) {
  for (const ErrorCode code : {ErrorCode::busy, ErrorCode::invalid_request}) {
    Uploads uploads;
    uploads.refuse_at = 4;
    uploads.refuse_with = code;
    FakeDaemon daemon({uploads.script()});
    Client client = connect(daemon.options());
    const std::string bytes = pattern(9u << 20);
    client.mutator("products").insert_one({{"thumbnail", create(File::bytes(bytes, "a.bin"))}});
    EXPECT_EQ(uploads.taken().content, bytes) << name_of(code);
    EXPECT_EQ(uploads.taken().begun, 1);
  }
}

TEST(ClientUpload, EndsWithARefusalThatStays) {
  Uploads uploads;
  uploads.refuse_at = 4;
  uploads.refuse_with = ErrorCode::disk_full;
  FakeDaemon daemon({uploads.script()});
  Client client = connect(daemon.options());
  std::optional<Error> error;
  client.mutator("products")
      .insert_one({{"thumbnail", create(File::bytes(pattern(9u << 20), "a.bin"))}}, error);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::disk_full);
  EXPECT_EQ(uploads.taken().committed, 0);
}

TEST(ClientUpload, RefusesAFileThatCannotBeReadWithItsPlace) {
  Uploads uploads;
  FakeDaemon daemon({uploads.script()});
  Client client = connect(daemon.options());
  std::optional<Error> error;
  client.mutator("products")
      .insert_one({{"gallery", create({File::bytes("x", "a.png"), File("no/such/file.png")})}},
                  error);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::invalid_request);
  EXPECT_EQ(error->path, "gallery.$create[1]");
  EXPECT_THAT(error->message, ::testing::HasSubstr("no/such/file.png"));
  EXPECT_TRUE(uploads.taken().inserted.empty());
}

TEST(ClientUpload, RefusesAFileThatDoesNotSayHowLongItIs) {
  Uploads uploads;
  FakeDaemon daemon({uploads.script()});
  Client client = connect(daemon.options());
  std::error_code error;
  client.mutator("products").insert_one({{"thumbnail", create(File("/proc/self/status"))}}, error);
  EXPECT_EQ(error, ErrorCode::invalid_request);
}

// Gives the bytes of one content, as blob.read does.
FakeDaemon::Script serving(const std::string& bytes) {
  return testing::answering([&bytes](const protocol::Request& request) -> Value {
    if (std::holds_alternative<protocol::FindId>(request.call)) {
      return Map{{"data", Map{{"id", 1}, {"blob", lies_at(bytes)}}}, {"meta", Map()}};
    }
    const auto& read = std::get<protocol::BlobRead>(request.call);
    return Map{{"bytes", Binary{bytes.substr(read.offset, read.length)}}, {"size", bytes.size()}};
  });
}

TEST(ClientMedia, ReadsFromAnyPlace) {
  const std::string bytes = pattern((3u << 20) + 17);
  FakeDaemon daemon({serving(bytes)});
  Client client = connect(daemon.options());
  MediaReader reader = client.media().open(1);
  EXPECT_EQ(reader.size(), bytes.size());
  for (const std::size_t place :
       {std::size_t{0}, std::size_t{65'530}, std::size_t{2'000'000}, bytes.size() - 5}) {
    reader.seek(place);
    std::string piece(100, '\0');
    piece.resize(reader.read(piece));
    EXPECT_EQ(piece, bytes.substr(place, 100)) << place;
  }
  reader.seek(1'000);
  EXPECT_EQ(reader.read_all(), bytes.substr(1'000));
  EXPECT_EQ(reader.read_all(), "");
}

// A daemon that has too many descriptors on their way gives its bytes all the same.
TEST(ClientMedia, IsReadInPiecesWhenTheDaemonGivesNoFile) {
  const std::string bytes = pattern((3u << 20) + 17);
  std::atomic<int> asked = 0, pieces = 0;
  const auto serve = [&](Link& link) {
    greet_as_capable(link);
    while (const auto request = link.next_after_hello()) {
      if (std::holds_alternative<protocol::BlobGetFd>(request->call)) {
        ++asked;
        link.refuse(request->id, ErrorCode::busy);
        continue;
      }
      const auto& read = std::get<protocol::BlobRead>(request->call);
      ++pieces;
      link.answer(request->id, Map{{"bytes", Binary{bytes.substr(read.offset, read.length)}},
                                   {"size", bytes.size()}});
    }
  };
  FakeDaemon daemon({serve});
  Options options = daemon.options();
  options.retry_for = std::chrono::milliseconds(50);  // So long the daemon is asked again.
  Client client = connect(options);
  MediaReader reader = client.media().open(lies_at(bytes));
  EXPECT_EQ(reader.read_all(), bytes);
  EXPECT_GT(asked, 0);
  EXPECT_GT(pieces, 3);
}

TEST(ClientMedia, StaysWhereItWasWhenReadingFails) {
  const std::string bytes = pattern(3u << 20);
  const auto serve_once = [](Link& link) {
    if (const auto request = link.next_after_hello()) {
      link.answer(request->id, Map{{"bytes", Binary{pattern(65'536)}}, {"size", 3u << 20}});
    }
    link.next();
  };
  FakeDaemon daemon({serving(bytes), serve_once, serving(bytes)});
  Options options = daemon.options();
  options.retry_for = std::chrono::milliseconds(0);
  Client client = connect(options);
  MediaReader reader = client.media().open(lies_at(bytes));
  std::error_code error;
  EXPECT_EQ(reader.read_all(error), "");
  EXPECT_EQ(error, ErrorCode::unreachable);
  EXPECT_EQ(reader.position(), 0u);
  EXPECT_EQ(reader.read_all(), bytes);
}

TEST(ClientMedia, DownloadsIntoAFileOrNotAtAll) {
  const std::string bytes = pattern(2u << 20);
  FakeDaemon daemon({serving(bytes)});
  Client client = connect(daemon.options());
  const TemporaryFolder folder;
  EXPECT_EQ(client.media().download(lies_at(bytes), folder.path() / "out"), bytes.size());
  std::ifstream stream(folder.path() / "out", std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(stream), {}), bytes);

  std::error_code error;
  client.media().download(lies_at(bytes), folder.path() / "no folder" / "out", error);
  EXPECT_TRUE(error);
  const auto left = std::distance(std::filesystem::directory_iterator(folder.path()), {});
  EXPECT_EQ(left, 1);
}

// In pieces of every kind: the first, some ahead, all that is left at once.
TEST(ClientMedia, RefusesBytesThatAreNotThoseOfTheAddress) {
  for (const std::size_t size : {std::size_t{1'000}, std::size_t{65'537}, std::size_t{3u << 20}}) {
    const std::string stored = pattern(size);
    for (const std::size_t place : {std::size_t{0}, size / 2, size - 1}) {
      std::string rotten = stored;
      rotten[place] = static_cast<char>(rotten[place] ^ 1);
      FakeDaemon daemon({serving(rotten)});
      Client client = connect(daemon.options());
      std::optional<Error> error;
      EXPECT_EQ(client.media().open(lies_at(stored)).read_all(error), "");
      ASSERT_TRUE(error) << size;
      EXPECT_EQ(error->code, ErrorCode::corrupt_blob);
      EXPECT_THAT(error->message, ::testing::HasSubstr(lies_at(stored)));
      EXPECT_THAT(error->hint, ::testing::HasSubstr("scrub"));

      const TemporaryFolder folder;
      client.media().download(lies_at(stored), folder.path() / "out", error);
      ASSERT_TRUE(error);
      EXPECT_EQ(error->code, ErrorCode::corrupt_blob);
      EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    }
  }
}

// Whoever reads it piece by piece is told before the last one; parts are given as they are.
TEST(ClientMedia, IsHeldAgainstItsAddressAtTheEndOfAReadingWithoutAGap) {
  const std::string stored = pattern(1'000);
  const std::string rotten = "!" + stored.substr(1);
  FakeDaemon daemon({serving(rotten)});
  Client client = connect(daemon.options());
  MediaReader reader = client.media().open(lies_at(stored));
  std::string piece(600, '\0');
  std::optional<Error> error;
  EXPECT_EQ(reader.read(piece, error), 600u);
  EXPECT_FALSE(error);
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(reader.read(piece, error), 0u);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, ErrorCode::corrupt_blob);
    EXPECT_EQ(reader.position(), 600u);
  }
  reader.seek(1);
  EXPECT_EQ(reader.read_all(error), stored.substr(1));
  EXPECT_FALSE(error);
  reader.seek(0);
  EXPECT_EQ(reader.read_all(error), "");
  EXPECT_TRUE(error);
}

TEST(ClientMedia, IsReadAgainOnceItWasMended) {
  const std::string stored = pattern(3u << 20);
  std::string bytes = "!" + stored.substr(1);
  FakeDaemon daemon({serving(bytes)});
  Client client = connect(daemon.options());
  MediaReader reader = client.media().open(lies_at(stored));
  std::error_code error;
  EXPECT_EQ(reader.read_all(error), "");
  EXPECT_EQ(error, ErrorCode::corrupt_blob);
  bytes = stored;
  EXPECT_EQ(reader.read_all(error), stored);
  EXPECT_FALSE(error);
}

TEST(ClientMedia, SaysThatTheReaderOfAPipeHasLeft) {
  const std::string bytes = pattern(2u << 20);
  FakeDaemon daemon({serving(bytes)});
  Client client = connect(daemon.options());
  const TemporaryFolder folder;
  const std::filesystem::path pipe = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::jthread reader([&pipe] { std::ifstream(pipe, std::ios::binary).get(); });
  std::optional<Error> error;
  client.media().download(lies_at(bytes), pipe, error);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::io_failed);
  EXPECT_THAT(error->message, ::testing::HasSubstr(pipe.string()));
  sigset_t pending;
  ::sigpending(&pending);
  EXPECT_EQ(::sigismember(&pending, SIGPIPE), 0);
}

// By a name of its own, or over a link: the bytes go on where the program writes.
TEST(ClientMedia, DownloadsIntoADescriptorOfTheProcess) {
  const std::string bytes = pattern(1'000);
  FakeDaemon daemon({serving(bytes)});
  Client client = connect(daemon.options());
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "out") << "header";
  const int descriptor = ::open((folder.path() / "out").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  ASSERT_GE(descriptor, 0);
  const std::string number = std::to_string(descriptor);
  std::filesystem::create_symlink("/proc/self/fd/" + number, folder.path() / "link");
  for (const std::filesystem::path& name :
       {std::filesystem::path("/dev/fd/" + number), folder.path() / "link"}) {
    EXPECT_EQ(client.media().download(lies_at(bytes), name), bytes.size());
  }
  ::close(descriptor);
  std::ifstream stream(folder.path() / "out", std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(stream), {}), "header" + bytes + bytes);

  std::error_code error;
  client.media().download(lies_at(bytes), "/dev/fd/" + number, error);
  EXPECT_EQ(error, ErrorCode::invalid_request);
}

}  // namespace
}  // namespace emstore
