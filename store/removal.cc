#include "store/removal.h"

#include <algorithm>
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

class Planning {
 public:
  Planning(const Reader& reader, const Schema& schema, const std::set<RecordRef>& beside,
           const std::string& path, Violations& violations)
      : reader_(reader), schema_(schema), beside_(beside), path_(path), violations_(violations) {}

  Result<Removal> from(const RecordRef& root) {
    go(root);
    for (std::size_t next = 0; next < removal_.records.size(); ++next) {
      EMSTORE_CHECKED(follow(RecordRef(removal_.records[next])));  // What is found moves them.
    }
    std::ranges::reverse(removal_.records);
    for (const Reference& other : others_) {
      if (!going_.contains(other.owner)) settle(other);
    }
    refuse_restricted();
    return std::move(removal_);
  }

 private:
  void go(const RecordRef& record) {
    if (going_.insert(record).second) removal_.records.push_back(record);
  }

  // What leads to a record that goes: goes with it, or is to be settled.
  Status follow(const RecordRef& record) {
    const auto look = [&](std::string_view key, std::string_view) -> Result<bool> {
      EMSTORE_TRY(const BacklinkKey place, backlink_of_key(key));
      const Entity* entity = schema_.entity(place.owner.entity);
      const Field* field = entity == nullptr ? nullptr : entity->field(place.field);
      if (field == nullptr) {
        return failure(ErrorCode::corrupt_index, "a backlink of a field that no schema has");
      }
      const bool cascades = field->on_delete == OnDelete::cascade;
      if (cascades) go(place.owner);
      if (beside_.contains(place.owner)) return true;
      if (!cascades) others_.push_back({place.owner, entity, field, record});
      return ++seen_ <= kLinksMax ? Result<bool>(true) : too_many(named(removal_.records.front()));
    };
    const KeyRange range = range_of_prefix(backlink_prefix(record, /*covered=*/false));
    return reader_.try_scan(Family::backlinks, range, look);
  }

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

  const Reader& reader_;
  const Schema& schema_;
  const std::set<RecordRef>& beside_;  // That go by themselves.
  const std::string& path_;
  Violations& violations_;
  Removal removal_;  // The root first, until all is found.
  std::set<RecordRef> going_;
  std::vector<Reference> others_;  // That do not cascade, of records that may stay.
  std::uint64_t seen_ = 0;
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
    for (const auto& leading : fields->second) {
      const std::set<FieldId>& ids = leading.second;
      const auto look = [&](std::string_view key, std::string_view) -> Result<bool> {
        if (++looked > looked_max) return looked_too_far(looked_max);
        EMSTORE_TRY(const BacklinkKey place, backlink_of_key(key));
        if (ids.contains(place.field) && going.insert(place.owner).second) {
          records.push_back(place.owner);
        }
        return going.size() <= most ? Result<bool>(true) : too_many_along(most);
      };
      const std::string prefix =
          backlink_prefix(record, /*covered=*/false) + entity_prefix(leading.first);
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
