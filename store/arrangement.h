// Arrangement: the links of one field while the operators of a request work on them. Links that
// nobody needs to know of stay where they are: a request names places beside known ones alone.
// Keys come last, when the whole order is settled, so that what goes to one place at once
// shares it evenly. Pure.
#pragma once

#include <list>
#include <map>
#include <string_view>
#include <vector>

#include "store/events.h"
#include "store/known.h"
#include "store/resolved.h"

namespace emstore::store {

class Arrangement {
 public:
  // Outlived by `known`.
  explicit Arrangement(const KnownLinks& known);

  // The link to `target` as it is now; nothing when there is none. Its key may be none yet.
  const Link* find(const RecordRef& target) const;

  void remove(const RecordRef& target);
  void clear();
  // At the end, without a key: the field has one link alone, or the key is still to be given.
  void append(const RecordRef& target, Value meta);
  void change_meta(const RecordRef& target, Value meta);
  // Puts a link that is there where `place` says, or adds it there; the anchor is there and is
  // another one. A link that has the place already keeps its key.
  void put(const RecordRef& target, Value meta, const Place& place);
  // Replaces all links by these, in this order. Those that stay keep their keys where the order
  // allows it.
  void set(std::vector<Link> wanted);

  // Gives keys to the links that have none: their own, where all are known and stand as they stood.
  // Where there is no room for them, links nearby get new keys too (KnownLinks::spans). False:
  // there is no room all the same.
  bool give_keys();

  // What differs from the start. Additions in the order in which they were made.
  LinksChanged difference() const;

 private:
  // A link in its order; or, once it is gone or elsewhere, the key that it had there. What is known
  // of the links beyond still rests on that key.
  struct Slot {
    Link link;
    bool is_mark = false;
  };
  using Slots = std::list<Slot>;

  Slots::iterator find_place(const RecordRef& target, const Place& place);
  void leave_mark(Slots::iterator slot);
  bool is_at(Slots::iterator slot, Slots::iterator place) const;
  bool takes_keys_back();
  std::string_view key_before(Slots::iterator slot);
  bool fill(Slots::iterator first, Slots::iterator last);
  bool spread(Slots::iterator first, Slots::iterator last);

  const KnownLinks& known_;
  std::uint64_t next_;
  std::vector<KeySpan> spans_;
  Slots slots_;
  std::map<RecordRef, Slots::iterator> links_;
  std::vector<RecordRef> added_;
};

}  // namespace emstore::store
