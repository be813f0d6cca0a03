#include "store/log.h"

#include <optional>
#include <utility>

#include "store/field_rules.h"

namespace emstore::store {
namespace {

// Writes maps of named values whose number is known beforehand.
class EventText {
 public:
  EventText(const Schema& schema, Sink& sink) : schema_(schema), sink_(sink) {}

  void show(const Event& event) {
    std::visit([&](const auto& fact) { members(fact); }, event);
  }

 private:
  void begin(const Event& event, std::size_t members) {
    sink_.begin_map(members + 1);
    text("kind", kind_of(event).name);
  }

  void text(std::string_view name, std::string_view value) {
    sink_.text(name);
    sink_.text(value);
  }
  void number(std::string_view name, std::uint64_t value) {
    sink_.text(name);
    sink_.integer(static_cast<std::int64_t>(value));
  }
  void id(std::string_view name, const RecordId& id) {
    sink_.text(name);
    sink_.value(to_value(id));
  }

  std::string entity_name(EntityId id) const {
    const Entity* entity = schema_.entity(id);
    return entity == nullptr ? "entity " + std::to_string(static_cast<std::uint32_t>(id))
                             : entity->name;
  }
  const Field* field_of(EntityId entity, FieldId field) const {
    const Entity* owner = schema_.entity(entity);
    return owner == nullptr ? nullptr : owner->field(field);
  }
  std::string field_name(EntityId entity, FieldId id) const {
    const Field* field = field_of(entity, id);
    return field == nullptr ? "field " + std::to_string(static_cast<std::uint32_t>(id))
                            : field->name;
  }

  void record(const RecordRef& record, Version previous) {
    text("entity", entity_name(record.entity));
    id("id", record.id);
    number("previous", previous);
  }

  void values(std::string_view name, EntityId entity, const FieldValues& values) {
    sink_.text(name);
    sink_.begin_map(values.size());
    for (const auto& [id, value] : values) {
      sink_.text(field_name(entity, id));
      const Field* field = field_of(entity, id);
      if (field == nullptr || value.is_null()) {
        sink_.value(value);
      } else {
        store::show(field->kind, value, sink_);
      }
    }
  }

  template <typename Created>
  void created(const Created& event) {
    begin(event, 4);
    record(event.record, event.previous);
    values("values", event.record.entity, event.values);
  }
  template <typename Updated>
  void updated(const Updated& event) {
    begin(event, 5);
    record(event.record, event.previous);
    values("before", event.record.entity, event.before);
    values("after", event.record.entity, event.after);
  }
  template <typename Deleted>
  void deleted(const Deleted& event) {
    begin(event, 4);
    record(event.record, event.previous);
    values("before", event.record.entity, event.before);
  }

  void members(const RecordCreated& event) { created(event); }
  void members(const MediaCreated& event) { created(event); }
  void members(const RecordUpdated& event) { updated(event); }
  void members(const MediaUpdated& event) { updated(event); }
  void members(const RecordDeleted& event) { deleted(event); }
  void members(const MediaDeleted& event) { deleted(event); }

  void members(const RequestRecorded& event) {
    begin(event, 5);
    text("key", event.key);
    text("reason", event.reason);
    text("correlation", event.correlation);
    text("causation", event.causation);
    text("digest", to_hex(as_bytes(event.digest)));
  }

  void members(const SchemaApplied& event) {
    begin(event, 1);
    sink_.text("schema");
    sink_.value(event.schema);
  }

  void members(const LinksChanged& event) {
    begin(event, 8);
    record(event.owner, event.previous);
    text("field", field_name(event.owner.entity, event.field));
    operators(event.operators);
    links("removed", event.removed);
    links("added", event.added);
    sink_.text("changed");
    sink_.begin_list(event.changed.size());
    for (const LinkChange& change : event.changed) {
      sink_.begin_map(6);
      text("entity", entity_name(change.target.entity));
      id("id", change.target.id);
      text("position_before", to_hex(change.order_before));
      text("position_after", to_hex(change.order_after));
      sink_.text("meta_before");
      sink_.value(change.meta_before);
      sink_.text("meta_after");
      sink_.value(change.meta_after);
    }
  }

  void operators(std::uint8_t operators) {
    List names;
    for (const OperatorName& known : kOperatorNames) {
      if ((operators & known.bit) != 0) names.emplace_back(known.name);
    }
    sink_.text("operators");
    sink_.value(names);
  }

  void links(std::string_view name, const std::vector<Link>& links) {
    sink_.text(name);
    sink_.begin_list(links.size());
    for (const Link& link : links) {
      sink_.begin_map(4);
      text("entity", entity_name(link.target.entity));
      id("id", link.target.id);
      text("position", to_hex(link.order));
      sink_.text("meta");
      sink_.value(link.meta);
    }
  }

  void members(const BlobsCollected& event) {
    begin(event, 1);
    sink_.text("addresses");
    sink_.begin_list(event.addresses.size());
    for (const Address& address : event.addresses) sink_.text(to_string(address));
  }

  void members(const KeysExpired& event) {
    begin(event, 2);
    number("from", event.from);
    number("through", event.through);
  }

  const Schema& schema_;
  Sink& sink_;
};

constexpr std::size_t kInfoMembers = 4;

void show_info(const CommitInfo& info, Sink& sink) {
  const auto number = [&](std::string_view name, std::uint64_t value) {
    sink.text(name);
    sink.integer(static_cast<std::int64_t>(value));
  };
  number("sequence", info.sequence);
  sink.text("time");
  sink.time(info.time);
  number("schema", info.schema);
  sink.text("peer");
  sink.begin_map(3);
  number("uid", info.peer.uid);
  number("gid", info.peer.gid);
  number("pid", info.peer.pid);
}

}  // namespace

Result<std::vector<StoredCommit>> read_log(const Reader& reader, Sequence from, std::uint64_t limit,
                                           std::uint64_t bytes_max) {
  std::vector<StoredCommit> commits;
  Sequence expected = from == 0 ? 1 : from;
  std::uint64_t bytes = 0;
  if (limit == 0) return commits;
  const KeyRange range{log_key(expected), {}};
  EMSTORE_CHECKED(reader.try_scan(
      Family::log, range, [&](std::string_view key, std::string_view row) -> Result<bool> {
        if (sequence_of_log_key(key) != expected) {
          return failure(ErrorCode::corrupt_log,
                         "commit " + std::to_string(expected) + " is missing");
        }
        bytes += row.size();
        if (!commits.empty() && bytes > bytes_max) return false;
        commits.push_back({expected++, std::string(row)});
        return commits.size() < limit;
      }));
  return commits;
}

Result<Schema> schema_before(const Reader& reader, const CommitInfo& info) {
  return schema_applied_at(reader, info.schema);
}

Result<Schema> schema_applied_at(const Reader& reader, Sequence version) {
  if (version == 0) return initial_schema();
  EMSTORE_TRY(const auto bytes, reader.get(Family::log, log_key(version)));
  if (!bytes) return failure(ErrorCode::corrupt_log, "no commit " + std::to_string(version));
  EMSTORE_TRY(const Commit commit, decode(*bytes));
  const auto* applied = std::get_if<SchemaApplied>(&commit.events.back());
  if (applied == nullptr) return failure(ErrorCode::corrupt_log, "a schema that is none");
  return schema_of(applied->schema, version);
}

void show(const Commit& commit, const Schema& schema, Sink& sink) {
  sink.begin_map(kInfoMembers + 1);
  show_info(commit.info, sink);
  sink.text("events");
  sink.begin_list(commit.events.size());
  EventText text(schema, sink);
  for (const Event& event : commit.events) text.show(event);
}

void show_bare(const StoredCommit& stored, const CommitInfo& info, Sink& sink) {
  sink.begin_map(kInfoMembers + 1);
  show_info(info, sink);
  sink.text("bytes");
  sink.binary(stored.bytes);
}

}  // namespace emstore::store
