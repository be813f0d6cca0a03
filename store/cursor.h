// Cursors: where a page ends, as a text that a client hands back for the next one. It holds the
// values of the order's columns and the id of the last record, so that the next page begins behind
// them whatever has been written meanwhile, and a digest of the query, so that it serves no other.
//
//   hex of [1, digest of 8 bytes, [key …], id]                 key: null, boolean, integer, number
//   hex of [2, digest of 8 bytes, [key …], id, owner, place]        or bytes; the second of a list
//                                                              within a `with`
//
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "store/query.h"

namespace emstore::store {

// What a cursor is good for: `where` as it was given, and the order; of a `with`, the relation too.
std::string query_digest(const Query& query, const Value* where, const With* with = nullptr);

// `query` has its digest.
std::string cursor_text(const Query& query, const Position& position);
// Errors: wrong_cursor.
Result<Position> read_cursor(const Query& query, std::string_view cursor);

}  // namespace emstore::store
