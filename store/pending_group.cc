#include "store/pending_group.h"

#include <utility>

#include "base/check.h"

namespace emstore::store {

PendingGroup::PendingGroup(const Surroundings& surroundings, std::shared_ptr<const Written> written,
                           std::shared_ptr<PendingGroup> before)
    : limits_(surroundings.limits),
      written_(std::move(written)),
      before_(std::move(before)),
      start_(before_ ? before_->end_ : static_cast<const LogState&>(*written_->view)),
      group_(start_, before_ ? static_cast<const Reader&>(before_->group_.rows()) : written_->rows,
             surroundings.environment, surroundings.clock, surroundings.limits, surroundings.tree) {
  EMSTORE_CHECK(start_.schema);  // The one before has ended.
}

void PendingGroup::take(const Submission& submission) {
  outcomes_.push_back(group_.take(submission));
}

void PendingGroup::end() { end_ = group_.end(); }

void PendingGroup::stand_on(std::shared_ptr<const Written> written) {
  group_.rows().stand_on(written->rows);
  written_ = std::move(written);
  before_ = nullptr;
}

}  // namespace emstore::store
