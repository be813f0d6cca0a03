// Message <-> bytes. Unknown methods, options and kinds are refused by name, with a suggestion.
// Threads: pure functions; an Encoder from one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/pack.h"
#include "base/result.h"
#include "protocol/limits.h"
#include "protocol/message.h"

namespace emstore::protocol {

// What a client may send. When the envelope could be read, `id` is set and the error can be
// answered. Of a notification, which nobody can answer, the method is set. With neither of them the
// connection cannot go on.
struct BadRequest {
  std::optional<std::uint32_t> id;
  std::optional<std::string> notified;
  Error error;
};
tl::expected<Request, BadRequest> decode_request(std::string_view bytes, const Limits& limits);
// One operation of a transaction. Errors: as decode_request(); with the place in the operation.
Result<Operation> decode_operation(const Value& operation);
// Appends the request: every positional param, and those options that are not as they are by
// default.
void encode_request(std::uint32_t id, const Call& call, std::string& out);
// For `call METHOD [JSON…]` and tests: any method, any params.
void encode_request(std::uint32_t id, std::string_view method, const List& params,
                    std::string& out);

// A reply whose result the caller writes piece by piece:
//   ReplyWriter reply(out, id); run(query, reply.result()); reply.finish();
// When it is destroyed unfinished, what it wrote is taken back: an error can be answered instead.
class ReplyWriter {
 public:
  ReplyWriter(std::string& out, std::uint32_t id);
  ~ReplyWriter();
  ReplyWriter(const ReplyWriter&) = delete;
  ReplyWriter& operator=(const ReplyWriter&) = delete;

  Sink& result() { return writer_; }
  void finish() { finished_ = true; }

 private:
  std::string& out_;
  std::size_t start_;
  bool finished_ = false;
  pack::Writer writer_;
};

void encode_result(std::uint32_t id, const Value& result, std::string& out);
// `id` nothing: the request could not be read, [1, nil, error, nil].
void encode_error(std::optional<std::uint32_t> id, const Error& error, std::string& out);
void encode_push(const Push& push, std::string& out);
// The push `refused` [method, error]: what becomes of a notification.
void encode_refused(std::string_view method, const Error& error, std::string& out);

// A push whose params the caller writes: `count` values into params().
class PushWriter {
 public:
  PushWriter(std::string& out, std::string_view method, std::size_t count);
  Sink& params() { return writer_; }

 private:
  pack::Writer writer_;
};

// What a client may receive. An error without an id says that the daemon could not read what came
// and has closed the connection: it comes out as that error. Errors that only a newer daemon knows
// are `internal`, with their name in the message.
using Incoming = std::variant<Reply, Push>;
Result<Incoming> decode_incoming(std::string_view bytes, const Limits& limits);

// One row a method, in the order of `Call`: what `describe` answers and docs/protocol.md lists.
struct MethodInfo {
  std::string_view name, params, options, result, summary;
  bool mutation;
};
std::span<const MethodInfo> methods();

}  // namespace emstore::protocol
