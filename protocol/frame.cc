#include "protocol/frame.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/pack_head.h"

namespace emstore::protocol {
namespace {

// A buffer that one large message blew up is given back once it is empty; pieces of an upload, of
// 1 MiB and a head, follow each other in one that stays.
constexpr std::size_t kBufferKeptMax = 2U << 20U;
// From here on a message is read to its end and little further: what follows would be moved.
constexpr std::size_t kLargeMessage = 256U << 10U;

// What each first byte begins, with what follows it, where that byte alone tells: 0 elsewhere.
constexpr std::array<std::uint8_t, 256> short_values() {
  std::array<std::uint8_t, 256> bytes{};
  for (unsigned first = 0; first < bytes.size(); ++first) {
    if (first < 0x80 || first >= 0xE0) bytes[first] = 1;
    if (first >= 0xA0 && first < 0xC0)
      bytes[first] = static_cast<std::uint8_t>(1 + (first & 0x1FU));
    if (first < 0xC0 || first >= 0xE0) continue;
    const pack::HeadForm form = pack::kHeadForms[first - 0xC0];
    const bool is_told = form.shape == pack::Shape::null || form.shape == pack::Shape::boolean ||
                         form.shape == pack::Shape::float32 || form.shape == pack::Shape::float64 ||
                         form.shape == pack::Shape::unsigned_integer ||
                         form.shape == pack::Shape::signed_integer || form.fixed_size > 0;
    if (is_told) bytes[first] = static_cast<std::uint8_t>(form.length + form.fixed_size);
  }
  return bytes;
}
constexpr std::array<std::uint8_t, 256> kShortValues = short_values();
constexpr unsigned char kText8 = 0xD9;  // A text whose length is the byte that follows.

// The bytes of the value at `bytes`; 0 when it is none of the short ones, or not here entirely.
std::size_t short_bytes(const char* bytes, std::size_t here) {
  const auto first = static_cast<unsigned char>(bytes[0]);
  std::size_t size = kShortValues[first];
  if (first == kText8 && here >= 2) size = 2U + static_cast<unsigned char>(bytes[1]);
  return size <= here ? size : 0;
}

}  // namespace

Cutter::Cutter(std::size_t bytes_max, std::size_t depth_max)
    : bytes_max_(bytes_max), depth_max_(depth_max) {}

std::span<char> Cutter::space(std::size_t wanted) {
  const bool is_empty = begin_ == end_;
  if (is_empty && buffer_.size() > kBufferKeptMax) buffer_ = std::string();
  const bool moves_little = end_ - begin_ <= wanted && begin_ >= kLargeMessage;
  if (begin_ > 0 && (is_empty || moves_little || buffer_.size() - end_ < wanted)) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    scanned_ -= begin_;
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < wanted) {
    buffer_.resize(std::max(end_ + wanted, std::min(2 * buffer_.size(), bytes_max_ + wanted)));
  }
  std::size_t room = buffer_.size() - end_;
  if (scanned_ - begin_ + skip_ >= kLargeMessage) {
    const std::uint64_t unseen = end_ - scanned_;  // Of the body that is to come, it may be.
    const std::uint64_t rest = skip_ > unseen ? skip_ - unseen : 0;
    room = std::min<std::uint64_t>(room, std::max<std::uint64_t>(rest, wanted));
  }
  return {buffer_.data() + end_, room};
}

void Cutter::filled(std::size_t count) {
  EMSTORE_CHECK(count <= buffer_.size() - end_);
  end_ += count;
}

Result<std::optional<std::string_view>> Cutter::next() {
  if (broken_) return failure(*broken_);
  EMSTORE_TRY(const bool is_whole, scan());
  if (!is_whole) return std::nullopt;
  const std::string_view message(buffer_.data() + begin_, scanned_ - begin_);
  begin_ = scanned_;
  return message;
}

void Cutter::release() {
  if (begin_ != end_) return;
  std::string().swap(buffer_);
  begin_ = scanned_ = end_ = 0;
}

bool Cutter::is_within_message() const { return begin_ < end_; }

// Goes on to the end of the message that begins at begin_, or of what has arrived of it; true at
// its end.
Result<bool> Cutter::scan() {
  while (true) {
    const std::uint64_t here = std::min<std::uint64_t>(skip_, end_ - scanned_);
    scanned_ += here;
    skip_ -= here;
    if (skip_ > 0) return false;
    if (scanned_ > begin_ && open_.empty()) return true;
    take_short();
    if (scanned_ == end_) return false;
    const auto first = static_cast<unsigned char>(buffer_[scanned_]);
    if (end_ - scanned_ < pack::head_length(first)) return false;
    EMSTORE_CHECKED(take_head());
  }
}

// Most values of a message, and quickly: those without values of their own that are here entirely,
// but for the last one of a list or map, with which that ends, and one that would be too much.
void Cutter::take_short() {
  if (open_.empty()) return;
  const char* at = buffer_.data() + scanned_;
  const char* const end = buffer_.data() + end_;
  std::uint64_t room = bytes_max_ - (scanned_ - begin_ + missing_);  // A byte of each is counted.
  std::uint64_t taken = 0;
  for (const std::uint64_t most = open_.back() - 1; taken < most && at < end; ++taken) {
    const std::size_t bytes = short_bytes(at, static_cast<std::size_t>(end - at));
    if (bytes == 0 || bytes - 1 > room) break;
    room -= bytes - 1;
    at += bytes;
  }
  scanned_ = static_cast<std::size_t>(at - buffer_.data());
  open_.back() -= taken;
  missing_ -= taken;
  values_ += taken;
}

Status Cutter::take_head() {
  const char* const bytes = buffer_.data() + scanned_;
  const pack::Head head = pack::head_of(bytes);
  if (head.shape == pack::Shape::unused) {
    return refuse(ErrorCode::malformed_message, "the byte 0xC1, which begins nothing, at byte " +
                                                    std::to_string(scanned_ - begin_) +
                                                    " of a message");
  }
  values_ = scanned_ == begin_ ? 1 : values_ + 1;
  scanned_ += pack::head_length(static_cast<unsigned char>(*bytes));
  const bool is_list = head.shape == pack::Shape::list;
  const bool is_map = head.shape == pack::Shape::map;
  const bool has_body = head.shape == pack::Shape::text || head.shape == pack::Shape::binary ||
                        head.shape == pack::Shape::extension;
  if (!open_.empty()) {
    --open_.back();
    --missing_;
  }
  if (is_list || is_map) {
    if (open_.size() == depth_max_) {
      return refuse(ErrorCode::depth_exceeded, "more than " + std::to_string(depth_max_) +
                                                   " lists and maps within each other");
    }
    open_.push_back(is_map ? 2 * head.size : head.size);
    missing_ += open_.back();
  }
  if (has_body) skip_ = head.size;
  if (const std::uint64_t least = scanned_ - begin_ + skip_ + missing_; least > bytes_max_) {
    return refuse(ErrorCode::message_too_large, "a message of at least " + std::to_string(least) +
                                                    " bytes; " + std::to_string(bytes_max_) +
                                                    " are allowed");
  }
  while (!open_.empty() && open_.back() == 0) open_.pop_back();
  return {};
}

Status Cutter::refuse(ErrorCode code, std::string message) {
  broken_ = Error{code, std::move(message), {}, {}, {}};
  return failure(*broken_);
}

}  // namespace emstore::protocol
