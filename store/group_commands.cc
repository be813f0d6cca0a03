// Commands of a group: each mutation is resolved, decided and folded on top of the ones before it,
// in rows of the command's own; the group takes them over once nothing is left to refuse.
#include <algorithm>
#include <set>
#include <utility>

#include "base/big_endian.h"
#include "base/pack.h"
#include "store/decide.h"
#include "store/field_rules.h"
#include "store/group.h"
#include "store/index_keys.h"
#include "store/log.h"
#include "store/outcome.h"
#include "store/outcome_of_relations.h"
#include "store/paths.h"
#include "store/query.h"
#include "store/removal.h"
#include "store/request.h"
#include "store/undertaking.h"
#include "store/where.h"

namespace emstore::store {
namespace {

// What a mutation that changes nothing answers.
Result<Version> version_of(const Reader& rows, const Resolved& resolved) {
  if (resolved.verb == Verb::insert) return Version{0};
  EMSTORE_TRY(const auto owner, read_record(rows, {resolved.entity->id, resolved.id}));
  return owner ? owner->row.version : Version{0};
}

std::string text_of(const Entity& entity, const Index& index, const FieldValues& values) {
  std::string text;
  for (const FieldId id : index.fields) {
    const Field& field = *entity.field(id);
    ValueSink sink;
    show(field.kind, effective_value(field, values), sink);
    text += (text.empty() ? "" : ", ") + field.name + " " + to_string(sink.take());
  }
  return text;
}

// About what the outcome takes on the wire.
std::size_t bytes_of(const RecordOutcome& outcome) {
  constexpr std::size_t kFrame = 64;   // Names and numbers of a record, and of a field.
  constexpr std::size_t kIdBytes = 9;  // Of an integer; a uuid has more, as text.
  std::size_t bytes = kFrame + pack::to_bytes(outcome.data).size();
  for (const FieldOutcome& field : outcome.changes) {
    const std::size_t ids = field.added.size() + field.removed.size() + field.moved.size() +
                            field.already.size() + field.missing.size();
    bytes += kFrame + field.field.size() + ids * (outcome.id.is_uuid() ? 4 * kIdBytes : kIdBytes);
  }
  return bytes;
}

// Whether other records may go or change with it.
bool may_take_steps(const Resolved& resolved) {
  return resolved.verb == Verb::remove || !resolved.inverses.empty() ||
         records_before(resolved) != 0;
}

bool chooses(const Mutation& mutation) { return mutation.choice && mutation.verb != Verb::check; }

Map query_of(const Mutation& mutation) {
  const Choice& choice = *mutation.choice;
  Map query{{"where", choice.where}};
  if (!choice.order_by.is_null()) query.set("orderBy", choice.order_by);
  return query;
}

}  // namespace

class Group::CommandRun {
 public:
  CommandRun(Group& group, const Command& command, const Peer& peer, Overlay& rows)
      : group_(group),
        command_(command),
        peer_(peer),
        rows_(rows),
        info_(group.next_commit(peer)),
        violations_(group.limits_.violations_max),
        request_(request_of(command)) {}

  Result<CommitOutcome> run() {
    if (command_.planned_with) EMSTORE_CHECKED(check_plan());
    for (std::size_t i = 0; i < command_.mutations.size() && !is_over(); ++i) {
      outcome_.mutations.emplace_back();
      EMSTORE_CHECKED(mutation(command_.mutations[i], path_of(command_, i)));
    }
    if (violations_.empty()) EMSTORE_CHECKED(check_unique());
    if (!violations_.empty()) return failure(std::move(violations_).to_error());
    outcome_.sequence = group_.sequence_;
    if (command_.dry_run) outcome_.plan = effects_of(schema(), events_);
    if (events_.empty() && !command_.key) return std::move(outcome_);
    if (is_recorded(command_)) {
      const FoldPlace place{{info_.sequence, 0}, info_.time, peer_.uid};
      EMSTORE_CHECKED(store::fold(*group_.schema_, request_, place, rows_));
      events_.insert(events_.begin(), std::move(request_));
    }
    if (command_.dry_run) {
      const Result<CommitBytes> fits = group_.encoded_commit(info_, std::move(events_));
      if (!fits) return failure(advised(fits.error()));
      return std::move(outcome_);
    }
    if (Status accepted = group_.accept(info_, std::move(events_), rows_); !accepted) {
      return failure(advised(accepted.error()));
    }
    outcome_.sequence = info_.sequence;
    return std::move(outcome_);
  }

 private:
  const Schema& schema() const { return *group_.schema_; }
  bool is_over() const { return is_too_large_ || violations_.full(); }

  void refuse(ErrorCode code, std::string message, std::string path, std::string hint = {}) {
    violations_.add({code, std::move(message), std::move(path), std::move(hint), {}});
  }

  // What no other mutation can mend: nothing more is looked at.
  void refuse_size(std::string message, std::string path, std::string hint) {
    refuse(ErrorCode::commit_too_large, std::move(message), std::move(path), std::move(hint));
    is_too_large_ = true;
  }

  // ---- Mutations ----

  Status check_plan() {
    if (*command_.planned_with != schema().version) {
      return failure(ErrorCode::version_mismatch,
                     "the schema was changed by commit " + std::to_string(schema().version) +
                         " while the undo was planned",
                     "sequence", "send it again");
    }
    for (const Mutation& mutation : command_.mutations) {
      const Entity* entity = schema().entity(mutation.entity);
      const std::optional<RecordId> id = record_id_of(mutation.id);
      if (mutation.verb == Verb::remove && entity != nullptr && id)
        going_.insert({entity->id, *id});
    }
    return {};
  }

  Status mutation(const Mutation& mutation, const std::string& path) {
    const std::size_t before = violations_.size();
    const Entity* entity = entity_of(schema(), mutation, path, violations_);
    if (entity != nullptr) EMSTORE_CHECKED(parts(mutation, *entity, path));
    if (mutation.name.empty()) return {};
    std::vector<RecordId> made;
    for (const RecordOutcome& record : outcome_.mutations.back().records) made.push_back(record.id);
    // What names a refused record is left out without a violation of its own.
    const std::size_t wanted = mutation.documents ? mutation.documents->size() : 1;
    std::optional<std::vector<RecordId>> records;
    if (violations_.size() == before && made.size() == wanted) records = std::move(made);
    const EntityId id = entity == nullptr ? EntityId{} : entity->id;
    const Status named = references_.add(mutation.name, id, std::move(records));
    violations_.catches(named, path_in(path, "as"));
    return {};
  }

  Status parts(const Mutation& mutation, const Entity& entity, const std::string& path) {
    if (mutation.documents) refuse_documents(*mutation.documents, path);
    FoundIds found;
    if (chooses(mutation)) {
      const bool sound = is_sound(mutation, entity, path);
      const std::optional<Query> query = asked(mutation, entity, path);
      if (!sound || !query) return {};
      EMSTORE_TRY(found, find(mutation, *query, path));
      outcome_.mutations.back().has_more = found.has_more;
      request_.found.push_back({{}, found.has_more});
    }
    if (!command_.planned_with) going_.clear();
    if (chooses(mutation) && mutation.verb == Verb::remove) {
      EMSTORE_CHECKED(note_going(entity, found.ids, path));
    }
    for (const Part& part : parts_of(mutation, path, entity, found.ids)) {
      if (is_over()) return {};
      EMSTORE_CHECKED(this->part(mutation, entity, path, part));
    }
    return {};
  }

  Status note_going(const Entity& entity, const std::vector<RecordId>& ids,
                    const std::string& path) {
    for (const RecordId& id : ids) going_.insert({entity.id, id});
    Status added = add_cascades(rows_, schema(), group_.limits_.commit_changes_max,
                                group_.limits_.examined_max, going_);
    if (added || added.error().code != ErrorCode::commit_too_large) return added;
    refuse_size(added.error().message, path_in(path, "where"),
                "give a smaller limit, and while hasMore go on after the last id");
    return {};
  }

  void refuse_documents(const List& documents, const std::string& path) {
    for (std::size_t i = 0; i < documents.size() && !violations_.full(); ++i) {
      if (documents[i].if_map() != nullptr) continue;
      refuse(ErrorCode::wrong_type, to_string(documents[i]) + " is no document",
             path_at(path_in(path, "documents"), i), "send a map of fields");
    }
  }

  // What is wrong with the document of a mutation that chooses is said once, not for each record
  // that it finds, and also when it finds none.
  bool is_sound(const Mutation& mutation, const Entity& entity, const std::string& path) {
    const std::size_t before = violations_.size();
    const Part any{path, &mutation.document, RecordId()};
    const Resolved resolved = resolve(schema(), entity, mutation, any, references_, violations_);
    return violations_.size() == before && resolved.decidable;
  }

  Status part(const Mutation& mutation, const Entity& entity, const std::string& path,
              const Part& part) {
    if (++parts_ > group_.limits_.mutations_max) {
      refuse_size("the request is about more than " + std::to_string(group_.limits_.mutations_max) +
                      " records",
                  path, "send several requests");
      return {};
    }
    Violations own(group_.limits_.violations_max);
    EMSTORE_CHECKED(decide_part(mutation, entity, part, own));
    violations_.add_all(std::move(own));
    return {};
  }

  Status decide_part(const Mutation& mutation, const Entity& entity, const Part& part,
                     Violations& own) {
    Resolved resolved = resolve(schema(), entity, mutation, part, references_, own);
    if (!resolved.decidable || refused_.contains(resolved.record())) return {};
    resolved.takes_back = command_.planned_with.has_value();
    EMSTORE_TRY(const Version unchanged, version_of(rows_, resolved));
    // It may have gone with a record before it: this commit deleted it, too.
    const bool has_gone =
        unchanged == 0 && !command_.planned_with && going_.contains(resolved.record());
    if (mutation.verb == Verb::remove && has_gone) {
      take(mutation, resolved, {}, info_.sequence);
      return {};
    }
    const RecordRef record = resolved.record();
    EMSTORE_TRY(const std::vector<Event> events, carry_out(mutation, resolved, own));
    if (own.empty() && !is_too_large_) {
      if (mutation.verb != Verb::check) take(mutation, resolved, events, unchanged);
      return {};
    }
    // What else is asked of this record has nothing to stand on.
    if (mutation.verb == Verb::update || mutation.verb == Verb::remove) refused_.insert(record);
    return {};
  }

  // The events of one record's part and of all that goes with it, which are folded then. Of several
  // steps the last may be refused: then none was taken, and what follows stands on what was before.
  Result<std::vector<Event>> carry_out(const Mutation& mutation, Resolved& resolved,
                                       Violations& own) {
    if (!may_take_steps(resolved)) return undertake(mutation, resolved, rows_, own);
    const std::size_t before = folded_;
    Overlay rows = Overlay::above(rows_);
    Result<std::vector<Event>> events = undertake(mutation, resolved, rows, own);
    if (events && own.empty() && !is_too_large_) {
      rows_.absorb(rows);
      check_size(mutation, resolved, group_.check_size(rows_));
    } else {
      folded_ = before;
    }
    return events;
  }

  Result<std::vector<Event>> undertake(const Mutation& mutation, Resolved& resolved, Overlay& rows,
                                       Violations& own) {
    Undertaking undertaking(
        schema(), rows, going_, own,
        [&](const Resolved& step) { return decide_step(mutation, step, rows, own); },
        [&](std::span<const Event> events) { return fold(mutation, resolved, events, rows); });
    Result<std::vector<Event>> events = undertaking.carry_out(resolved);
    if (!events && is_too_large_) return std::vector<Event>{};
    return events;
  }

  Result<std::vector<Event>> decide_step(const Mutation& mutation, const Resolved& step,
                                         Overlay& rows, Violations& own) {
    if (step.verb != Verb::check || !mutation.choice) {
      return group_.decide_mutation(step, command_, peer_, info_, rows, own);
    }
    const std::size_t before = own.size();
    EMSTORE_TRY(Known known, read_known(rows_, schema(), step, {}));
    EMSTORE_TRY(known.found, is_found(mutation, step, own));
    if (own.size() != before) return std::vector<Event>{};
    return decide(schema(), step, known, info_.sequence, own);
  }

  Status fold(const Mutation& mutation, const Resolved& resolved, std::span<const Event> events,
              Overlay& rows) {
    const auto first = static_cast<std::uint32_t>(folded_ + (is_recorded(command_) ? 1 : 0));
    Status folded = group_.fold_events(events, info_, first, rows);
    folded_ += events.size();
    check_size(mutation, resolved, folded);
    return folded;
  }

  void check_size(const Mutation& mutation, const Resolved& resolved, const Status& folded) {
    if (folded || folded.error().code != ErrorCode::commit_too_large) return;
    refuse_size(folded.error().message, resolved.path, advice(mutation));
  }

  // Notes what was done, and what it answers.
  void take(const Mutation& mutation, const Resolved& resolved, const std::vector<Event>& events,
            Version unchanged) {
    if (chooses(mutation)) request_.found.back().ids.push_back(resolved.id);
    RecordOutcome outcome = outcome_of(resolved, events, info_, unchanged);
    request_.counts.push_back(events.size());
    request_.versions.push_back(outcome.version);
    note_places(resolved);
    events_.insert(events_.end(), events.begin(), events.end());
    count_answer(mutation, resolved, outcome);
    outcome_.mutations.back().records.push_back(std::move(outcome));
  }

  // Also of the records and media that are made for it.
  void note_places(const Resolved& resolved) {
    paths_[resolved.record()] = resolved.path;
    for (const auto* requests : {&resolved.links, &resolved.references, &resolved.inverses}) {
      for (const LinkRequest& request : *requests) {
        for (const Resolved& record : request.records) note_places(record);
        for (const NewMedia& media : request.create) paths_[{kMediaEntity, media.id}] = media.path;
      }
    }
  }

  void count_answer(const Mutation& mutation, const Resolved& resolved,
                    const RecordOutcome& outcome) {
    if (command_.mutations.size() == 1 && !mutation.documents && !mutation.choice) return;
    answer_bytes_ += bytes_of(outcome);
    if (answer_bytes_ <= group_.limits_.answer_bytes_max) return;
    refuse_size("the answer would take more than " +
                    std::to_string(group_.limits_.answer_bytes_max) + " bytes",
                resolved.path, advice(mutation));
  }

  // How to ask for less.
  std::string advice(const Mutation& mutation) const {
    const std::string done = std::to_string(outcome_.mutations.back().records.size());
    if (chooses(mutation)) {
      return "give a limit of " + done + " at most, and while hasMore go on after the last id";
    }
    if (mutation.documents) return "send them in several requests of " + done + " at most";
    return "split the request into several";
  }

  // The commit as a whole was refused.
  Error advised(Error error) const {
    const bool is_one = command_.mutations.size() == 1 && chooses(command_.mutations.front());
    if (error.code == ErrorCode::commit_too_large && is_one) {
      error.hint = "give a smaller limit, and while hasMore go on after the last id";
    }
    return error;
  }

  // ---- Choices ----

  bool is_ready(IndexId id) const {
    const IndexStates& states = group_.indexes_ ? *group_.indexes_ : *group_.start_.indexes;
    const auto state = states.find(id);
    return state != states.end() && state->second.kind == IndexState::Kind::ready;
  }

  // What a choice asks. Who means all records has to say so.
  Result<Query> question(const Mutation& mutation) const {
    EMSTORE_TRY(Query resolved, resolve_query(schema(), mutation.entity, query_of(mutation)));
    const bool finds_all = !resolved.where || constant_truth(*resolved.where) == Truth::yes;
    if (finds_all && chooses(mutation) && !mutation.choice->all) {
      return failure(ErrorCode::invalid_request, "this `where` finds all " + resolved.entity->name,
                     "where", "say all: true if they are meant, with {} as `where`");
    }
    // By id, whatever the entity's own order: who goes on goes on after the last id.
    if (mutation.choice->order_by.is_null()) resolved.order.clear();
    return resolved;
  }

  // The same of a mutation that chooses; nothing when something is wrong with it, which is then
  // said.
  std::optional<Query> asked(const Mutation& mutation, const Entity& entity,
                             const std::string& path) {
    const Choice& choice = *mutation.choice;
    if (choice.all && !choice.where.empty()) {
      refuse(ErrorCode::invalid_request,
             "all " + entity.name + " are meant, and a `where` stands beside it",
             path_in(path, "all"), "leave out all, or send {} as `where`");
      return std::nullopt;
    }
    if (choice.limit == 0) {  // It would do nothing, and say for ever that there is more.
      refuse(ErrorCode::out_of_range, "0 is no integer from 1", path_in(path, "limit"),
             "leave it out for no limit");
      return std::nullopt;
    }
    Result<Query> resolved = question(mutation);
    if (resolved) return *std::move(resolved);
    violations_.add(placed(std::move(resolved).error(), path));
    return std::nullopt;
  }

  static Error placed(Error error, const std::string& path) {
    error.path = path_in(path, error.path);
    for (Error& violation : error.violations) violation.path = path_in(path, violation.path);
    return error;
  }

  // The records that fit, at most `limit`; that they take too much to find is a violation.
  Result<FoundIds> search(Query query, std::uint64_t limit, const std::string& path,
                          Violations& violations) {
    query.limit = limit;
    const Plan plan = plan_of(schema(), query, [this](IndexId id) { return is_ready(id); });
    const QueryLimits limits{.items_max = group_.limits_.mutations_max + 2,
                             .result_bytes_max = group_.limits_.answer_bytes_max,
                             .examined_max = group_.limits_.examined_max};
    Result<FoundIds> found = find_ids(rows_, query, plan, limits);
    if (found) return found;
    const ErrorClass kind = class_of(found.error().code);
    if (kind != ErrorClass::invalid && kind != ErrorClass::too_large) return found;
    violations.add(placed(std::move(found).error(), path));
    return FoundIds{};
  }

  Result<FoundIds> find(const Mutation& mutation, const Query& query, const std::string& path) {
    const Choice& choice = *mutation.choice;
    const std::uint64_t most = group_.limits_.mutations_max;
    EMSTORE_TRY(FoundIds found,
                search(query, std::min(choice.limit.value_or(most), most), path, violations_));
    if (!found.has_more || choice.limit.value_or(most + 1) <= most) return found;
    refuse_size("more than " + std::to_string(most) + " " + query.entity->name + " match",
                path_in(path, "where"),
                "give a limit of " + std::to_string(most) +
                    " at most, and while hasMore go on after the last id");
    return FoundIds{};
  }

  // Whether a check finds a record: the one it names, or any.
  Result<bool> is_found(const Mutation& mutation, const Resolved& resolved, Violations& own) {
    Result<Query> query = question(mutation);
    if (!query) {
      own.add(placed(std::move(query).error(), resolved.path));
      return false;
    }
    if (!mutation.id.is_null()) EMSTORE_CHECKED(narrow(*query, resolved.id));
    EMSTORE_TRY(const FoundIds found, search(*std::move(query), 1, resolved.path, own));
    return !found.ids.empty();
  }

  // To one record. Its `where` was read by itself, so that its places are those of the sender.
  Status narrow(Query& query, const RecordId& id) const {
    const Map is_that{{std::string(kIdName), to_value(id)}};
    EMSTORE_TRY(std::shared_ptr<const Condition> where,
                resolve_where(schema(), *query.entity, is_that, kIdName));
    if (query.where) {
      where = std::make_shared<const Condition>(
          Condition{Condition::All{std::vector<Condition>{*where, *query.where}}});
    }
    query.where = std::move(where);
    return {};
  }

  // ---- Unique values ----

  // On the commit's net result, so that two records may swap their values.
  Status check_unique() {
    for (const auto& [key, value] : rows_.changes(Family::values)) {
      if (value) EMSTORE_CHECKED(check_unique(key));
    }
    return {};
  }

  bool holds(const Index& index) const {
    const IndexStates& states = group_.indexes_ ? *group_.indexes_ : *group_.start_.indexes;
    const auto state = states.find(index.id);
    return index.unique && state != states.end() &&
           state->second.kind != IndexState::Kind::dropping;
  }

  Status check_unique(const std::string& key) {
    const IndexId id{big_endian<std::uint32_t>(std::string_view(key).substr(0, 4))};
    const auto index = std::find_if(schema().indexes.begin(), schema().indexes.end(),
                                    [&](const Index& candidate) { return candidate.id == id; });
    if (index == schema().indexes.end() || !holds(*index)) return {};
    const Entity& entity = *schema().entity(index->entity);
    EMSTORE_TRY(const RecordId record, id_at_end(key, entity.ids));
    EMSTORE_TRY(const auto other,
                other_with_same_values(rows_, entity, *index, key, {entity.id, record}));
    if (!other) return {};
    EMSTORE_TRY(const auto stored, read_record(rows_, {entity.id, record}));
    EMSTORE_TRY(const FieldValues values, unpack_fields(stored->fields()));
    const auto path = paths_.find({entity.id, record});
    const std::string& field = entity.field(index->fields.front())->name;
    EMSTORE_TRY(const std::string name, called(entity, *other));
    refuse(ErrorCode::not_unique, name + " has " + text_of(entity, *index, values) + " already",
           path == paths_.end() ? field : path_in(path->second, field));
    return {};
  }

  // A record that would be made by this command is called by its place: its id is nobody's yet.
  Result<std::string> called(const Entity& entity, const RecordId& id) const {
    EMSTORE_TRY(const auto before, read_record(group_.rows_, {entity.id, id}));
    if (before) return entity.name + "/" + to_string(id);
    const auto path = paths_.find({entity.id, id});
    const bool has_place = path != paths_.end() && !path->second.empty();
    return has_place ? path->second : "another new record of " + entity.name;
  }

  Group& group_;
  const Command& command_;
  const Peer& peer_;
  Overlay& rows_;
  const CommitInfo info_;
  Violations violations_;
  References references_;
  std::map<RecordRef, std::string> paths_;  // Where in the command each record was named last.
  std::set<RecordRef> refused_;             // Of which something was asked that was refused.
  std::set<RecordRef> going_;               // What goes with the mutation at hand.
  RequestRecorded request_;
  std::vector<Event> events_;
  CommitOutcome outcome_;
  std::size_t parts_ = 0, answer_bytes_ = 0;
  std::size_t folded_ = 0;  // Events that are in the rows.
  bool is_too_large_ = false;
};

Outcome Group::carry_out(const Command& command, const Peer& peer) {
  if (!command.dry_run) {
    EMSTORE_TRY(const std::optional<Commit> before, find_request(command.key, peer));
    if (before) return replay(command, *before);
  }
  Overlay rows = Overlay::above(rows_);
  EMSTORE_TRY(CommitOutcome outcome, CommandRun(*this, command, peer, rows).run());
  return outcome;
}

namespace {

// Reads the answers of a command out of the commit that carried it out, in the terms of the schema
// that was in force.
class Replay {
 public:
  Replay(const Schema& schema, const Commit& commit, const RequestRecorded& request)
      : schema_(schema),
        commit_(commit),
        request_(request),
        events_(std::span(commit.events).subspan(1)) {}

  Result<CommitOutcome> run(const Command& command) {
    CommitOutcome outcome{.sequence = commit_.info.sequence, .replayed = true, .mutations = {}};
    for (std::size_t i = 0; i < command.mutations.size(); ++i) {
      EMSTORE_TRY(MutationOutcome answer, mutation(command.mutations[i], path_of(command, i)));
      outcome.mutations.push_back(std::move(answer));
    }
    if (done_ != request_.counts.size()) return another_request();
    return outcome;
  }

 private:
  tl::unexpected<Error> another_request() const {
    return failure(ErrorCode::corrupt_index, "commit " + std::to_string(commit_.info.sequence) +
                                                 " is not the one of this request");
  }

  Result<MutationOutcome> mutation(const Mutation& mutation, const std::string& path) {
    const Entity* entity = schema_.entity(mutation.entity);
    if (entity == nullptr) return another_request();
    MutationOutcome outcome;
    FoundRecords found;
    if (chooses(mutation)) {
      if (choices_ == request_.found.size()) return another_request();
      found = request_.found[choices_++];
      outcome.has_more = found.more;
    }
    if (mutation.verb == Verb::check) return outcome;
    for (const Part& part : parts_of(mutation, path, *entity, found.ids)) {
      EMSTORE_TRY(RecordOutcome record, this->record(mutation, *entity, part));
      outcome.records.push_back(std::move(record));
    }
    if (mutation.name.empty()) return outcome;
    std::vector<RecordId> records;
    for (const RecordOutcome& record : outcome.records) records.push_back(record.id);
    EMSTORE_CHECKED(references_.add(mutation.name, entity->id, std::move(records)));
    return outcome;
  }

  Result<RecordOutcome> record(const Mutation& mutation, const Entity& entity, const Part& part) {
    if (done_ == request_.counts.size()) return another_request();
    const std::size_t count = request_.counts[done_];
    const Version unchanged = request_.versions[done_++];
    if (count > events_.size()) {
      return failure(ErrorCode::corrupt_log, "a request with fewer events than it says");
    }
    const std::span<const Event> own = events_.subspan(0, count);
    events_ = events_.subspan(count);
    Violations ignored(100);
    const Resolved resolved = resolve(schema_, entity, mutation, part, references_, ignored);
    return outcome_of(resolved, own, commit_.info, unchanged);
  }

  const Schema& schema_;
  const Commit& commit_;
  const RequestRecorded& request_;
  std::span<const Event> events_;
  References references_;
  std::size_t done_ = 0, choices_ = 0;
};

}  // namespace

Outcome Group::replay(const Command& command, const Commit& commit) {
  EMSTORE_TRY(const Schema schema, schema_before(rows_, commit.info));
  const auto* request = std::get_if<RequestRecorded>(&commit.events.front());
  if (request == nullptr || request->versions.size() != request->counts.size()) {
    return failure(ErrorCode::corrupt_index, "commit " + std::to_string(commit.info.sequence) +
                                                 " is not the one of this request");
  }
  EMSTORE_TRY(CommitOutcome outcome, Replay(schema, commit, *request).run(command));
  return outcome;
}

}  // namespace emstore::store
