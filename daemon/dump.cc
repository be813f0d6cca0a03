#include "daemon/dump.h"

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "base/hash.h"
#include "base/suggest.h"
#include "daemon/opening.h"
#include "store/family.h"

namespace emstore::daemon {
namespace {

Result<std::vector<store::Family>> families_named(std::string_view name) {
  std::vector<store::Family> families;
  std::vector<std::string_view> names{"all"};
  for (const store::FamilyInfo& info : store::kFamilies) {
    names.push_back(info.name);
    if (name == "all" || name == info.name) families.push_back(info.family);
  }
  if (!families.empty()) return families;
  std::string hint = did_you_mean(name, names);
  if (hint.empty()) {
    hint = "one of";
    for (const std::string_view known : names) hint.append(" ").append(known);
  }
  return failure(ErrorCode::invalid_request, "there is no family " + quoted(name), "--dump", hint);
}

Status dump_family(const store::Reader& reader, store::Family family, std::FILE* out) {
  bool is_written = true;
  EMSTORE_CHECKED(
      reader.scan(family, store::KeyRange{}, [&](std::string_view key, std::string_view value) {
        const std::string line =
            std::string(store::name_of(family)) + "\t" + to_hex(key) + "\t" + to_hex(value) + "\n";
        is_written = std::fwrite(line.data(), 1, line.size(), out) == line.size();
        return is_written;
      }));
  if (is_written) return {};
  return failure(ErrorCode::io_failed,
                 "cannot write the rows of " + std::string(store::name_of(family)));
}

}  // namespace

Status dump(const Config& config, std::string_view family, std::FILE* out, Log& log) {
  EMSTORE_TRY(const std::vector<store::Family> families, families_named(family));
  std::error_code error;
  // Opening would make a store where there is none.
  if (!config.data.empty() && (!std::filesystem::is_directory(config.data, error) ||
                               std::filesystem::is_empty(config.data, error))) {
    return failure(ErrorCode::invalid_request, "there is no store in " + config.data.string(),
                   "data", "name the data directory of a stopped daemon with --data");
  }
  EMSTORE_TRY(const OpenedStore opened, open_store(config, log));
  const auto view = opened.store->view();
  for (const store::Family one : families) EMSTORE_CHECKED(dump_family(*view->reader, one, out));
  if (std::fflush(out) != 0) return failure(ErrorCode::io_failed, "cannot write the rows");
  return {};
}

}  // namespace emstore::daemon
