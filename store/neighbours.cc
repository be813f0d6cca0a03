#include "store/neighbours.h"

#include <iterator>
#include <set>
#include <utility>

#include "store/facts.h"

namespace emstore::store {
namespace {

// Links that are spread get keys that leave room between them for a while.
constexpr std::size_t kSpreadKeyBytesMax = kOrderKeyBytesMax - 2;

Result<Link> link_of(std::string_view key, std::string_view value) {
  EMSTORE_TRY(LinkKey place, link_of_key(key));
  EMSTORE_TRY(LinkRow row, decode_link(value));
  return Link{row.target, std::move(place.order), std::move(row.meta)};
}

class NeighbourReader {
 public:
  NeighbourReader(const Reader& reader, const RecordRef& owner, const LinkRequest& request,
                  const KnownLinks& known)
      : reader_(reader),
        owner_(owner),
        request_(request),
        known_(known),
        whole_(range_of_prefix(link_prefix(owner, request.field->id))) {
    for (const LinkItem& item : request.detach) leaving_.insert(media(item.target));
    for (const LinkItem& item : request.attach) {
      if (!item.place) continue;
      leaving_.insert(media(item.target));
      ++placed_;
    }
  }

  Result<Neighbours> read() {
    for (const LinkItem& item : request_.attach) {
      if (item.place) EMSTORE_CHECKED(around(*item.place));
    }
    return std::move(found_);
  }

 private:
  RecordRef media(const RecordId& id) const { return request_.to(id); }

  Status around(const Place& place) {
    switch (place.kind) {
      case Place::Kind::last:
        return read_on({}, Direction::backward);
      case Place::Kind::first:
        EMSTORE_CHECKED(read_on({}, Direction::forward));
        return make_room({}, next({}));
      case Place::Kind::before:
      case Place::Kind::after:
        break;
    }
    EMSTORE_TRY(const std::optional<OrderKey> anchor, key_of(media(place.anchor)));
    // An anchor may be appended by the same request: then the last link stands before it.
    if (!anchor || leaving_.contains(media(place.anchor)))
      EMSTORE_CHECKED(read_on({}, Direction::backward));
    if (!anchor) return {};
    EMSTORE_CHECKED(read_on(*anchor, Direction::backward));
    EMSTORE_CHECKED(read_on(*anchor, Direction::forward));
    return place.kind == Place::Kind::before ? make_room(previous(*anchor), anchor)
                                             : make_room(*anchor, next(*anchor));
  }

  Result<std::optional<OrderKey>> key_of(const RecordRef& target) {
    if (const Link* link = known_.find(target)) return link->order;
    EMSTORE_TRY(std::optional<Link> link,
                read_link_to(reader_, owner_, request_.field->id, target));
    if (!link) return std::nullopt;
    OrderKey key = link->order;
    note(*std::move(link));
    return key;
  }

  // From a key on (from the end of the field: none) up to the first link that stays, or to where
  // another look began.
  Status read_on(const OrderKey& key, Direction direction) {
    std::set<OrderKey>& begun = direction == Direction::forward ? forward_ : backward_;
    if (!begun.insert(key).second) return {};
    return scan(key, direction, [&](Link link) {
      const bool goes_on = leaving_.contains(link.target) && begun.insert(link.order).second;
      note(std::move(link));
      return goes_on;
    });
  }

  template <typename Visit>
  Status scan(const OrderKey& key, Direction direction, const Visit& visit) {
    KeyRange range = whole_;
    const std::string row = link_key(owner_, request_.field->id, key);
    if (!key.empty() && direction == Direction::forward) range.from = row + '\0';
    if (!key.empty() && direction == Direction::backward) range.until = row;
    return reader_.try_scan(Family::links, range, direction,
                            [&](std::string_view found, std::string_view value) -> Result<bool> {
                              EMSTORE_TRY(Link link, link_of(found, value));
                              return visit(std::move(link));
                            });
  }

  void note(Link link) {
    keys_.insert(link.order);
    found_.links.push_back(std::move(link));
  }

  // The neighbours of a key, once they were read.
  std::optional<OrderKey> next(const OrderKey& key) const {
    const auto found = keys_.upper_bound(key);
    return found == keys_.end() ? std::nullopt : std::optional(*found);
  }
  OrderKey previous(const OrderKey& key) const {
    const auto found = keys_.lower_bound(key);
    return found == keys_.begin() ? OrderKey() : *std::prev(found);
  }

  // Sees to it that everything that the request places has room between two neighbours. Behind the
  // last link there is room always.
  Status make_room(const OrderKey& low, const std::optional<OrderKey>& high) {
    if (!high || has_room(low, *high, placed_)) return {};
    for (const KeySpan& span : found_.spans) {
      if (span.low <= low && (span.high.empty() || *high <= span.high)) return {};
    }
    return widen(low, *high);
  }

  Status widen(const OrderKey& low, const OrderKey& high) {
    for (std::size_t side = kSpreadLinks / 2; side <= kLinksMax; side *= 2) {
      EMSTORE_TRY(const std::vector<OrderKey> right, read_keys(high, Direction::forward, side));
      if (right.size() < side) {
        found_.spans.push_back({low, {}});
        return {};
      }
      std::vector<OrderKey> left;
      if (!low.empty()) {
        EMSTORE_TRY(left, read_keys(low, Direction::backward, side));
      }
      const KeySpan span{left.size() < side ? OrderKey() : left.back(), right.back()};
      const std::size_t count = left.size() + right.size() + 1 + placed_;
      if (has_room(span.low, span.high, count, kSpreadKeyBytesMax)) {
        found_.spans.push_back(span);
        return {};
      }
    }
    return {};
  }

  // Up to `count` keys beyond this one.
  Result<std::vector<OrderKey>> read_keys(const OrderKey& key, Direction direction,
                                          std::size_t count) {
    std::vector<OrderKey> keys;
    EMSTORE_CHECKED(scan(key, direction, [&](Link link) {
      keys.push_back(link.order);
      note(std::move(link));
      return keys.size() < count;
    }));
    return keys;
  }

  const Reader& reader_;
  const RecordRef& owner_;
  const LinkRequest& request_;
  const KnownLinks& known_;
  const KeyRange whole_;
  std::set<RecordRef> leaving_;  // What the request detaches or places elsewhere.
  std::size_t placed_ = 0;
  std::set<OrderKey> keys_;                // Of the links that were read.
  std::set<OrderKey> forward_, backward_;  // From where a look in that direction began.
  Neighbours found_;
};

}  // namespace

Result<Neighbours> read_neighbours(const Reader& reader, const RecordRef& owner,
                                   const LinkRequest& request, const KnownLinks& known) {
  return NeighbourReader(reader, owner, request, known).read();
}

Result<std::optional<Link>> read_link_to(const Reader& reader, const RecordRef& owner,
                                         FieldId field, const RecordRef& target) {
  EMSTORE_TRY(const std::optional<FoundBacklink> found,
              read_backlink(reader, target, owner, field));
  if (!found) return std::nullopt;
  EMSTORE_TRY(std::optional<LinkRow> row, read_link(reader, owner, field, found->row.order));
  if (!row) return failure(ErrorCode::corrupt_index, "a backlink leads to no link");
  return Link{target, found->row.order, std::move(row->meta)};
}

}  // namespace emstore::store
