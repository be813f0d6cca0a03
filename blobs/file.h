// An open file, which closes itself.
#pragma once

namespace emstore::blobs {

class File {
 public:
  File() = default;
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File&& other) noexcept : descriptor_(other.release()) {}
  File& operator=(File&& other) noexcept;
  ~File();

  int descriptor() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }
  // Gives the descriptor to the caller, who closes it.
  int release();

 private:
  int descriptor_ = -1;
};

}  // namespace emstore::blobs
