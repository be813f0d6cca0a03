// KeptChains: the commits of records whose log is read from its beginning, a page at a time. A
// chain leads back only (chain.h), so that every page would walk it from its end again; what was
// walked once stays true, since a log only grows, and is kept for the pages that follow.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "store/reader.h"

namespace emstore::store {

class KeptChains {
 public:
  using Sequences = std::vector<Sequence>;
  struct Bounds {
    std::size_t chains = 8;
    std::size_t commits = 1u << 20;  // Of all chains; one that has more is not kept.
  };

  KeptChains() : KeptChains(Bounds{}) {}
  explicit KeptChains(const Bounds& bounds) : bounds_(bounds) {}

  // The commits from `first` on with events about `record`, ascending: all that `reader` has, and
  // perhaps older and newer ones. Readers are of one store. Costs what is not known yet. Errors:
  // corrupt_log, corrupt_index, result_too_large, those of the reader.
  Result<std::shared_ptr<const Sequences>> of(const Reader& reader, const RecordRef& record,
                                              Sequence first);

 private:
  struct Kept {
    Sequence first = 0;  // Nothing is missing from there on.
    std::shared_ptr<const Sequences> sequences;
  };

  std::optional<Kept> kept(const RecordRef& record, Sequence first) const;
  void keep(const RecordRef& record, const Kept& chain);

  const Bounds bounds_;
  mutable std::mutex guard_;
  std::map<RecordRef, Kept> chains_;
  std::size_t commits_ = 0;  // Of all of them.
};

}  // namespace emstore::store
