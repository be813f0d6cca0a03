#include "daemon/passing.h"

#include <pthread.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>
#include <thread>

namespace emstore::daemon {

void Closer::close(std::uint32_t uid, blobs::File file) {
  const std::lock_guard lock(mutex_);
  const auto [place, is_new] = waiting_.try_emplace(uid);
  place->second.push_back(std::move(file));
  if (!is_new) return;
  // It may never come to its end: nobody waits for it.
  std::thread closing([self = shared_from_this(), uid] { self->serve(uid); });
  ::pthread_setname_np(closing.native_handle(), "close");
  closing.detach();
}

bool Closer::has_room(std::uint32_t uid) const {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(uid);
  return found == waiting_.end() || found->second.size() < kWaitingMax;
}

void Closer::serve(std::uint32_t uid) {
  std::unique_lock lock(mutex_);
  for (auto& files = waiting_[uid]; !files.empty(); files.pop_front()) {
    std::optional<blobs::File> file(std::move(files.front()));
    lock.unlock();
    file.reset();
    lock.lock();
  }
  waiting_.erase(uid);
}

PassedFile::~PassedFile() {
  if (file_) closer_->close(uid_, std::move(file_));
}

Received receive(int socket, std::span<char> into, bool takes_descriptors) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kDescriptorsInMessage)];
  iovec bytes{into.data(), into.size()};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  if (takes_descriptors) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
  }
  Received received;
  received.count = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (received.count < 0) return received;
  received.was_cut = (message.msg_flags & MSG_CTRUNC) != 0;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t size = part->cmsg_len - CMSG_LEN(0);
    for (std::size_t offset = 0; offset + sizeof(int) <= size; offset += sizeof(int)) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(part) + offset, sizeof descriptor);
      received.descriptors.emplace_back(descriptor);
    }
  }
  return received;
}

ssize_t send(int socket, std::string_view bytes, int descriptor) {
  if (descriptor < 0) {
    return ::send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof descriptor)]{};
  iovec place{const_cast<char*>(bytes.data()), bytes.size()};  // Which it only reads.
  msghdr message{};
  message.msg_iov = &place;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(part), &descriptor, sizeof descriptor);
  return ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace emstore::daemon
