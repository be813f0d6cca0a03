// Hits: the records that a query wants, as they are found: kept, put in order, cut to offset and
// limit.
#pragma once

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/budget.h"
#include "store/cells.h"
#include "store/query.h"

namespace emstore::store {

// One record, and in a `with` the link that led to it. The views of a hit that Hits gives are its
// own.
struct Hit {
  RecordRef record;
  RecordView view;
  bool is_read = true;           // false: the view is empty, the record is still to be read.
  std::string_view meta;         // Packed; of the link.
  std::string_view order;        // Of the link.
  const Scalar* keys = nullptr;  // What the order looks at; one a term.
};

// Which of the hits are wanted.
struct Window {
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> limit;
  bool tells_more = false;  // One hit beyond the limit is looked for, to say that there is one.
};

class Hits {
 public:
  // `order` empty: hits are wanted in the order in which they come.
  Hits(std::vector<OrderTerm> order, const Window& window, const Budget& budget);

  // Takes a copy of all that the hit looks at. `cells` hold the record when there is an order by
  // fields. Errors: result_too_large.
  Status add(const Hit& hit, const Cells& cells);
  // Whether what comes now can change nothing any more.
  bool is_full() const { return order_.empty() && window_.limit && hits_.size() >= room_; }
  // Puts in order and cuts. Once, after the last add().
  void finish();

  // Of a window that tells.
  bool has_more() const { return has_more_; }
  std::vector<Hit>& all() { return hits_; }
  const std::vector<Hit>& all() const { return hits_; }
  // A copy that lives as long as the hits.
  std::string_view keep(std::string_view bytes);

 private:
  using Memory = std::pmr::monotonic_buffer_resource;

  tl::unexpected<Error> too_many() const;
  Status check_keys_fit() const;
  const Scalar* keep_keys(const Scalar* keys);
  Hit keep(const Hit& hit);
  bool precedes(const Hit& a, const Hit& b) const;
  void drop_all_but_first(std::size_t count);

  std::vector<OrderTerm> order_;
  Window window_;
  std::uint64_t room_;  // Hits that are held, when those before the offset are not.
  const Budget* budget_;
  std::uint64_t skipped_ = 0;
  bool has_more_ = false;
  std::unique_ptr<Memory> memory_;
  std::uint64_t keys_bytes_ = 0;  // Of the texts among the keys: as long as fields may be.
  std::vector<Hit> hits_;
};

}  // namespace emstore::store
