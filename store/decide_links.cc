#include "store/decide_links.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "base/check.h"
#include "store/field_rules.h"

namespace emstore::store {
namespace {

std::string title(const Entity& entity, const Field& field) {
  return entity.name + "." + field.name;
}

// The links of one field while operators work on them: those that are known, by their order. Links
// that nobody names stay where they are and need not be known.
class Arrangement {
 public:
  explicit Arrangement(const KnownLinks& known) : next_(known.links.next), keys_(known.neighbours) {
    for (const Link& link : known.present) {
      links_.emplace(link.target, link);
      keys_.insert(link.order);
    }
  }

  Link* find(const RecordRef& target) {
    const auto found = links_.find(target);
    return found == links_.end() ? nullptr : &found->second;
  }

  void remove(const RecordRef& target) { links_.erase(target); }

  void clear() { links_.clear(); }

  void add(Link link) {
    keys_.insert(link.order);
    added_.push_back(link.target);
    links_.insert_or_assign(link.target, std::move(link));
  }

  OrderKey append() {
    OrderKey key = append_key(next_++);
    keys_.insert(key);
    return key;
  }

  std::optional<OrderKey> first() {
    return keys_.empty() ? append() : note(key_between({}, *keys_.begin()));
  }

  std::optional<OrderKey> before(const OrderKey& key) {
    const auto place = keys_.find(key);
    return note(key_between(place == keys_.begin() ? std::string_view{} : *std::prev(place), key));
  }

  std::optional<OrderKey> after(const OrderKey& key) {
    const auto next = std::next(keys_.find(key));
    return next == keys_.end() ? append() : note(key_between(key, *next));
  }

  // What differs from the start. Additions in the order in which they were made.
  LinksChanged difference(const KnownLinks& before) const {
    LinksChanged event;
    for (const Link& link : before.present) {
      const auto found = links_.find(link.target);
      if (found == links_.end()) {
        event.removed.push_back(link);
      } else if (found->second != link) {
        const Link& now = found->second;
        event.changed.push_back({link.target, link.order, now.order, link.meta, now.meta});
      }
    }
    std::set<RecordRef> noted;
    for (const RecordRef& target : added_) {
      const auto found = links_.find(target);
      const bool is_new = found != links_.end() && before.find(target) == nullptr;
      if (is_new && noted.insert(target).second) event.added.push_back(found->second);
    }
    return event;
  }

 private:
  std::optional<OrderKey> note(std::optional<OrderKey> key) {
    if (key) keys_.insert(*key);
    return key;
  }

  std::uint64_t next_;
  std::map<RecordRef, Link> links_;
  std::set<OrderKey> keys_;
  std::vector<RecordRef> added_;
};

// Which of the links that stay can keep their keys when the list is to stand in the wanted order:
// the longest run of them whose keys rise already. Everything else gets a key between its
// neighbours.
std::vector<bool> keep_rising(const std::vector<const OrderKey*>& keys) {
  std::vector<std::size_t>
      tails;  // tails[n]: where the lowest end of a rising run of n + 1 keys stands.
  std::vector<std::size_t> before(keys.size(), keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] == nullptr) continue;
    const auto place =
        std::lower_bound(tails.begin(), tails.end(), i,
                         [&](std::size_t a, std::size_t b) { return *keys[a] < *keys[b]; });
    if (place != tails.begin()) before[i] = *std::prev(place);
    if (place == tails.end()) {
      tails.push_back(i);
    } else {
      *place = i;
    }
  }
  std::vector<bool> kept(keys.size(), false);
  for (std::size_t i = tails.empty() ? keys.size() : tails.back(); i < keys.size(); i = before[i]) {
    kept[i] = true;
  }
  return kept;
}

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
    if (request_.set) set(*request_.set);
    for (const LinkItem& item : request_.detach) links_.remove(media(item));
    for (const LinkItem& item : request_.attach) attach(item);
    create(created);
    LinksChanged event = links_.difference(known_);
    const std::uint64_t count = known_.links.count + event.added.size() - event.removed.size();
    check_count(entity_, *request_.field, {known_.links.count, count, !store_.owner}, request_.path,
                violations_);
    if (event.removed.empty() && event.added.empty() && event.changed.empty()) return std::nullopt;
    event.field = request_.field->id;
    event.operators = request_.operators;
    return event;
  }

 private:
  static RecordRef media(const LinkItem& item) { return {kMediaEntity, item.target}; }

  // Whether a media may be linked here: it exists and is of an allowed type.
  bool admits(const LinkItem& item) {
    const auto found = store_.media.find(item.target);
    if (found == store_.media.end()) {
      violations_.add({ErrorCode::media_not_found,
                       "media " + to_string(item.target) + " does not exist",
                       item.path,
                       "upload it first; `media ls` lists what is there",
                       {}});
      return false;
    }
    const Value* type = found->second.values.find(kMediaType);
    return admits_type(type == nullptr ? std::string() : *type->if_text(),
                       "media " + to_string(item.target), item.path);
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
  // item brings its own, and their key, where the order allows it.
  void set(const std::vector<LinkItem>& items) {
    std::vector<Link> wanted;
    for (const LinkItem& item : items) {
      const Link* present = links_.find(media(item));
      if (present == nullptr && !admits(item)) continue;
      Link link = present == nullptr ? Link{media(item), {}, {}} : *present;
      if (item.meta) link.meta = *item.meta;
      wanted.push_back(std::move(link));
    }
    order(wanted);
    links_.clear();
    for (Link& link : wanted) links_.add(std::move(link));
  }

  void order(std::vector<Link>& wanted) {
    if (single_) {
      for (Link& link : wanted) link.order.clear();
      return;
    }
    std::vector<const OrderKey*> keys;
    for (const Link& link : wanted) keys.push_back(link.order.empty() ? nullptr : &link.order);
    const std::vector<bool> kept = keep_rising(keys);
    std::vector<const OrderKey*> next_kept(wanted.size() + 1, nullptr);
    for (std::size_t i = wanted.size(); i-- > 0;)
      next_kept[i] = kept[i] ? keys[i] : next_kept[i + 1];
    std::vector<OrderKey> result;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      std::optional<OrderKey> key = kept[i] ? *keys[i] : place(result, next_kept[i]);
      if (!key) return spread(wanted);
      result.push_back(*std::move(key));
    }
    for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i].order = std::move(result[i]);
  }

  std::optional<OrderKey> place(const std::vector<OrderKey>& before, const OrderKey* next) {
    if (next == nullptr) return links_.append();
    return key_between(before.empty() ? std::string_view{} : before.back(), *next);
  }

  // No room between two keys: all of them get new ones, at the end.
  void spread(std::vector<Link>& wanted) {
    for (Link& link : wanted) link.order = links_.append();
  }

  void attach(const LinkItem& item) {
    Link* present = links_.find(media(item));
    if (present == nullptr && !admits(item)) return;
    Link link = present == nullptr ? Link{media(item), {}, {}} : *present;
    if (item.meta) link.meta = *item.meta;
    if (present == nullptr || item.place) {
      const std::optional<OrderKey> key = key_at(item);
      if (!key) return;
      link.order = *key;
    }
    if (present == nullptr) {
      links_.add(std::move(link));
    } else {
      *present = std::move(link);
    }
  }

  // Nothing when the place does not exist, or has no room: then a violation says so.
  std::optional<OrderKey> key_at(const LinkItem& item) {
    const Place place = item.place.value_or(Place{});
    if (place.kind == Place::Kind::last) return links_.append();
    std::optional<OrderKey> key;
    if (place.kind == Place::Kind::first) {
      key = links_.first();
    } else {
      const Link* anchor = links_.find({kMediaEntity, place.anchor});
      if (anchor == nullptr || place.anchor == item.target) {
        violations_.add({ErrorCode::media_not_found,
                         "media " + to_string(place.anchor) + " is not in " +
                             title(entity_, *request_.field) +
                             ", so nothing can be placed beside it",
                         item.path + ".at",
                         {},
                         {}});
        return std::nullopt;
      }
      const OrderKey beside = anchor->order;
      key = place.kind == Place::Kind::before ? links_.before(beside) : links_.after(beside);
    }
    if (!key) {
      violations_.add(
          {ErrorCode::value_too_large,
           "no room for another link at this place of " + title(entity_, *request_.field),
           item.path + ".at",
           "give the whole order with $set",
           {}});
    }
    return key;
  }

  void create(const std::vector<CreatedMedia>& created) {
    EMSTORE_CHECK(created.size() == request_.create.size());
    if (single_ && !created.empty()) links_.clear();
    for (std::size_t i = 0; i < created.size(); ++i) {
      const std::string path = request_.create[i].path + ".file";
      if (!admits_type(created[i].mime_type, "the file", path)) continue;
      links_.add({created[i].record, single_ ? OrderKey{} : links_.append(), {}});
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
  const bool is_short = count.after < least && (count.after < count.before || count.is_new);
  if (is_short && field.required && count.after == 0) {
    violations.add({ErrorCode::required, title(entity, field) + " is required", path, {}, {}});
  } else if (is_short) {
    violations.add(
        {ErrorCode::too_few_items, holds + "min_items is " + std::to_string(least), path, {}, {}});
  }
}

}  // namespace emstore::store
