// Bytes ↔ messages. No budget of its own: of a read over the socket (25 µs), the codec may take 3
// µs.
#include "base/pack.h"
#include "bench/suite.h"
#include "protocol/codec.h"
#include "protocol/frame.h"

namespace emstore::bench {
namespace {

const protocol::Limits kLimits;

std::string attach_request(std::uint32_t id) {
  const Map document{{"gallery", Map{{"$attach", List{17}}}}};
  std::string bytes;
  protocol::encode_request(id, protocol::UpdateOne{"products", 1234, document, {}}, bytes);
  return bytes;
}

// What findOne with a gallery of 20 answers.
Value gallery_reply(Suite& suite) {
  const Shop shop(suite.copy_of(suite.shop_folder()));
  std::string bytes;
  shop.find_one("products", find_one_query(1), bytes);
  return Map{{"data", must(pack::read(bytes))},
             {"meta", Map{{"sequence", 30'000}, {"version", 20'001}}}};
}

void decode_update_one(benchmark::State& state) {
  const std::string bytes = attach_request(7);
  for (auto _ : state) {
    auto request = protocol::decode_request(bytes, kLimits);
    if (!request) give_up("the request was refused");
    benchmark::DoNotOptimize(request);
  }
  state.SetItemsProcessed(state.iterations());
}

void encode_update_one(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    const Map document{{"gallery", Map{{"$attach", List{17}}}}};
    protocol::encode_request(7, protocol::UpdateOne{"products", 1234, document, {}}, out);
    benchmark::DoNotOptimize(out);
  }
  state.SetItemsProcessed(state.iterations());
}

void encode_find_one(benchmark::State& state, const Value& reply) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    protocol::ReplyWriter writer(out, 7);
    writer.result().value(reply);
    writer.finish();
    benchmark::DoNotOptimize(out);
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(out.size()));
}

void decode_find_one(benchmark::State& state, const Value& reply) {
  std::string bytes;
  protocol::encode_result(7, reply, bytes);
  for (auto _ : state) {
    auto incoming = protocol::decode_incoming(bytes, kLimits);
    if (!incoming) give_up("the reply was refused");
    benchmark::DoNotOptimize(incoming);
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

// A stream of requests as it comes out of a socket, 64 KiB at a time.
void cut_requests(benchmark::State& state) {
  constexpr std::uint32_t kRequests = 10'000;
  constexpr std::size_t kRead = 64u << 10;
  std::string stream;
  for (std::uint32_t id = 0; id < kRequests; ++id) stream += attach_request(id);
  for (auto _ : state) {
    protocol::Cutter cutter(kLimits.request_bytes_max, kLimits.depth_max);
    std::uint32_t cut = 0;
    for (std::size_t at = 0; at < stream.size();) {
      const std::span<char> space = cutter.space(kRead);
      const std::size_t size = stream.copy(space.data(), std::min(kRead, stream.size() - at), at);
      cutter.filled(size);
      at += size;
      while (must(cutter.next())) ++cut;
    }
    if (cut != kRequests) give_up("the cutter lost messages");
  }
  state.SetItemsProcessed(state.iterations() * kRequests);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(stream.size()));
}

}  // namespace

void register_codec(Suite& suite) {
  const auto reply = shared([&suite] { return std::make_unique<Value>(gallery_reply(suite)); });
  benchmark::RegisterBenchmark("codec/cut_requests", cut_requests);
  benchmark::RegisterBenchmark("codec/decode_update_one", decode_update_one);
  benchmark::RegisterBenchmark("codec/encode_update_one", encode_update_one);
  benchmark::RegisterBenchmark("codec/encode_find_one", [reply](benchmark::State& state) {
    encode_find_one(state, reply());
  });
  benchmark::RegisterBenchmark("codec/decode_find_one", [reply](benchmark::State& state) {
    decode_find_one(state, reply());
  });
}

}  // namespace emstore::bench
