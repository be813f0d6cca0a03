#include "store/hits.h"

#include <algorithm>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

#include "store/order.h"

namespace emstore::store {
namespace {

constexpr std::size_t kFirstBlockBytes = 4096;
constexpr std::size_t kUsualHits = 24;

std::uint64_t sum_or_most(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  return a > most - b ? most : a + b;
}

}  // namespace

// The memory is given back as a whole, without destroying what lies in it.
static_assert(std::is_trivially_destructible_v<Scalar>);

Hits::Hits(std::vector<OrderTerm> order, const Window& window, const Budget& budget)
    : order_(std::move(order)),
      window_(window),
      room_(
          sum_or_most(window.limit.value_or(budget.limits().items_max), window.tells_more ? 1 : 0)),
      budget_(&budget),
      memory_(std::make_unique<Memory>(kFirstBlockBytes)) {
  hits_.reserve(kUsualHits);
}

Status Hits::add(const Hit& hit, const Cells& cells) {
  if (order_.empty() && skipped_ < window_.offset) {
    ++skipped_;
    return {};
  }
  const std::uint64_t items_max = budget_->limits().items_max;
  const std::uint64_t room = order_.empty() ? room_ : sum_or_most(room_, window_.offset);
  const bool fits = room <= sum_or_most(items_max, 1) && window_.limit;
  if (!fits && hits_.size() >= items_max) return too_many();
  Hit kept = keep(hit);
  if (!order_.empty()) {
    EMSTORE_TRY(const std::vector<Scalar> keys, order_keys(order_, cells));
    kept.keys = keep_keys(keys.data());
    EMSTORE_CHECKED(check_keys_fit());
  }
  hits_.push_back(kept);
  if (fits && !order_.empty() && hits_.size() >= 2 * room + kUsualHits) drop_all_but_first(room);
  return {};
}

tl::unexpected<Error> Hits::too_many() const {
  if (order_.empty() || window_.offset == 0) return budget_->too_many_items();
  return failure(ErrorCode::result_too_large,
                 "offset and limit reach beyond " + std::to_string(budget_->limits().items_max) +
                     " records that have to be put in order",
                 "offset", "page with limit and cursor");
}

Status Hits::check_keys_fit() const {
  const std::uint64_t bytes_max = budget_->limits().result_bytes_max;
  if (keys_bytes_ <= bytes_max) return {};
  return failure(
      ErrorCode::result_too_large,
      "the values to be put in order take more than " + std::to_string(bytes_max) + " bytes",
      "orderBy", "page with limit and cursor, or order by a field with shorter values");
}

void Hits::finish() {
  if (!order_.empty()) {
    std::sort(hits_.begin(), hits_.end(),
              [this](const Hit& a, const Hit& b) { return precedes(a, b); });
    const auto skipped = std::min<std::uint64_t>(window_.offset, hits_.size());
    hits_.erase(hits_.begin(), hits_.begin() + static_cast<std::ptrdiff_t>(skipped));
  }
  if (!window_.limit || hits_.size() <= *window_.limit) return;
  has_more_ = true;
  hits_.resize(*window_.limit);
}

std::string_view Hits::keep(std::string_view bytes) {
  if (bytes.empty()) return {};
  auto* copy = static_cast<char*>(memory_->allocate(bytes.size(), 1));
  bytes.copy(copy, bytes.size());
  return {copy, bytes.size()};
}

Hit Hits::keep(const Hit& hit) {
  Hit kept = hit;
  kept.view.fields = keep(hit.view.fields);
  kept.meta = keep(hit.meta);
  kept.order = keep(hit.order);
  return kept;
}

const Scalar* Hits::keep_keys(const Scalar* keys) {
  void* const room = memory_->allocate(order_.size() * sizeof(Scalar), alignof(Scalar));
  auto* const kept = static_cast<Scalar*>(room);
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const auto* text = std::get_if<std::string_view>(&keys[i]);
    if (text != nullptr) keys_bytes_ += text->size();
    new (kept + i) Scalar(text == nullptr ? keys[i] : Scalar(keep(*text)));
  }
  return kept;
}

bool Hits::precedes(const Hit& a, const Hit& b) const {
  return store::precedes(order_, {a.keys, a.record.id}, {b.keys, b.record.id});
}

// Keeps the memory of a long search in bounds: it ends with the hits that may still count, alone in
// a new block.
void Hits::drop_all_but_first(std::size_t count) {
  std::nth_element(hits_.begin(), hits_.begin() + static_cast<std::ptrdiff_t>(count), hits_.end(),
                   [this](const Hit& a, const Hit& b) { return precedes(a, b); });
  hits_.resize(count);
  const std::unique_ptr<Memory> before =
      std::exchange(memory_, std::make_unique<Memory>(kFirstBlockBytes));
  keys_bytes_ = 0;
  for (Hit& hit : hits_) {
    hit = keep(hit);
    hit.keys = keep_keys(hit.keys);
  }
}

}  // namespace emstore::store
