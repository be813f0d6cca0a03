#include "stores.h"

#include <gtest/gtest.h>

#include <random>
#include <utility>

#include "base/hash.h"
#include "daemon/opening.h"
#include "store/verify.h"
#include "tests/support/damage.h"

namespace emstore::testing {
namespace {

std::string large(char letter) { return std::string(kLargeBytes, letter); }

Map make_media(Wire& wire, const std::string& bytes) {
  const std::string address = text_at(upload(wire, bytes), "blob");
  return wire.result("media.upload", {Map{{"blob", address}}, Map{{"name", "large"}}});
}

}  // namespace

Map upload(Wire& wire, const std::string& bytes) {
  const std::string token =
      text_at(wire.result("blob.begin", {Map{{"size", bytes.size()}}}), "token");
  wire.result("blob.write", {token, 0, Binary{bytes}});
  return wire.result("blob.commit", {token});
}

std::string store_media(Wire& wire, const std::string& bytes) {
  return text_at(map_at(make_media(wire, bytes), "data"), "blob");
}

void flip(const std::filesystem::path& path, std::uint64_t offset) {
  damage(path, Damage::flipped, offset);
}

void fill_shop(Wire& wire, int products) {
  const std::string run = std::to_string(integer_at(wire.result("ping"), "sequence"));
  const std::int64_t one = integer_at(make_media(wire, large('a')), "id");
  const std::int64_t other = integer_at(make_media(wire, large('b')), "id");
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

ShopUsers::ShopUsers(const RunningDaemon& running, std::uint32_t count) {
  for (std::uint32_t seed = 1; seed <= count; ++seed) {
    threads_.emplace_back([this, &running, seed] { acknowledged_ += use(running, seed); });
  }
}

int ShopUsers::stop() {
  is_over_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  return acknowledged_;
}

int ShopUsers::use(const RunningDaemon& running, std::uint32_t seed) const {
  Wire wire = running.connect();
  std::mt19937 random(seed);
  int acknowledged = 0;
  while (!is_over_) {
    const std::string name = std::to_string(seed) + "-" + std::to_string(acknowledged);
    const auto id = 1 + static_cast<std::int64_t>(random() % 50);
    const auto update = [&](Map document) {
      return wire.call("updateOne", {"products", id, std::move(document)});
    };
    protocol::Reply reply;
    switch (random() % 5) {
      case 0:
        reply = wire.call("insertOne", {"products", Map{{"name", name}, {"sku", name}}});
        break;
      case 1:
        reply = update(Map{{"name", name}});
        break;
      case 2:
        reply =
            update(Map{{"gallery", Map{{"$create", Map{{"file", Binary{name}}, {"name", name}}}}}});
        break;
      case 3:
        reply = random() % 10 == 0 ? wire.call("deleteOne", {"products", id})
                                   : update(Map{{"gallery", Map{{"$detach", List{id}}}}});
        break;
      default:
        const Map found = wire.result("findMany", {"products", Map{{"where", Map{{"sku", name}}}}});
        EXPECT_LE(list_at(found, "data").size(), 1u);
        continue;
    }
    acknowledged += reply.error ? 0 : 1;
  }
  return acknowledged;
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
  const auto verified = store::verify(*view, {}, config.fold_room());
  EXPECT_TRUE(verified && verified->equal);
  return {static_cast<std::int64_t>(view->sequence), to_hex(as_bytes(view->root)),
          to_hex(as_bytes(store::state_digest(*view).value()))};
}

}  // namespace emstore::testing
