#include "store/group.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/big_endian.h"
#include "store/contents.h"
#include "store/damage.h"
#include "store/decide.h"
#include "store/emptying.h"
#include "store/facts.h"
#include "store/log.h"
#include "store/record_ids.h"
#include "store/request.h"
#include "store/schema_change.h"
#include "store/undertaking.h"

namespace emstore::store {

Group::Group(const LogState& start, const Reader& rows, Environment& environment, LogClock& clock,
             const StoreLimits& limits, Tree& tree)
    : start_(start),
      environment_(environment),
      clock_(clock),
      limits_(limits),
      tree_(tree),
      rows_(rows),
      sequence_(start.sequence),
      time_(start.time),
      schema_(start.schema) {}

Outcome Group::take(const Submission& submission) {
  return std::visit([&](const auto& work) { return carry_out(work, submission.peer); },
                    submission.work);
}

LogState Group::end() {
  for (RowChange& change : tree_.take_changes()) rows_.apply(std::move(change));
  return {sequence_, time_, sequence_ == start_.sequence ? start_.root : tree_.root(), schema_,
          indexes_ ? std::make_shared<const IndexStates>(*indexes_) : start_.indexes};
}

CommitInfo Group::next_commit(const Peer& peer) {
  return {sequence_ + 1, now(), schema_->version, peer};
}

Result<std::optional<Commit>> Group::find_request(const std::optional<RequestKey>& key,
                                                  const Peer& peer) {
  if (!key) return std::nullopt;
  EMSTORE_TRY(const auto sequence, read_commit_of(rows_, peer.uid, *key));
  if (!sequence) return std::nullopt;
  EMSTORE_TRY(const auto commit, rows_.get(Family::log, log_key(*sequence)));
  if (!commit) return failure(ErrorCode::corrupt_log, "no commit " + std::to_string(*sequence));
  EMSTORE_TRY(Commit decoded, decode(*commit));
  return decoded;
}

Result<std::vector<Event>> Group::decide_mutation(const Resolved& resolved, const Command& command,
                                                  const Peer& peer, const CommitInfo& info,
                                                  Overlay& rows, Violations& violations) {
  EMSTORE_TRY(std::vector<Content> contents,
              find_contents(rows, resolved, command.files, peer.uid, info.time, violations));
  EMSTORE_TRY(Known known, read_known(rows, *schema_, resolved, std::move(contents)));
  if (resolved.verb == Verb::insert) known.new_id = new_id(*resolved.entity, known, info.time);
  return decide(*schema_, resolved, known, info.sequence, violations);
}

RecordId Group::new_id(const Entity& entity, const Known& known, Time now) {
  if (entity.ids == IdFormat::integer) return RecordId(known.owner_counter.next_id);
  std::array<std::uint8_t, 8> chance{};
  environment_.random(chance);
  return next_uuid(now, known.greatest_id, chance);
}

Status Group::fold_events(std::span<const Event> events, const CommitInfo& info,
                          std::uint32_t first, Overlay& rows) {
  FoldPlace place{{info.sequence, first}, info.time, info.peer.uid};
  for (const Event& event : events) {
    EMSTORE_CHECKED(fold(*schema_, event, place, rows));
    EMSTORE_CHECKED(check_size(rows));
    ++place.event.index;
  }
  return {};
}

Status Group::check_size(const Overlay& rows) const {
  if (rows.change_count() <= limits_.commit_changes_max &&
      rows.bytes() <= limits_.commit_bytes_max) {
    return {};
  }
  return failure(ErrorCode::commit_too_large,
                 "the request would change " + std::to_string(rows.change_count()) +
                     " rows or more (" + std::to_string(rows.bytes()) + " bytes); at most " +
                     std::to_string(limits_.commit_changes_max) + " rows and " +
                     std::to_string(limits_.commit_bytes_max) + " bytes fit one commit");
}

Result<CommitBytes> Group::encoded_commit(const CommitInfo& info, std::vector<Event> events) {
  std::vector<Salt> salts(events.size());
  for (Salt& salt : salts) environment_.random(salt);
  CommitBytes encoded = encode(Commit{info, std::move(events)}, salts);
  if (encoded.bytes.size() > limits_.commit_bytes_max) {
    return failure(ErrorCode::commit_too_large,
                   "the commit would take " + std::to_string(encoded.bytes.size()) + " bytes");
  }
  return encoded;
}

Status Group::accept(const CommitInfo& info, std::vector<Event> events, Overlay& rows) {
  EMSTORE_TRY(CommitBytes encoded, encoded_commit(info, std::move(events)));
  const IndexStates& states = indexes_ ? *indexes_ : *start_.indexes;
  if (auto retried = retry_refused(*schema_, states, rows)) indexes_ = std::move(retried);
  tree_.append(leaf_hash(encoded.header_bytes()));
  rows.apply({Family::log, log_key(info.sequence), std::move(encoded.bytes)});
  rows_.absorb(rows);
  sequence_ = info.sequence;
  time_ = info.time;
  return {};
}

// ---- Schema
// -----------------------------------------------------------------------------------------

namespace {

// An index over a field whose default changes is another index: records older than the field show
// the default, and their keys with it.
void renew_indexes(const Schema& before, Schema& next) {
  for (Index& index : next.indexes) {
    const Entity* old_entity = before.entity(index.entity);
    if (old_entity == nullptr) continue;
    const bool differs = std::any_of(index.fields.begin(), index.fields.end(), [&](FieldId id) {
      const Field* old_field = old_entity->field(id);
      return old_field != nullptr &&
             old_field->default_value != next.entity(index.entity)->field(id)->default_value;
    });
    if (differs) index.id = IndexId{next.next_index++};
  }
}

}  // namespace

Status Group::name_lost_records(const Schema& next, Violations& violations) const {
  for (const Entity& entity : schema_->entities) {
    if (!loses_data(entity, next)) continue;
    EMSTORE_TRY(const CounterRow counter, read_counter(rows_, entity.id));
    if (counter.records == 0) continue;
    const std::string count = std::to_string(counter.records) + " records of " + entity.name;
    violations.add({ErrorCode::destructive_change,
                    next.entity(entity.id) == nullptr ? count + " would be deleted"
                                                      : count + " would lose what they have in it",
                    "entities." + entity.name,
                    "apply with allow_destructive",
                    {}});
  }
  return {};
}

// One page of records, in a commit of its own; nothing when no record is left to look at.
Result<std::optional<std::string>> Group::empty_page(const Schema& next,
                                                     const SchemaCommand& command,
                                                     const Peer& peer) {
  constexpr std::size_t kPageRecords = 1000;
  constexpr std::size_t kPageChanges = 10'000;  // Room is left for one record with many links.
  const Schema schema = schema_for_emptying(*schema_, next);
  const CommitInfo info = next_commit(peer);
  std::optional<std::string> last;
  std::vector<Event> events;
  Overlay rows = Overlay::above(rows_);
  for (const Entity& entity : schema.entities) {
    if (!loses_data(entity, next)) continue;
    KeyRange range = range_of_prefix(entity_prefix(entity.id));
    if (!range.until.empty() && command.emptied >= range.until) continue;
    if (command.emptied >= range.from) range.from = command.emptied + '\0';
    std::vector<std::string> keys;
    EMSTORE_CHECKED(rows_.scan(Family::records, range, [&](std::string_view key, std::string_view) {
      keys.emplace_back(key);
      return keys.size() < kPageRecords;
    }));
    for (std::string& key : keys) {
      EMSTORE_CHECKED(empty_record({schema, entity, next}, key, info, rows, events));
      last = std::move(key);
      if (rows.change_count() > kPageChanges) break;
    }
    if (last) break;
  }
  if (!events.empty()) EMSTORE_CHECKED(accept(info, std::move(events), rows));
  return last;
}

Status Group::empty_record(const Emptying& emptying, std::string_view key, const CommitInfo& info,
                           Overlay& rows, std::vector<Event>& events) {
  EMSTORE_TRY(const RecordRef record, record_of_key(key));
  EMSTORE_TRY(const auto stored, read_record(rows, record));
  if (!stored) return {};
  EMSTORE_TRY(auto resolved,
              emptying_of(emptying.schema, emptying.entity, emptying.next, record.id, *stored));
  if (!resolved) return {};
  return undertake(emptying.schema, *std::move(resolved), info, rows, events);
}

Status Group::undertake(const Schema& schema, Resolved asked, const CommitInfo& info, Overlay& rows,
                        std::vector<Event>& events) {
  Violations violations(limits_.violations_max);
  auto place = static_cast<std::uint32_t>(events.size());
  const std::set<RecordRef> alone;
  Undertaking undertaking(
      schema, rows, alone, violations,
      [&](const Resolved& step) {
        return decide_mutation(step, {}, info.peer, info, rows, violations);
      },
      [&](std::span<const Event> folded) -> Status {
        EMSTORE_CHECKED(fold_events(folded, info, place, rows));
        place += static_cast<std::uint32_t>(folded.size());
        return {};
      });
  EMSTORE_TRY(const std::vector<Event> own, undertaking.carry_out(asked));
  if (!violations.empty()) return failure(std::move(violations).to_error());
  events.insert(events.end(), own.begin(), own.end());
  return {};
}

Status Group::check_schema_change(const SchemaChange& change, const SchemaCommand& command) {
  Violations violations(limits_.violations_max);
  if (!command.allow_destructive && !command.dry_run) {
    for (const std::string& line : change.destructive) {
      violations.add({ErrorCode::destructive_change, line, {}, {}, {}});
    }
    EMSTORE_CHECKED(name_lost_records(change.next, violations));
  }
  for (const auto& [entity, field] : change.newly_required) {
    EMSTORE_TRY(const CounterRow counter, read_counter(rows_, entity));
    if (counter.records == 0) continue;
    const Entity& owner = *change.next.entity(entity);
    violations.add({ErrorCode::invalid_schema,
                    owner.name + "." + owner.field(field)->name + " cannot be required: " +
                        std::to_string(counter.records) + " records have no value for it",
                    "entities." + owner.name + ".fields." + owner.field(field)->name,
                    "give it a default_value",
                    {}});
  }
  if (!violations.empty()) return failure(std::move(violations).to_error());
  return {};
}

namespace {

// What a schema commit answered: its difference from the schema before it.
Result<SchemaOutcome> replayed_schema(const Reader& reader, const Commit& commit) {
  SchemaOutcome outcome{commit.info.sequence, commit.info.schema, false, true, {}};
  const auto* applied = std::get_if<SchemaApplied>(&commit.events.back());
  if (applied == nullptr) return outcome;
  EMSTORE_TRY(const Schema before, schema_before(reader, commit.info));
  EMSTORE_TRY(outcome.difference, difference_of(before, applied->schema));
  outcome.version = commit.info.sequence;
  outcome.changed = true;
  return outcome;
}

}  // namespace

Outcome Group::carry_out(const SchemaCommand& command, const Peer& peer) {
  EMSTORE_TRY(const std::optional<Commit> before, find_request(command.key, peer));
  if (before) {
    EMSTORE_TRY(SchemaOutcome outcome, replayed_schema(rows_, *before));
    return outcome;
  }
  EMSTORE_TRY(SchemaChange change, change_schema(*schema_, command.schema));
  renew_indexes(*schema_, change.next);
  EMSTORE_CHECKED(check_schema_change(change, command));
  SchemaOutcome outcome{sequence_, schema_->version, change.changed, false,
                        std::move(change.difference)};
  if (command.dry_run) return outcome;
  EMSTORE_TRY(outcome.emptied, empty_page(change.next, command, peer));
  if (outcome.emptied) return outcome;
  const CommitInfo info = next_commit(peer);
  Overlay rows = Overlay::above(rows_);
  if (change.changed) outcome.version = change.next.version = info.sequence;
  EMSTORE_TRY(const IndexStates states,
              change_index_states(change.next, indexes_ ? *indexes_ : *start_.indexes, rows));
  std::vector<Event> events;
  if (is_recorded(command) && (change.changed || command.key)) {
    events.emplace_back(request_of(command));
  }
  if (change.changed) events.emplace_back(SchemaApplied{to_value(change.next)});
  if (!events.empty()) {
    EMSTORE_CHECKED(fold_events(events, info, 0, rows));
    EMSTORE_CHECKED(accept(info, std::move(events), rows));
    outcome.sequence = info.sequence;
  } else {
    rows_.absorb(rows);
  }
  indexes_ = states;
  if (change.changed) schema_ = std::make_shared<const Schema>(std::move(change.next));
  return outcome;
}

// ---- Leases and keys
// --------------------------------------------------------------------------------

Outcome Group::carry_out(const LeaseCommand& command, const Peer&) {
  if (!command.token.empty()) {
    EMSTORE_TRY(const auto before, find_upload(rows_, command.token, command.uid));
    if (before) return LeaseOutcome{before->content.address, before->existed, before->expires};
  }
  const Time now = this->now();
  Overlay rows = Overlay::above(rows_);
  PlacedBytes placed;
  if (const auto* bytes = std::get_if<std::string>(&command.content)) {
    EMSTORE_TRY(placed, place_bytes(rows, *bytes, command.digest, now));
  } else {
    placed.address = std::get<Address>(command.content);
    EMSTORE_TRY(const std::optional<BlobRow> row, read_blob(rows, placed.address));
    if (row && (row->size != command.digest.size || row->sha256 != command.digest.sha256)) {
      return failure(ErrorCode::corrupt_blob,
                     "other bytes lie at " + to_string(placed.address) + " than the log says");
    }
    if (!placed.address.is_file()) {
      EMSTORE_TRY(const auto stored, rows.get(Family::bytes, to_bytes(placed.address)));
      if (!stored) {
        return failure(ErrorCode::blob_not_found, "no bytes at " + to_string(placed.address));
      }
    }
    placed.existed = command.existed || (row && row->collected_at == 0);
    if (command.mended) {
      EMSTORE_CHECKED(note_mended(rows, placed.address, now));
    } else if (command.compared) {
      EMSTORE_CHECKED(close_damage(rows, placed.address, now));
    }
  }
  const Time expires{now.micros + command.micros};
  const Content content{placed.address, command.digest.size, command.digest.sha256,
                        command.mime_type, command.picture};
  rows.apply(
      {Family::leases, lease_key(placed.address, command.uid), encode(LeaseRow{expires, content})});
  if (!command.token.empty()) {
    rows.apply({Family::leases, upload_key(command.token, command.uid),
                encode(UploadRow{expires, content, placed.existed})});
  }
  rows_.absorb(rows);
  return LeaseOutcome{placed.address, placed.existed, expires};
}

Outcome Group::carry_out(const ExpireLeasesCommand& command, const Peer&) {
  EMSTORE_TRY(LeaseSlice slice, expire_leases(rows_, command.from, now(), sequence_));
  return ExpireLeasesOutcome{std::move(slice.next), slice.removed};
}

Outcome Group::carry_out(const ExpireCommand& command, const Peer& peer) {
  constexpr std::uint64_t kSliceCommits = 4096;
  constexpr std::uint64_t kSlackCommitsMin = 64;
  constexpr std::size_t kSliceBytes = 8u << 20;
  std::size_t bytes_read = 0;
  EMSTORE_TRY(const auto bytes, rows_.get(Family::requests, {}));
  Sequence from = 1;
  if (bytes) {
    EMSTORE_TRY(const RequestRow row, decode_request(*bytes));
    from = row.sequence + 1;
  }
  const Time oldest{now().micros - command.window_micros};
  // Of the bound by commits some more are kept until there is something to do: this is a commit
  // itself, and would bring about the next one.
  const std::uint64_t slack =
      std::clamp<std::uint64_t>(command.commits_max / 16, kSlackCommitsMin, kSliceCommits);
  const auto is_over = [&](const CommitInfo& info, std::uint64_t kept) {
    const bool is_far =
        command.commits_max != 0 && sequence_ - info.sequence >= command.commits_max + kept;
    return is_far || info.time < oldest;
  };
  Sequence through = 0;
  bool more = false, any = false;
  const KeyRange range{log_key(from), {}};
  EMSTORE_CHECKED(rows_.try_scan(
      Family::log, range, [&](std::string_view, std::string_view row) -> Result<bool> {
        EMSTORE_TRY(const HeaderView header, decode_header(row));
        if (!is_over(header.info, 0)) return false;
        bytes_read += row.size();
        more = header.info.sequence >= from + kSliceCommits || bytes_read > kSliceBytes;
        if (more) return false;
        through = header.info.sequence;
        const bool has_key =
            !header.kinds.empty() && header.kinds.front() == RequestRecorded::kind.code;
        any = any || (has_key && is_over(header.info, slack));
        return true;
      }));
  if (!any && !more) return ExpireOutcome{false};
  Overlay rows = Overlay::above(rows_);
  const CommitInfo info = next_commit(peer);
  std::vector<Event> events{KeysExpired{from, through}};
  EMSTORE_CHECKED(fold_events(events, info, 0, rows));
  EMSTORE_CHECKED(accept(info, std::move(events), rows));
  return ExpireOutcome{more};
}

}  // namespace emstore::store
