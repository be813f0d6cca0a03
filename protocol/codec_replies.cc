// Replies and pushes: results, errors, and what a client reads.
#include <array>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/suggest.h"
#include "protocol/codec.h"

namespace emstore::protocol {
namespace {

constexpr std::int64_t kReplyType = 1;
constexpr std::int64_t kPushType = 2;
constexpr std::size_t kReplyParts = 4;
constexpr std::size_t kPushParts = 3;

// [1, id, …: error and result follow.
void begin_reply(pack::Writer& writer, std::optional<std::uint32_t> id) {
  writer.begin_list(kReplyParts);
  writer.integer(kReplyType);
  if (id) {
    writer.integer(*id);
  } else {
    writer.null();
  }
}

// `out`, with the beginning of a reply that is no error.
std::string& with_reply_begun(std::string& out, std::uint32_t id) {
  pack::Writer writer(out);
  begin_reply(writer, id);
  writer.null();
  return out;
}

std::string_view hint_of(const Error& error) {
  return error.hint.empty() ? advice_for(error.code) : std::string_view(error.hint);
}

void write_error(pack::Writer& writer, const Error& error) {
  writer.begin_list(3);
  writer.text(name_of(error.code));
  writer.text(error.message);
  writer.begin_map(4);
  writer.text("path");
  writer.text(error.path);
  writer.text("hint");
  writer.text(hint_of(error));
  writer.text("retryable");
  writer.boolean(is_retryable(error.code));
  writer.text("violations");
  writer.begin_list(error.violations.size());
  for (const Error& violation : error.violations) {
    writer.begin_list(4);
    writer.text(name_of(violation.code));
    writer.text(violation.message);
    writer.text(violation.path);
    writer.text(hint_of(violation));
  }
}

std::string text_of(const Value* value) {
  const std::string* const text = value == nullptr ? nullptr : value->if_text();
  return text == nullptr ? std::string() : *text;
}

std::string text_at(const List& list, std::size_t index) {
  return index < list.size() ? text_of(&list[index]) : std::string();
}

// A hint that only repeats the general advice is none.
Error error_named(const std::string& code, std::string message, std::string path,
                  std::string hint) {
  const std::optional<ErrorCode> known = error_code_named(code);
  if (!known)
    return {ErrorCode::internal, code + ": " + message, std::move(path), std::move(hint), {}};
  if (hint == advice_for(*known)) hint.clear();
  return {*known, std::move(message), std::move(path), std::move(hint), {}};
}

// Takes what it finds: a newer daemon may say more, another server may say it differently.
Error error_of(const Value& value) {
  const List* const parts = value.if_list();
  if (parts == nullptr || text_at(*parts, 0).empty()) {
    return {ErrorCode::internal, "an error of unknown form: " + to_string(value), {}, {}, {}};
  }
  const Map* const details = parts->size() > 2 ? (*parts)[2].if_map() : nullptr;
  if (details == nullptr) return error_named(text_at(*parts, 0), text_at(*parts, 1), {}, {});
  Error error = error_named(text_at(*parts, 0), text_at(*parts, 1), text_of(details->find("path")),
                            text_of(details->find("hint")));
  const Value* const violations = details->find("violations");
  if (violations == nullptr || violations->if_list() == nullptr) return error;
  for (const Value& violation : *violations->if_list()) {
    const List* const texts = violation.if_list();
    if (texts == nullptr) continue;
    error.violations.push_back(error_named(text_at(*texts, 0), text_at(*texts, 1),
                                           text_at(*texts, 2), text_at(*texts, 3)));
  }
  return error;
}

tl::unexpected<Error> malformed(std::string message) {
  return failure(ErrorCode::malformed_message, std::move(message));
}

Result<Incoming> read_reply(pack::Cursor& cursor, const pack::Limits& limits) {
  if (cursor.take_null()) {
    EMSTORE_TRY(const Value error, cursor.value(limits));
    return failure(error_of(error));
  }
  EMSTORE_TRY(const std::uint64_t id, cursor.unsigned_integer());
  if (id > std::numeric_limits<std::uint32_t>::max()) {
    return malformed("the reply's id " + std::to_string(id) + " does not fit 32 bits");
  }
  Reply reply;
  reply.id = static_cast<std::uint32_t>(id);
  if (!cursor.take_null()) {
    EMSTORE_TRY(const Value error, cursor.value(limits));
    reply.error = error_of(error);
  }
  EMSTORE_TRY(reply.result, cursor.value(limits));
  return reply;
}

Result<Incoming> read_push(pack::Cursor& cursor, const pack::Limits& limits) {
  EMSTORE_TRY(const std::string_view method, cursor.text());
  EMSTORE_TRY(Value params, cursor.value(limits));
  List* const list = params.if_list();
  if (list == nullptr || !is_utf8(method)) return malformed("a push whose params are no list");
  return Push{std::string(method), std::move(*list)};
}

Result<Incoming> read_incoming(pack::Cursor& cursor, const pack::Limits& limits) {
  EMSTORE_TRY(const std::size_t parts, cursor.begin_list());
  EMSTORE_TRY(const std::int64_t type, cursor.integer());
  if (type == kReplyType && parts == kReplyParts) return read_reply(cursor, limits);
  if (type == kPushType && parts == kPushParts) return read_push(cursor, limits);
  return malformed("a message of " + std::to_string(parts) + " parts and type " +
                   std::to_string(type) + "; a reply has 4 and type 1, a push 3 and type 2");
}

}  // namespace

ReplyWriter::ReplyWriter(std::string& out, std::uint32_t id)
    : out_(out), start_(out.size()), writer_(with_reply_begun(out, id)) {}

ReplyWriter::~ReplyWriter() {
  if (!finished_) out_.resize(start_);
}

void encode_result(std::uint32_t id, const Value& result, std::string& out) {
  pack::Writer(with_reply_begun(out, id)).value(result);
}

void encode_error(std::optional<std::uint32_t> id, const Error& error, std::string& out) {
  pack::Writer writer(out);
  begin_reply(writer, id);
  write_error(writer, error);
  writer.null();
}

PushWriter::PushWriter(std::string& out, std::string_view method, std::size_t count)
    : writer_(out) {
  writer_.begin_list(kPushParts);
  writer_.integer(kPushType);
  writer_.text(method);
  writer_.begin_list(count);
}

void encode_push(const Push& push, std::string& out) {
  PushWriter writer(out, push.method, push.params.size());
  for (const Value& param : push.params) writer.params().value(param);
}

void encode_refused(std::string_view method, const Error& error, std::string& out) {
  pack::Writer writer(out);
  writer.begin_list(kPushParts);
  writer.integer(kPushType);
  writer.text("refused");
  writer.begin_list(2);
  writer.text(method);
  write_error(writer, error);
}

Result<Incoming> decode_incoming(std::string_view bytes, const Limits& limits) {
  pack::Cursor cursor(bytes);
  EMSTORE_TRY(Incoming incoming,
              read_incoming(cursor, {.depth_max = limits.depth_max, .bytes_max = bytes.size()}));
  if (!cursor.at_end()) return malformed("bytes follow the end of a message");
  return incoming;
}

}  // namespace emstore::protocol
