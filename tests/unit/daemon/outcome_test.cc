#include "daemon/outcome.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/hash.h"

namespace emstore::daemon {
namespace {

TEST(Outcome, TellsWhatWasMade) {
  ImportReport made;
  made.sequence = 7;
  made.blobs = 2;
  made.root = sha256("root");
  made.state_digest = sha256("state");
  made.is_compared = true;
  made.collected = 3;
  made.damaged = {Address{.ordinal = kFirstFileOrdinal}};
  EXPECT_EQ(json_of(made, "/srv/shop"),
            R"({"directory":"/srv/shop","sequence":7,"media":2,"root":")" +
                to_hex(as_bytes(made.root)) + R"(","state_digest":")" +
                to_hex(as_bytes(made.state_digest)) +
                R"(","compared":true,"collected":3,"damaged":[")" +
                to_string(made.damaged.front()) + R"("]})");
}

TEST(Outcome, TellsWhyNothingWasMade) {
  EXPECT_EQ(json_of(Error{ErrorCode::corrupt_log, "cut off", "log", "export again", {}}),
            R"({"error":{"code":"corrupt_log","message":"cut off","path":"log",)"
            R"("hint":"export again","retryable":false}})");
  EXPECT_EQ(json_of(Error{ErrorCode::locked, "in use", "", "", {}}),
            R"({"error":{"code":"locked","message":"in use","hint":")" +
                std::string(advice_for(ErrorCode::locked)) + R"(","retryable":true}})");
}

TEST(Outcome, IsOneLineOfJsonWhateverAFolderIsCalled) {
  const auto told = [](const char* folder) {
    const std::string json = json_of(ImportReport{}, folder);
    return json.substr(0, json.find(",\"sequence\""));
  };
  EXPECT_EQ(told("a\"\\\n"), R"({"directory":"a\"\\\n")");
  EXPECT_EQ(told("Läden"), R"({"directory":"Läden")");
  EXPECT_EQ(told("dä\xe4"), "{\"directory\":\"dä\ufffd\"");
}

TEST(Outcome, NamesToPeopleSoManyOfWhatHasNoBytes) {
  ImportReport made;
  EXPECT_EQ(warnings_of(made), "");
  made.damaged.assign(kDamagedNamedMax, Address{.ordinal = kFirstFileOrdinal});
  const auto lines = [&] {
    const std::string text = warnings_of(made);
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
  };
  EXPECT_EQ(lines(), kDamagedNamedMax + 1);
  made.damaged.resize(kDamagedNamedMax + 7, made.damaged.front());
  EXPECT_EQ(lines(), kDamagedNamedMax + 2);
  EXPECT_NE(warnings_of(made).find("so have 7 more contents"), std::string::npos);
}

}  // namespace
}  // namespace emstore::daemon
