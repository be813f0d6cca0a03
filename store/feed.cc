#include "store/feed.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/pack.h"
#include "base/suggest.h"
#include "store/log.h"

namespace emstore::store {
namespace {

constexpr std::size_t kLogBytesMax = 1u << 20;  // Of stored commits held at a time.

Result<std::uint8_t> operators_named(const std::vector<std::string>& names) {
  std::uint8_t operators = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto known = std::ranges::find(kOperatorNames, names[i], &OperatorName::name);
    if (known == kOperatorNames.end()) {
      return failure(ErrorCode::unknown_operator, "no operator " + quoted(names[i]),
                     "operators[" + std::to_string(i) + "]",
                     "one of $set, $detach, $attach, $create and delete");
    }
    operators = static_cast<std::uint8_t>(operators | known->bit);
  }
  return operators;
}

Error at(std::string_view path, Error error) {
  error.path = path;
  return error;
}

// What has the name now has it; else what had it last.
Result<EntityId> entity_called(const std::string& name, const View& view, NamesOfThen& names) {
  const Result<const Entity*> now = find_entity(*view.schema, name);
  if (now) return (*now)->id;
  EMSTORE_TRY(const std::optional<EntityId> then, names.entity(view, name));
  if (then) return *then;
  return failure(at("entity", now.error()));
}

Result<FieldId> field_called(const std::string& name, const std::string& entity_name, EntityId id,
                             const View& view, NamesOfThen& names) {
  const Entity* entity = view.schema->entity(id);
  const Field* now = entity == nullptr ? nullptr : entity->field(name);
  if (now != nullptr) return now->id;
  EMSTORE_TRY(const std::optional<FieldId> then, names.field(view, id, name));
  if (then) return *then;
  if (entity != nullptr) return failure(at("field", find_field(*entity, name).error()));
  return failure(ErrorCode::unknown_field, "no field " + quoted(name) + " on " + entity_name,
                 "field");
}

// Whether one event is what the filter asks.
class Match {
 public:
  explicit Match(const FeedFilter& filter) : filter_(filter) {}

  bool operator()(const RecordCreated& event) const { return created(event); }
  bool operator()(const MediaCreated& event) const { return created(event); }
  bool operator()(const RecordUpdated& event) const { return updated(event); }
  bool operator()(const MediaUpdated& event) const { return updated(event); }
  bool operator()(const RecordDeleted& event) const { return deleted(event); }
  bool operator()(const MediaDeleted& event) const { return deleted(event); }
  bool operator()(const LinksChanged& event) const {
    if (filter_.field && *filter_.field != event.field) return false;
    if (filter_.operators != 0 && (filter_.operators & event.operators) == 0) return false;
    return is_about(event.owner);
  }
  // About no record.
  template <typename Other>
  bool operator()(const Other& /*event*/) const {
    return filter_.wants_all();
  }

 private:
  bool is_about(const RecordRef& record) const {
    if (filter_.entity && *filter_.entity != record.entity) return false;
    return !filter_.id || *filter_.id == record.id;
  }
  bool concerns(const FieldValues& values) const {
    return !filter_.field || values.find(*filter_.field) != nullptr;
  }
  template <typename Created>
  bool created(const Created& event) const {
    return filter_.operators == 0 && is_about(event.record) && concerns(event.values);
  }
  template <typename Updated>
  bool updated(const Updated& event) const {
    return filter_.operators == 0 && is_about(event.record) && concerns(event.after);
  }
  template <typename Deleted>
  bool deleted(const Deleted& event) const {
    const bool by_operator = filter_.operators == 0 || (filter_.operators & kOperatorDelete) != 0;
    return by_operator && is_about(event.record) && concerns(event.before);
  }

  const FeedFilter& filter_;
};

std::string packed(const StoredCommit& stored, const Commit& commit, const Schema& schema,
                   std::size_t bytes_max) {
  std::string bytes;
  pack::Writer shown(bytes);
  show(commit, schema, shown);
  if (bytes.size() <= bytes_max) return bytes;
  bytes.clear();
  pack::Writer bare(bytes);
  show_bare(stored, commit.info, bare);
  return bytes;
}

}  // namespace

Result<FeedFilter> resolve_filter(const View& view, NamesOfThen& names, const FeedWords& words) {
  FeedFilter filter;
  EMSTORE_TRY(filter.operators, operators_named(words.operators));
  if (words.entity.empty()) {
    if (words.id.is_null() && words.field.empty()) return filter;
    return failure(ErrorCode::invalid_request, "an id or a field is one of an entity",
                   words.id.is_null() ? "field" : "id", "name the entity too");
  }
  EMSTORE_TRY(const EntityId entity, entity_called(words.entity, view, names));
  filter.entity = entity;
  if (!words.id.is_null()) {
    filter.id = record_id_of(words.id);
    if (!filter.id) {
      return failure(ErrorCode::wrong_type, brief(words.id) + " is no id", "id",
                     "ids are integers from 1, or the text of a uuid");
    }
  }
  if (!words.field.empty()) {
    EMSTORE_TRY(filter.field, field_called(words.field, words.entity, entity, view, names));
  }
  return filter;
}

bool names_are_of_now(const Schema& schema, std::string_view entity, std::string_view field) {
  if (entity.empty()) return true;
  const Entity* now = schema.entity(entity);
  return now != nullptr && (field.empty() || now->field(field) != nullptr);
}

bool wants(const FeedFilter& filter, const Commit& commit) {
  if (filter.wants_all()) return true;
  return std::ranges::any_of(commit.events,
                             [&](const Event& event) { return wants(filter, event); });
}

bool wants(const FeedFilter& filter, const Event& event) {
  return std::visit(Match(filter), event);
}

Result<FeedSlice> read_feed(const View& view, SchemasOfThen& schemas, const FeedFilter& filter,
                            Sequence from, const FeedBounds& bounds) {
  FeedSlice slice;
  slice.next = from;
  if (from > view.sequence) return slice;
  EMSTORE_TRY(const std::vector<StoredCommit> stored,
              read_log(*view.reader, from, bounds.commits_max, kLogBytesMax));
  std::size_t bytes = 0;
  for (const StoredCommit& one : stored) {
    EMSTORE_TRY(const Commit commit, decode(one.bytes));
    if (wants(filter, commit)) {
      EMSTORE_TRY(const std::shared_ptr<const Schema> schema, schemas.before(view, commit.info));
      std::string shown = packed(one, commit, *schema, bounds.commit_max);
      bytes += shown.size();
      if (bytes > bounds.bytes_max && !slice.commits.empty()) break;
      slice.commits.push_back(std::move(shown));
    }
    slice.next = one.sequence + 1;
  }
  return slice;
}

}  // namespace emstore::store
