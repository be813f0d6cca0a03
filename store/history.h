// History: a Reader that shows the rows of a moment in the past, so that queries of the past are
// the same code as all others.
//
// A record that has not changed since is its live row. Another one is folded from its own chain of
// commits by the same rows_of() that made its live rows. Records and links that are gone are found
// by Family::deleted and Family::unlinked.
//
// Threads: one at a time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "store/chain.h"
#include "store/moment.h"
#include "store/query.h"
#include "store/reader.h"

namespace emstore::store {

class History final : public Reader {
 public:
  // `live` and `limits` outlive it; `live` stands at the moment or behind it. What is folded and
  // looked at on the way is bounded by `limits`, beside what the query itself looks at.
  History(const Reader& live, Moment moment, const QueryLimits& limits);
  ~History() override;

  // Records, bodies, links and backlinks as of then, and counters' number of records. No link holds
  // a slot or has a cover: what it leads to is read as it was. The log, and blobs and their bytes,
  // are as they are now: bytes have no history. Of indexes, uses, requests and the like there are
  // no rows (internal): a plan that wants them was made for the live store.
  Result<std::optional<std::string>> get(Family family, std::string_view key) const override;
  Result<std::vector<std::optional<std::string>>> get_many(
      Family family, std::span<const std::string> keys) const override;
  using Reader::scan;
  Status scan(Family family, const KeyRange& range, Direction direction,
              const Visit& visit) const override;

 private:
  class Folded;
  struct Standing;

  Result<Standing> standing_of(const RecordRef& record,
                               const std::optional<std::string>& live_row) const;
  Result<Standing> standing_of(const RecordRef& record) const;
  Result<Standing> fold(const RecordRef& record, Sequence last) const;
  Result<std::shared_ptr<const Schema>> schema_at(Sequence version) const;
  Result<bool> existed(const RecordRef& record, Time created, Sequence last) const;

  Result<std::optional<std::string>> record_row(std::string_view key,
                                                std::optional<std::string> live_row) const;
  Result<std::optional<std::string>> linked_row(Family family, std::string_view key) const;
  Result<std::string> counter_row(std::string_view key) const;
  Status scan_records(const KeyRange& range, Direction direction, const Visit& visit) const;
  Status scan_links(const KeyRange& range, Direction direction, const Visit& visit) const;
  Status scan_backlinks(const KeyRange& range, Direction direction, const Visit& visit) const;
  Result<bool> led_there(const std::optional<std::string>& live_row,
                         const std::optional<std::string>& unlinked_row) const;

  const Reader& live_;
  Moment moment_;
  mutable Chain chain_;
  mutable std::map<RecordRef, std::shared_ptr<const Folded>> folded_;
  mutable std::size_t folded_bytes_ = 0;
  mutable std::map<Sequence, std::shared_ptr<const Schema>> schemas_;  // Without their indexes.
};

}  // namespace emstore::store
