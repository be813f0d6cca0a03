// Answer: records written into a sink, with what `with` brings along. One for each result.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "base/pack_buffer.h"
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

  // Writes one record as a map. Errors: result_too_large, wrong_cursor (of a `with`),
  // corrupt_index, io_failed.
  Status write(const Query& query, const Hit& hit);

 private:
  // What a `with` starts from, and what it leads to where that may be more than is wanted.
  struct Along {
    Origin origin;
    std::optional<Hits> hits;
    // Whether there is a next page of it.
    bool is_cut() const { return hits && hits->has_more() && !hits->all().empty(); }
  };

  Status write_columns(const Query& query, const Hit& hit);
  Result<Sequence> collected_at() const;
  Status write_column(const Column& column, const Hit& hit);
  Status write_field(const Field& field);
  Status write_etag();
  Result<Along> along_of(const With& with, const RecordRef& record);
  Status write_with(const With& with, const Along& along);
  Status write_hits(const With& with, const Hits& hits);
  // `$more: {name: cursor}`, of the lists that were cut.
  void write_more(const Query& query, const std::vector<Along>& along, std::size_t cut);
  Status write_link(const Hit& hit);
  void write_id(const RecordId& id);
  template <typename Write>
  void write_seldom(Write write);

  const Reader& reader_;
  const Schema& schema_;
  Budget& budget_;
  Sink& sink_;
  Cells cells_;           // Of the record whose columns are being written.
  pack::Buffer members_;  // What is being written of it.
};

}  // namespace emstore::store
