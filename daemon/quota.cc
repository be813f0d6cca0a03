#include "daemon/quota.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "daemon/config.h"

namespace emstore::daemon {
namespace {

std::string sum_text(std::uint64_t used, std::uint64_t more, std::uint64_t most) {
  return std::to_string(used) + " bytes, " + std::to_string(more) + " more would be over the " +
         bytes_text(most) + " of ";
}

bool is_over(std::uint64_t used, std::uint64_t more, std::uint64_t most) {
  return most != 0 && (more > most || used > most - more);
}

void add(store::Usage& to, const std::uint32_t* uid, std::uint64_t bytes) {
  to.stored += bytes;
  if (uid != nullptr) to.unlinked[*uid] += bytes;
}

}  // namespace

Result<store::Usage> usage_of(const store::Store& store, const blobs::Uploads& uploads) {
  // Before the rows: an upload that is released in between has its row in the view.
  const auto held = uploads.held();
  EMSTORE_TRY(store::Usage used, store::count_usage(*store.view()->reader));
  for (const auto& [uid, bytes] : held) add(used, &uid, bytes);
  return used;
}

Result<blobs::Admission> Quota::admit_upload(std::uint32_t uid, std::uint64_t bytes) {
  if (limits_.stored_bytes_max == 0 && limits_.unlinked_bytes_max == 0) return blobs::Admission();
  std::unique_lock turn(turn_);
  EMSTORE_CHECKED(admit(turn, &uid, bytes));
  add(reserved_, &uid, bytes);
  return blobs::Admission(this, [uid, bytes](Quota* quota) {
    const std::lock_guard lock(quota->turn_);
    quota->reserved_.stored -= bytes;
    const auto of_user = quota->reserved_.unlinked.find(uid);
    of_user->second -= bytes;
    if (of_user->second == 0) quota->reserved_.unlinked.erase(of_user);
  });
}

Status Quota::admit_named(std::uint64_t bytes) {
  if (limits_.stored_bytes_max == 0) return {};
  std::unique_lock turn(turn_);
  return admit(turn, nullptr, bytes);
}

Status Quota::admit(std::unique_lock<std::mutex>& turn, const std::uint32_t* uid,
                    std::uint64_t bytes) {
  EMSTORE_CHECKED(count_if_due(turn, uid, bytes));
  EMSTORE_CHECKED(check(uid, bytes));
  add(*used_, uid, bytes);
  if (is_counting_) add(uncounted_, uid, bytes);
  return {};
}

Status Quota::count_if_due(std::unique_lock<std::mutex>& turn, const std::uint32_t* uid,
                           std::uint64_t bytes) {
  // Only before the first count does anybody wait for another's.
  counted_.wait(turn, [this] { return used_ || !is_counting_; });
  if (!used_) return count(turn);
  const bool is_ever_over = is_over(0, bytes, limits_.stored_bytes_max) ||
                            (uid != nullptr && is_over(0, bytes, limits_.unlinked_bytes_max));
  if (is_ever_over || is_counting_ || Clock::now() < next_count_ || check(uid, bytes)) return {};
  return count(turn);
}

Status Quota::check(const std::uint32_t* uid, std::uint64_t bytes) const {
  if (is_over(used_->stored, bytes, limits_.stored_bytes_max)) {
    return failure(ErrorCode::disk_full,
                   "media have " + sum_text(used_->stored, bytes, limits_.stored_bytes_max) +
                       "limits.stored_bytes",
                   {}, "delete what is not needed and run gc, or raise the limit");
  }
  if (uid == nullptr) return {};
  const auto found = used_->unlinked.find(*uid);
  const std::uint64_t unlinked = found == used_->unlinked.end() ? 0 : found->second;
  if (!is_over(unlinked, bytes, limits_.unlinked_bytes_max)) return {};
  return failure(ErrorCode::disk_full,
                 "user " + std::to_string(*uid) + " has uploaded and not named " +
                     sum_text(unlinked, bytes, limits_.unlinked_bytes_max) +
                     "limits.unlinked_bytes",
                 {}, "make media of what is uploaded, or wait until its leases are over");
}

Status Quota::count(std::unique_lock<std::mutex>& turn) {
  is_counting_ = true;
  uncounted_ = reserved_;
  turn.unlock();
  const Clock::time_point started = Clock::now();
  Result<store::Usage> used = count_();
  const Clock::time_point ended = Clock::now();
  turn.lock();
  is_counting_ = false;
  next_count_ = ended + std::max<Clock::duration>(limits_.count_pause_min,
                                                  limits_.count_pause_times * (ended - started));
  counted_.notify_all();
  if (!used) return failure(used.error());
  used->stored += uncounted_.stored;
  for (const auto& [uid, bytes] : uncounted_.unlinked) used->unlinked[uid] += bytes;
  used_ = *std::move(used);
  return {};
}

}  // namespace emstore::daemon
