#include "store/decide_links.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "store/arrangement.h"
#include "store/field_rules.h"
#include "store/link_meta.h"

namespace emstore::store {
namespace {

// Carries out one request on one field.
class LinkDecision {
 public:
  LinkDecision(const Entity& entity, const LinkRequest& request, const KnownLinks& known,
               const Known& store, Violations& violations)
      : entity_(entity),
        request_(request),
        known_(known),
        store_(store),
        violations_(violations),
        links_(known),
        single_(request.field->kind == FieldKind::medium) {}

  std::optional<LinksChanged> run(const std::vector<CreatedMedia>& created) {
    const std::size_t before = violations_.size();
    if (request_.set) set(*request_.set);
    for (const LinkItem& item : request_.detach) links_.remove(target(item));
    for (const LinkItem& item : request_.attach) attach(item);
    for (const LinkItem& item : request_.made) attach(item);
    create(created);
    if (!single_ && !links_.give_keys()) refuse_place();
    LinksChanged event = links_.difference();
    const std::uint64_t count = known_.links.count + event.added.size() - event.removed.size();
    const bool is_whole =
        violations_.size() == before && request_.made.size() >= request_.records.size();
    check_count(entity_, *request_.field, {known_.links.count, count, !store_.owner, is_whole},
                request_.path, violations_);
    if (event.removed.empty() && event.added.empty() && event.changed.empty()) return std::nullopt;
    event.field = request_.field->id;
    event.operators = request_.operators;
    return event;
  }

 private:
  RecordRef target(const LinkItem& item) const { return request_.to(item.target); }
  bool leads_to_media() const { return is_media_link(request_.field->kind); }

  // Whether a record may be linked here: it exists and, of media, is of an allowed type.
  bool admits(const LinkItem& item) {
    const auto found = store_.targets.find(target(item));
    if (!leads_to_media()) {
      if (found != store_.targets.end()) return true;
      violations_.add({ErrorCode::record_not_found,
                       request_.field->target + "/" + to_string(item.target) + " does not exist",
                       item.path,
                       {},
                       {}});
      return false;
    }
    if (found == store_.targets.end()) {
      violations_.add({ErrorCode::media_not_found,
                       "media " + to_string(item.target) + " does not exist",
                       item.path,
                       "upload it first; `media ls` lists what is there",
                       {}});
      return false;
    }
    return admits_media(found->second.traits, "media " + to_string(item.target), item.path);
  }

  // Both rules are looked at: all reasons are told.
  bool admits_media(const MediaTraits& media, const std::string& what, const std::string& path) {
    const bool is_type_admitted = admits_type(media.mime_type, what, path);
    return admits_size(media.bytes, what, path) && is_type_admitted;
  }

  bool admits_size(std::uint64_t bytes, const std::string& what, const std::string& path) {
    const std::optional<std::uint64_t>& most = request_.field->max_bytes;
    if (!most || bytes <= *most) return true;
    violations_.add({ErrorCode::blob_too_large,
                     what + " has " + std::to_string(bytes) + " bytes; " +
                         title(entity_, *request_.field) + " takes " + std::to_string(*most) +
                         " at most",
                     path,
                     "link a smaller one, or raise max_bytes of the field",
                     {}});
    return false;
  }

  bool admits_type(const std::string& type, const std::string& what, const std::string& path) {
    if (mime_fits(type, request_.field->mime_types)) return true;
    std::string allowed;
    for (const std::string& glob : request_.field->mime_types) {
      allowed += (allowed.empty() ? "" : ", ") + glob;
    }
    violations_.add(
        {ErrorCode::mime_not_allowed,
         what + " is " + type + "; " + title(entity_, *request_.field) + " takes " + allowed,
         path,
         {},
         {}});
    return false;
  }

  // Replaces all links by the items, in their order. Links that stay keep their meta, unless the
  // item brings its own.
  void set(const std::vector<LinkItem>& items) {
    std::vector<Link> wanted;
    for (const LinkItem& item : items) {
      const Link* present = links_.find(target(item));
      if (present == nullptr && !admits(item)) continue;
      wanted.push_back(present == nullptr ? Link{target(item), {}, {}} : *present);
      wanted.back().meta = meta_of(item, present);
    }
    links_.set(std::move(wanted));
  }

  void attach(const LinkItem& item) {
    const Link* present = links_.find(target(item));
    if (present == nullptr && !admits(item)) return;
    Value meta = meta_of(item, present);
    if (present != nullptr && !item.place) {
      links_.change_meta(target(item), std::move(meta));
    } else if (has_place(item)) {
      links_.put(target(item), std::move(meta), item.place.value_or(Place{}));
    }
  }

  // A link that stays keeps its data, unless the item brings its own.
  Value meta_of(const LinkItem& item, const Link* present) {
    if (!item.meta && present != nullptr) return present->meta;
    return new_link_meta(*request_.field, item.meta.value_or(Value()), item.path, violations_);
  }

  // Whether what the item is to stand beside is there; adds the violation when not.
  bool has_place(const LinkItem& item) {
    if (!item.place) return true;
    const Place& place = *item.place;
    if (place.kind == Place::Kind::first || place.kind == Place::Kind::last) return true;
    const std::string anchor =
        (leads_to_media() ? "media " : request_.field->target + "/") + to_string(place.anchor);
    if (place.anchor == item.target) {
      violations_.add({ErrorCode::wrong_operation,
                       anchor + " cannot be placed beside itself",
                       item.path + ".at",
                       "name another item of the field",
                       {}});
      return false;
    }
    if (links_.find(request_.to(place.anchor)) != nullptr) return true;
    violations_.add({leads_to_media() ? ErrorCode::media_not_found : ErrorCode::record_not_found,
                     anchor + " is not in " + title(entity_, *request_.field) +
                         ", so nothing can be placed beside it",
                     item.path + ".at",
                     "name an item of the field",
                     {}});
    return false;
  }

  void refuse_place() {
    violations_.add({ErrorCode::value_too_large,
                     "no room for more links at a place of " + title(entity_, *request_.field),
                     request_.path,
                     "give the whole order with $set",
                     {}});
  }

  void create(const std::vector<CreatedMedia>& created) {
    EMSTORE_CHECK(created.size() == request_.create.size());
    if (single_ && !created.empty()) links_.clear();
    for (std::size_t i = 0; i < created.size(); ++i) {
      const std::string path = request_.create[i].path + ".file";
      if (admits_media(created[i].traits, "the file", path)) links_.append(created[i].record, {});
    }
  }

  const Entity& entity_;
  const LinkRequest& request_;
  const KnownLinks& known_;
  const Known& store_;
  Violations& violations_;
  Arrangement links_;
  bool single_;
};

}  // namespace

std::optional<LinksChanged> decide_links(const Entity& entity, const LinkRequest& request,
                                         const KnownLinks& known, const Known& store,
                                         const std::vector<CreatedMedia>& created,
                                         Violations& violations) {
  return LinkDecision(entity, request, known, store, violations).run(created);
}

void check_count(const Entity& entity, const Field& field, const LinkCount& count,
                 const std::string& path, Violations& violations) {
  const std::uint64_t least =
      std::max<std::uint64_t>(field.min_items.value_or(0), field.required ? 1 : 0);
  const std::string holds =
      title(entity, field) + " would hold " + std::to_string(count.after) + " items; ";
  if (field.max_items && count.after > *field.max_items && count.after > count.before) {
    violations.add({ErrorCode::too_many_items,
                    holds + "max_items is " + std::to_string(*field.max_items),
                    path,
                    {},
                    {}});
  }
  const bool is_short =
      count.is_whole && count.after < least && (count.after < count.before || count.is_new);
  if (is_short && field.required && count.after == 0) {
    violations.add({ErrorCode::required, title(entity, field) + " is required", path, {}, {}});
  } else if (is_short) {
    violations.add(
        {ErrorCode::too_few_items, holds + "min_items is " + std::to_string(least), path, {}, {}});
  }
}

}  // namespace emstore::store
