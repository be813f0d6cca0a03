// Answer: records written into a sink, with what `with` brings along. One for each result.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/sink.h"
#include "store/budget.h"
#include "store/cells.h"
#include "store/hits.h"
#include "store/links.h"
#include "store/query.h"
#include "store/reader.h"

namespace emstore::store {

class Answer {
 public:
  // All outlive it.
  Answer(const Reader& reader, const Schema& schema, Budget& budget, Sink& sink);

  // Writes one record as a map. Errors: result_too_large, corrupt_index, io_failed.
  Status write(const Query& query, const Hit& hit);

 private:
  Status write_columns(const Query& query, const Hit& hit);
  Result<Sequence> collected_at() const;
  Status write_column(const Column& column, const Hit& hit);
  Status write_field(const Field& field);
  Status write_etag();
  Status write_with(const With& with, const Origin& origin);
  Status write_link(const Hit& hit);
  Status write_id(const RecordId& id);

  const Reader& reader_;
  const Schema& schema_;
  Budget& budget_;
  Sink& sink_;
  Cells cells_;  // Of the record whose columns are being written.
};

}  // namespace emstore::store
