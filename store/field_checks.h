// Whether the options of a field make sense, together and by themselves. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/schema.h"

namespace emstore::store {

struct FieldComplaint {
  std::string_view option;  // As schemas name it: "maxLength".
  std::string message;      // After the field's name: "has minLength 5 over maxLength 3".
  std::string hint = {};
};

std::vector<FieldComplaint> complaints_about(const Field& field);

}  // namespace emstore::store
