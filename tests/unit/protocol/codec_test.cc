#include "protocol/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "base/hash.h"

namespace emstore::protocol {
namespace {

using testing::HasSubstr;

std::string request_bytes(std::string_view method, const List& params) {
  std::string bytes;
  encode_request(7, method, params, bytes);
  return bytes;
}

Request decoded(std::string_view method, const List& params) {
  auto request = decode_request(request_bytes(method, params), Limits{});
  if (!request) throw std::runtime_error(to_string(request.error().error));
  return *std::move(request);
}

Error refused(std::string_view method, const List& params) {
  auto request = decode_request(request_bytes(method, params), Limits{});
  if (request) throw std::runtime_error("the request was taken");
  EXPECT_EQ(request.error().id, 7U);
  return std::move(request.error().error);
}

TEST(DecodeRequest, ReadsParamsAndOptions) {
  const Request request =
      decoded("updateOne", {"products", 1, Map{{"gallery", Map{{"$attach", List{17, 18}}}}},
                            Map{{"expected", 41}, {"key", "k1"}, {"reason", "spring"}}});
  EXPECT_EQ(request.id, 7U);
  const auto& update = std::get<UpdateOne>(request.call);
  EXPECT_EQ(update.entity, "products");
  EXPECT_EQ(update.id, Value(1));
  EXPECT_EQ(to_string(Value(update.document)), R"({"gallery":{"$attach":[17,18]}})");
  EXPECT_EQ(update.options.expected, 41U);
  EXPECT_EQ(update.options.key, "k1");
  EXPECT_EQ(update.options.reason, "spring");
  EXPECT_TRUE(is_mutation(request.call));
}

TEST(DecodeRequest, LeavesTheQueryToTheStoreButForAfter) {
  const Request request = decoded(
      "findMany", {"products", Map{{"where", Map{{"id", 1}}}, {"after", 42}, {"whatever", true}}});
  const auto& find = std::get<FindMany>(request.call);
  EXPECT_EQ(find.options.after, 42U);
  EXPECT_EQ(to_string(Value(find.query)), R"({"where":{"id":1},"whatever":true})");
  EXPECT_FALSE(is_mutation(request.call));
}

TEST(DecodeRequest, LetsTrailingPartsBeLeftOut) {
  EXPECT_EQ(std::get<Describe>(decoded("describe", {}).call).method, std::nullopt);
  EXPECT_EQ(std::get<Describe>(decoded("describe", {"ping"}).call).method, "ping");
  EXPECT_EQ(std::get<FindOne>(decoded("findOne", {"products"}).call).query, Map{});
  EXPECT_EQ(std::get<MediaUpload>(decoded("media.upload", {Binary{"x"}}).call).document, Map{});
  EXPECT_EQ(std::get<LogRead>(decoded("log.read", {}).call).from, 1U);
  EXPECT_NO_THROW(decoded("ping", {Map{}}));
}

TEST(DecodeRequest, CountsAnOptionThatIsNilAsLeftOut) {
  const Request request =
      decoded("deleteOne", {"media", 5, Map{{"key", nullptr}, {"detach", true}}});
  EXPECT_EQ(std::get<DeleteOne>(request.call).options.key, std::nullopt);
  EXPECT_TRUE(std::get<DeleteOne>(request.call).options.detach);
}

TEST(DecodeRequest, SuggestsTheMethodThatWasMeant) {
  const Error error = refused("findone", {"products"});
  EXPECT_EQ(error.code, ErrorCode::unknown_method);
  EXPECT_EQ(error.message, "no method \"findone\"");
  EXPECT_EQ(error.hint, "did you mean \"findOne\"?");
}

TEST(DecodeRequest, SaysTheSignatureWhenParamsAreMissing) {
  const Error error = refused("updateOne", {"products", 1});
  EXPECT_EQ(error.code, ErrorCode::invalid_request);
  EXPECT_EQ(error.message, "updateOne lacks \"document\"; 2 params are given");
  EXPECT_EQ(error.path, "params[2]");
  EXPECT_EQ(error.hint,
            "updateOne takes [entity, id, document, {key, expected, reason, correlation, "
            "causation}?]");
}

TEST(DecodeRequest, SaysTheSignatureWhenThereAreTooMany) {
  const Error error = refused("insertOne", {"products", Map{}, Map{}, Map{}});
  EXPECT_EQ(error.code, ErrorCode::invalid_request);
  EXPECT_EQ(error.message, "insertOne takes no param 3; 4 params are given");
  EXPECT_EQ(error.path, "params[2]");
  EXPECT_EQ(refused("ping", {1}).message, "ping takes no param 1; 1 param is given");
  EXPECT_EQ(refused("findOne", {"products", 1}).code, ErrorCode::invalid_request);
}

TEST(DecodeRequest, SaysWhatKindAParamMustBe) {
  const Error error = refused("updateOne", {"products", 1, "not a map"});
  EXPECT_EQ(error.code, ErrorCode::invalid_request);
  EXPECT_EQ(error.message, "document of updateOne must be a map, not text");
  EXPECT_EQ(error.path, "params[2]");
  EXPECT_EQ(refused("blob.write", {"t", -1, Binary{}}).path, "params[1]");
}

TEST(DecodeRequest, RefusesOptionsThatTheMethodHasNot) {
  const Error error = refused("insertOne", {"products", Map{}, Map{{"raeson", "x"}}});
  EXPECT_EQ(error.code, ErrorCode::unknown_option);
  EXPECT_EQ(error.message, "insertOne has no option \"raeson\"");
  EXPECT_EQ(error.path, "raeson");
  EXPECT_EQ(error.hint, "did you mean \"reason\"?");
  EXPECT_EQ(refused("insertOne", {"products", Map{}, Map{{"expected", 1}}}).code,
            ErrorCode::unknown_option);
  EXPECT_EQ(refused("updateOne", {"products", 1, Map{}, Map{{"detach", true}}}).code,
            ErrorCode::unknown_option);
  EXPECT_EQ(refused("ping", {Map{{"x", 1}}}).code, ErrorCode::unknown_option);
  EXPECT_THAT(refused("log.read", {Map{{"xyzzy", 1}}}).hint, HasSubstr("[{from, limit, to, since"));
}

TEST(DecodeRequest, RefusesOptionsOfTheWrongKind) {
  const Error error = refused("updateOne", {"products", 1, Map{}, Map{{"expected", "41"}}});
  EXPECT_EQ(error.code, ErrorCode::wrong_type);
  EXPECT_EQ(error.message, "option \"expected\" of updateOne must be an integer from 0, not text");
  EXPECT_EQ(error.path, "expected");
  EXPECT_EQ(refused("findId", {"products", 1, Map{{"after", -1}}}).code, ErrorCode::wrong_type);
  EXPECT_EQ(refused("schema.apply", {Map{}, Map{{"dry_run", 1}}}).code, ErrorCode::wrong_type);
}

TEST(DecodeRequest, TakesKeysOfOneToSixtyFourBytes) {
  const auto with_key = [](std::size_t size) {
    return List{"products", Map{}, Map{{"key", std::string(size, 'k')}}};
  };
  EXPECT_NO_THROW(decoded("insertOne", with_key(1)));
  EXPECT_NO_THROW(decoded("insertOne", with_key(64)));
  EXPECT_EQ(refused("insertOne", with_key(0)).code, ErrorCode::out_of_range);
  EXPECT_EQ(refused("insertOne", with_key(65)).code, ErrorCode::out_of_range);
}

TEST(DecodeRequest, DigestsMethodAndPositionalParamsOfAMutationWithAKey) {
  const Map document{{"name", "Laptop"}};
  const auto digest = [&](std::string_view method, const List& params) {
    return decoded(method, params).digest;
  };
  const auto first = digest("insertOne", {"products", document, Map{{"key", "a"}}});
  ASSERT_TRUE(first.has_value());
  std::string body;
  body += pack::to_bytes("products") + pack::to_bytes(document);
  EXPECT_EQ(*first, sha256("insertOne" + std::string(1, '\0') + body));
  // Options are no part of what is repeated; the body and the method are.
  EXPECT_EQ(digest("insertOne", {"products", document, Map{{"key", "b"}, {"reason", "r"}}}), first);
  EXPECT_NE(digest("insertOne", {"products", Map{{"name", "laptop"}}, Map{{"key", "a"}}}), first);
  EXPECT_NE(digest("media.upload", {"products", document, Map{{"key", "a"}}}), first);
  EXPECT_EQ(digest("insertOne", {"products", document}), std::nullopt);
}

TEST(DecodeRequest, AnswersBadContentUnderTheIdOfTheRequest) {
  const Error number =
      refused("insertOne", {"products", Map{{"price", std::numeric_limits<double>::infinity()}}});
  EXPECT_EQ(number.code, ErrorCode::malformed_message);
  EXPECT_EQ(number.path, "params[1]");
  EXPECT_THAT(number.message, HasSubstr("is not finite"));
  EXPECT_THAT(number.hint, HasSubstr("numbers finite"));  // The message itself is one.
  EXPECT_THAT(refused("blob.begin", {Map{{"size", -5}}}).message,
              HasSubstr("must be an integer from 0, not a negative one"));
  Value deep;
  for (int level = 0; level < 63; ++level) deep = List{deep};
  EXPECT_EQ(refused("insertOne", {"products", Map{{"json", deep}}}).code,
            ErrorCode::depth_exceeded);
  EXPECT_EQ(refused("insertOne", {"products", Map{{"json", List(2'000'000, nullptr)}}}).code,
            ErrorCode::message_too_large);
}

TEST(DecodeRequest, CannotAnswerWhatHasNoEnvelope) {
  const auto error_of_bytes = [](std::string_view hex) {
    const auto request = decode_request(from_hex(hex).value(), Limits{});
    EXPECT_FALSE(request.has_value()) << hex;
    EXPECT_FALSE(request.has_value() || request.error().id.has_value()) << hex;
    return request ? ErrorCode::internal : request.error().error.code;
  };
  for (const std::string_view hex :
       {"", "c0", "90", "9400", "93020790", "9302a17090", "940107c0c0", "94ff07a17090",
        "9400ffa17090", "9400cf0000000100000000a17090", "47"}) {
    EXPECT_EQ(error_of_bytes(hex), ErrorCode::malformed_message) << hex;
  }
  const auto trailing = decode_request(request_bytes("ping", {}) + "x", Limits{});
  ASSERT_FALSE(trailing.has_value());
  EXPECT_EQ(trailing.error().id, std::nullopt);
}

TEST(DecodeRequest, TellsANotificationFromWhatCannotBeRead) {
  const auto notified_by = [](std::string_view hex) {
    const auto request = decode_request(from_hex(hex).value(), Limits{});
    EXPECT_FALSE(request.has_value() || request.error().id.has_value()) << hex;
    return request ? std::nullopt : request.error().notified;
  };
  EXPECT_EQ(notified_by("9302a470696e6790"), "ping");             // [2, "ping", []]
  EXPECT_EQ(notified_by("9302a7756e6b6e6f776e9101"), "unknown");  // Whatever the method is.
  for (const std::string_view none : {"9302a470696e67c0",         // Params are a list,
                                      "9302a470696e6780",         // no map,
                                      "9202a470696e67",           // and not left out;
                                      "9402a470696e679090",       // nothing follows;
                                      "9301a470696e6790",         // the type is 2;
                                      "9302c47001ff90",           // a method is a text,
                                      "9302a1ff90"}) {            // of UTF-8.
    EXPECT_EQ(notified_by(none), std::nullopt) << none;
  }
}

TEST(EncodeRequest, WritesOptionsThatTheMethodDoesNotTakeSoThatTheyAreRefused) {
  InsertOne insert{"products", Map{}, {}};
  insert.options.detach = true;
  std::string bytes;
  encode_request(1, insert, bytes);
  const auto request = decode_request(bytes, Limits{});
  ASSERT_FALSE(request.has_value());
  EXPECT_EQ(request.error().error.code, ErrorCode::unknown_option);
}

Incoming incoming(const std::string& bytes) {
  auto message = decode_incoming(bytes, Limits{});
  if (!message) throw std::runtime_error(to_string(message.error()));
  return *std::move(message);
}

TEST(Replies, ComeBackAsTheyWereSent) {
  std::string bytes;
  encode_result(9, Map{{"sequence", 42}}, bytes);
  const auto reply = std::get<Reply>(incoming(bytes));
  EXPECT_EQ(reply.id, 9U);
  EXPECT_EQ(reply.error, std::nullopt);
  EXPECT_EQ(reply.result, Value(Map{{"sequence", 42}}));
}

TEST(Replies, CarryEveryViolation) {
  Error error{ErrorCode::unknown_field,
              "no field \"galery\" on products",
              "galery",
              "did you mean \"gallery\"?",
              {}};
  error.violations = {error, {ErrorCode::required, "name is required", "name", {}, {}}};
  error.violations[0].violations.clear();
  std::string bytes;
  encode_error(9, error, bytes);
  const auto reply = std::get<Reply>(incoming(bytes));
  ASSERT_TRUE(reply.error.has_value());
  EXPECT_EQ(*reply.error, error);
}

TEST(Replies, SayTheGeneralNextStepWhenThereIsNoParticularOne) {
  std::string bytes;
  encode_error(9, Error{ErrorCode::busy, "256 requests wait", {}, {}, {}}, bytes);
  EXPECT_EQ(to_string(pack::read(bytes).value()),
            R"([1,9,["busy","256 requests wait",{"path":"","hint":"retry after a moment",)"
            R"("retryable":true,"violations":[]}],null])");
  EXPECT_EQ(std::get<Reply>(incoming(bytes)).error->hint, "");
}

TEST(Replies, KeepTheNameOfAnErrorThatIsNotKnownYet) {
  const std::string bytes = pack::to_bytes(
      List{1, 9, List{"moon_phase", "wait for the full moon", Map{{"path", "a"}}}, nullptr});
  const auto reply = std::get<Reply>(incoming(bytes));
  EXPECT_EQ(reply.error->code, ErrorCode::internal);
  EXPECT_EQ(reply.error->message, "moon_phase: wait for the full moon");
  EXPECT_EQ(reply.error->path, "a");
}

TEST(Replies, TakeAnErrorOfAnyForm) {
  for (const Value& error : {Value("text"), Value(List{}), Value(List{1, 2}), Value(Map{}),
                             Value(List{"busy", "m", "no details"}),
                             Value(List{"busy", "m", Map{{"violations", List{1, List{}}}}})}) {
    const auto reply = std::get<Reply>(incoming(pack::to_bytes(List{1, 9, error, nullptr})));
    EXPECT_TRUE(reply.error.has_value()) << to_string(error);
  }
}

TEST(Replies, WithoutAnIdAreTheEndOfTheConnection) {
  std::string bytes;
  encode_error(std::nullopt, Error{ErrorCode::depth_exceeded, "too deep", {}, {}, {}}, bytes);
  const auto message = decode_incoming(bytes, Limits{});
  ASSERT_FALSE(message.has_value());
  EXPECT_EQ(message.error().code, ErrorCode::depth_exceeded);
  EXPECT_EQ(message.error().message, "too deep");
}

TEST(Pushes, ComeBackAsTheyWereSent) {
  std::string bytes;
  encode_push(Push{"event", List{1, Map{{"a", "b"}}}}, bytes);
  const auto push = std::get<Push>(incoming(bytes));
  EXPECT_EQ(push.method, "event");
  EXPECT_EQ(push.params, (List{1, Map{{"a", "b"}}}));
}

TEST(Incoming, RefusesWhatIsNeitherReplyNorPush) {
  for (const Value& value :
       {Value(), Value(List{}), Value(List{0, 1, "m", List{}}), Value(List{1, 9, nullptr}),
        Value(List{2, "m", 5}), Value(List{1, -1, nullptr, nullptr})}) {
    EXPECT_FALSE(decode_incoming(pack::to_bytes(value), Limits{}).has_value()) << to_string(value);
  }
}

TEST(ReplyWriter, TakesBackWhatItWroteUnlessItIsFinished) {
  std::string out = "before";
  {
    ReplyWriter reply(out, 3);
    reply.result().begin_list(2);
    reply.result().integer(1);
    EXPECT_EQ(reply.result().bytes_written(), 2U);
  }
  EXPECT_EQ(out, "before");
  out.clear();
  {
    ReplyWriter reply(out, 3);
    reply.result().text("done");
    reply.finish();
  }
  EXPECT_EQ(std::get<Reply>(incoming(out)).result, Value("done"));
}

TEST(Methods, AreListedInTheOrderOfCall) {
  ASSERT_EQ(methods().size(), std::variant_size_v<Call>);
  EXPECT_EQ(methods()[0].name, method_of(Hello{}));
  EXPECT_EQ(methods()[Call(Count{}).index()].name, "count");
  for (const MethodInfo& method : methods()) {
    EXPECT_FALSE(method.result.empty() || method.summary.empty()) << method.name;
  }
  const MethodInfo& update = methods()[Call(UpdateOne{}).index()];
  EXPECT_EQ(update.params, "entity, id, document");
  EXPECT_EQ(update.options, "key, expected, reason, correlation, causation");
  EXPECT_TRUE(update.mutation);
  EXPECT_EQ(methods()[Call(Describe{}).index()].params, "method?");
}

}  // namespace
}  // namespace emstore::protocol
