// blob.have: what the store has need not be sent again.
#include <gtest/gtest.h>

#include <utility>

#include <emstore/client.hpp>

#include "base/address.h"
#include "base/hash.h"
#include "stores.h"
#include "tests/support/forged_pair.h"

namespace emstore::testing {
namespace {

Map described(const std::string& bytes, bool with_sha256) {
  const ContentDigest digest = digest_of(bytes);
  Map map{{"xxh3", to_hex(as_bytes(digest.xxh3))}, {"size", bytes.size()}};
  if (with_sha256) map.append("sha256", to_hex(as_bytes(digest.sha256)));
  return map;
}

List have(Wire& wire, const List& contents) {
  return list_at(wire.result("blob.have", List{Value(contents)}), "contents");
}

TEST(BlobHave, GivesALeaseOnWhatIsThere) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const std::string large(kLargeBytes, 'a');
  for (const std::string& bytes : {large, std::string("small")}) {
    const std::string address = store_media(wire, bytes);
    const List answers =
        have(wire, {address, described(bytes, true), described(bytes, false),
                    described(bytes + "x", true), "xxh3-128:" + std::string(32, '0')});
    ASSERT_EQ(answers.size(), 5u);
    for (std::size_t i : {0u, 1u}) {
      const Map& known = *answers[i].if_map();
      EXPECT_EQ(text_at(known, "blob"), address);
      EXPECT_EQ(integer_at(known, "size"), static_cast<std::int64_t>(bytes.size()));
      EXPECT_EQ(text_at(known, "sha256"), to_hex(as_bytes(sha256(bytes))));
      EXPECT_EQ(text_at(known, "mime_type"), "text/plain");
      EXPECT_TRUE(truth_at(known, "existed"));
    }
    EXPECT_EQ(to_string(answers[2]), to_string(Value(Map{{"maybe", true}})));
    EXPECT_TRUE(answers[3].is_null());
    EXPECT_TRUE(answers[4].is_null());
  }
}

TEST(BlobHave, AnswersForAContentAsOftenAsItIsNamed) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const std::string bytes(kLargeBytes, 'a');
  const std::string address = store_media(wire, bytes),
                    nowhere = "xxh3-128:" + std::string(32, '0');
  const List answers = have(wire, {nowhere, address, described(bytes, true), address,
                                   described(bytes, false), nowhere, address});
  ASSERT_EQ(answers.size(), 7u);
  for (std::size_t i : {1u, 2u, 3u, 6u}) {
    ASSERT_NE(answers[i].if_map(), nullptr) << i;
    EXPECT_EQ(to_string(answers[i]), to_string(answers[1])) << i;
    EXPECT_EQ(text_at(*answers[i].if_map(), "blob"), address);
  }
  EXPECT_TRUE(answers[0].is_null());
  EXPECT_EQ(to_string(answers[4]), to_string(Value(Map{{"maybe", true}})));
  EXPECT_TRUE(answers[5].is_null());
}

// What may be named after a positive answer could not be named before it.
TEST(BlobHave, RenewsALeaseThatIsOver) {
  RunningDaemon running([](daemon::Config& config) { config.lease = std::chrono::seconds(1); });
  Wire wire = connect_to_shop(running);
  const std::string address = store_media(wire, std::string(kLargeBytes, 'a'));
  const auto take = [&] {
    return wire.call("media.upload", {Map{{"blob", address}}, Map{{"name", "b"}}});
  };
  std::optional<Error> refusal;
  while (!refusal) refusal = take().error;  // Once the lease is over.
  EXPECT_EQ(refusal->code, ErrorCode::blob_not_found);
  EXPECT_FALSE(have(wire, {address})[0].is_null());
  EXPECT_FALSE(take().error);
}

TEST(BlobHave, KeepsBytesFromBeingCollectedUntilTheLeaseIsOver) {
  RunningDaemon running([](daemon::Config& config) { config.lease = std::chrono::seconds(2); });
  Wire wire = connect_to_shop(running);
  const std::string bytes(kLargeBytes, 'a');
  const std::string address = store_media(wire, bytes);
  ASSERT_FALSE(have(wire, {address})[0].is_null());
  const auto collect = [&] { return job(wire, "gc", {Map{{"grace", 0}}}); };
  EXPECT_EQ(integer_at(collect(), "leased"), 1);
  while (integer_at(collect(), "blobs") == 0) {
  }
  EXPECT_TRUE(have(wire, {address})[0].is_null());
  EXPECT_TRUE(have(wire, {described(bytes, true)})[0].is_null());
}

TEST(BlobHave, DoesNotTakeACollisionForTheContent) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const ForgedPair pair = forged_pair(kLargeBytes);
  store_media(wire, pair.first);
  EXPECT_FALSE(have(wire, {described(pair.first, true)})[0].is_null());
  EXPECT_TRUE(have(wire, {described(pair.second, true)})[0].is_null());
  EXPECT_FALSE(have(wire, {described(pair.second, false)})[0].is_null());  // Perhaps.
}

TEST(BlobHave, SaysNoOfBytesThatAreMissing) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const std::string address = store_media(wire, std::string(kLargeBytes, 'a'));
  std::filesystem::remove(running.config().media_folder() /
                          blobs::media_file(address_of(address).value()));
  EXPECT_TRUE(have(wire, {address})[0].is_null());
}

TEST(BlobHave, RefusesWhatIsNoContentAndTooMany) {
  RunningDaemon running([](daemon::Config& config) { config.have_contents_max = 3; });
  Wire wire = connect_to_shop(running);
  const std::string nowhere = "xxh3-128:" + std::string(32, '0');
  EXPECT_EQ(have(wire, {}).size(), 0u);
  EXPECT_EQ(have(wire, {nowhere, nowhere, nowhere}).size(), 3u);
  EXPECT_EQ(wire.refusal("blob.have", List{Value(List{nowhere, nowhere, nowhere, nowhere})}),
            ErrorCode::out_of_range);
  for (const Value& wrong :
       {Value("../etc"), Value(7), Value(Map{{"size", 1}}), Value(Map{{"xxh3", "zz"}, {"size", 1}}),
        Value(Map{{"xxh3", std::string(32, '0')}, {"size", -1}}),
        Value(Map{{"xxh3", std::string(32, '0')}, {"size", 1}, {"sha256", "00"}}),
        Value(Map{{"xxh3", std::string(32, '0')}, {"size", 1}, {"sha1", "00"}})}) {
    EXPECT_EQ(wire.refusal("blob.have", List{Value(List{wrong})}), ErrorCode::invalid_request)
        << to_string(wrong);
  }
}

// Bytes in memory go in pieces: what is known is not sent.
TEST(BlobHave, SavesTheClientTheSending) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  Client client = connect(running.config().socket.path);
  const std::string bytes(20u << 20, 'x');
  std::size_t steps = 0;
  client.on_progress([&](std::uint64_t, std::uint64_t) { ++steps; });
  const Mutation first = client.media().upload(File::bytes(bytes, "first"));
  EXPECT_GT(std::exchange(steps, 0), 1u);
  const Mutation second = client.media().upload(File::bytes(bytes, "second"));
  EXPECT_EQ(steps, 1u);
  EXPECT_NE(first.id(), second.id());
  EXPECT_EQ(first.data().get<std::string>("blob"), second.data().get<std::string>("blob"));
}

}  // namespace
}  // namespace emstore::testing
