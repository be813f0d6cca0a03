#include "store/arrangement.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace emstore::store {
namespace {

bool is_in_order(const Link& a, const Link& b) { return a.order < b.order; }

// Which of the links can keep their keys as they stand: the longest run of them whose keys rise
// already.
std::vector<bool> rising(const std::vector<Link>& links) {
  std::vector<std::size_t>
      tails;  // tails[n]: where the lowest end of a rising run of n + 1 keys stands.
  std::vector<std::size_t> before(links.size(), links.size());
  for (std::size_t i = 0; i < links.size(); ++i) {
    if (links[i].order.empty()) continue;
    const auto place = std::lower_bound(
        tails.begin(), tails.end(), i,
        [&](std::size_t a, std::size_t b) { return is_in_order(links[a], links[b]); });
    if (place != tails.begin()) before[i] = *std::prev(place);
    if (place == tails.end()) {
      tails.push_back(i);
    } else {
      *place = i;
    }
  }
  std::vector<bool> kept(links.size(), false);
  for (std::size_t i = tails.empty() ? links.size() : tails.back(); i < links.size();
       i = before[i]) {
    kept[i] = true;
  }
  return kept;
}

}  // namespace

Arrangement::Arrangement(const KnownLinks& known)
    : known_(known), next_(known.links.next), spans_(known.spans) {
  std::vector<Link> links = known.present;
  std::sort(links.begin(), links.end(), is_in_order);
  for (Link& link : links) {
    slots_.push_back({std::move(link)});
    links_.emplace(slots_.back().link.target, std::prev(slots_.end()));
  }
}

const Link* Arrangement::find(const RecordRef& target) const {
  const auto found = links_.find(target);
  return found == links_.end() ? nullptr : &found->second->link;
}

void Arrangement::remove(const RecordRef& target) {
  const auto found = links_.find(target);
  if (found == links_.end()) return;
  leave_mark(found->second);
  slots_.erase(found->second);
  links_.erase(found);
}

void Arrangement::clear() {
  slots_.clear();
  links_.clear();
}

void Arrangement::append(const RecordRef& target, Value meta) {
  put(target, std::move(meta), Place{});
}

void Arrangement::change_meta(const RecordRef& target, Value meta) {
  links_.at(target)->link.meta = std::move(meta);
}

void Arrangement::put(const RecordRef& target, Value meta, const Place& place) {
  const auto found = links_.find(target);
  const auto where = find_place(target, place);
  if (found == links_.end()) {
    links_.emplace(target, slots_.insert(where, Slot{{target, {}, std::move(meta)}}));
    added_.push_back(target);
    return;
  }
  const Slots::iterator slot = found->second;
  slot->link.meta = std::move(meta);
  if (is_at(slot, where)) return;
  leave_mark(slot);
  slot->link.order.clear();
  slots_.splice(where, slots_, slot);
}

void Arrangement::set(std::vector<Link> wanted) {
  const std::vector<bool> kept = rising(wanted);
  clear();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    Link& link = wanted[i];
    if (!kept[i]) link.order.clear();
    added_.push_back(link.target);
    slots_.push_back({std::move(link)});
    links_.emplace(slots_.back().link.target, std::prev(slots_.end()));
  }
}

// The slot before which `place` is.
Arrangement::Slots::iterator Arrangement::find_place(const RecordRef& target, const Place& place) {
  switch (place.kind) {
    case Place::Kind::last:
      break;
    case Place::Kind::first:
      return slots_.begin();
    case Place::Kind::before:
      return links_.at({target.entity, place.anchor});
    case Place::Kind::after:
      return std::next(links_.at({target.entity, place.anchor}));
  }
  return slots_.end();
}

void Arrangement::leave_mark(Slots::iterator slot) {
  if (!slot->link.order.empty()) slots_.insert(slot, {slot->link, /*is_mark=*/true});
}

std::string_view Arrangement::key_before(Slots::iterator slot) {
  return slot == slots_.begin() ? std::string_view() : std::prev(slot)->link.order;
}

// Whether nothing but marks lies between a link and a place.
bool Arrangement::is_at(Slots::iterator slot, Slots::iterator place) const {
  const auto is_link = [](const Slot& other) { return !other.is_mark; };
  const Slots::const_iterator end = slots_.end();
  if (std::find_if(Slots::const_iterator(place), end, is_link) == slot) return true;
  return std::find_if(std::next(Slots::const_iterator(slot)), end, is_link) ==
         std::find_if(Slots::const_iterator(place), end, is_link);
}

bool Arrangement::give_keys() {
  const auto has_key = [](const Slot& slot) { return !slot.link.order.empty(); };
  if (std::ranges::all_of(slots_, has_key) || takes_keys_back()) return true;
  for (auto slot = slots_.begin(); slot != slots_.end();) {
    const auto first = std::find_if_not(slot, slots_.end(), has_key);
    slot = std::find_if(first, slots_.end(), has_key);
    if (slot == slots_.end()) {
      for (auto last = first; last != slots_.end(); ++last) last->link.order = append_key(next_++);
      return true;
    }
    if (fill(first, slot)) continue;
    if (!spread(first, slot)) return false;
    slot = slots_.begin();
  }
  return true;
}

// What went away and came back to its place has not moved. Only who knows all links can tell.
bool Arrangement::takes_keys_back() {
  if (known_.present.size() != known_.links.count) return false;
  std::vector<Link> before = known_.present;
  std::ranges::sort(before, is_in_order);
  std::vector<Link*> now;
  for (Slot& slot : slots_) {
    if (!slot.is_mark) now.push_back(&slot.link);
  }
  const auto is_same = [](const Link* a, const Link& b) { return a->target == b.target; };
  if (!std::ranges::equal(now, before, is_same)) return false;
  for (std::size_t i = 0; i < now.size(); ++i) now[i]->order = before[i].order;
  return true;
}

// Gives keys to a run of links that ends before a key, if there is room.
bool Arrangement::fill(Slots::iterator first, Slots::iterator last) {
  auto keys = keys_between(key_before(first), last->link.order,
                           static_cast<std::size_t>(std::distance(first, last)));
  if (!keys) return false;
  for (OrderKey& key : *keys) (first++)->link.order = std::move(key);
  return true;
}

// Takes their keys from the links around a run that has no room, so that all of them share it.
bool Arrangement::spread(Slots::iterator first, Slots::iterator last) {
  const auto holds_run = [&](const KeySpan& span) {
    return span.low <= key_before(first) && (span.high.empty() || last->link.order <= span.high);
  };
  const auto span = std::find_if(spans_.begin(), spans_.end(), holds_run);
  if (span == spans_.end()) return false;
  for (auto slot = slots_.begin(); slot != slots_.end();) {
    const OrderKey& key = slot->link.order;
    const bool is_inside = key > span->low && (span->high.empty() || key < span->high);
    const bool is_mark = slot->is_mark;
    if (is_inside) slot->link.order.clear();
    slot = is_inside && is_mark ? slots_.erase(slot) : std::next(slot);
  }
  spans_.erase(span);
  return true;
}

LinksChanged Arrangement::difference() const {
  LinksChanged event;
  for (const Link& before : known_.present) {
    const Link* now = find(before.target);
    if (now == nullptr) {
      event.removed.push_back(before);
    } else if (*now != before) {
      event.changed.push_back({before.target, before.order, now->order, before.meta, now->meta});
    }
  }
  std::set<RecordRef> noted;
  for (const RecordRef& target : added_) {
    const Link* now = find(target);
    const bool is_new = now != nullptr && known_.find(target) == nullptr;
    if (is_new && noted.insert(target).second) event.added.push_back(*now);
  }
  return event;
}

}  // namespace emstore::store
