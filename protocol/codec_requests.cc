// Requests: bytes -> Call, and what `describe` says. What a method looks like is in methods.h; here
// are the visitors that read it and put it into words.
#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/suggest.h"
#include "protocol/codec.h"
#include "protocol/methods.h"

namespace emstore::protocol {
namespace {

constexpr std::int64_t kNotificationType = 2;
constexpr std::size_t kNotificationParts = 3;
constexpr std::size_t kKeyBytesMax = 64;

// ---- In words ----

// Puts the params and options of a method into words.
class Describer {
 public:
  std::string params, options;

  void param(std::string_view name, const auto& /*place*/) { add(params, name); }
  void optional_param(std::string_view name, const auto& /*place*/) {
    add(params, name);
    params += '?';
  }
  void option(std::string_view name, const auto& /*place*/) { add(options, name); }
  void mutation(const MutationOptions& /*place*/, MutationTakes takes) {
    add(options, "key");
    if (takes.expected) add(options, "expected");
    if (takes.detach) add(options, "detach");
    if (takes.dry_run) add(options, "dry_run");
    add(options, "reason, correlation, causation");
  }
  void query(const Map& /*place*/, const ReadOptions& /*options*/, std::string_view names) {
    add(options, names);
    add(options, "as_of, after");
  }

  // "[entity, document, {key, reason}?]"
  std::string signature() const {
    std::string text = params;
    if (!options.empty()) add(text, "{" + options + "}?");
    return "[" + text + "]";
  }

 private:
  static void add(std::string& list, std::string_view name) {
    if (!list.empty()) list += ", ";
    list += name;
  }
};

template <typename OneCall>
Describer described() {
  Describer describer;
  OneCall call;
  Method<OneCall>::visit(describer, call);
  return describer;
}

// ---- Reading ----

std::string_view kind_of(const std::string&) { return "a text"; }
std::string_view kind_of(const std::optional<std::string>&) { return "a text"; }
std::string_view kind_of(const std::uint64_t&) { return "an integer from 0"; }
std::string_view kind_of(const std::optional<std::uint64_t>&) { return "an integer from 0"; }
std::string_view kind_of(const std::int64_t&) { return "an integer"; }
std::string_view kind_of(const bool&) { return "a boolean"; }
std::string_view kind_of(const Map&) { return "a map"; }
std::string_view kind_of(const std::optional<Map>&) { return "a map"; }
std::string_view kind_of(const List&) { return "a list"; }
std::string_view kind_of(const Binary&) { return "a binary"; }
std::string_view kind_of(const Value&) { return "a value"; }

std::string found_kind(const Value& value) {
  const bool is_negative = value.if_integer() != nullptr && *value.if_integer() < 0;
  return is_negative ? "a negative one" : std::string(name_of(value.kind()));
}

// Whether `value` is of the kind of `place`, which then holds it.
template <typename Place>
bool move_into(Place& place, Value& value) {
  if constexpr (std::is_same_v<Place, Value>) {
    place = std::move(value);
    return true;
  } else if constexpr (std::is_same_v<Place, std::uint64_t>) {
    const auto* integer = value.if_integer();
    if (integer == nullptr || *integer < 0) return false;
    place = static_cast<std::uint64_t>(*integer);
    return true;
  } else if constexpr (std::is_same_v<Place, std::int64_t>) {
    if (value.if_integer() == nullptr) return false;
    place = *value.if_integer();
    return true;
  } else if constexpr (std::is_same_v<Place, bool>) {
    if (value.if_boolean() == nullptr) return false;
    place = *value.if_boolean();
    return true;
  } else {
    Place* content = nullptr;
    if constexpr (std::is_same_v<Place, std::string>) content = value.if_text();
    if constexpr (std::is_same_v<Place, Binary>) content = value.if_binary();
    if constexpr (std::is_same_v<Place, List>) content = value.if_list();
    if constexpr (std::is_same_v<Place, Map>) content = value.if_map();
    if (content == nullptr) return false;
    place = std::move(*content);
    return true;
  }
}

template <typename Place>
bool move_into(std::optional<Place>& place, Value& value) {
  return move_into(place.emplace(), value);
}

// The options of findMany, the read that takes them all. None of them is a part of another's name.
constexpr std::array<std::string_view, 9> kQueryOptions{
    "where", "with", "select", "orderBy", "sort", "limit", "offset", "count", "cursor"};

// Reads the params of one method into a call. The first error stays; what follows it is left alone.
class ParamsReader {
 public:
  ParamsReader(std::string_view method, pack::Cursor& cursor, std::size_t count,
               const pack::Limits& limits)
      : method_(method),
        cursor_(cursor),
        limits_(limits),
        count_(count),
        positional_end_(cursor.offset()) {}

  // Of an operation within a transaction, whose options stand beside its params: those that belong
  // to a whole request are none of its own.
  ParamsReader(std::string_view method, pack::Cursor& cursor, std::size_t count, Map options,
               const pack::Limits& limits)
      : ParamsReader(method, cursor, count, limits) {
    is_operation_ = is_open_ = true;
    options_ = std::move(options);
  }

  void param(std::string_view name, auto& place) {
    if (error_) return;
    if (taken_ == count_) return refuse_count(name);
    take(name, place);
  }

  void optional_param(std::string_view name, auto& place) {
    if (!error_ && taken_ < count_) take(name, place);
  }

  // An option that is nil counts as left out: that is how some languages send what they do not set.
  void option(std::string_view name, auto& place) {
    open_options();
    names_.push_back(name);
    Value* const value = options_.find(name);
    if (error_ || value == nullptr) return;
    if (!value->is_null() && !move_into(place, *value)) {
      const std::string found = found_kind(*value);
      return refuse(ErrorCode::wrong_type,
                    "option " + quoted(name) + " of " + std::string(method_) + " must be " +
                        std::string(kind_of(place)) + ", not " + found,
                    std::string(name));
    }
    options_.erase(name);
  }

  void mutation(MutationOptions& place, MutationTakes takes) {
    if (takes.expected) option("expected", place.expected);
    if (takes.detach) option("detach", place.detach);
    if (is_operation_) return;
    if (takes.dry_run) option("dry_run", place.dry_run);
    option("key", place.key);
    option("reason", place.reason);
    option("correlation", place.correlation);
    option("causation", place.causation);
    if (!place.key || (!place.key->empty() && place.key->size() <= kKeyBytesMax)) return;
    refuse(ErrorCode::out_of_range,
           "option \"key\" of " + std::string(method_) + " has " +
               std::to_string(place.key->size()) + " bytes; 1 to " + std::to_string(kKeyBytesMax) +
               " are allowed",
           "key");
  }

  // What only other reads take is refused here, what none takes where the query is resolved.
  void query(Map& place, ReadOptions& options, std::string_view names) {
    option("as_of", options.as_of);
    option("after", options.after);
    for (const std::string_view name : kQueryOptions) {
      const Value* const value = options_.find(name);
      if (value == nullptr || value->is_null() || names.find(name) != names.npos) continue;
      refuse(ErrorCode::unknown_option, std::string(method_) + " has no option " + quoted(name),
             std::string(name));
    }
    place = std::exchange(options_, Map());
  }

  // After the last part: the error, if there was one. Nothing may be left over.
  std::optional<Error> finish() {
    open_options();
    if (!error_ && is_operation_ && taken_ < count_) refuse_count({});
    if (!error_ && !options_.empty()) refuse_option(options_.begin()->name);
    return std::move(error_);
  }

  // Where the positional params end within the message.
  std::size_t positional_end() const { return positional_end_; }

 private:
  template <typename Place>
  void take(std::string_view name, Place& place) {
    Result<Value> value = cursor_.value(limits_);
    if (!value) return refuse_value(std::move(value).error());
    const std::string found = found_kind(*value);
    if (!move_into(place, *value)) {
      return refuse(ErrorCode::invalid_request,
                    std::string(name) + " of " + std::string(method_) + " must be " +
                        std::string(kind_of(place)) + ", not " + found,
                    param_path(taken_));
    }
    ++taken_;
    positional_end_ = cursor_.offset();
  }

  // Reads the map of options, once, when there is one.
  void open_options() {
    if (error_ || std::exchange(is_open_, true) || taken_ == count_) return;
    if (taken_ + 1 < count_ || cursor_.next_shape() != pack::Shape::map) return refuse_count({});
    Result<Value> options = cursor_.value(limits_);
    if (options) {
      options_ = std::move(*options->if_map());
    } else {
      refuse_value(std::move(options).error());
    }
  }

  // The message is one, but a value within it is none that there is.
  void refuse_value(Error error) {
    error_ = std::move(error);
    error_->path = param_path(taken_);
    if (error_->code != ErrorCode::malformed_message) return;
    error_->hint =
        "texts are UTF-8, numbers finite, integers below 2^63, names in maps texts, once";
  }

  void refuse(ErrorCode code, std::string message, std::string path) {
    if (!error_) error_ = Error{code, std::move(message), std::move(path), {}, {}};
  }

  // `missing`: the param that should have come, or nothing when there are too many.
  void refuse_count(std::string_view missing) {
    const std::string counted =
        std::to_string(count_) + (count_ == 1 ? " param is given" : " params are given");
    const std::string what = missing.empty() ? "takes no param " + std::to_string(taken_ + 1)
                                             : "lacks " + quoted(missing);
    refuse(ErrorCode::invalid_request, std::string(method_) + " " + what + "; " + counted,
           param_path(taken_));
  }

  void refuse_option(const std::string& name) {
    refuse(ErrorCode::unknown_option, std::string(method_) + " has no option " + quoted(name),
           name);
    error_->hint = did_you_mean(name, names_);
  }

  std::string param_path(std::size_t index) const {
    const std::string list(is_operation_ ? method_ : "params");
    return list + "[" + std::to_string(index) + "]";
  }

  std::string_view method_;
  pack::Cursor& cursor_;
  const pack::Limits& limits_;
  std::size_t count_;
  std::size_t taken_ = 0;
  std::size_t positional_end_;
  bool is_open_ = false;
  bool is_operation_ = false;
  Map options_;
  std::vector<std::string_view> names_;  // Of the options that the method has.
  std::optional<Error> error_;
};

// ---- The table of methods ----

// A message whose envelope has been read: the cursor stands before the first param.
struct Envelope {
  std::string_view bytes;
  std::uint32_t id = 0;
  std::string_view method;
  std::size_t param_count = 0;
};

template <typename OneCall>
Result<Request> decode_params(const Envelope& envelope, pack::Cursor& cursor,
                              const pack::Limits& limits) {
  const std::size_t begin = cursor.offset();
  ParamsReader reader(envelope.method, cursor, envelope.param_count, limits);
  OneCall call;
  Method<OneCall>::visit(reader, call);
  if (std::optional<Error> error = reader.finish()) {
    const bool is_about_form =
        error->code == ErrorCode::invalid_request || error->code == ErrorCode::unknown_option;
    if (is_about_form && error->hint.empty()) {
      error->hint = std::string(envelope.method) + " takes " + described<OneCall>().signature();
    }
    return failure(*std::move(error));
  }
  Request request{envelope.id, {}, std::nullopt};
  if constexpr (MutationCall<OneCall>) {
    if (call.options.key) {
      const std::string_view body = envelope.bytes.substr(begin, reader.positional_end() - begin);
      request.digest = sha256({envelope.method, std::string_view("\0", 1), body});
    }
  }
  request.call = std::move(call);
  return request;
}

struct MethodRow {
  std::string_view name;
  Result<Request> (*decode)(const Envelope&, pack::Cursor&, const pack::Limits&);
};

template <std::size_t... Index>
constexpr auto method_rows(std::index_sequence<Index...> /*indexes*/) {
  return std::array{MethodRow{Method<std::variant_alternative_t<Index, Call>>::kName,
                              &decode_params<std::variant_alternative_t<Index, Call>>}...};
}

constexpr auto kMethods = method_rows(std::make_index_sequence<std::variant_size_v<Call>>());

tl::unexpected<Error> unknown_method(std::string_view name) {
  std::array<std::string_view, kMethods.size()> names;
  for (std::size_t index = 0; index < names.size(); ++index) names[index] = kMethods[index].name;
  return failure(ErrorCode::unknown_method, "no method " + quoted(name), "method",
                 did_you_mean(name, names));
}

// ---- Operations of a transaction ----

template <typename OneCall>
Result<Operation> read_operation(const List& params, Map options) {
  const std::string bytes = pack::to_bytes(Value(params));
  pack::Cursor cursor(bytes);
  EMSTORE_TRY(const std::size_t count, cursor.begin_list());
  const pack::Limits limits{
      .depth_max = Limits{}.depth_max, .bytes_max = bytes.size(), .values_max = bytes.size()};
  constexpr std::string_view kName = Method<OneCall>::kName;
  ParamsReader reader(kName, cursor, count, std::move(options), limits);
  OneCall call;
  Method<OneCall>::visit(reader, call);
  if (std::optional<Error> error = reader.finish()) {
    if (error->code == ErrorCode::invalid_request && error->hint.empty()) {
      error->hint = "write {" + quoted(kName) + ": [" + described<OneCall>().params + "]}";
    }
    return failure(*std::move(error));
  }
  return Operation{std::move(call), {}};
}

struct OperationRow {
  std::string_view name;
  Result<Operation> (*read)(const List& params, Map options);
  bool inserts = false;
};
template <typename OneCall>
constexpr OperationRow operation_row(bool inserts = false) {
  return {Method<OneCall>::kName, &read_operation<OneCall>, inserts};
}
constexpr std::array kOperations{operation_row<InsertOne>(true),   operation_row<UpdateOne>(),
                                 operation_row<DeleteOne>(),       operation_row<InsertMany>(true),
                                 operation_row<UpdateWhere>(),     operation_row<DeleteWhere>(),
                                 operation_row<MediaUpload>(true), operation_row<Check>()};

// Takes `as` out of the options of an insert; nil counts as left out. Errors: wrong_type.
Result<std::string> take_name(const OperationRow& row, Map& options) {
  Value* const value = row.inserts ? options.find("as") : nullptr;
  if (value == nullptr) return std::string();
  std::string* const text = value->if_text();
  if (text == nullptr && !value->is_null()) {
    return failure(ErrorCode::wrong_type,
                   "as must be a text, not " + std::string(name_of(value->kind())), "as");
  }
  std::string name = text == nullptr ? std::string() : std::move(*text);
  options.erase("as");
  return name;
}

// The method of a notification; nothing when `bytes` are none.
std::optional<std::string> notified_by(std::string_view bytes) {
  pack::Cursor cursor(bytes);
  if (cursor.begin_list() != kNotificationParts || cursor.integer() != kNotificationType) {
    return std::nullopt;
  }
  const Result<std::string_view> method = cursor.text();
  if (!method || !is_utf8(*method) || !cursor.begin_list()) return std::nullopt;
  return std::string(*method);
}

Error no_notification(std::string_view method) {
  return {ErrorCode::malformed_message,
          quoted(method) + " came as a notification and was not carried out",
          "",
          "send it as a request: [0, id, method, params]",
          {}};
}

// Everything before the method. Without it nobody could be answered.
Result<Envelope> read_envelope(pack::Cursor& cursor, std::string_view bytes) {
  EMSTORE_TRY(const std::size_t parts, cursor.begin_list());
  EMSTORE_TRY(const std::int64_t type, cursor.integer());
  if (parts != kRequestParts || type != kRequestType) {
    return failure(ErrorCode::malformed_message, "a message of " + std::to_string(parts) +
                                                     " parts and type " + std::to_string(type) +
                                                     "; a request has 4 and type 0");
  }
  EMSTORE_TRY(const std::uint64_t id, cursor.unsigned_integer());
  if (id > std::numeric_limits<std::uint32_t>::max()) {
    return failure(ErrorCode::malformed_message,
                   "the request's id " + std::to_string(id) + " does not fit 32 bits");
  }
  return Envelope{bytes, static_cast<std::uint32_t>(id), {}, 0};
}

Result<Request> read_call(Envelope envelope, pack::Cursor& cursor, const Limits& limits) {
  EMSTORE_TRY(envelope.method, cursor.text());
  EMSTORE_TRY(envelope.param_count, cursor.begin_list());
  constexpr std::size_t kDepthOfEnvelope = 2;  // The message, and the list of params.
  const pack::Limits value_limits{
      .depth_max = limits.depth_max - std::min(limits.depth_max, kDepthOfEnvelope),
      .bytes_max = limits.request_bytes_max,
      // A value of one byte takes 40 in memory: so many small ones are no honest request.
      .values_max = limits.request_bytes_max / 8};
  for (const MethodRow& row : kMethods) {
    if (row.name == envelope.method) return row.decode(envelope, cursor, value_limits);
  }
  return unknown_method(envelope.method);
}

template <typename OneCall>
MethodInfo method_info() {
  // What the views of MethodInfo look into.
  static const Describer kWords = described<OneCall>();
  return {Method<OneCall>::kName,    kWords.params,        kWords.options, Method<OneCall>::kResult,
          Method<OneCall>::kSummary, MutationCall<OneCall>};
}

template <std::size_t... Index>
auto method_infos(std::index_sequence<Index...> /*indexes*/) {
  return std::array{method_info<std::variant_alternative_t<Index, Call>>()...};
}

}  // namespace

tl::expected<Request, BadRequest> decode_request(std::string_view bytes, const Limits& limits) {
  pack::Cursor cursor(bytes);
  Result<Envelope> envelope = read_envelope(cursor, bytes);
  if (!envelope) {
    if (auto method = notified_by(bytes)) {
      Error error = no_notification(*method);
      return tl::unexpected(BadRequest{std::nullopt, std::move(method), std::move(error)});
    }
    return tl::unexpected(BadRequest{std::nullopt, std::nullopt, std::move(envelope).error()});
  }
  Result<Request> request = read_call(*envelope, cursor, limits);
  if (!request) {
    return tl::unexpected(BadRequest{envelope->id, std::nullopt, std::move(request).error()});
  }
  if (!cursor.at_end()) {
    return tl::unexpected(BadRequest{
        std::nullopt, std::nullopt,
        Error{ErrorCode::malformed_message, "bytes follow the request's params", {}, {}, {}}});
  }
  return *std::move(request);
}

Result<Operation> decode_operation(const Value& operation) {
  const Map* const map = operation.if_map();
  for (const OperationRow& row : kOperations) {
    const Value* const params = map == nullptr ? nullptr : map->find(row.name);
    if (params == nullptr) continue;
    if (params->if_list() == nullptr) {
      return failure(ErrorCode::invalid_request, "the params of an operation are a list",
                     std::string(row.name));
    }
    Map options = *map;
    options.erase(row.name);
    EMSTORE_TRY(std::string as, take_name(row, options));
    EMSTORE_TRY(Operation read, row.read(*params->if_list(), std::move(options)));
    read.as = std::move(as);
    return read;
  }
  std::array<std::string_view, kOperations.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kOperations[i].name;
  const bool has_name = map != nullptr && !map->empty();
  std::string hint = has_name ? did_you_mean(map->begin()->name, names) : "";
  if (hint.empty()) hint = "write {\"updateOne\": [entity, id, document]}, for instance";
  return failure(ErrorCode::invalid_request, "this names no operation", {}, std::move(hint));
}

std::span<const MethodInfo> methods() {
  static const auto kInfos = method_infos(std::make_index_sequence<std::variant_size_v<Call>>());
  return kInfos;
}

}  // namespace emstore::protocol
