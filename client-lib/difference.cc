// Client::diff: each record that a commit in between touched is read at both ends, and compared.
#include <emstore/client.hpp>
#include <emstore/difference.hpp>

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "client-lib/answers.h"
#include "client-lib/core.h"
#include "client-lib/past_schema.h"
#include "client-lib/touched.h"

namespace emstore {
namespace {

constexpr std::uint64_t kLinksAPage = 1'000;

// One record of the past.
class PastRecord {
 public:
  PastRecord(Core& core, const PastSchema::Entity& entity, const TouchedRecord& record,
             std::uint64_t commit)
      : core_(core), entity_(entity), record_(record), commit_(commit) {}

  // With the links that were changed; nothing when it was not there.
  Result<std::optional<Map>> read() const {
    Query query;
    for (const std::int64_t id : record_.links) {
      const PastSchema::Field* field = entity_.field(id);
      if (field != nullptr) query.with.add(With(field->name, {.select = {"id", "$link"}}));
    }
    EMSTORE_TRY(const std::optional<Record> found, find(query));
    if (!found) return std::nullopt;
    return read_on(found->values());
  }

 private:
  Result<std::optional<Record>> find(const Query& query) const {
    EMSTORE_TRY(Map asked, lowered(query));
    EMSTORE_TRY(Value answer, core_.call(protocol::FindId{
                                  entity_.name, record_.id, std::move(asked), {{}, commit_}}));
    return record_of(std::move(answer));
  }

  // Reads lists that a limit cut to their end.
  Result<std::optional<Map>> read_on(Map values) const {
    while (const Map* more = RecordView(values)["$more"].if_map()) {
      Query query;
      query.select = {"id"};
      for (const auto& [name, cursor] : *more) {
        const std::string* place = cursor.if_text();
        if (place == nullptr) return failure(ErrorCode::internal, "a cursor that is no text");
        query.with.add(
            With(name, {.select = {"id", "$link"}, .limit = kLinksAPage, .cursor = *place}));
      }
      values.erase("$more");
      EMSTORE_TRY(const std::optional<Record> page, find(query));
      if (!page) break;
      for (const auto& [name, value] : page->values()) {
        if (name == "$more") values.set(name, value);
        const List* items = value.if_list();
        Value* known = items == nullptr ? nullptr : values.find(name);
        List* all = known == nullptr ? nullptr : known->if_list();
        if (all != nullptr) all->insert(all->end(), items->begin(), items->end());
      }
    }
    return values;
  }

  Core& core_;
  const PastSchema::Entity& entity_;
  const TouchedRecord& record_;
  const std::uint64_t commit_;
};

// Nothing when the record was not there, its entity included.
Result<std::optional<Map>> record_at(Core& core, const End& end, const TouchedRecord& record) {
  const PastSchema::Entity* entity = end.schema->entity(record.entity);
  if (end.commit == 0 || entity == nullptr) return std::nullopt;
  return PastRecord(core, *entity, record, end.commit).read();
}

// What makes a link: its place among the others is their order.
Value without_positions(const Value& links) {
  if (const Map* one = links.if_map()) {
    const Map* link = RecordView(*one)["$link"].if_map();
    return Map{{"id", RecordView(*one).id()},
               {"meta", link == nullptr ? Value() : RecordView(*link)["meta"]}};
  }
  List told;
  if (const List* many = links.if_list()) {
    for (const Value& item : *many) told.push_back(without_positions(item));
  }
  return told;
}

// A field of one end as it is told.
struct ToldField {
  std::string name;
  bool is_replaced = false;
  FieldDifference::Kind kind = FieldDifference::Kind::value;
  Value value;
};

FieldDifference::Kind kind_of_links(const PastSchema::Field& field) {
  const bool are_media = field.type == "media" || field.type == "medium";
  return are_media ? FieldDifference::Kind::media : FieldDifference::Kind::links;
}

// What is compared. A field without a value, or a link, is as if it were not there.
std::vector<ToldField> told_fields(const Ends& ends, const End& end, const TouchedRecord& record,
                                   const std::optional<Map>& values) {
  std::vector<ToldField> told;
  if (!values) return told;
  const PastSchema::Entity& entity = *end.schema->entity(record.entity);
  for (const auto& [name, value] : *values) {
    if (name == "updated_at" || value.is_null()) continue;
    const PastSchema::Field* field = entity.field(name);
    if (field == nullptr) {
      told.push_back({name, false, FieldDifference::Kind::value, value});
      continue;
    }
    const auto [told_name, is_replaced] = ends.name_of(record.entity, *field);
    if (!record.links.contains(field->id)) {
      told.push_back({told_name, is_replaced, FieldDifference::Kind::value, value});
    } else if (value.if_list() == nullptr || !value.if_list()->empty()) {
      told.push_back({told_name, is_replaced, kind_of_links(*field), without_positions(value)});
    }
  }
  return told;
}

std::vector<FieldDifference> in_order(std::vector<FieldDifference> fields) {
  const auto place = [](const FieldDifference& one) {
    const bool is_link = one.kind != FieldDifference::Kind::value;
    const std::string_view name = one.field;
    return std::tuple(is_link, is_link ? name : std::string_view(), is_link && one.is_replaced);
  };
  std::stable_sort(fields.begin(), fields.end(),
                   [&](const auto& one, const auto& other) { return place(one) < place(other); });
  return fields;
}

// By what fields of one end are told apart.
using Key = std::pair<std::string_view, bool>;
Key key_of(const ToldField& told) { return {told.name, told.is_replaced}; }

std::vector<FieldDifference> compared(std::vector<ToldField> before, std::vector<ToldField> after) {
  std::map<Key, ToldField*> old;
  for (ToldField& was : before) old.emplace(key_of(was), &was);
  std::vector<FieldDifference> different;
  for (ToldField& now : after) {
    Value was;
    if (const auto found = old.extract(key_of(now))) was = std::move(found.mapped()->value);
    if (was == now.value) continue;
    different.push_back(
        {std::move(now.name), now.is_replaced, now.kind, std::move(was), std::move(now.value)});
  }
  for (ToldField& was : before) {
    if (!old.contains(key_of(was))) continue;
    different.push_back({was.name, was.is_replaced, was.kind, std::move(was.value), Value()});
  }
  return in_order(std::move(different));
}

// Nothing when the record is as it was.
Result<std::optional<Difference>> difference_of(Core& core, const Ends& ends,
                                                TouchedRecord record) {
  EMSTORE_TRY(std::optional<Map> before, record_at(core, ends.before, record));
  EMSTORE_TRY(std::optional<Map> after, record_at(core, ends.after, record));
  Difference difference;
  difference.fields = compared(told_fields(ends, ends.before, record, before),
                               told_fields(ends, ends.after, record, after));
  if (difference.fields.empty()) return std::nullopt;
  difference.entity = std::move(record.entity_name);
  difference.id = std::move(record.id);
  if (before) difference.before = Record(*std::move(before));
  if (after) difference.after = Record(*std::move(after));
  return difference;
}

// How many were visited.
Result<std::uint64_t> visit_differences(Core& core, const DiffQuery& query,
                                        const DiffVisitor& visit) {
  if (query.from > query.to) {
    return failure(
        ErrorCode::out_of_range,
        "commit " + std::to_string(query.from) + " comes after commit " + std::to_string(query.to),
        "from", "say the earlier one first");
  }
  PastSchemas schemas(core);
  EMSTORE_TRY(const PastSchema* before, schemas.as_of(query.from));
  EMSTORE_TRY(const PastSchema* after, schemas.as_of(query.to));
  const Ends ends{{query.from, before}, {query.to, after}};
  EMSTORE_TRY(std::vector<TouchedRecord> records, touched_records(core, schemas, ends, query));
  std::uint64_t visited = 0;
  for (TouchedRecord& record : records) {
    EMSTORE_TRY(const std::optional<Difference> difference,
                difference_of(core, ends, std::move(record)));
    if (!difference) continue;
    ++visited;
    if (!visit(*difference)) break;
  }
  return visited;
}

}  // namespace

std::uint64_t Client::diff(const DiffQuery& query, const DiffVisitor& visit) {
  return value_of(visit_differences(*core_, query, visit));
}
std::uint64_t Client::diff(const DiffQuery& query, const DiffVisitor& visit, ErrorOut error) {
  return value_of(visit_differences(*core_, query, visit), error);
}

}  // namespace emstore
