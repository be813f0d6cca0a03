// The bytes of every message, against tests/golden/messages.json, which other implementations can
// run too. The vectors were written by another MessagePack library than ours, and are only added
// to.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/hash.h"
#include "base/time.h"
#include "protocol/codec.h"

namespace emstore::protocol {
namespace {

using Json = nlohmann::ordered_json;

struct Vector {
  std::string name, kind, hex, code;
  std::string bytes;
  std::optional<Value> message;
  std::optional<std::uint32_t> id;
};

Value value_of(const Json& json) {
  if (json.is_null()) return nullptr;
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_float()) return json.get<double>();
  if (json.is_number()) return json.get<std::int64_t>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    List list;
    for (const Json& item : json) list.push_back(value_of(item));
    return list;
  }
  if (json.contains("$binary")) return Binary{from_hex(json["$binary"].get<std::string>()).value()};
  if (json.contains("$time")) return time_of(json["$time"].get<std::string>()).value();
  Map map;
  for (const auto& [name, value] : json.items()) map.append(name, value_of(value));
  return map;
}

std::vector<Vector> all_vectors() {
  std::ifstream file(EMSTORE_SOURCE "/tests/golden/messages.json");
  std::vector<Vector> vectors;
  const Json json = Json::parse(file);
  for (const Json& one : json.at("vectors")) {
    Vector vector{one.at("name"), one.at("kind"), one.at("hex"), one.value("code", ""), {}, {}, {}};
    vector.bytes = from_hex(vector.hex).value();
    if (one.contains("message")) vector.message = value_of(one["message"]);
    if (one.contains("id") && !one["id"].is_null()) vector.id = one["id"].get<std::uint32_t>();
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

std::vector<Vector> vectors_of(std::string_view kind) {
  std::vector<Vector> chosen;
  for (Vector& vector : all_vectors()) {
    if (vector.kind == kind) chosen.push_back(std::move(vector));
  }
  EXPECT_FALSE(chosen.empty()) << kind;
  return chosen;
}

std::string reencoded(const Request& request) {
  std::string bytes;
  encode_request(request.id, request.call, bytes);
  return to_hex(bytes);
}

TEST(GoldenMessages, AreTheSameValuesInBothDirections) {
  for (const Vector& vector : all_vectors()) {
    if (!vector.message) continue;
    EXPECT_EQ(to_hex(pack::to_bytes(*vector.message)), vector.hex) << vector.name;
    EXPECT_EQ(pack::read(vector.bytes).value(), *vector.message) << vector.name;
  }
}

TEST(GoldenMessages, HoldEveryRequestInBothDirections) {
  std::set<std::string_view> seen;
  for (const Vector& vector : vectors_of("request")) {
    const auto request = decode_request(vector.bytes, Limits{});
    ASSERT_TRUE(request.has_value()) << vector.name << ": " << to_string(request.error().error);
    EXPECT_EQ(request->id, 7U);
    EXPECT_EQ(reencoded(*request), vector.hex) << vector.name;
    seen.insert(method_of(request->call));
  }
  for (const MethodInfo& method : methods()) EXPECT_TRUE(seen.contains(method.name)) << method.name;
}

TEST(GoldenMessages, HoldOtherFormsThatMeanTheSame) {
  for (const Vector& vector : vectors_of("request, other form")) {
    const auto request = decode_request(vector.bytes, Limits{});
    ASSERT_TRUE(request.has_value()) << vector.name << ": " << to_string(request.error().error);
    const std::string usual = reencoded(*request);
    const auto again = decode_request(from_hex(usual).value(), Limits{});
    ASSERT_TRUE(again.has_value()) << vector.name;
    EXPECT_EQ(reencoded(*again), usual) << vector.name;
    EXPECT_NE(usual, vector.hex) << vector.name << " is not another form";
  }
}

TEST(GoldenMessages, HoldEveryReplyInBothDirections) {
  for (const Vector& vector : vectors_of("reply")) {
    const auto incoming = decode_incoming(vector.bytes, Limits{});
    ASSERT_TRUE(incoming.has_value()) << vector.name;
    const auto& reply = std::get<Reply>(*incoming);
    EXPECT_EQ(reply.error, std::nullopt) << vector.name;
    std::string bytes;
    encode_result(reply.id, reply.result, bytes);
    EXPECT_EQ(to_hex(bytes), vector.hex) << vector.name;
    std::string written;
    ReplyWriter writer(written, reply.id);
    writer.result().value(reply.result);
    writer.finish();
    EXPECT_EQ(to_hex(written), vector.hex) << vector.name;
  }
}

// A vector that is the reply of a method has a name that begins with the method's.
TEST(GoldenMessages, HoldAReplyOfEveryMethod) {
  std::map<std::string_view, std::string_view> results;
  for (const MethodInfo& method : methods()) results[method.name] = method.result;
  std::set<std::string> seen;
  for (const Vector& vector : vectors_of("reply")) {
    const std::string method = vector.name.substr(0, vector.name.find_first_of(", "));
    const auto listed = results.find(method);
    if (listed == results.end()) continue;  // One that shows a kind of value.
    seen.insert(method);
    for (const Map::Member& member : *vector.message->if_list()->at(3).if_map()) {
      EXPECT_NE(listed->second.find(member.name), std::string_view::npos)
          << vector.name << " has " << member.name;
    }
  }
  for (const MethodInfo& method : methods()) {
    EXPECT_TRUE(seen.contains(std::string(method.name))) << method.name;
  }
}

TEST(GoldenMessages, HoldEveryFormOfErrorInBothDirections) {
  for (const Vector& vector : vectors_of("error")) {
    const auto incoming = decode_incoming(vector.bytes, Limits{});
    ASSERT_TRUE(incoming.has_value()) << vector.name;
    const auto& reply = std::get<Reply>(*incoming);
    ASSERT_TRUE(reply.error.has_value()) << vector.name;
    std::string bytes;
    encode_error(reply.id, *reply.error, bytes);
    EXPECT_EQ(to_hex(bytes), vector.hex) << vector.name;
  }
}

TEST(GoldenMessages, HoldTheErrorThatEndsAConnection) {
  for (const Vector& vector : vectors_of("error without id")) {
    const auto incoming = decode_incoming(vector.bytes, Limits{});
    ASSERT_FALSE(incoming.has_value()) << vector.name;
    EXPECT_EQ(name_of(incoming.error().code), vector.code);
    std::string bytes;
    encode_error(std::nullopt, incoming.error(), bytes);
    EXPECT_EQ(to_hex(bytes), vector.hex) << vector.name;
  }
}

TEST(GoldenMessages, HoldAPushInBothDirections) {
  for (const Vector& vector : vectors_of("push")) {
    const auto incoming = decode_incoming(vector.bytes, Limits{});
    ASSERT_TRUE(incoming.has_value()) << vector.name;
    std::string bytes;
    encode_push(std::get<Push>(*incoming), bytes);
    EXPECT_EQ(to_hex(bytes), vector.hex) << vector.name;
  }
}

TEST(GoldenMessages, SayWhatIsRefusedAndHow) {
  for (const Vector& vector : vectors_of("refused")) {
    const auto request = decode_request(vector.bytes, Limits{});
    ASSERT_FALSE(request.has_value()) << vector.name;
    EXPECT_EQ(name_of(request.error().error.code), vector.code) << vector.name;
    EXPECT_EQ(request.error().id, vector.id) << vector.name;
  }
}

}  // namespace
}  // namespace emstore::protocol
