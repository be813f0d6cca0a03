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

class Following {
 public:
  Following(const Reader& reader, const Schema& schema, const std::set<RecordRef>& beside,
            const std::string& path, Violations& violations)
      : reader_(reader), schema_(schema), beside_(beside), path_(path), violations_(violations) {}

  Result<Removal> from(const RecordRef& root) {
    go(root);
    for (std::size_t next = 0; next < removal_.records.size(); ++next) {
      const RecordRef record = removal_.records[next];  // What follow() finds moves them.
      EMSTORE_CHECKED(follow(record));
    }
    std::reverse(removal_.records.begin(), removal_.records.end());
    for (const Reference& reference : references_) {
      const bool goes = going_.contains(reference.owner) || beside_.contains(reference.owner);
      if (!goes) settle(reference);
    }
    refuse_restricted();
    return std::move(removal_);
  }

 private:
  struct Reference {
    RecordRef owner;
    const Entity* entity;
    const Field* field;
    RecordRef target;
  };

  void go(const RecordRef& record) {
    if (going_.insert(record).second) removal_.records.push_back(record);
  }

  Status follow(const RecordRef& record) {
    const KeyRange range = range_of_prefix(backlink_prefix(record, /*covered=*/false));
    return reader_.try_scan(
        Family::backlinks, range, [&](std::string_view key, std::string_view) -> Result<bool> {
          EMSTORE_TRY(const BacklinkKey place, backlink_of_key(key));
          if (++seen_ > kLinksMax) return too_many(named(removal_.records.front()));
          const Entity* entity = schema_.entity(place.owner.entity);
          const Field* field = entity == nullptr ? nullptr : entity->field(place.field);
          if (field == nullptr) {
            return failure(ErrorCode::corrupt_index, "a backlink of a field that no schema has");
          }
          if (field->on_delete == OnDelete::cascade) {
            go(place.owner);
          } else {
            references_.push_back({place.owner, entity, field, record});
          }
          return true;
        });
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

  std::string named(const RecordRef& record) const {
    return schema_.entity(record.entity)->name + "/" + to_string(record.id);
  }
  std::string title(const Reference& reference) const {
    return named(reference.owner) + "." + reference.field->name;
  }

  const Reader& reader_;
  const Schema& schema_;
  const std::set<RecordRef>& beside_;  // That go by themselves.
  const std::string& path_;
  Violations& violations_;
  Removal removal_;
  std::set<RecordRef> going_;
  std::vector<Reference> references_;
  std::map<std::pair<RecordRef, const Field*>, std::vector<Reference>> restricted_;
  std::map<std::pair<RecordRef, const Field*>, std::size_t> places_;  // In `releases`.
  std::uint64_t seen_ = 0;
};

}  // namespace

Result<Removal> plan_removal(const Reader& reader, const Schema& schema, const RecordRef& root,
                             const std::set<RecordRef>& going, const std::string& path,
                             Violations& violations) {
  return Following(reader, schema, going, path, violations).from(root);
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
