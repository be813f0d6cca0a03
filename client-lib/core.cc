#include "client-lib/core.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <emstore/client.hpp>

#include "base/check.h"
#include "base/hash.h"
#include "protocol/codec.h"

namespace emstore {
namespace {

template <typename Call>
concept WithMutationOptions = requires(const Call& call) {
  { call.options } -> std::same_as<const protocol::MutationOptions&>;
};

std::string key_of(const protocol::Call& call) {
  return std::visit(
      []<typename T>(const T& typed) -> std::string {
        if constexpr (WithMutationOptions<T>) {
          return typed.options.key.value_or("");
        } else {
          return {};
        }
      },
      call);
}

// Of methods called by name: those that may be sent twice without harm.
bool is_harmless(std::string_view method) {
  for (const protocol::MethodInfo& known : protocol::methods()) {
    if (known.name == method) return !known.mutation;
  }
  return false;
}

}  // namespace

Result<std::unique_ptr<Core>> Core::connect(const Options& options) {
  auto core =
      std::make_unique<Core>(options.socket.empty() ? default_socket() : options.socket, options);
  EMSTORE_CHECKED(core->caller_.connect());
  return core;
}

Core::Core(std::filesystem::path socket, const Options& options)
    : request_keys_(options.request_keys),
      caller_(socket, options),
      bulk_(socket, options, &caller_) {}

void Core::on_progress(ByteProgress progress) {
  const std::lock_guard turn(progress_turn_);
  progress_ = std::move(progress);
}

ByteProgress Core::progress() const {
  const std::lock_guard turn(progress_turn_);
  return progress_;
}

bool Core::can(std::string_view what) const {
  const Map hello = caller_.hello();
  const Value* capabilities = hello.find("capabilities");
  const List* list = capabilities == nullptr ? nullptr : capabilities->if_list();
  return list != nullptr && std::find(list->begin(), list->end(), Value(what)) != list->end();
}

protocol::MutationOptions Core::options_of(const MutationOptions& options) const {
  protocol::MutationOptions result;
  if (!options.key.empty()) {
    result.key = options.key;
  } else if (request_keys_) {
    result.key = new_request_key();
  }
  result.expected = options.expected;
  result.reason = options.reason;
  result.correlation = options.correlation;
  result.causation = options.causation;
  return result;
}

Outgoing Core::outgoing(Caller& through, const protocol::Call& call, std::string room) const {
  Outgoing request;
  request.bytes = std::move(room);
  request.bytes.clear();
  request.id = through.next_id();
  request.is_mutation = protocol::is_mutation(call);
  request.key = key_of(call);
  request.repeatable = !request.is_mutation || !request.key.empty();
  protocol::encode_request(request.id, call, request.bytes);
  return request;
}

Outgoing Core::outgoing(std::string_view method, const List& params) {
  Outgoing request;
  request.id = caller_.next_id();
  request.repeatable = is_harmless(method);
  request.is_mutation = !request.repeatable;
  protocol::encode_request(request.id, method, params, request.bytes);
  return request;
}

Result<Value> Core::call(const protocol::Call& call) {
  return caller_.run(outgoing(caller_, call));
}

Result<Map> Core::call_for_map(const protocol::Call& wanted) {
  EMSTORE_TRY(Value answer, call(wanted));
  return expect_map(std::move(answer), protocol::method_of(wanted));
}

std::string new_request_key() {
  std::array<char, 16> bits{};
  // Never short and never interrupted for so few bytes; fails only where the kernel has no such
  // call.
  EMSTORE_CHECK(::getrandom(bits.data(), bits.size(), 0) == static_cast<ssize_t>(bits.size()));
  return to_hex({bits.data(), bits.size()});
}

Result<Map> expect_map(Value value, std::string_view what) {
  if (Map* map = value.if_map()) return std::move(*map);
  return failure(ErrorCode::internal,
                 "the answer to " + std::string(what) + " is no map but " + to_string(value));
}

std::uint64_t unsigned_of(const Map& map, std::string_view name) {
  const Value* value = map.find(name);
  if (!value || !value->if_integer() || *value->if_integer() < 0) return 0;
  return static_cast<std::uint64_t>(*value->if_integer());
}

}  // namespace emstore
