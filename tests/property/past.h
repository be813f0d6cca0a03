// Reading the past in tests: what a query answers through a reader, as text; and readers that hide
// what history needs, for controls.
#pragma once

#include <string>

#include "store/history.h"
#include "store/store.h"

namespace emstore::testing {

// The answer of findMany with its count, or of an error its text. Plans use no index.
std::string answer(const store::Reader& reader, const store::Schema& schema,
                   const std::string& entity, const Map& query);

// What `now` says about commit `sequence`, through a History; the reader may be another one.
std::string answer_as_of(const store::View& now, const store::Reader& live, Sequence sequence,
                         const std::string& entity, const Map& query);

// A store that forgot to keep the rows of one family.
class Hiding final : public store::Reader {
 public:
  Hiding(const store::Reader& below, store::Family hidden) : below_(below), hidden_(hidden) {}
  Result<std::optional<std::string>> get(store::Family family,
                                         std::string_view key) const override {
    if (family == hidden_) return std::nullopt;
    return below_.get(family, key);
  }
  using Reader::scan;
  Status scan(store::Family family, const store::KeyRange& range, store::Direction direction,
              const Visit& visit) const override {
    return family == hidden_ ? Status() : below_.scan(family, range, direction, visit);
  }

 private:
  const store::Reader& below_;
  store::Family hidden_;
};

}  // namespace emstore::testing
