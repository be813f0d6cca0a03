#include "store/undo.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/sink.h"
#include "store/chain.h"
#include "store/event_bytes.h"
#include "store/facts.h"
#include "store/field_rules.h"
#include "store/history.h"
#include "store/index_keys.h"
#include "store/log.h"
#include "store/moment.h"
#include "store/relations.h"
#include "store/row_bytes.h"

namespace emstore::store {
namespace {

constexpr std::size_t kCommitsNamedMax = 5;
constexpr std::size_t kViolationsMax = 100;

// A link around the commit; nothing where there was none.
struct Touched {
  std::optional<Link> before, after;

  // It has to be put where it was.
  bool lost_place() const { return before && (!after || after->order != before->order); }
  bool lost_meta() const { return before && (!after || after->meta != before->meta); }
};
using TouchedLinks = std::map<RecordRef, Touched>;

// What one record went through in the commit.
struct Changed {
  bool is_new = false;
  std::map<FieldId, Value> before;  // The fields that changed, in stored form.
  std::map<FieldId, TouchedLinks> links;
};

class Undoing {
 public:
  Undoing(const View& view, Sequence sequence, const QueryLimits& limits)
      : view_(view),
        schema_(view.schema),
        sequence_(sequence),
        limits_(limits),
        chain_(*view.reader, limits) {}

  Result<Command> run(std::optional<Sequence> carried_out) {
    if (carried_out) {
      EMSTORE_TRY(const Moment then, moment_at(view_, static_cast<std::int64_t>(*carried_out)));
      schema_ = then.schema;
    }
    EMSTORE_CHECKED(read_commit());
    if (!carried_out) EMSTORE_CHECKED(check_standing());
    Command command;
    command.is_transaction = true;
    command.planned_with = schema_->version;
    command.reason = "undo of " + commit_text(sequence_);
    for (const RecordRef& record : order_) {
      const Changed& changed = records_.at(record);
      if (changed.is_new) continue;
      EMSTORE_TRY(Mutation mutation, restoration(record, changed));
      command.mutations.push_back(std::move(mutation));
    }
    EMSTORE_CHECKED(add_deletions(command));
    return command;
  }

 private:
  // ---- What it did ----

  Status read_commit() {
    if (sequence_ == 0 || sequence_ > view_.sequence) {
      return failure(ErrorCode::out_of_range,
                     commit_text(sequence_) + " has not been made; the last is " +
                         std::to_string(view_.sequence),
                     "sequence");
    }
    EMSTORE_TRY(const auto bytes, view_.reader->get(Family::log, log_key(sequence_)));
    if (!bytes) return failure(ErrorCode::corrupt_log, commit_text(sequence_) + " is missing");
    EMSTORE_TRY(const Commit commit, decode(*bytes));
    for (const Event& event : commit.events) {
      EMSTORE_CHECKED(std::visit([this](const auto& fact) { return note(fact); }, event));
    }
    if (!order_.empty()) return {};
    return failure(ErrorCode::invalid_request, commit_text(sequence_) + " changed no record",
                   "sequence");
  }

  Changed& changed(const RecordRef& record) {
    const auto [place, is_first] = records_.try_emplace(record);
    if (is_first) order_.push_back(record);
    return place->second;
  }

  Status note(const RequestRecorded&) { return {}; }
  Status note(const RecordCreated& event) { return note_created(event.record); }
  Status note(const MediaCreated& event) { return note_created(event.record); }
  Status note(const RecordUpdated& event) { return note_updated(event); }
  Status note(const MediaUpdated& event) { return note_updated(event); }
  Status note(const RecordDeleted& event) { return refuse_deletion(event.record); }
  Status note(const MediaDeleted& event) { return refuse_deletion(event.record); }

  Status note(const LinksChanged& event) {
    TouchedLinks& links = changed(event.owner).links[event.field];
    const auto touch = [&](std::optional<Link> before, std::optional<Link> after) {
      const auto [place, is_first] = links.try_emplace((before ? before : after)->target);
      if (is_first) place->second.before = std::move(before);
      place->second.after = std::move(after);
    };
    for (const Link& link : event.removed) touch(link, std::nullopt);
    for (const Link& link : event.added) touch(std::nullopt, link);
    for (const LinkChange& change : event.changed) {
      touch(Link{change.target, change.order_before, change.meta_before},
            Link{change.target, change.order_after, change.meta_after});
    }
    return {};
  }

  Status note(const SchemaApplied&) {
    return cannot("applied a schema", "apply the schema that is wanted");
  }
  Status note(const BlobsCollected&) { return cannot("let bytes go", "upload them again"); }
  Status note(const KeysExpired&) { return cannot("let request keys go", {}); }

  bool is_made(const RecordRef& record) const {
    const auto found = records_.find(record);
    return found != records_.end() && found->second.is_new;
  }

  Status note_created(const RecordRef& record) {
    changed(record).is_new = true;
    return {};
  }

  // The first event of a record says what was there before the commit.
  template <typename Updated>
  Status note_updated(const Updated& event) {
    Changed& owner = changed(event.record);
    for (const auto& [field, value] : event.before) owner.before.try_emplace(field, value);
    return {};
  }

  Status refuse_deletion(const RecordRef& record) {
    return cannot("deleted " + name(record) + ", and an id is never given again",
                  "read it with as_of: " + std::to_string(sequence_ - 1) + " and insert it anew");
  }

  Status cannot(const std::string& what, std::string hint) const {
    return failure(ErrorCode::unsupported, commit_text(sequence_) + " " + what, "sequence",
                   std::move(hint));
  }

  // ---- What stands on it ----

  Status check_standing() {
    std::vector<Error> violations;
    bool is_gone = false;
    for (const RecordRef& record : order_) {
      if (violations.size() == kViolationsMax) break;
      EMSTORE_TRY(const std::set<Sequence> later, later_commits(record));
      if (later.empty()) continue;
      EMSTORE_TRY(const auto now, read_record(*view_.reader, record));
      if (!now) is_gone = true;
      violations.push_back({ErrorCode::version_mismatch,
                            name(record) + " is not as " + commit_text(sequence_) +
                                " left it: see commit " + names_of(later),
                            name(record),
                            {},
                            {}});
    }
    if (violations.empty()) return {};
    Error refusal = violations.front();
    refusal.hint = is_gone ? "what was deleted cannot be taken back: insert it anew"
                           : std::string(kLaterFirst);
    refusal.violations = std::move(violations);
    return tl::unexpected(std::move(refusal));
  }

  // Those after which it is not as the commit left it; of a new record also those that made
  // something lead to it. What was taken back since is not in the way.
  Result<std::set<Sequence>> later_commits(const RecordRef& record) {
    std::set<Sequence> later;
    EMSTORE_TRY(const Sequence last, last_commit_of(*view_.reader, record));
    if (last == 0) return failure(ErrorCode::corrupt_index, name(record) + " was never there");
    EMSTORE_TRY(const bool stands, is_as_left(record, last));
    if (!stands) {
      EMSTORE_CHECKED(
          chain_.walk_back(record, last, [&](const CommitParts& commit) -> Result<bool> {
            if (commit.info().sequence <= sequence_) return false;
            later.insert(commit.info().sequence);
            return true;
          }));
    }
    if (is_made(record)) EMSTORE_CHECKED(add_leading(record, later));
    return later;
  }

  // Links of records that the commit made go with these.
  Status add_leading(const RecordRef& record, std::set<Sequence>& later) {
    const KeyRange range{backlink_prefix(record, false),
                         range_of_prefix(backlink_prefix(record, true)).until};
    return view_.reader->try_scan(Family::backlinks, range,
                                  [&](std::string_view key, std::string_view row) -> Result<bool> {
                                    EMSTORE_CHECKED(chain_.look());
                                    EMSTORE_TRY(const BacklinkKey place, backlink_of_key(key));
                                    if (records_.contains(place.owner)) return true;
                                    EMSTORE_TRY(const BacklinkRow backlink, decode_backlink(row));
                                    if (backlink.since.sequence > sequence_)
                                      later.insert(backlink.since.sequence);
                                    return true;
                                  });
  }

  // Whether its values and links are those that the commit left, whatever happened in between.
  Result<bool> is_as_left(const RecordRef& record, Sequence last) {
    if (last == sequence_) return true;
    EMSTORE_TRY(const auto now, read_record(*view_.reader, record));
    if (!now) return false;
    EMSTORE_TRY(const History* history, history_at(after_, sequence_));
    EMSTORE_TRY(const auto then, read_record(*history, record));
    if (!then) return failure(ErrorCode::corrupt_index, name(record) + " was not there");
    const Entity* entity = schema_->entity(record.entity);
    if (entity == nullptr) return false;
    EMSTORE_TRY(const FieldValues values_now, unpack_fields(now->fields()));
    EMSTORE_TRY(const FieldValues values_then, unpack_fields(then->fields()));
    for (const Field& field : entity->fields) {
      if (is_link(field.kind)) {
        EMSTORE_TRY(const auto links_now, links_of(*view_.reader, record, field.id));
        EMSTORE_TRY(const auto links_then, links_of(*history, record, field.id));
        if (links_now != links_then) return false;
      } else if (effective_value(field, values_now) != effective_value(field, values_then)) {
        return false;
      }
    }
    return true;
  }

  static std::string names_of(const std::set<Sequence>& later) {
    std::string names;
    for (const Sequence sequence : later) {
      if (!names.empty()) names += ", ";
      names += std::to_string(sequence);
      if (std::count(names.begin(), names.end(), ',') + 1 == kCommitsNamedMax) break;
    }
    if (later.size() <= kCommitsNamedMax) return names;
    return names + " and " + std::to_string(later.size() - kCommitsNamedMax) + " more";
  }

  // ---- What takes it back ----

  // What leads to media goes before these: nothing may lead to a medium that is deleted.
  Status add_deletions(Command& command) const {
    std::vector<RecordRef> made;
    std::ranges::copy_if(order_, std::back_inserter(made),
                         [this](const RecordRef& record) { return is_made(record); });
    std::stable_partition(made.begin(), made.end(),
                          [](const RecordRef& record) { return record.entity != kMediaEntity; });
    for (const RecordRef& record : made) {
      EMSTORE_TRY(command.mutations.emplace_back(), mutation_of(Verb::remove, record));
    }
    return {};
  }

  Result<Mutation> mutation_of(Verb verb, const RecordRef& record) const {
    const Entity* entity = schema_->entity(record.entity);
    if (entity == nullptr) return cannot_now(name(record) + ": its entity is no more");
    Mutation mutation;
    mutation.verb = verb;
    mutation.entity = entity->name;
    mutation.id = to_value(record.id);
    EMSTORE_TRY(mutation.expected, last_commit_of(*view_.reader, record));
    mutation.place = name(record);
    return mutation;
  }

  Result<Mutation> restoration(const RecordRef& record, const Changed& changed) {
    EMSTORE_TRY(Mutation mutation, mutation_of(Verb::update, record));
    for (const auto& [id, value] : changed.before) {
      EMSTORE_TRY(const Field* field, field_of(record, id));
      ValueSink shown;
      if (value.is_null()) {
        shown.null();
      } else {
        show(field->kind, value, shown);
      }
      mutation.document.set(field->name, shown.take());
    }
    for (const auto& [id, links] : changed.links) {
      EMSTORE_TRY(const Field* field, field_of(record, id));
      Map operators;
      if (field->kind == FieldKind::medium) {
        operators = one_link_back(links);
      } else {
        EMSTORE_TRY(operators, links_back(record, *field, links));
      }
      if (!operators.empty()) mutation.document.set(field->name, std::move(operators));
    }
    return mutation;
  }

  static Map one_link_back(const TouchedLinks& links) {
    Value before;
    for (const auto& [target, link] : links) {
      if (link.before) before = Map{{"id", to_value(target.id)}, {"meta", link.before->meta}};
    }
    return Map{{"$set", std::move(before)}};
  }

  // What the commit did to links is turned round. Those that it left alone are not named: they
  // stay as they are, whatever the schema has come to ask of links since.
  Result<Map> links_back(const RecordRef& record, const Field& field, const TouchedLinks& links) {
    List detached;
    bool is_disordered = false;
    for (const auto& [target, link] : links) {
      if (!link.before && link.after) detached.push_back(to_value(target.id));
      is_disordered = is_disordered || link.lost_place();
    }
    List attached;
    if (is_disordered) {
      EMSTORE_TRY(attached, placed_back(record, field, links));
    }
    for (const auto& [target, link] : links) {
      if (link.lost_place() || !link.lost_meta()) continue;
      EMSTORE_TRY(Map kept, item_of(record, field, link));
      attached.push_back(std::move(kept));
    }
    Map operators;
    if (!detached.empty()) operators.set("$detach", std::move(detached));
    if (!attached.empty()) operators.set("$attach", std::move(attached));
    return operators;
  }

  // Each of those that lost their places, behind the nearest one before it that did not. The last
  // come first: so those of one place come to stand there in their order.
  Result<List> placed_back(const RecordRef& record, const Field& field, const TouchedLinks& links) {
    EMSTORE_TRY(const History* history, history_at(before_, sequence_ - 1));
    EMSTORE_TRY(const std::vector<Link> before, links_of(*history, record, field.id));
    List items;
    Value place = "first";
    for (const Link& link : before) {
      const auto touched = links.find(link.target);
      if (touched == links.end() || !touched->second.lost_place()) {
        place = Map{{"after", to_value(link.target.id)}};
        continue;
      }
      EMSTORE_TRY(Map item, item_of(record, field, touched->second));
      item.set("at", place);
      items.push_back(std::move(item));
    }
    std::ranges::reverse(items);
    return items;
  }

  // The item of $attach that gives a link back what it held, if it lost that.
  Result<Map> item_of(const RecordRef& record, const Field& field, const Touched& link) const {
    Map item{{"id", to_value(link.before->target.id)}};
    if (!link.lost_meta()) return item;
    EMSTORE_TRY(Value meta, former_meta(record, field, link.before->meta));
    item.set("meta", std::move(meta));
    return item;
  }

  // Says of every field of a link what it was, so that none of them gets a default.
  Result<Value> former_meta(const RecordRef& record, const Field& field, const Value& held) const {
    if (field.link_fields.empty()) return held;
    Map meta = held.if_map() == nullptr ? Map() : *held.if_map();
    const auto is_declared = [&](const Map::Member& member) {
      return std::ranges::any_of(
          field.link_fields, [&](const Field& declared) { return declared.name == member.name; });
    };
    if (!std::ranges::all_of(meta, is_declared)) {
      return cannot_now(name(record) + "." + field.name +
                        ": one of the fields of its links is no more");
    }
    for (const Field& declared : field.link_fields) {
      if (!meta.contains(declared.name) && !declared.required) meta.set(declared.name, Value());
    }
    return meta;
  }

  Result<const Field*> field_of(const RecordRef& record, FieldId id) const {
    const Field* field = schema_->entity(record.entity)->field(id);
    if (field == nullptr) return cannot_now(name(record) + ": one of its fields is no more");
    return field;
  }

  tl::unexpected<Error> cannot_now(std::string what) const {
    return failure(ErrorCode::unsupported, std::move(what), "sequence",
                   "the schema has changed since " + commit_text(sequence_));
  }

  Result<const History*> history_at(std::optional<History>& history, Sequence sequence) {
    if (!history) {
      EMSTORE_TRY(Moment moment, moment_at(view_, static_cast<std::int64_t>(sequence)));
      history.emplace(*view_.reader, std::move(moment), limits_);
    }
    return &*history;
  }

  // In their order, without its keys: a link that was put back has another one.
  static Result<std::vector<Link>> links_of(const Reader& reader, const RecordRef& record,
                                            FieldId field) {
    std::vector<Link> links;
    EMSTORE_CHECKED(reader.try_scan(Family::links, range_of_prefix(link_prefix(record, field)),
                                    [&](std::string_view, std::string_view row) -> Result<bool> {
                                      EMSTORE_TRY(LinkRow link, decode_link(row));
                                      links.push_back({link.target, {}, std::move(link.meta)});
                                      return true;
                                    }));
    return links;
  }

  // products/1
  std::string name(const RecordRef& record) const {
    const Entity* entity = schema_->entity(record.entity);
    const std::string of =
        entity == nullptr ? "entity " + std::to_string(static_cast<std::uint32_t>(record.entity))
                          : entity->name;
    return of + "/" + to_string(record.id);
  }

  const View& view_;
  std::shared_ptr<const Schema> schema_;  // In the terms of which the mutations are.
  Sequence sequence_;
  const QueryLimits& limits_;
  Chain chain_;
  std::optional<History> before_, after_;  // The commit.
  std::vector<RecordRef> order_;           // In which the commit came to them.
  std::map<RecordRef, Changed> records_;
};

}  // namespace

Result<Command> undo_of(const View& view, Sequence sequence, std::optional<Sequence> carried_out,
                        const QueryLimits& limits) {
  return Undoing(view, sequence, limits).run(carried_out);
}

}  // namespace emstore::store
