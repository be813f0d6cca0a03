#include "tests/property/contents.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <tuple>
#include <utility>

#include "base/sink.h"

namespace emstore::testing {

std::string text_of(const store::Command& command) {
  std::string text;
  for (const store::Mutation& mutation : command.mutations) {
    static constexpr const char* kVerbs[] = {"insert", "update", "remove", "check"};
    text += std::string("\n  ") + kVerbs[static_cast<std::size_t>(mutation.verb)] + " " +
            mutation.entity + "/" + to_string(mutation.id) + " " +
            to_string(Value(mutation.document));
    if (mutation.expected) text += " expected " + std::to_string(*mutation.expected);
    if (mutation.detach) text += " detach";
    if (mutation.documents) text += " documents " + to_string(Value(*mutation.documents));
    if (mutation.choice) text += " where " + to_string(Value(mutation.choice->where));
    if (!mutation.exists) text += " absent";
    if (!mutation.name.empty()) text += " as " + mutation.name;
  }
  if (command.key) text += "\n  key " + command.key->key;
  return text;
}

std::string Contents::difference() {
  for (const auto& [entity, fields] : oracle_.schema().entities) {
    const Value found = all_of(entity, fields);
    const List& records = *found.if_list();
    const Oracle::Records& expected = oracle_.records(entity);
    if (records.size() != expected.size()) {
      return entity + ": " + std::to_string(records.size()) + " records instead of " +
             std::to_string(expected.size());
    }
    std::size_t i = 0;
    for (const auto& [id, record] : expected) {
      compare(entity, id, record, *records[i++].if_map());
      if (!difference_.empty()) return difference_;
    }
  }
  return times_in_order();
}

Value Contents::all_of(const std::string& entity, const std::vector<OracleField>& fields) {
  List columns{"id", "created_at", "updated_at", "$version"};
  Map with;
  for (const OracleField& field : fields) {
    if (field.is_link()) {
      with.set(field.name, Map{{"select", List{"id", "$version", "updated_at", "alt", "$link"}}});
    } else {
      columns.push_back(field.name);
    }
  }
  if (entity == "media") {
    columns.push_back("mime_type");
    columns.push_back("size");
    with.set("reference", true);
  }
  const auto query = store::resolve_query(schema_, entity, {{"select", columns}, {"with", with}});
  EXPECT_TRUE(query) << to_string(query.error());
  const store::Plan plan = store::plan_of(schema_, *query, [](IndexId) { return true; });
  ValueSink sink;
  const auto found = store::find_many(reader_, schema_, *query, plan, {}, sink);
  if (found) return sink.take();
  difference_ = to_string(found.error());
  return List{};
}

void Contents::compare(const std::string& entity, std::uint64_t id, const OracleRecord& expected,
                       const Map& found) {
  const std::string name = entity + "/" + std::to_string(id);
  expect(name + ".id", id, *found.find("id"));
  expect(name + ".$version", expected.version, *found.find("$version"));
  note_time(expected.created, *found.find("created_at"));
  note_time(expected.version, *found.find("updated_at"));
  for (const OracleField& field : oracle_.schema().entities.at(entity)) {
    const Value& value = *found.find(field.name);
    if (!field.is_link()) {
      expect(name + "." + field.name, oracle_.shown(field, expected), value);
      continue;
    }
    const auto links = expected.links.find(field.name);
    compare_links(name + "." + field.name, field,
                  links == expected.links.end() ? std::vector<OracleLink>{} : links->second, value);
  }
  if (entity != "media") return;
  expect(name + ".mime_type", expected.values.at("mime_type"), *found.find("mime_type"));
  expect(name + ".size", static_cast<double>(expected.values.at("bytes").if_text()->size()),
         *found.find("size"));
  compare_uses(name, id, *found.find("reference")->if_list());
}

void Contents::compare_links(const std::string& name, const OracleField& field,
                             const std::vector<OracleLink>& links, const Value& found) {
  List items = field.kind == OracleField::Kind::media ? *found.if_list() : List{};
  if (found.if_map() != nullptr) items.push_back(found);
  std::vector<std::uint64_t> expected_ids, found_ids;
  for (const OracleLink& link : links) expected_ids.push_back(link.media);
  for (const Value& item : items) {
    found_ids.push_back(static_cast<std::uint64_t>(*item.if_map()->find("id")->if_integer()));
  }
  if (expected_ids != found_ids)
    return expect(name, List(expected_ids.begin(), expected_ids.end()), found);
  for (std::size_t i = 0; i < links.size(); ++i) {
    const Map& item = *items[i].if_map();
    const OracleRecord& media = oracle_.records("media").at(links[i].media);
    const std::string place = name + "[" + std::to_string(i) + "]";
    expect(place + ".meta", links[i].meta, *item.find("$link")->if_map()->find("meta"));
    expect(place + ".alt", oracle_.shown(*oracle_.schema().field("media", "alt"), media),
           *item.find("alt"));
    expect(place + ".$version", media.version, *item.find("$version"));
    note_time(media.version, *item.find("updated_at"));
  }
}

void Contents::compare_uses(const std::string& name, std::uint64_t id, const List& found) {
  std::vector<Oracle::Use> uses;
  for (const Value& item : found) {
    const Map& use = *item.if_map();
    uses.emplace_back(*use.find("entity")->if_text(),
                      static_cast<std::uint64_t>(*use.find("entity_id")->if_integer()),
                      *use.find("field")->if_text());
  }
  std::sort(uses.begin(), uses.end());
  if (uses != oracle_.uses_of(id)) expect(name + ".reference", "its uses", found);
}

void Contents::expect(const std::string& name, const Value& expected, const Value& found) {
  if (expected == found || !difference_.empty()) return;
  difference_ = name + " is " + to_string(found) + " instead of " + to_string(expected);
}

void Contents::note_time(Sequence sequence, const Value& time) {
  const auto [known, is_new] = times_.emplace(sequence, *time.if_time());
  if (!is_new) expect("the time of commit " + std::to_string(sequence), known->second, time);
}
std::string Contents::times_in_order() const {
  const Time* last = nullptr;
  for (const auto& [sequence, time] : times_) {
    if (last != nullptr && time < *last)
      return "commit " + std::to_string(sequence) + " is too early";
    last = &time;
  }
  return difference_;
}

}  // namespace emstore::testing
