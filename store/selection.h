// Selection: whether a query wants a record, and what of the record that and the order look at.
#pragma once

#include <string>

#include "base/result.h"
#include "store/budget.h"
#include "store/cells.h"
#include "store/query.h"
#include "store/reader.h"
#include "store/row_bytes.h"

namespace emstore::store {

// The stored fields of a record, packed: those of the view or, where they lie elsewhere, read into
// `body`, which must outlive them. Errors: corrupt_index, io_failed.
Result<std::string_view> fields_of(const Reader& reader, const RecordRef& record,
                                   const RecordView& view, std::string& body);

class Selection {
 public:
  // All outlive it. `order` is what the hits will be ordered by.
  Selection(const Reader& reader, const Query& query, const std::vector<OrderTerm>& order,
            Budget& budget);

  // Whether wants() looks at the record at all; otherwise it need not be read.
  bool looks_at_records() const { return looks_at_records_; }
  // Errors: result_too_large, corrupt_index, io_failed.
  Result<bool> wants(const RecordRef& record, const RecordView& view);
  // The record last asked for, while its view is valid.
  const Cells& cells() const { return cells_; }

 private:
  const Reader& reader_;
  Budget& budget_;
  const Condition* where_;
  bool looks_at_records_;
  bool looks_at_fields_;
  Cells cells_;
  std::string body_;
};

}  // namespace emstore::store
