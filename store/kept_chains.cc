#include "store/kept_chains.h"

#include <algorithm>
#include <utility>

#include "store/chain.h"
#include "store/query.h"

namespace emstore::store {

Result<std::shared_ptr<const KeptChains::Sequences>> KeptChains::of(const Reader& reader,
                                                                    const RecordRef& record,
                                                                    Sequence first) {
  EMSTORE_TRY(const Sequence last, last_commit_of(reader, record));
  Kept chain = kept(record, first).value_or(Kept{first, std::make_shared<const Sequences>()});
  const Sequence known = chain.sequences->empty() ? 0 : chain.sequences->back();
  if (last <= known) return chain.sequences;
  const QueryLimits limits;
  Chain commits(reader, limits);
  Sequences added;
  EMSTORE_CHECKED(commits.walk_back(record, last, [&](const CommitParts& commit) -> Result<bool> {
    const Sequence sequence = commit.info().sequence;
    if (sequence <= known || sequence < chain.first) return false;
    added.push_back(sequence);
    return sequence > chain.first;
  }));
  std::ranges::reverse(added);
  added.insert(added.begin(), chain.sequences->begin(), chain.sequences->end());
  chain.sequences = std::make_shared<const Sequences>(std::move(added));
  keep(record, chain);
  return chain.sequences;
}

std::optional<KeptChains::Kept> KeptChains::kept(const RecordRef& record, Sequence first) const {
  const std::lock_guard lock(guard_);
  const auto found = chains_.find(record);
  if (found == chains_.end() || found->second.first > first) return std::nullopt;
  return found->second;
}

void KeptChains::keep(const RecordRef& record, const Kept& chain) {
  if (chain.sequences->size() > bounds_.commits) return;
  const std::lock_guard lock(guard_);
  if (const auto found = chains_.find(record); found != chains_.end()) {
    commits_ -= found->second.sequences->size();
    chains_.erase(found);
  }
  if (chains_.size() >= bounds_.chains || commits_ + chain.sequences->size() > bounds_.commits) {
    chains_.clear();
    commits_ = 0;
  }
  commits_ += chain.sequences->size();
  chains_.emplace(record, chain);
}

}  // namespace emstore::store
