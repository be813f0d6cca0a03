// Whether what the store answered is what the oracle expects.
#include <algorithm>

#include "tests/property/oracle.h"

namespace emstore::testing {
namespace {

using Ids = std::vector<std::uint64_t>;

bool contains(const Ids& ids, std::uint64_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

Ids sorted(Ids ids) {
  std::sort(ids.begin(), ids.end());
  return ids;
}
Ids ids_of(const std::vector<RecordId>& records) {
  Ids ids;
  for (const RecordId& record : records) ids.push_back(record.integer());
  return sorted(std::move(ids));
}
Ids without(const Links& links, const Links& others) {
  Ids ids;
  for (const OracleLink& link : links) {
    if (!contains(others, link.media)) ids.push_back(link.media);
  }
  return sorted(std::move(ids));
}

// Those that stayed and were neither moved nor are new, in order.
Ids unmoved(const Links& links, const Links& others, const Ids& moved) {
  Ids ids;
  for (const OracleLink& link : links) {
    if (contains(others, link.media) && !contains(moved, link.media)) ids.push_back(link.media);
  }
  return ids;
}

std::string to_text(const Ids& ids) {
  std::string text = "[";
  for (const std::uint64_t id : ids) text += (text.size() == 1 ? "" : " ") + std::to_string(id);
  return text + "]";
}

std::string to_text(const std::multiset<Refusal>& refusals) {
  std::string text;
  for (const Refusal& refusal : refusals) {
    text += (text.empty() ? "" : ", ") + std::string(name_of(refusal.code)) + " at \"" +
            refusal.path + "\"";
  }
  return text.empty() ? "acceptance" : text;
}

std::string unequal(const std::string& what, const Ids& expected, const Ids& actual) {
  if (expected == actual) return "";
  return what + " " + to_text(actual) + " instead of " + to_text(expected) + "; ";
}

std::string difference_of_field(const ExpectedField& expected, const store::FieldOutcome& actual) {
  if (actual.field != expected.name)
    return "field " + actual.field + " instead of " + expected.name;
  const Ids added = without(expected.after, expected.before);
  const Ids removed = without(expected.before, expected.after);
  const Ids moved = ids_of(actual.moved);
  Ids placed, must_move, already;
  for (const OracleLink& link : expected.after) {
    const OracleLink* before = link_to(expected.before, link.media);
    if (link.is_fresh) placed.push_back(link.media);
    // Put back after a $set it may have found the very key it had: then it must stand in order.
    const bool must_have_moved = link.is_fresh && !expected.was_set;
    if (before != nullptr && (must_have_moved || !(link.meta == before->meta)))
      must_move.push_back(link.media);
  }
  for (const std::uint64_t id : expected.attached) {
    if (!contains(added, id) && !contains(moved, id)) already.push_back(id);
  }
  std::string text = unequal("added", added, ids_of(actual.added)) +
                     unequal("removed", removed, ids_of(actual.removed)) +
                     unequal("already", sorted(already), ids_of(actual.already)) +
                     unequal("missing", sorted(expected.missed), ids_of(actual.missing));
  const bool in_place = unmoved(expected.before, expected.after, placed) ==
                        unmoved(expected.after, expected.before, placed);
  const bool is_free = expected.was_set && (!in_place || !placed.empty() || expected.detaches);
  const bool has_all = std::all_of(must_move.begin(), must_move.end(),
                                   [&](std::uint64_t id) { return contains(moved, id); });
  if (!is_free || !has_all) {
    text += unequal("moved", sorted(must_move), moved);
  } else if (unmoved(expected.before, expected.after, moved) !=
             unmoved(expected.after, expected.before, moved)) {
    text += "moved " + to_text(moved) + ", and what stayed does not stand in order; ";
  }
  return text.empty() ? "" : expected.name + ": " + text;
}

std::string difference_of_data(const ExpectedMutation& expected, const Map& actual) {
  const bool is_media = actual.contains("sha256");
  std::size_t own = 0;
  for (const auto& [name, value] : actual) {
    if (name == "id" || name == "created_at" || name == "updated_at") continue;
    ++own;
  }
  if (!is_media && own != expected.data.size()) return "data " + to_string(Value(actual)) + "; ";
  for (const auto& [name, value] : expected.data) {
    const Value* found = actual.find(name);
    if (found == nullptr || !(*found == value)) {
      return "data." + name + " is " + (found == nullptr ? "absent" : to_string(*found)) +
             " instead of " + to_string(value) + "; ";
    }
  }
  return "";
}

std::string difference_of(const ExpectedMutation& expected, const store::RecordOutcome& actual) {
  std::string text;
  if (actual.id != RecordId(expected.id)) {
    text += "id " + to_string(actual.id) + " instead of " + std::to_string(expected.id) + "; ";
  }
  if (actual.version != expected.version) {
    text += "version " + std::to_string(actual.version) + " instead of " +
            std::to_string(expected.version) + "; ";
  }
  text += difference_of_data(expected, actual.data);
  if (actual.changes.size() != expected.fields.size())
    return text + "another number of link fields";
  for (std::size_t i = 0; i < expected.fields.size(); ++i) {
    text += difference_of_field(expected.fields[i], actual.changes[i]);
  }
  return text;
}

std::string difference_of(const ExpectedRecords& expected, const store::MutationOutcome& actual) {
  if (expected.records.size() != actual.records.size()) return "another number of records; ";
  std::string text = expected.has_more == actual.has_more ? "" : "more or not; ";
  for (std::size_t i = 0; i < expected.records.size(); ++i) {
    text += difference_of(expected.records[i], actual.records[i]);
  }
  return text;
}

std::multiset<Refusal> refusals_of(const store::Outcome& outcome) {
  std::multiset<Refusal> refusals;
  if (outcome) return refusals;
  for (const Error& error : outcome.error().violations) refusals.insert({error.code, error.path});
  if (refusals.empty()) refusals.insert({outcome.error().code, outcome.error().path});
  return refusals;
}

}  // namespace

namespace {

std::string messages_of(const Error& error) {
  std::string text;
  for (const Error& violation : error.violations) text += "\n    " + to_string(violation);
  return text;
}

}  // namespace

std::string difference(const Expected& expected, const store::Outcome& actual) {
  const std::multiset<Refusal> refusals = refusals_of(actual);
  // Of a flood of reasons the store tells a hundred.
  constexpr std::size_t kTold = 100;
  const bool is_cut = refusals.size() == kTold && expected.refusals.size() > kTold &&
                      std::includes(expected.refusals.begin(), expected.refusals.end(),
                                    refusals.begin(), refusals.end());
  if (refusals != expected.refusals && !is_cut) {
    return to_text(refusals) + " instead of " + to_text(expected.refusals) +
           (actual ? "" : ": " + to_string(actual.error()) + messages_of(actual.error()));
  }
  if (!actual) return "";
  const auto& outcome = std::get<store::CommitOutcome>(*actual);
  std::string text;
  if (outcome.sequence != expected.sequence) {
    text += "sequence " + std::to_string(outcome.sequence) + " instead of " +
            std::to_string(expected.sequence) + "; ";
  }
  if (outcome.replayed != expected.replayed) text += "replayed or not; ";
  if (outcome.mutations.size() != expected.mutations.size())
    return text + "another number of mutations";
  for (std::size_t i = 0; i < expected.mutations.size(); ++i) {
    text += difference_of(expected.mutations[i], outcome.mutations[i]);
  }
  return text;
}

}  // namespace emstore::testing
