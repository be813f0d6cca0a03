#include "store/order.h"

namespace emstore::store {

Result<std::vector<Scalar>> order_keys(const std::vector<OrderTerm>& order, const Cells& cells) {
  std::vector<Scalar> keys;
  keys.reserve(order.size());
  for (const OrderTerm& term : order) {
    if (term.column.pseudo == Pseudo::id) {
      keys.emplace_back();
    } else {
      EMSTORE_TRY(const Scalar key, term.path.empty()
                                        ? cells.scalar(term.column)
                                        : cells.scalar_within(*term.column.field, term.path));
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

Result<bool> comes_behind(const Position& last, const std::vector<OrderTerm>& order,
                          const RecordId& id, const Cells& cells) {
  EMSTORE_TRY(const std::vector<Scalar> keys, order_keys(order, cells));
  std::vector<Scalar> end;
  for (const OwnedScalar& key : last.keys) end.push_back(view_of(key));
  return precedes(order, {end.data(), last.id}, {keys.data(), id});
}

}  // namespace emstore::store
