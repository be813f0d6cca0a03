#include "store/removal.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "store/relations.h"
#include "store/row_bytes.h"

namespace emstore::store {
namespace {

tl::unexpected<Error> too_many(const std::string& what) {
  return failure(ErrorCode::commit_too_large,
                 what + " is referred to by more than " + std::to_string(kLinksMax) +
                     " records, which is more than one commit changes",
                 {}, "delete or change some of them first, in several requests");
}

// products/1
std::string named(const Schema& schema, const RecordRef& record) {
  return schema.entity(record.entity)->name + "/" + to_string(record.id);
}

tl::unexpected<Error> too_many_along(std::size_t most) {
  return failure(ErrorCode::commit_too_large,
                 "more than " + std::to_string(most) + " records would go along");
}

tl::unexpected<Error> looked_too_far(std::size_t most) {
  return failure(ErrorCode::commit_too_large,
                 "more than " + std::to_string(most) +
                     " references lead to what is found, too many to see what goes along");
}

struct Reference {
  RecordRef owner;
  const Entity* entity;
  const Field* field;
  RecordRef target;
};

// Records that go, and by fields of `cascade` others with them.
class Cascade {
 public:
  Cascade(const Reader& reader, const Schema& schema) : reader_(reader), schema_(schema) {}

  void go(const RecordRef& record) {
    if (going_.insert(record).second) records_.push_back(record);
  }

  // `visit` is told of each reference to a record that goes, once: false ends.
  Result<bool> follow(const std::function<bool(const Reference&)>& visit) {
    for (std::size_t next = 0; next < records_.size(); ++next) {
      const RecordRef record = records_[next];  // What is found moves them.
      EMSTORE_TRY(const bool goes_on, follow_one(record, visit));
      if (!goes_on) return false;
    }
    return true;
  }

  const std::set<RecordRef>& going() const { return going_; }
  // What refers to others behind these.
  std::vector<RecordRef>& records() { return records_; }

 private:
  Result<bool> follow_one(const RecordRef& record,
                          const std::function<bool(const Reference&)>& visit) {
    bool goes_on = true;
    const KeyRange range = range_of_prefix(backlink_prefix(record, /*covered=*/false));
    EMSTORE_CHECKED(reader_.try_scan(
        Family::backlinks, range, [&](std::string_view key, std::string_view) -> Result<bool> {
          EMSTORE_TRY(const BacklinkKey place, backlink_of_key(key));
          const Entity* entity = schema_.entity(place.owner.entity);
          const Field* field = entity == nullptr ? nullptr : entity->field(place.field);
          if (field == nullptr) {
            return failure(ErrorCode::corrupt_index, "a backlink of a field that no schema has");
          }
          if (field->on_delete == OnDelete::cascade) go(place.owner);
          goes_on = visit({place.owner, entity, field, record});
          return goes_on;
        }));
    return goes_on;
  }

  const Reader& reader_;
  const Schema& schema_;
  std::set<RecordRef> going_;
  std::vector<RecordRef> records_;
};

class Planning {
 public:
  Planning(const Reader& reader, const Schema& schema, const std::set<RecordRef>& beside,
           const std::string& path, Violations& violations)
      : cascade_(reader, schema),
        schema_(schema),
        beside_(beside),
        path_(path),
        violations_(violations) {}

  Result<Removal> from(const RecordRef& root) {
    cascade_.go(root);
    std::vector<Reference> others;
    std::uint64_t seen = 0;
    EMSTORE_TRY(const bool is_whole, cascade_.follow([&](const Reference& reference) {
      if (beside_.contains(reference.owner)) return true;
      if (reference.field->on_delete != OnDelete::cascade) others.push_back(reference);
      return ++seen <= kLinksMax;
    }));
    if (!is_whole) return too_many(named(root));
    removal_.records = std::move(cascade_.records());
    std::reverse(removal_.records.begin(), removal_.records.end());
    for (const Reference& other : others) {
      if (!cascade_.going().contains(other.owner)) settle(other);
    }
    refuse_restricted();
    return std::move(removal_);
  }

 private:
  // What a record that stays does about one that goes.
  void settle(const Reference& reference) {
    const Field& field = *reference.field;
    if (field.on_delete == OnDelete::restrict_) {
      restricted_[{reference.target, &field}].push_back(reference);
      return;
    }
    if (field.kind == FieldKind::relation && field.required) {
      violations_.add({ErrorCode::required,
                       title(reference) + " is required, and leads to " + named(reference.target),
                       title(reference),
                       "let it lead elsewhere first, or delete " + named(reference.owner),
                       {}});
      return;
    }
    const auto [place, is_new] =
        places_.emplace(std::pair(reference.owner, &field), removal_.releases.size());
    if (is_new) removal_.releases.push_back({reference.owner, reference.entity, &field, {}});
    removal_.releases[place->second].targets.push_back(reference.target.id);
  }

  void refuse_restricted() {
    for (const auto& [what, references] : restricted_) {
      constexpr std::size_t kNamed = 5;
      std::string text;
      for (std::size_t i = 0; i < std::min(kNamed, references.size()); ++i) {
        text += (i == 0 ? "" : ", ") + title(references[i]);
      }
      if (references.size() > kNamed) {
        text += " and " + std::to_string(references.size() - kNamed) + " more";
      }
      violations_.add({ErrorCode::restricted,
                       named(what.first) + " is referred to by " + text,
                       path_.empty() ? std::string(kIdName) : path_ + "." + std::string(kIdName),
                       "let them lead elsewhere, or delete them first",
                       {}});
    }
  }

  std::string named(const RecordRef& record) const { return store::named(schema_, record); }
  std::string title(const Reference& reference) const {
    return named(reference.owner) + "." + reference.field->name;
  }

  Cascade cascade_;
  const Schema& schema_;
  const std::set<RecordRef>& beside_;  // That go by themselves.
  const std::string& path_;
  Violations& violations_;
  Removal removal_;
  std::map<std::pair<RecordRef, const Field*>, std::vector<Reference>> restricted_;
  std::map<std::pair<RecordRef, const Field*>, std::size_t> places_;  // In `releases`.
};

// By entity, the fields whose records go with one of `target`.
using CascadingFields = std::map<EntityId, std::set<FieldId>>;
CascadingFields cascading_to(const Schema& schema, EntityId target) {
  CascadingFields fields;
  for (const Entity& owner : schema.entities) {
    for (const Field& field : owner.fields) {
      if (field.on_delete != OnDelete::cascade || target_of(schema, field).id != target) continue;
      fields[owner.id].insert(field.id);
    }
  }
  return fields;
}

}  // namespace

Result<Removal> plan_removal(const Reader& reader, const Schema& schema, const RecordRef& root,
                             const std::set<RecordRef>& going, const std::string& path,
                             Violations& violations) {
  return Planning(reader, schema, going, path, violations).from(root);
}

Status add_cascades(const Reader& reader, const Schema& schema, std::size_t most,
                    std::size_t looked_max, std::set<RecordRef>& going) {
  std::map<EntityId, CascadingFields> cascading;  // To records of an entity.
  std::vector<RecordRef> records(going.begin(), going.end());
  std::size_t looked = 0;
  for (std::size_t next = 0; next < records.size(); ++next) {
    const RecordRef record = records[next];  // What is found moves them.
    const auto [fields, is_new] = cascading.try_emplace(record.entity);
    if (is_new) fields->second = cascading_to(schema, record.entity);
    for (const auto& [owner, ids] : fields->second) {
      const auto look = [&](std::string_view key, std::string_view) -> Result<bool> {
        if (++looked > looked_max) return looked_too_far(looked_max);
        EMSTORE_TRY(const BacklinkKey place, backlink_of_key(key));
        if (ids.contains(place.field) && going.insert(place.owner).second) {
          records.push_back(place.owner);
        }
        return going.size() <= most ? Result<bool>(true) : too_many_along(most);
      };
      const std::string prefix = backlink_prefix(record, /*covered=*/false) + entity_prefix(owner);
      EMSTORE_CHECKED(reader.try_scan(Family::backlinks, range_of_prefix(prefix), look));
    }
  }
  return {};
}

Status refuse_references(const Reader& reader, const Schema& schema, const RecordRef& root,
                         const std::set<RecordRef>& going, const std::string& path,
                         Violations& violations) {
  const auto look = [&](std::string_view key, std::string_view row) -> Result<bool> {
    EMSTORE_TRY(const BacklinkKey place, backlink_of_key(key));
    if (going.contains(place.owner)) return true;
    EMSTORE_TRY(const BacklinkRow backlink, decode_backlink(row));
    violations.add({ErrorCode::version_mismatch,
                    named(schema, place.owner) + " leads to " + named(schema, root) +
                        " since commit " + std::to_string(backlink.since.sequence),
                    path,
                    std::string(kLaterFirst),
                    {}});
    return false;
  };
  const KeyRange range = range_of_prefix(backlink_prefix(root, /*covered=*/false));
  return reader.try_scan(Family::backlinks, range, look);
}

Result<std::vector<RecordId>> referrers_to(const Reader& reader, const RecordRef& target,
                                           const Entity& owner, const Field& field) {
  std::vector<RecordId> ids;
  const KeyRange range =
      range_of_prefix(backlink_prefix(target, /*covered=*/false) + entity_prefix(owner.id));
  EMSTORE_CHECKED(reader.try_scan(Family::backlinks, range,
                                  [&](std::string_view key, std::string_view) -> Result<bool> {
                                    EMSTORE_TRY(const BacklinkKey place, backlink_of_key(key));
                                    if (place.field != field.id) return true;
                                    if (ids.size() >= kLinksMax)
                                      return too_many(field.target + "/" + to_string(target.id));
                                    ids.push_back(place.owner.id);
                                    return true;
                                  }));
  return ids;
}

}  // namespace emstore::store
