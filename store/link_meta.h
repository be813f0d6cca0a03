// The data of a link, where its relation says what a link holds. Pure.
#pragma once

#include <string>

#include "store/resolved.h"
#include "store/schema.h"

namespace emstore::store {

// `given` (null or a map), as links of `field` hold it: values as they are shown. Anything goes
// where the relation declares no fields. Adds what is wrong with it.
Value link_meta(const Field& field, const Value& given, const std::string& path,
                Violations& violations);

// What a new link holds when the request says `given`, or nothing: defaults are filled in but for
// what is null, which is left out, and what is required must be there.
Value new_link_meta(const Field& field, const Value& given, const std::string& path,
                    Violations& violations);

// A field that every link must be given, as it has no default; null: there is none.
const Field* needed_by_links(const Field& field);

}  // namespace emstore::store
