// Descriptors that a peer passed: which of them are files that can be read without harm, and
// reading them once.
//
// Anything may arrive: pipes and sockets that never end, devices, directories, O_PATH and
// write-only descriptors, files of /proc, files that somebody else answers for (FUSE, network) and
// may hold up for ever: not reading alone, but fstat(), fstatfs() and close() too. Only regular
// files, open for reading, on file systems of this machine are read, and nobody but the kernel is
// asked whether they are. They are never mapped (their owner may cut them short) and their offset,
// which the peer shares, is neither used nor moved.
//
// Threads: any.
#pragma once

#include <sys/stat.h>

#include <cstdint>

#include "base/result.h"
#include "blobs/file.h"
#include "blobs/system.h"

namespace emstore::blobs {

// What a source looked like when it was opened or read. Not its ctime: a file that is removed or
// renamed once it was passed has the bytes it had.
struct SourceState {
  std::uint64_t size = 0;
  timespec modified{};
};

// Once it has succeeded, only the kernel answers for the file, also when it is closed. Errors:
// invalid_request, which says what it is instead.
Result<SourceState> check_source(const File& source);

// Whether it is still as it was. Errors: source_changed.
Status check_unchanged(const File& source, const SourceState& before);

}  // namespace emstore::blobs
