// What is different between two commits, as the client library finds it.
#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/media_names.h"
#include "cli/pairs.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

// Ids in their order, whether the field holds one record or many.
List ids_of(const Value& links) {
  List ids;
  if (const Map* one = links.if_map()) ids.push_back(value_at(*one, "id"));
  if (const List* many = links.if_list()) {
    for (const Value& item : *many) ids.push_back(value_at(*item.if_map(), "id"));
  }
  return ids;
}

bool holds(const List& ids, const Value& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

Value values_of(const std::optional<Record>& record) {
  return record ? Value(record->values()) : Value();
}

std::string name_of(const FieldDifference& one) {
  return one.is_replaced ? one.field + " (dropped)" : one.field;
}

class DiffText {
 public:
  // Names of media are those as of the commit.
  DiffText(Session& session, std::uint64_t as_of) : session_(session), as_of_(as_of) {}

  void tell(const Difference& one) {
    if (session_.json()) {
      session_.print_json(Map{{"entity", one.entity},
                              {"id", one.id},
                              {"before", values_of(one.before)},
                              {"after", values_of(one.after)}});
      return;
    }
    const char* what = !one.before ? " created" : !one.after ? " deleted" : "";
    session_.print(bold(session_.terminal(), one.entity + "/" + cell_text(one.id)) + what + "\n");
    if (one.after) tell_fields(one);
  }

 private:
  void tell_fields(const Difference& record) {
    Pairs values;
    for (const FieldDifference& one : record.fields) {
      if (one.kind != FieldDifference::Kind::value) continue;
      values.add(name_of(one),
                 record.before ? told_change(one.before, one.after) : told(one.after));
    }
    values.print(session_);
    for (const FieldDifference& one : record.fields) {
      if (one.kind != FieldDifference::Kind::value) tell_links(one);
    }
  }

  void tell_links(const FieldDifference& one) {
    const std::string field = name_of(one);
    const List old_ids = ids_of(one.before), new_ids = ids_of(one.after);
    names_.reset();
    if (one.kind == FieldDifference::Kind::media) names_ = names_of(old_ids, new_ids);
    List stayed_before, stayed_after;
    for (const Value& id : old_ids) {
      holds(new_ids, id) ? stayed_before.push_back(id) : tell_link(field, "-", id);
    }
    for (const Value& id : new_ids) {
      holds(old_ids, id) ? stayed_after.push_back(id) : tell_link(field, "+", id);
    }
    if (stayed_before != stayed_after) session_.print("  " + field + " in another order\n");
    if (old_ids == new_ids && !old_ids.empty()) session_.print("  " + field + " with other data\n");
  }

  void tell_link(const std::string& field, const char* sign, const Value& id) {
    const bool is_named = names_ && id.if_integer() != nullptr;
    session_.print("  " + field + " " + sign + " " +
                   (is_named ? names_->text(*id.if_integer()) : cell_text(id)) + "\n");
  }

  MediaNames names_of(const List& before, const List& after) {
    std::set<std::int64_t> ids;
    for (const List* list : {&before, &after}) {
      for (const Value& id : *list) {
        if (const auto* number = id.if_integer()) ids.insert(*number);
      }
    }
    return MediaNames::of(session_, ids, as_of_);
  }

  std::optional<MediaNames> names_;  // Of the field at hand.
  Session& session_;
  const std::uint64_t as_of_;
};

}  // namespace

int show_difference(Session& session, const DiffWords& words) {
  if (words.from > words.to) {
    throw UsageError(
        "the first commit comes after the second one",
        "`emstore diff " + std::to_string(words.to) + " " + std::to_string(words.from) + "`");
  }
  DiffText text(session, words.to);
  const Value id = words.id.empty() ? Value() : id_of(words.id);
  const auto count =
      session.client().diff({words.from, words.to, words.entity, id}, [&](const Difference& one) {
        text.tell(one);
        return true;
      });
  if (count == 0 && !session.json()) session.print("nothing is different\n");
  return 0;
}

}  // namespace emstore::cli
