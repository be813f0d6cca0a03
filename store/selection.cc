#include "store/selection.h"

#include <algorithm>
#include <optional>

#include "store/links.h"
#include "store/where.h"

namespace emstore::store {

Result<std::string_view> fields_of(const Reader& reader, const RecordRef& record,
                                   const RecordView& view, std::string& body) {
  if (!view.fields_elsewhere) return view.fields;
  EMSTORE_TRY(std::optional<std::string> row, reader.get(Family::bodies, record_key(record)));
  if (!row) {
    return failure(ErrorCode::corrupt_index,
                   "the fields of record " + to_string(record.id) + " are missing");
  }
  body = *std::move(row);
  return std::string_view(body);
}

Selection::Selection(const Reader& reader, const Query& query, const std::vector<OrderTerm>& order,
                     Budget& budget)
    : reader_(reader),
      budget_(budget),
      where_(query.where.get()),
      looks_at_records_(where_ != nullptr || !order.empty()) {
  looks_at_fields_ = (where_ != nullptr && reads_fields(*where_)) ||
                     std::any_of(order.begin(), order.end(), [](const OrderTerm& term) {
                       return term.column.pseudo == Pseudo::none;
                     });
}

Result<bool> Selection::wants(const RecordRef& record, const RecordView& view) {
  if (!looks_at_records_) return true;
  std::string_view fields;
  if (looks_at_fields_) {
    EMSTORE_TRY(fields, fields_of(reader_, record, view, body_));
  }
  EMSTORE_CHECKED(cells_.take(record.id, view, fields));
  if (where_ == nullptr) return true;
  const auto look_at_links = [this, &record](const With& with) -> Result<bool> {
    EMSTORE_TRY(const Origin origin, origin_of(record, with, cells_));
    EMSTORE_TRY(const Hits found, linked(reader_, with, origin, budget_));
    return !found.all().empty();
  };
  EMSTORE_TRY(const Truth truth, evaluate(*where_, cells_, look_at_links));
  return truth == Truth::yes;
}

}  // namespace emstore::store
