// How a client connects, waits and retries.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace emstore {

struct Options {
  // Empty: where a daemon of the same environment listens: $EMSTORE_SOCKET, else
  // $XDG_RUNTIME_DIR/emstore/sock, else $EMSTORE_DATA/sock. The system's daemon, at
  // /run/emstore/sock, when none of these is set or there is no such socket.
  std::filesystem::path socket = {};
  // Without a byte from the daemon for so long, a connection counts as lost.
  std::chrono::milliseconds timeout{60'000};
  // After a lost connection: how long to reconnect and repeat before giving up. Zero: not at all.
  std::chrono::milliseconds retry_for{10'000};
  // Gives every mutation a request key, so that a repeated one happens once. Without a key a
  // mutation whose reply was lost is not repeated: its outcome is unknown.
  bool request_keys = true;
  // How long to look for a reply before sleeping until it comes. Saves the wake-up, costs processor
  // time.
  std::chrono::microseconds spin{0};
  // What `hello` says of this program.
  std::string client_name = "emstore-cpp";
};

// Options that every mutation takes.
struct MutationOptions {
  std::string key = {};                        // The request key; empty: the client makes one.
  std::optional<std::uint64_t> expected = {};  // The version that the record must have.
  std::string reason = {}, correlation = {}, causation = {};  // Recorded with the commit.
};

struct DeleteOptions {
  bool detach = false;   // Of a media that is still in use: drop its links first.
  bool dry_run = false;  // Only say what would change: `plan` of the reply.
  MutationOptions mutation = {};
};

struct AuditOptions {
  // The bytes of media are checked in slices: only those of slice 1, …, slices.
  std::uint64_t slice = 1, slices = 1;
  // A root that was noted before, in hexadecimal, and the commit it is of: the log must have it.
  std::optional<std::uint64_t> at = {};
  std::string root = {};
};

struct ApplyOptions {
  bool dry_run = false;            // Only say what would change.
  bool allow_destructive = false;  // Also drop fields and entities, with what they hold.
  MutationOptions mutation = {};
};

}  // namespace emstore
