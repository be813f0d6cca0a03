// Records and media as tables and blocks of text.
#pragma once

#include <emstore/record.hpp>

#include <span>
#include <string>

#include "cli/schema_view.h"
#include "cli/session.h"
#include "cli/table.h"

namespace emstore::cli {

// ID NAME TYPE SIZE BLOB, and what the schema or the link adds.
Table media_table(RecordsView media);
// The name, which is products/1, the fields, a table for each media field that was read along, and
// the uses of a media.
void print_record(const Session& session, const std::string& name, RecordView record);
// One line a record, one column a field.
Table records_table(std::span<const Record> records);
// ENTITY ID FIELD of a `reference` list.
Table uses_table(RecordsView uses);

}  // namespace emstore::cli
