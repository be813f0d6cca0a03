// One commit, told whole: who, why, and what was before and after.
#include <algorithm>

#include "cli/commands.h"
#include "cli/commit_text.h"
#include "cli/media_names.h"
#include "cli/pairs.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

const Map& map_of(const Value& value) {
  static const Map kNone;
  return value.if_map() == nullptr ? kNone : *value.if_map();
}

const List& list_of(const Value& value) {
  static const List kNone;
  return value.if_list() == nullptr ? kNone : *value.if_list();
}

std::string record_of(const Map& event) {
  return cell_text(value_at(event, "entity")) + "/" + cell_text(value_at(event, "id"));
}

class CommitText {
 public:
  CommitText(Session& session, const Map& commit) : session_(session), commit_(commit) {
    std::set<std::int64_t> ids;
    for (const Value& event : events()) {
      for (const char* links : {"removed", "added", "changed"}) {
        for (const Value& link : list_of(value_at(map_of(event), links))) {
          const Map& target = map_of(link);
          const auto* id = value_at(target, "id").if_integer();
          if (id != nullptr && value_at(target, "entity") == Value("media")) ids.insert(*id);
        }
      }
    }
    names_ = MediaNames::of(session, ids, number_at(commit, "sequence"));
  }

  void print() {
    session_.print(bold(session_.terminal(), "commit " + cell_text(value_at(commit_, "sequence"))) +
                   "\n");
    print_request();
    if (!commit_.contains("events")) session_.print(untold_text(commit_) + "\n");
    for (const Value& event : events()) print_event(map_of(event));
  }

 private:
  const List& events() const { return list_of(value_at(commit_, "events")); }

  void print_request() {
    Pairs facts;
    facts.add("time", cell_text(value_at(commit_, "time")) + " UTC");
    facts.add("by", "uid " + cell_text(value_at(commit_, "peer.uid")) + ", gid " +
                        cell_text(value_at(commit_, "peer.gid")) + ", pid " +
                        cell_text(value_at(commit_, "peer.pid")));
    if (!events().empty()) {
      const Map& first = map_of(events().front());
      for (const char* name : {"reason", "correlation", "causation", "key"}) {
        const std::string text = cell_text(value_at(first, name));
        if (value_at(first, "kind") == Value("request") && !text.empty()) {
          facts.add(name, text);
        }
      }
    }
    facts.print(session_);
  }

  void print_event(const Map& event) {
    const std::string kind = cell_text(value_at(event, "kind"));
    if (kind == "request") return;
    if (kind == "links_changed") return print_links(event);
    if (kind == "schema_applied") return session_.print("the schema was applied\n");
    if (kind == "blobs_collected" || kind == "keys_expired") return print_other(kind, event);
    const std::string verb = kind.substr(kind.find('_') + 1);  // created, updated, deleted
    session_.print(record_of(event) + " " + verb + followed(event) + "\n");
    if (verb == "updated") return print_changes(event);
    Pairs fields;
    const char* member = verb == "created" ? "values" : "before";
    for (const auto& [name, value] : map_of(value_at(event, member))) {
      fields.add(name, told(value));
    }
    fields.print(session_);
  }

  // Of the first event about a record; the others follow that one.
  std::string followed(const Map& event) const {
    const std::uint64_t previous = number_at(event, "previous");
    const bool is_first = previous != 0 && previous != number_at(commit_, "sequence");
    return is_first ? ", last changed by commit " + std::to_string(previous) : "";
  }

  void print_other(const std::string& kind, const Map& event) {
    session_.print(kind + "\n");
    Pairs members;
    for (const auto& [name, value] : event) {
      if (name != "kind") members.add(name, cell_text(value));
    }
    members.print(session_);
  }

  void print_changes(const Map& event) {
    const Map& before = map_of(value_at(event, "before"));
    Pairs fields;
    for (const auto& [name, value] : map_of(value_at(event, "after"))) {
      fields.add(name, told_change(value_at(before, name), value));
    }
    fields.print(session_);
  }

  void print_links(const Map& event) {
    std::string operators;
    for (const Value& name : list_of(value_at(event, "operators"))) {
      operators += " " + cell_text(name);
    }
    session_.print(record_of(event) + "." + cell_text(value_at(event, "field")) + operators +
                   followed(event) + "\n");
    for (const Value& link : list_of(value_at(event, "removed"))) print_link("-", map_of(link));
    for (const Value& link : list_of(value_at(event, "added"))) print_link("+", map_of(link));
    for (const Value& change : list_of(value_at(event, "changed"))) {
      print_change(map_of(change));
    }
  }

  std::string target(const Map& link) const {
    const auto* id = value_at(link, "id").if_integer();
    if (id != nullptr && value_at(link, "entity") == Value("media")) return names_.text(*id);
    return record_of(link);
  }

  void print_link(const char* sign, const Map& link) {
    const Value& meta = value_at(link, "meta");
    session_.print("  " + std::string(sign) + " " + target(link) +
                   (meta.is_null() ? "" : " " + harmless(told(meta))) + "\n");
  }

  void print_change(const Map& change) {
    std::string text = "  ~ " + target(change);
    if (value_at(change, "position_before") != value_at(change, "position_after")) text += " moved";
    const Value& before = value_at(change, "meta_before");
    const Value& after = value_at(change, "meta_after");
    if (before != after) text += " " + harmless(told_change(before, after));
    session_.print(text + "\n");
  }

  Session& session_;
  const Map& commit_;
  MediaNames names_;
};

}  // namespace

void print_commit(Session& session, const Map& commit) { CommitText(session, commit).print(); }

int show_commit(Session& session, std::uint64_t sequence) {
  const Map page = session.client().log(sequence, 1);
  const List& commits = list_of(value_at(page, "commits"));
  if (sequence == 0 || commits.empty()) {
    throw Failure({ErrorCode::out_of_range,
                   "commit " + std::to_string(sequence) + " has not been made",
                   "",
                   "`emstore log` lists the commits",
                   {}});
  }
  if (session.json()) {
    session.print_json(commits.front());
  } else {
    print_commit(session, map_of(commits.front()));
  }
  return 0;
}

}  // namespace emstore::cli
