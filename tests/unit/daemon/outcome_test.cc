#include "daemon/outcome.h"

#include <gtest/gtest.h>

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
  EXPECT_EQ(told("a\"\\\n\x7f"), R"({"directory":"a\"\\\u000a\u007f")");
  EXPECT_EQ(told("Läden"), R"({"directory":"Läden")");
  EXPECT_EQ(told("L\xe4"), R"({"directory":"L\ufffd")");
}

}  // namespace
}  // namespace emstore::daemon
