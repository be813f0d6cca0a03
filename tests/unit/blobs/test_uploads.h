// Uploads below a folder of their own, which end and begin again as a daemon does.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "blobs/uploads.h"
#include "tests/unit/blobs/failing_system.h"
#include "tests/unit/blobs/scratch_folder.h"

namespace emstore::blobs {

inline constexpr std::uint32_t kBen = 1002;  // Another user.

class UploadsTest : public ::testing::Test {
 protected:
  void SetUp() override { restart(); }

  // As a daemon that ends and begins again.
  void restart() {
    uploads_.reset();
    store_.reset();
    store_.emplace(FileStore::open(root_, std::make_unique<FailingSystem>(calls_)).value());
    uploads_.emplace(Uploads::open(*store_, limits_).value());
  }
  void restart(const UploadLimits& limits) {
    limits_ = limits;
    restart();
  }
  std::string begin(std::optional<std::uint64_t> size = std::nullopt, std::uint32_t uid = kAda) {
    return uploads_->begin(uid, size).value();
  }
  Result<std::uint64_t> write(const std::string& token, std::uint64_t offset,
                              std::string_view bytes) {
    return uploads_->write(kAda, token, offset, bytes);
  }
  Result<Completed> upload(const std::string& bytes) {
    const std::string token = begin(bytes.size());
    EXPECT_EQ(write(token, 0, bytes), bytes.size());
    return uploads_->complete(kAda, token);
  }
  // The bytes, from wherever they are.
  std::string bytes_of_blob(const Completed& completed) {
    if (completed.small) return *completed.small;
    return store_->read(completed.file->address, 0, 1 << 30).value();
  }
  std::filesystem::path upload_file() {
    const auto files = files_in(root_ / "uploads");
    EXPECT_EQ(files.size(), 1u);
    return files.front();
  }
  static void make_old(const std::filesystem::path& file, std::chrono::seconds age) {
    std::filesystem::last_write_time(file, std::filesystem::file_time_type::clock::now() - age);
  }

  ScratchFolder folder_;
  const std::filesystem::path root_ = folder_ / "media";
  Calls calls_;
  UploadLimits limits_;
  std::optional<FileStore> store_;
  std::optional<Uploads> uploads_;
};

}  // namespace emstore::blobs
