#include "store/rocks_mending.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "store/rocks_opening.h"
#include "store/rocks_tables.h"

namespace emstore::store {
namespace {

bool is_index_name(const std::string& name) {
  const auto known = family_name_of(name);
  return known && is_index(known->family);
}

class IndexMending {
 public:
  IndexMending(const std::filesystem::path& path, const DatabaseOptions& options)
      : path_(path),
        asked_(options),
        family_options_(options),
        env_(env_of(options)),
        options_(database_options(options, std::make_shared<LineLogger>(path, options.log),
                                  std::make_shared<FailStop>(nullptr))) {
    options_.env = env_.get();
  }

  // Written to only when it is known what to drop: the files may be evidence.
  Result<Database::Mending> run() {
    EMSTORE_TRY(const std::vector<std::string> names, list_families());
    EMSTORE_TRY(std::vector<DamagedTable> damaged, look_at_tables(names));
    const bool are_indexes =
        std::all_of(damaged.begin(), damaged.end(),
                    [](const DamagedTable& table) { return is_index(table.family); });
    if (damaged.empty() || !are_indexes) return Database::Mending{std::move(damaged), false};
    EMSTORE_CHECKED(read_primary_families(names));
    for (const DamagedTable& table : damaged) {
      if (asked_.on_damaged_index) asked_.on_damaged_index(table);
    }
    EMSTORE_CHECKED(drop(names, damaged));
    return Database::Mending{std::move(damaged), true};
  }

 private:
  struct Opened {
    std::unique_ptr<rocksdb::DB> db;
    std::vector<ColumnFamily> families;
  };

  Error error(const rocksdb::Status& status, std::string_view doing) const {
    return to_error(status, std::string(doing) + " at " + path_.string(), ErrorCode::corrupt_log);
  }

  Result<std::vector<std::string>> list_families() const {
    std::vector<std::string> names;
    const auto status = rocksdb::DB::ListColumnFamilies(options_, path_.string(), &names);
    if (!status.ok()) return failure(error(status, "listing families"));
    return names;
  }

  rocksdb::ColumnFamilyDescriptor described(const std::string& name) const {
    const auto known = family_name_of(name);
    rocksdb::ColumnFamilyDescriptor family(
        name, known ? family_options_.of(known->family) : rocksdb::ColumnFamilyOptions());
    family.options.disable_auto_compactions = true;  // Nothing is made of what is damaged.
    return family;
  }

  // Opens although some tables cannot be.
  rocksdb::DBOptions tolerant_options() const {
    rocksdb::DBOptions tolerant = options_;
    tolerant.paranoid_checks = false;
    return tolerant;
  }

  Result<Opened> open_to_read(const rocksdb::DBOptions& options,
                              const std::vector<std::string>& names) const {
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names) families.push_back(described(name));
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    const auto status =
        rocksdb::DB::OpenForReadOnly(options, path_.string(), families, &handles, &db);
    if (!status.ok()) return failure(error(status, "reading the database"));
    return Opened{std::unique_ptr<rocksdb::DB>(db), {handles.begin(), handles.end()}};
  }

  // Whether all but the indexes opens as strictly as ever: the manifest, what was written ahead,
  // and the tables of the log and of what lies beside it. Who tolerates damage is not told of it.
  Status read_primary_families(std::vector<std::string> names) const {
    std::erase_if(names, is_index_name);
    EMSTORE_CHECKED(open_to_read(options_, names));
    return {};
  }

  Result<std::vector<DamagedTable>> look_at_tables(const std::vector<std::string>& names) const {
    EMSTORE_TRY(const Opened opened, open_to_read(tolerant_options(), names));
    return damaged_tables(*opened.db);
  }

  Status drop(const std::vector<std::string>& names,
              const std::vector<DamagedTable>& damaged) const {
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names) families.push_back(described(name));
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    auto status = rocksdb::DB::Open(tolerant_options(), path_.string(), families, &handles, &db);
    if (!status.ok()) return failure(error(status, "opening the damaged database"));
    const Opened opened{std::unique_ptr<rocksdb::DB>(db), {handles.begin(), handles.end()}};
    std::erase_if(handles, [&](const rocksdb::ColumnFamilyHandle* handle) {
      const auto name = family_name_of(handle->GetName());
      return !name || std::none_of(damaged.begin(), damaged.end(), [&](const DamagedTable& table) {
        return table.family == name->family;
      });
    });
    status = db->DropColumnFamilies(handles);
    if (!status.ok()) return failure(error(status, "dropping damaged indexes"));
    return {};
  }

  const std::filesystem::path& path_;
  const DatabaseOptions& asked_;
  FamilyOptions family_options_;
  std::unique_ptr<rocksdb::Env> env_;
  rocksdb::DBOptions options_;
};

}  // namespace

Result<Database::Mending> drop_damaged_families(const std::filesystem::path& path,
                                                const DatabaseOptions& options) {
  return IndexMending(path, options).run();
}

}  // namespace emstore::store
