#include "store/opening.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "store/log.h"
#include "store/refold.h"
#include "store/row_bytes.h"

namespace emstore::store {
namespace {

constexpr std::string_view kStoreIdKey = "store";
constexpr std::string_view kMediaMarkKey = "media";

// The leaf of a commit, from its header in the log.
std::function<Result<Sha256>(Sequence)> leaves_of(const Reader& reader) {
  return [&reader](Sequence sequence) -> Result<Sha256> {
    EMSTORE_TRY(const auto bytes, reader.get(Family::log, log_key(sequence)));
    if (!bytes)
      return failure(ErrorCode::corrupt_log, "commit " + std::to_string(sequence) + " is missing");
    EMSTORE_TRY(const HeaderView header, decode_header(*bytes));
    return leaf_hash(header.bytes);
  };
}

struct LogEnd {
  Sequence sequence = 0;
  Time time;
};

Result<LogEnd> end_of_log(const Reader& reader) {
  LogEnd end;
  EMSTORE_CHECKED(
      reader.try_scan(Family::log, {}, Direction::backward,
                      [&](std::string_view key, std::string_view bytes) -> Result<bool> {
                        EMSTORE_TRY(const HeaderView header, decode_header(bytes));
                        end = {sequence_of_log_key(key), header.info.time};
                        return false;
                      }));
  return end;
}

Result<std::shared_ptr<const Schema>> read_schema(const Reader& reader) {
  EMSTORE_TRY(const auto bytes, reader.get(Family::schema, schema_key()));
  if (!bytes) return std::make_shared<const Schema>(initial_schema());
  EMSTORE_TRY(const SchemaRow row, decode_schema(*bytes));
  EMSTORE_TRY(Schema schema, schema_of(row.schema, row.version));
  return std::make_shared<const Schema>(std::move(schema));
}

DatabaseOptions database_options_of(const StoreOptions& options, const Head& head) {
  DatabaseOptions database = options.database;
  if (head.recorded()) {
    const Sequence last = head.recorded()->sequence;
    database.acknowledged = last == 0 ? std::string() : log_key(last);
  }
  return database;
}

Result<StoredRows> open_undamaged(const std::filesystem::path& folder,
                                  const DatabaseOptions& database, const StoreOptions& options,
                                  const Head& head, Environment& environment) {
  StoredRows rows;
  EMSTORE_TRY(rows.database, Database::open(folder, database));
  EMSTORE_TRY(rows.id, identify(*rows.database, head, environment));
  EMSTORE_CHECKED(
      rebuild_outdated(*rows.database, options.limits.rebuild_bytes_max, options.progress));
  EMSTORE_TRY(rows.opened, read_state(*rows.database));
  EMSTORE_CHECKED(check_head(head, rows.id, rows.opened));
  return rows;
}

// Nobody serves the store, so that there is no rebuild: what to do is another thing than while
// somebody does.
Error for_a_human(Error error, const std::vector<DamagedTable>& damaged) {
  constexpr std::size_t kNamedMax = 3;
  for (std::size_t i = 0; i < std::min(damaged.size(), kNamedMax); ++i) {
    error.message += "; " + damaged[i].file.string() + ": " + damaged[i].error.message;
  }
  if (damaged.size() > kNamedMax) {
    error.message += "; " + std::to_string(damaged.size() - kNamedMax) + " more files";
  }
  if (error.code == ErrorCode::corrupt_index && error.hint.empty()) {
    error.hint =
        "the log cannot mend this: keep the directory as it is, and restore a backup to another";
  }
  return error;
}

}  // namespace

Result<FolderLock> prepare_folder(const std::filesystem::path& folder, UnsafeFileSystem unsafe) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return failure(ErrorCode::io_failed, "cannot make " + folder.string() + ": " + error.message());
  }
  EMSTORE_CHECKED(check_file_system(folder, unsafe));
  return FolderLock::acquire(folder);
}

Result<StoreId> identify(Database& database, const Head& head, Environment& environment) {
  StoreId id{};
  const std::unique_ptr<Snapshot> snapshot = database.snapshot();
  EMSTORE_TRY(const auto stored, snapshot->get(Family::meta, kStoreIdKey));
  if (stored) {
    if (stored->size() != id.size())
      return failure(ErrorCode::corrupt_log, "the store's id is damaged");
    std::copy(stored->begin(), stored->end(), id.begin());
    return id;
  }
  if (head.recorded()) {
    return failure(ErrorCode::rolled_back, "the head records commit " +
                                               std::to_string(head.recorded()->sequence) +
                                               ", but the database is empty");
  }
  environment.random(id);
  const RowChange row = store_id_row(id);
  EMSTORE_CHECKED(database.write(std::span(&row, 1), Durability::synced));
  return id;
}

RowChange store_id_row(const StoreId& id) {
  return {Family::meta, std::string(kStoreIdKey), std::string(as_bytes(id))};
}

HeadState head_of_unfinished(const StoreId& id) { return {id, 1, {}, false}; }

Status refuse_unfinished(const Head& head, const std::filesystem::path& folder) {
  const bool is_unfinished =
      head.recorded() && *head.recorded() == head_of_unfinished(head.recorded()->store);
  if (!is_unfinished) return {};
  return failure(ErrorCode::invalid_request,
                 folder.string() + " holds an import that was not completed", "data",
                 "remove the directory, and import or restore again");
}

Result<std::optional<MediaMark>> read_media_mark(const Reader& reader) {
  EMSTORE_TRY(const auto bytes, reader.get(Family::meta, kMediaMarkKey));
  if (!bytes) return std::nullopt;
  MediaMark mark;
  if (bytes->size() != mark.id.size() + 1) {
    return failure(ErrorCode::corrupt_log, "the mark of the media folder is damaged");
  }
  std::copy_n(bytes->begin(), mark.id.size(), mark.id.begin());
  mark.is_placed = bytes->back() != 0;
  return mark;
}

RowChange media_mark_row(const MediaMark& mark) {
  std::string bytes(as_bytes(mark.id));
  bytes.push_back(mark.is_placed ? '\1' : '\0');
  return {Family::meta, std::string(kMediaMarkKey), std::move(bytes)};
}

Status rebuild_outdated(Database& database, std::size_t memory_max,
                        const std::function<void(std::string_view what, double done)>& progress) {
  const std::vector<Family> outdated = database.outdated();
  if (outdated.empty()) return {};
  EMSTORE_TRY(std::unique_ptr<Generation> generation, database.begin_generation());
  IndexStates states;
  {
    const std::unique_ptr<Snapshot> log = database.snapshot();
    EMSTORE_TRY(const LogEnd end, end_of_log(*log));
    EMSTORE_TRY(states, load_index_states(*log));
    Refold refold(
        *log, *generation, [&](const RowTable& changes) { return generation->ingest(changes); },
        memory_max, Refold::Writing::beside);
    EMSTORE_CHECKED(replay(*log, 1, [&](const LoggedCommit& logged) {
      constexpr Sequence kTellEvery = 8192;
      const Sequence sequence = logged.commit.info.sequence;
      if (progress && sequence % kTellEvery == 0) {
        progress("rebuilding indexes",
                 static_cast<double>(sequence) / static_cast<double>(end.sequence));
      }
      return refold.add(logged);
    }));
    EMSTORE_CHECKED(refold.finish([&](IndexId index) { return is_ready(states, index); }));
  }
  // With the rows: a fill that goes on over rows that are gone lies.
  EMSTORE_CHECKED(
      database.adopt(std::move(generation), outdated, state_rows(restarted_fills(states))));
  if (progress) progress("rebuilding indexes", 1.0);
  return {};
}

Result<Opened> read_state(const Database& database) {
  Opened opened;
  std::shared_ptr<const Reader> reader = database.snapshot();
  EMSTORE_TRY(const LogEnd end, end_of_log(*reader));
  EMSTORE_TRY(opened.tree, Tree::load(*reader, leaves_of(*reader)));
  if (opened.tree.size() != end.sequence) {
    return failure(ErrorCode::corrupt_index,
                   "the tree holds " + std::to_string(opened.tree.size()) +
                       " commits, the log ends at " + std::to_string(end.sequence));
  }
  EMSTORE_TRY(opened.view.schema, read_schema(*reader));
  EMSTORE_TRY(IndexStates states, load_index_states(*reader));
  opened.view.indexes = std::make_shared<const IndexStates>(std::move(states));
  opened.view.sequence = end.sequence;
  opened.view.time = end.time;
  opened.view.root = opened.tree.root();
  opened.view.reader = std::move(reader);
  return opened;
}

Result<Sha256> root_of(const Reader& reader, Sequence sequence) {
  return root_at(sequence, reader, leaves_of(reader));
}

Status check_head(const Head& head, const StoreId& id, const Opened& opened) {
  const std::optional<HeadState>& recorded = head.recorded();
  const Sequence last = opened.view.sequence;
  if (!recorded) {
    if (last == 0) return {};
    return failure(ErrorCode::rolled_back,
                   "the head is missing, but the log ends at commit " + std::to_string(last));
  }
  if (recorded->store != id) {
    return failure(ErrorCode::rolled_back, "the head is another store's");
  }
  if (recorded->sequence > last) {
    return failure(ErrorCode::rolled_back, "commit " + std::to_string(recorded->sequence) +
                                               " was acknowledged last, but the log ends at " +
                                               std::to_string(last));
  }
  const Reader& reader = *opened.view.reader;
  EMSTORE_TRY(const Sha256 root, root_of(reader, recorded->sequence));
  if (root != recorded->root) {
    return failure(ErrorCode::rolled_back, "the log up to commit " +
                                               std::to_string(recorded->sequence) +
                                               " is not the one that was acknowledged");
  }
  return {};
}

Result<StoredRows> open_rows(const StoreOptions& options, const Head& head,
                             Environment& environment) {
  const std::filesystem::path folder = options.directory / "db";
  const DatabaseOptions database = database_options_of(options, head);
  const auto open = [&] { return open_undamaged(folder, database, options, head, environment); };
  Result<StoredRows> rows = open();
  const bool is_damaged = !rows && (rows.error().code == ErrorCode::corrupt_index ||
                                    rows.error().code == ErrorCode::corrupt_log);
  if (!is_damaged) return rows;
  const auto mending = Database::drop_damaged_indexes(folder, database);
  if (mending && mending->is_done) rows = open();
  if (rows) return rows;
  return failure(for_a_human(std::move(rows).error(),
                             mending ? mending->damaged : std::vector<DamagedTable>()));
}

}  // namespace emstore::store
