// Bytes of a stranger: through the cutter in pieces, then through every decoder. The first byte of
// the input chooses the pieces. What is taken must come back the same; nothing may crash or take
// memory for claims.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/check.h"
#include "protocol/codec.h"
#include "protocol/frame.h"

namespace emstore::protocol {
namespace {

constexpr std::size_t kBytesMax = 4096;
constexpr std::size_t kDepthMax = 64;

struct Cut {
  std::vector<std::string> messages;
  std::optional<Error> error;
  bool operator==(const Cut&) const = default;
};

// Cuts `stream`, which comes in pieces of 1 to `piece_max` bytes.
Cut cut(std::string_view stream, std::size_t piece_max) {
  Cutter cutter(kBytesMax, kDepthMax);
  Cut result;
  std::size_t piece = 1;
  while (!stream.empty() && !result.error) {
    piece = piece % piece_max + 1;
    const std::string_view next = stream.substr(0, piece);
    stream.remove_prefix(next.size());
    const std::span<char> space = cutter.space(next.size());
    EMSTORE_CHECK(space.size() <= 4 * (kBytesMax + stream.size() + next.size()));
    std::memcpy(space.data(), next.data(), next.size());
    cutter.filled(next.size());
    for (auto message = cutter.next();; message = cutter.next()) {
      if (!message) result.error = message.error();
      if (!message || !*message) break;
      result.messages.emplace_back(**message);
    }
  }
  return result;
}

std::string encoded(const Request& request) {
  std::string bytes;
  encode_request(request.id, request.call, bytes);
  return bytes;
}

void check_request(std::string_view bytes) {
  const auto request = decode_request(bytes, Limits{});
  if (!request) return;
  const std::string once = encoded(*request);
  const auto again = decode_request(once, Limits{});
  EMSTORE_CHECK(again.has_value());
  EMSTORE_CHECK(again->call.index() == request->call.index());
  EMSTORE_CHECK(encoded(*again) == once);
}

void check_incoming(std::string_view bytes) {
  const auto incoming = decode_incoming(bytes, Limits{});
  if (!incoming || !std::holds_alternative<Reply>(*incoming)) return;
  const auto& reply = std::get<Reply>(*incoming);
  std::string once;
  if (reply.error) {
    encode_error(reply.id, *reply.error, once);
  } else {
    encode_result(reply.id, reply.result, once);
  }
  const auto again = decode_incoming(once, Limits{});
  EMSTORE_CHECK(again.has_value());
  EMSTORE_CHECK(std::get<Reply>(*again).id == reply.id);
}

void check_value(std::string_view bytes) {
  const Result<std::string_view> raw = pack::Cursor(bytes).raw();
  ValueSink sink;
  const Status copied = pack::Cursor(bytes).copy_to(sink);
  const Result<Value> value = pack::read(bytes);
  if (!value) return;
  EMSTORE_CHECK(raw.has_value() && *raw == bytes);
  EMSTORE_CHECK(copied.has_value() && sink.take() == *value);
  const std::string written = pack::to_bytes(*value);
  const Result<Value> again = pack::read(written);
  EMSTORE_CHECK(again.has_value() && *again == *value);
  EMSTORE_CHECK(pack::to_bytes(*again) == written);
}

void check_stream(std::string_view input) {
  if (input.empty()) return;
  const std::size_t piece_max = static_cast<unsigned char>(input.front()) + 1U;
  const std::string_view stream = input.substr(1);
  const Cut whole = cut(stream, std::max<std::size_t>(1, stream.size()));
  EMSTORE_CHECK(cut(stream, piece_max) == whole);
  for (const std::string& message : whole.messages) {
    check_request(message);
    check_incoming(message);
    check_value(message);
  }
  // What the cutter would have held back.
  check_value(stream);
  check_request(stream);
}

}  // namespace
}  // namespace emstore::protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  emstore::protocol::check_stream({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
