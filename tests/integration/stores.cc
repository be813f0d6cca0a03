#include "stores.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "daemon/opening.h"
#include "store/verify.h"

namespace emstore::testing {
namespace {

std::string large(char letter) { return std::string(kLargeBytes, letter); }

std::int64_t upload(Wire& wire, const std::string& bytes) {
  const std::string token =
      text_at(wire.result("blob.begin", {Map{{"size", bytes.size()}}}), "token");
  wire.result("blob.write", {token, 0, Binary{bytes}});
  const std::string address = text_at(wire.result("blob.commit", {token}), "blob");
  return integer_at(wire.result("media.upload", {Map{{"blob", address}}, Map{{"name", "large"}}}),
                    "id");
}

}  // namespace

void fill_shop(Wire& wire, int products) {
  const std::string run = std::to_string(integer_at(wire.result("ping"), "sequence"));
  const std::int64_t one = upload(wire, large('a'));
  const std::int64_t other = upload(wire, large('b'));
  for (int i = 0; i < products; ++i) {
    const std::string name = std::to_string(i);
    const Map document{
        {"name", name},
        {"gallery", Map{{"$attach", List{i % 2 == 0 ? one : other}},
                        {"$create", Map{{"file", Binary{"small " + name}}, {"name", name}}}}}};
    const Map made =
        wire.result("insertOne", {"products", document, Map{{"key", run + " " + name}}});
    if (i % 3 == 0) {
      wire.result("updateOne", {"products", integer_at(made, "id"), Map{{"color", "red"}}});
    }
    if (i % 7 == 0) wire.result("deleteOne", {"products", integer_at(made, "id")});
  }
}

Map job(Wire& wire, std::string_view method, List params) {
  const std::string id = text_at(wire.result(method, std::move(params)), "job");
  while (true) {
    const Map state = wire.result("job.get", {id});
    if (state.contains("result")) return map_at(state, "result");
    if (state.contains("error")) return Map{{"error", list_at(state, "error")}};
  }
}

Proof proof_of(Wire& wire) {
  const Map verified = job(wire, "verify");
  EXPECT_TRUE(truth_at(verified, "equal"));
  const Map status = wire.result("status");
  EXPECT_EQ(integer_at(status, "sequence"), integer_at(verified, "sequence"));
  return {integer_at(verified, "sequence"), text_at(status, "root"),
          text_at(verified, "state_digest")};
}

Proof proof_of(const daemon::Config& config) {
  daemon::Log log(daemon::LogLevel::off);
  const auto opened = daemon::open_store(config, log);
  if (!opened) throw std::runtime_error(to_string(opened.error()));
  const auto view = opened->store->view();
  const auto verified = store::verify(*view, {});
  EXPECT_TRUE(verified && verified->equal);
  return {static_cast<std::int64_t>(view->sequence), to_hex(as_bytes(view->root)),
          to_hex(as_bytes(store::state_digest(*view).value()))};
}

}  // namespace emstore::testing
