// The words of schemas that are taken, and those of bknd that emstore does not know. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace emstore::store {

// Whether an entity, a field or an index can be called so: letters, digits and underscores, no
// digit first.
bool is_name(std::string_view name, std::size_t bytes_max);

// The type of a field that records of the entity have without declaring it, and that emstore
// computes: created_at everywhere, path of media … Empty: there is none of that name.
std::string_view type_of_undeclared(std::string_view entity, std::string_view field);

// What to do instead of a type that this version does not support. Empty: it is not one of those.
std::string_view instead_of_type(std::string_view type);

}  // namespace emstore::store
