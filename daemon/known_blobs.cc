#include "daemon/known_blobs.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/picture.h"
#include "blobs/picture.h"
#include "daemon/answers.h"
#include "store/contents.h"

namespace emstore::daemon {
namespace {

// What a client asks about: an address, or a content that it has.
struct Wanted {
  std::optional<Address> address;
  Digest128 xxh3{};
  std::uint64_t size = 0;
  std::optional<Sha256> sha256;  // Nothing: whether it is worth while to compute it.
};

// What becomes of a content.
struct Found {
  Value answer;  // Null: the store does not have it.
  std::optional<store::LeaseCommand> lease;
  blobs::FileStore::Pin pin;  // Until the lease can be seen.
};

tl::unexpected<Error> no_content(std::size_t index) {
  return failure(ErrorCode::invalid_request, "that is no content",
                 "contents[" + std::to_string(index) + "]",
                 "write an address, or {xxh3, size, sha256} with both digests in hexadecimal");
}

template <typename Digest>
std::optional<Digest> digest_of_hex(const Value* value) {
  const std::string* text = value == nullptr ? nullptr : value->if_text();
  const auto bytes = text == nullptr ? std::nullopt : from_hex(*text);
  Digest digest{};
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), digest.begin());
  return digest;
}

Result<Wanted> wanted_of(const Value& item, std::size_t index) {
  Wanted wanted;
  if (const std::string* text = item.if_text()) {
    wanted.address = address_of(*text);
    if (!wanted.address) return no_content(index);
    wanted.xxh3 = wanted.address->digest;
    return wanted;
  }
  const Map* map = item.if_map();
  if (map == nullptr) return no_content(index);
  for (const Map::Member& member : *map) {
    const bool is_known = member.name == "xxh3" || member.name == "size" || member.name == "sha256";
    if (!is_known) return no_content(index);
  }
  const auto xxh3 = digest_of_hex<Digest128>(map->find("xxh3"));
  const Value* size = map->find("size");
  const std::int64_t* count = size == nullptr ? nullptr : size->if_integer();
  if (!xxh3 || count == nullptr || *count < 0) return no_content(index);
  wanted.xxh3 = *xxh3;
  wanted.size = static_cast<std::uint64_t>(*count);
  if (map->find("sha256") == nullptr) return wanted;
  wanted.sha256 = digest_of_hex<Sha256>(map->find("sha256"));
  if (!wanted.sha256) return no_content(index);
  return wanted;
}

// The recorded content that is wanted, or may be.
Result<std::optional<store::Recorded>> find_recorded(const store::View& view,
                                                     const Wanted& wanted) {
  if (wanted.address) {
    EMSTORE_TRY(auto recorded, store::recorded_at(*view.reader, *wanted.address, view.time));
    if (recorded && !recorded->is_here) recorded.reset();
    return recorded;
  }
  EMSTORE_TRY(const auto all, store::recorded_under(*view.reader, wanted.xxh3, view.time));
  for (const store::Recorded& recorded : all) {
    const bool is_same = recorded.is_here && recorded.size == wanted.size &&
                         (!wanted.sha256 || recorded.sha256 == *wanted.sha256);
    if (is_same) return recorded;
  }
  return std::nullopt;
}

// What bytes are by themselves, as an upload finds out.
struct Looked {
  std::string mime_type;
  std::optional<PictureSize> picture;
};

// Nothing when not all of them are where they should be.
Result<std::optional<Looked>> look_at(const Parts& parts, const store::View& view,
                                      const store::Recorded& recorded,
                                      const blobs::Sniffer& sniffer) {
  const Address& address = recorded.address;
  if (!address.is_file()) {
    EMSTORE_TRY(const auto bytes, view.reader->get(store::Family::bytes, to_bytes(address)));
    if (!bytes) return std::nullopt;
    std::string type = sniffer.mime_type(*bytes);
    const auto picture = blobs::measure_picture(type, *bytes);
    return Looked{std::move(type), picture};
  }
  const Result<blobs::File> file = parts.files.open_blob(address);
  if (!file && class_of(file.error().code) == ErrorClass::unavailable) {
    return failure(file.error());
  }
  if (!file) return std::nullopt;
  EMSTORE_TRY(const std::uint64_t size, parts.files.size(*file, address));
  if (size != recorded.size) return std::nullopt;
  EMSTORE_TRY(const std::string first, parts.files.read(*file, address, 0, blobs::kSniffBytesMax));
  std::string type = sniffer.mime_type(first);
  EMSTORE_TRY(const auto picture,
              blobs::measure_picture(type, [&](std::uint64_t offset, std::size_t length) {
                return parts.files.read(*file, address, offset, length);
              }));
  return Looked{std::move(type), picture};
}

store::LeaseCommand lease_on(const store::Recorded& recorded, const Looked& looked) {
  store::LeaseCommand lease;
  lease.digest = {recorded.address.digest, recorded.sha256, recorded.size};
  lease.mime_type = looked.mime_type;
  lease.picture = looked.picture;
  lease.content = recorded.address;
  lease.existed = true;
  return lease;
}

struct Answers {
  std::vector<Found> found;
  std::vector<std::size_t> places;  // For each that was wanted: where in `found`.
};

// Looks at each content once, however often and in whatever words it is asked about: the header of
// a picture may lead to a thousand places of its file.
Result<Answers> look_for(const Parts& parts, const blobs::Sniffer& sniffer,
                         const std::vector<Wanted>& all) {
  Answers answers;
  std::map<Address, std::size_t> looked_at;
  for (const Wanted& wanted : all) {
    Found one;
    one.pin = parts.files.pin(wanted.xxh3);
    const auto view = parts.store.view();
    EMSTORE_TRY(const auto recorded, find_recorded(*view, wanted));
    const std::size_t next = answers.found.size();
    if (recorded && !wanted.address && !wanted.sha256) {
      one.answer = Map{{"maybe", true}};
    } else if (recorded) {
      const auto [known, is_new] = looked_at.try_emplace(recorded->address, next);
      if (!is_new) {
        answers.places.push_back(known->second);
        continue;
      }
      EMSTORE_TRY(const auto looked, look_at(parts, *view, *recorded, sniffer));
      if (looked) one.lease = lease_on(*recorded, *looked);
    }
    answers.places.push_back(next);
    answers.found.push_back(std::move(one));
  }
  return answers;
}

}  // namespace

struct KnownBlobs::Question {
  Caller caller;
  Peer peer;
  Answers answers;
  std::size_t waiting = 0;       // For so many leases.
  std::optional<Error> refusal;  // Instead of an answer.
};

void KnownBlobs::begin(Session& session, std::uint32_t request, const protocol::BlobHave& call) {
  const std::size_t most = parts_.config.have_contents_max;
  if (call.contents.size() > most) {
    return session.refuse(
        request, Error{ErrorCode::out_of_range,
                       "blob.have looks for " + std::to_string(most) + " contents at a time, not " +
                           std::to_string(call.contents.size()),
                       "contents", "ask in several requests"});
  }
  if (Status room = parts_.space.check(); !room) return session.refuse(request, room.error());
  std::vector<Wanted> all;
  for (std::size_t i = 0; i < call.contents.size(); ++i) {
    Result<Wanted> wanted = wanted_of(call.contents[i], i);
    if (!wanted) return session.refuse(request, wanted.error());
    all.push_back(*std::move(wanted));
  }
  auto question = std::make_shared<Question>();
  question->caller = {session.id(), request};
  question->peer = session.peer();
  const std::size_t bytes = all.size() * sizeof(Wanted);
  const bool is_taken = parts_.media.submit(
      session.id(), bytes, [this, question, wanted = std::move(all)](std::size_t thread) {
        Result<Answers> answers = look_for(parts_, parts_.sniffers.at(thread), wanted);
        if (answers) {
          question->answers = *std::move(answers);
        } else {
          question->refusal = answers.error();
        }
        parts_.reactor.deliver([this, question] { take_leases(question); });
      });
  if (!is_taken) session.refuse(request, too_much_waits("uploads"));
}

void KnownBlobs::take_leases(const std::shared_ptr<Question>& question) {
  question->waiting = 1;  // This function.
  for (std::size_t i = 0; i < question->answers.found.size() && !question->refusal; ++i) {
    Found& found = question->answers.found[i];
    if (!found.lease) continue;
    store::LeaseCommand lease = *found.lease;
    lease.uid = question->peer.uid;
    lease.micros = parts_.config.lease.count();
    const auto answered = [this, question, i](const store::Outcome& outcome) {
      Found& asked = question->answers.found[i];
      if (outcome) {
        const auto& taken = std::get<store::LeaseOutcome>(*outcome);
        const ContentDigest& digest = asked.lease->digest;
        asked.answer = to_value(
            store::UploadRow{taken.expires,
                             {taken.address, digest.size, digest.sha256, asked.lease->mime_type},
                             taken.existed});
      } else if (outcome.error().code != ErrorCode::blob_not_found) {  // Collected meanwhile.
        question->refusal = outcome.error();
      }
      if (--question->waiting == 0) answer(*question);
    };
    ++question->waiting;
    if (parts_.writer.submit({question->peer, std::move(lease)}, sizeof lease, answered)) continue;
    --question->waiting;
    question->refusal = too_much_waits("mutations");
  }
  if (--question->waiting == 0) answer(*question);
}

void KnownBlobs::answer(const Question& question) {
  Session* session = parts_.sessions.find(question.caller.session);
  if (session == nullptr) return;
  if (question.refusal) return session->refuse(question.caller.request, *question.refusal);
  List contents;
  for (const std::size_t place : question.answers.places) {
    contents.push_back(question.answers.found[place].answer);
  }
  session->reply(question.caller.request, Map{{"contents", std::move(contents)}});
}

}  // namespace emstore::daemon
