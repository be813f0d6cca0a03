#include "daemon/quota.h"

#include <string>

#include "daemon/config.h"

namespace emstore::daemon {
namespace {

constexpr std::chrono::seconds kCountEvery{1};

std::string sum_text(std::uint64_t used, std::uint64_t more, std::uint64_t most) {
  return std::to_string(used) + " bytes, " + std::to_string(more) + " more would be over the " +
         bytes_text(most) + " of ";
}

}  // namespace

Status Quota::admit_upload(std::uint32_t uid, std::uint64_t bytes) { return admit(&uid, bytes); }

Status Quota::admit_named(std::uint64_t bytes) { return admit(nullptr, bytes); }

Status Quota::admit(const std::uint32_t* uid, std::uint64_t bytes) {
  if (limits_.stored_bytes_max == 0 && limits_.unlinked_bytes_max == 0) return {};
  const std::lock_guard turn(turn_);
  if (counted_ == Clock::time_point()) EMSTORE_CHECKED(count());
  if (!check(uid, bytes) && Clock::now() - counted_ >= kCountEvery) EMSTORE_CHECKED(count());
  EMSTORE_CHECKED(check(uid, bytes));
  used_.stored += bytes;
  if (uid != nullptr) used_.unlinked[*uid] += bytes;
  return {};
}

Status Quota::check(const std::uint32_t* uid, std::uint64_t bytes) const {
  const auto is_over = [bytes](std::uint64_t used, std::uint64_t most) {
    return most != 0 && (bytes > most || used > most - bytes);
  };
  if (is_over(used_.stored, limits_.stored_bytes_max)) {
    return failure(ErrorCode::disk_full,
                   "media have " + sum_text(used_.stored, bytes, limits_.stored_bytes_max) +
                       "limits.stored_bytes",
                   {}, "delete what is not needed and run gc, or raise the limit");
  }
  if (uid == nullptr) return {};
  const auto found = used_.unlinked.find(*uid);
  const std::uint64_t unlinked = found == used_.unlinked.end() ? 0 : found->second;
  if (!is_over(unlinked, limits_.unlinked_bytes_max)) return {};
  return failure(ErrorCode::disk_full,
                 "user " + std::to_string(*uid) + " has uploaded and not named " +
                     sum_text(unlinked, bytes, limits_.unlinked_bytes_max) +
                     "limits.unlinked_bytes",
                 {}, "make media of what is uploaded, or wait until its leases are over");
}

Status Quota::count() {
  EMSTORE_TRY(used_, store::count_usage(*store_.view()->reader));
  for (const auto& [uid, bytes] : uploads_->held()) {
    used_.stored += bytes;
    used_.unlinked[uid] += bytes;
  }
  counted_ = Clock::now();
  return {};
}

}  // namespace emstore::daemon
