#include "store/index_states.h"

#include <algorithm>
#include <utility>

#include "base/big_endian.h"
#include "base/pack.h"
#include "store/facts.h"
#include "store/index_keys.h"
#include "store/pieces.h"
#include "store/refold.h"

namespace emstore::store {
namespace {

constexpr std::string_view kPrefix = "index/";
constexpr std::size_t kSliceRows = 512;  // Of one slice: a few milliseconds of the writer's time.

std::string state_key(IndexId index) {
  std::string key(kPrefix);
  append_big_endian<std::uint32_t>(key, static_cast<std::uint32_t>(index));
  return key;
}

std::string encode(const IndexState& state) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(2);
  writer.unsigned_integer(static_cast<std::uint64_t>(state.kind));
  writer.binary(state.detail);
  return bytes;
}

Result<IndexState> take_state(pack::Cursor cursor) {
  EMSTORE_CHECKED(take_list(cursor, 2));
  EMSTORE_TRY(const std::uint64_t kind, cursor.unsigned_integer());
  EMSTORE_TRY(const std::string_view detail, cursor.binary());
  if (kind > static_cast<std::uint64_t>(IndexState::Kind::too_large))
    return failure(ErrorCode::corrupt_index, "unknown");
  return IndexState{static_cast<IndexState::Kind>(kind), std::string(detail)};
}

Result<IndexState> decode_state(std::string_view bytes) {
  Result<IndexState> state = take_state(pack::Cursor(bytes));
  if (state) return state;
  return failure(ErrorCode::corrupt_index, "the state of an index: " + state.error().message);
}

void put(IndexId index, const IndexState& state, IndexStates& states, Overlay& rows) {
  rows.apply(state_row(index, state));
  states[index] = state;
}

// Ended without being ready.
bool is_refused(const IndexState& state) {
  return state.kind == IndexState::Kind::not_unique || state.kind == IndexState::Kind::too_large;
}

constexpr std::string_view kBetween = " and ";  // Two records that share a value.

std::string name_of(const Entity& entity, const RecordRef& record) {
  return entity.name + "/" + to_string(record.id);
}

// Whether a record of that name stands against an index.
bool stands_against(const IndexState& state, std::string_view name) {
  const std::string_view names = state.detail;
  if (state.kind == IndexState::Kind::too_large) return names == name;
  if (state.kind != IndexState::Kind::not_unique) return false;
  const std::size_t between = names.find(kBetween);
  if (between == std::string_view::npos) return false;
  return names.substr(0, between) == name || names.substr(between + kBetween.size()) == name;
}

const Index* find(const Schema& schema, IndexId id) {
  for (const Index& index : schema.indexes) {
    if (index.id == id) return &index;
  }
  return nullptr;
}

// How far a fill is, as the detail of its state: the key of the last record done, then the kind of
// what it will end in and the records that stand against it.
struct Progress {
  std::string last;
  IndexState end;  // ready, while nothing stands against it.
};

Result<Progress> take_progress(std::string_view detail, const Entity& entity) {
  if (detail.empty()) return Progress{};
  const std::size_t size = record_key_size(entity.ids);
  if (detail.size() == size) return Progress{std::string(detail), {}};
  const auto kind = static_cast<IndexState::Kind>(detail.size() < size ? 0 : detail[size]);
  IndexState end{kind, std::string(detail.substr(std::min(detail.size(), size + 1)))};
  if (!is_refused(end))
    return failure(ErrorCode::corrupt_index, "the state of an index that fills");
  return Progress{std::string(detail.substr(0, size)), std::move(end)};
}

std::string encode(const Progress& progress) {
  std::string detail = progress.last;
  if (!is_refused(progress.end)) return detail;
  detail += static_cast<char>(progress.end.kind);
  return detail += progress.end.detail;
}

// What a state says against its index, also of a fill that is not over.
IndexState end_of(const IndexState& state, const Entity& entity) {
  if (state.kind != IndexState::Kind::filling) return state;
  Result<Progress> progress = take_progress(state.detail, entity);
  return progress ? std::move(progress->end) : IndexState{};
}

// Whether what the index holds of a record that stands against it is among the changes.
bool touches(const Overlay& rows, const Index& index, const Entity& entity, const IndexState& end) {
  const std::string prefix = index_prefix(index.id);
  const auto& keys = rows.changes(Family::values);
  for (auto key = keys.lower_bound(prefix); key != keys.end() && key->first.starts_with(prefix);
       ++key) {
    const Result<RecordId> id = id_at_end(key->first, entity.ids);
    if (id && stands_against(end, name_of(entity, {entity.id, *id}))) return true;
  }
  if (end.kind != IndexState::Kind::too_large) return false;
  // It has no key, so that its end shows in its own row alone.
  const auto& records = rows.changes(Family::records);
  return std::any_of(records.begin(), records.end(), [&](const auto& change) {
    const Result<RecordRef> record = record_of_key(change.first);
    return !change.second && record && record->entity == entity.id &&
           stands_against(end, name_of(entity, *record));
  });
}

// What stands against an index that holds the key of `record`, if anything does.
Result<IndexState> look_at(const Schema& schema, const Index& index, const RecordRef& record,
                           const std::optional<std::string>& key, const Overlay& rows) {
  const Entity& entity = *schema.entity(index.entity);
  const std::string name = name_of(entity, record);
  if (!key) return IndexState{IndexState::Kind::too_large, name};
  if (!index.unique) return IndexState{};
  EMSTORE_TRY(const auto other, other_with_same_values(rows, entity, index, *key, record));
  if (!other) return IndexState{};
  return IndexState{IndexState::Kind::not_unique,
                    name + std::string(kBetween) + name_of(entity, {entity.id, *other})};
}

// Adds the keys of the next records, and notes the first that stand against the index.
Result<IndexState> fill(const Schema& schema, const Index& index, const IndexState& before,
                        Overlay& rows) {
  EMSTORE_TRY(Progress progress, take_progress(before.detail, *schema.entity(index.entity)));
  std::vector<std::pair<std::string, std::optional<std::string>>> found;
  EMSTORE_CHECKED(each_index_key(rows, schema, index, progress.last,
                                 [&](std::string_view record_key, std::optional<std::string> key) {
                                   found.emplace_back(record_key, std::move(key));
                                   return found.size() < kSliceRows;
                                 }));
  for (auto& [record_key, key] : found) {
    EMSTORE_TRY(const RecordRef record, record_of_key(record_key));
    if (key) rows.apply({Family::values, *key, std::string()});
    if (!is_refused(progress.end)) {
      EMSTORE_TRY(progress.end, look_at(schema, index, record, key, rows));
    }
    progress.last = record_key;
  }
  if (found.size() < kSliceRows) return progress.end;
  return IndexState{IndexState::Kind::filling, encode(progress)};
}

// Removes some of the keys; true when none are left.
Result<bool> drop(IndexId index, Overlay& rows) {
  std::vector<std::string> keys;
  EMSTORE_CHECKED(rows.scan(Family::values, range_of_prefix(index_prefix(index)),
                            [&](std::string_view key, std::string_view) {
                              keys.emplace_back(key);
                              return keys.size() < kSliceRows;
                            }));
  for (const std::string& key : keys) rows.apply({Family::values, key, std::nullopt});
  return keys.size() < kSliceRows;
}

}  // namespace

bool is_ready(const IndexStates& states, IndexId index) {
  const auto state = states.find(index);
  return state != states.end() && state->second.kind == IndexState::Kind::ready;
}

RowChange state_row(IndexId index, const IndexState& state) {
  return {Family::meta, state_key(index), encode(state)};
}

RowChanges state_rows(const IndexStates& states) {
  RowChanges rows;
  for (const auto& [id, state] : states) rows.push_back(state_row(id, state));
  return rows;
}

Result<IndexStates> load_index_states(const Reader& reader) {
  IndexStates states;
  EMSTORE_CHECKED(
      reader.try_scan(Family::meta, range_of_prefix(kPrefix),
                      [&](std::string_view key, std::string_view value) -> Result<bool> {
                        EMSTORE_TRY(IndexState state, decode_state(value));
                        const std::string_view id = key.substr(kPrefix.size());
                        states.emplace(IndexId{big_endian<std::uint32_t>(id)}, std::move(state));
                        return true;
                      }));
  return states;
}

Result<IndexStates> change_index_states(const Schema& next, const IndexStates& before,
                                        Overlay& rows) {
  IndexStates states = before;
  for (const auto& [id, state] : before) {
    if (find(next, id) == nullptr && state.kind != IndexState::Kind::dropping) {
      put(id, {IndexState::Kind::dropping, {}}, states, rows);
    }
  }
  for (const Index& index : next.indexes) {
    const auto known = before.find(index.id);
    const Entity& entity = *next.entity(index.entity);
    if (known != before.end() && !is_refused(end_of(known->second, entity))) continue;
    EMSTORE_TRY(const CounterRow counter, read_counter(rows, index.entity));
    const bool is_empty = counter.records == 0;
    const auto kind = is_empty ? IndexState::Kind::ready : IndexState::Kind::filling;
    put(index.id, {kind, {}}, states, rows);
  }
  return states;
}

std::optional<IndexStates> retry_refused(const Schema& schema, const IndexStates& before,
                                         Overlay& rows) {
  std::optional<IndexStates> states;
  for (const auto& [id, state] : before) {
    if (state.kind == IndexState::Kind::ready) continue;  // Nearly always, with every commit.
    const Index* index = find(schema, id);
    if (index == nullptr) continue;
    const Entity& entity = *schema.entity(index->entity);
    const IndexState end = end_of(state, entity);
    if (!is_refused(end) || !touches(rows, *index, entity, end)) continue;
    if (!states) states = before;
    put(id, {IndexState::Kind::filling, {}}, *states, rows);
  }
  return states;
}

IndexStates restarted_fills(IndexStates states) {
  for (auto& [id, state] : states) {
    if (is_refused(state)) state.kind = IndexState::Kind::filling;
    if (state.kind == IndexState::Kind::filling) state.detail.clear();
  }
  return states;
}

Result<std::optional<IndexStates>> continue_indexes(const Schema& schema, const IndexStates& before,
                                                    Overlay& rows) {
  for (const auto& [id, state] : before) {
    IndexStates states = before;
    const Index* index = find(schema, id);
    if (state.kind == IndexState::Kind::filling && index != nullptr) {
      EMSTORE_TRY(const IndexState next, fill(schema, *index, state, rows));
      put(id, next, states, rows);
      return states;
    }
    if (state.kind == IndexState::Kind::dropping) {
      EMSTORE_TRY(const bool done, drop(id, rows));
      if (done) {
        rows.apply({Family::meta, state_key(id), std::nullopt});
        states.erase(id);
      }
      return states;
    }
  }
  return std::nullopt;
}

}  // namespace emstore::store
