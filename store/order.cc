#include "store/order.h"

namespace emstore::store {

Result<std::vector<Scalar>> order_keys(const std::vector<OrderTerm>& order, const Cells& cells) {
  std::vector<Scalar> keys;
  keys.reserve(order.size());
  for (const OrderTerm& term : order) {
    if (term.column.pseudo == Pseudo::id) {
      keys.emplace_back();
    } else {
      EMSTORE_TRY(const Scalar key, cells.scalar(term.column));
      keys.push_back(key);
    }
  }
  return keys;
}

bool precedes(const std::vector<OrderTerm>& order, const Standing& a, const Standing& b) {
  for (std::size_t i = 0; i < order.size(); ++i) {
    const OrderTerm& term = order[i];
    const std::strong_ordering sign =
        term.column.pseudo == Pseudo::id ? a.id <=> b.id : compare(a.keys[i], b.keys[i]);
    if (sign != 0) return term.descending ? sign > 0 : sign < 0;
  }
  return false;
}

}  // namespace emstore::store
