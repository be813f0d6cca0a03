// Mutations of several records: each record is carried out on its own, one after the other.
#include <algorithm>

#include "tests/property/oracle.h"

namespace emstore::testing {
namespace {

std::uint64_t id_in(const Value& value) {
  const std::int64_t* id = value.if_integer();
  return id == nullptr || *id < 1 ? 0 : static_cast<std::uint64_t>(*id);
}

// One test of one value: a literal, or an operator of those that the author uses.
bool holds(const Value& test, const Value& value) {
  const Map* operators = test.if_map();
  if (operators == nullptr) return test == value;
  const auto& [name, operand] = *operators->begin();
  if (name == "$in") {
    return std::any_of(operand.if_list()->begin(), operand.if_list()->end(),
                       [&](const Value& one) { return one == value; });
  }
  if (value.is_null()) return false;
  const auto number = [](const Value& one) {
    return one.if_integer() ? static_cast<double>(*one.if_integer()) : *one.if_number();
  };
  return name == "$gt" ? number(value) > number(operand) : number(value) <= number(operand);
}

}  // namespace

Value Oracle::without_names(const Value& value, Progress& progress) {
  if (const List* list = value.if_list()) {
    List result;
    for (const Value& item : *list) result.push_back(without_names(item, progress));
    return result;
  }
  const Map* map = value.if_map();
  if (map == nullptr) return value;
  if (const Value* reference = map->find("$ref")) {
    const std::string text = *reference->if_text();
    const std::string name = text.substr(0, text.find('['));
    const std::size_t number = name == text ? 0 : std::stoul(text.substr(name.size() + 1));
    // What was left out, because it named something refused, has made nothing either.
    const auto made = progress.names.find(name);
    const bool is_made = made != progress.names.end() && !progress.refused_names.contains(name);
    if (is_made) return made->second.at(number);
    progress.names_refused = true;
    return 1'000'000'000 + progress.unnamed++;
  }
  Map result;
  for (const auto& [name, member] : *map) result.append(name, without_names(member, progress));
  return result;
}

ExpectedRecords Oracle::carry_out(store::Mutation mutation, const std::string& path,
                                  const store::Command& command, Progress& progress) {
  if (!schema_.entities.contains(mutation.entity)) {
    refuse(ErrorCode::unknown_entity, in(path, "entity"));
    return {};
  }
  progress.names_refused = false;
  mutation.id = without_names(mutation.id, progress);
  mutation.document = *without_names(mutation.document, progress).if_map();
  if (mutation.verb == store::Verb::check) {
    check(mutation, path, progress);
    return {};
  }
  if (mutation.choice) return carry_out_found(mutation, path, command, progress);
  ExpectedRecords expected;
  const std::size_t size = mutation.documents ? mutation.documents->size() : 1;
  for (std::size_t i = 0; i < size; ++i) {
    std::string place = path;
    if (mutation.documents) {
      progress.names_refused = false;
      const Value document = without_names((*mutation.documents)[i], progress);
      place = in(path, "documents[" + std::to_string(i) + "]");
      if (document.if_map() == nullptr) {
        refuse(ErrorCode::wrong_type, place);
        continue;
      }
      mutation.document = *document.if_map();
    }
    if (auto record = carry_out_one(mutation, place, command, progress))
      expected.records.push_back(*std::move(record));
  }
  return expected;
}

std::optional<ExpectedMutation> Oracle::carry_out_one(const store::Mutation& mutation,
                                                      const std::string& path,
                                                      const store::Command& command,
                                                      Progress& progress) {
  const std::size_t faults = refusals_.size();
  const State before = next_;
  const std::optional<Wish> wish = read(mutation, path);
  if (!wish || progress.names_refused) return std::nullopt;
  const RecordName record{mutation.entity, wish->id};
  // Of a record of which something was refused nothing more can be said.
  if (progress.refused.contains(record)) return std::nullopt;
  ExpectedMutation expected = decide(*wish, command);
  if (refusals_.size() == faults) {
    progress.touched[{mutation.entity, expected.id}] = path;
    for (const auto& [media, place] : new_media_) progress.touched[media] = place;
    return expected;
  }
  next_ = before;
  if (wish->id != 0) progress.refused.insert(record);
  return std::nullopt;
}

ExpectedRecords Oracle::carry_out_found(const store::Mutation& mutation, const std::string& path,
                                        const store::Command& command, Progress& progress) {
  store::Mutation one = mutation;
  one.choice.reset();
  one.id = 1;
  const std::size_t faults = refusals_.size();
  const bool is_sound = read(one, path) && refusals_.size() == faults && !progress.names_refused;
  const store::Choice& choice = *mutation.choice;
  if (choice.all != choice.where.empty()) {
    refuse(ErrorCode::invalid_request, in(path, choice.all ? "all" : "where"));
    return {};
  }
  if (!is_sound) return {};
  std::vector<std::uint64_t> ids;
  for (const auto& [id, record] : next_[mutation.entity].records) {
    if (fits(mutation.entity, choice.where, id, record)) ids.push_back(id);
  }
  if (!choice.order_by.is_null()) std::reverse(ids.begin(), ids.end());
  ExpectedRecords expected;
  expected.has_more = choice.limit && *choice.limit < ids.size();
  if (expected.has_more) ids.resize(*choice.limit);
  for (const std::uint64_t id : ids) {
    const bool is_gone = !next_[mutation.entity].records.contains(id);
    if (is_gone) {
      expected.records.push_back({.id = id, .version = sequence_ + 1});
      continue;
    }
    one.id = id;
    const std::string place = in(path, mutation.entity + "/" + std::to_string(id));
    if (auto record = carry_out_one(one, place, command, progress))
      expected.records.push_back(*std::move(record));
  }
  return expected;
}

void Oracle::check(const store::Mutation& mutation, const std::string& path,
                   const Progress& progress) {
  const Records& records = next_[mutation.entity].records;
  const std::uint64_t id = id_in(mutation.id);
  if (!mutation.id.is_null() && id == 0) return refuse(ErrorCode::wrong_type, in(path, "id"));
  if (progress.names_refused || progress.refused.contains({mutation.entity, id})) return;
  const bool found = std::any_of(records.begin(), records.end(), [&](const auto& record) {
    const bool is_meant = mutation.id.is_null() || record.first == id;
    return is_meant && (!mutation.choice ||
                        fits(mutation.entity, mutation.choice->where, record.first, record.second));
  });
  if (found != mutation.exists)
    return refuse(ErrorCode::check_failed, in(path, mutation.choice ? "where" : "id"));
  if (mutation.expected && records.contains(id) && records.at(id).version != *mutation.expected)
    refuse(ErrorCode::version_mismatch, in(path, "expected"));
}

bool Oracle::fits(const std::string& entity, const Map& where, std::uint64_t id,
                  const OracleRecord& record) const {
  return std::all_of(where.begin(), where.end(), [&](const Map::Member& test) {
    if (test.name == "id") return holds(test.value, id);
    return holds(test.value, shown(*schema_.field(entity, test.name), record));
  });
}

}  // namespace emstore::testing
