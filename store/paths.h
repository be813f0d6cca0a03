// Places in a request, as errors name them: "operations[2].gallery.$attach[1]".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace emstore::store {

inline std::string path_in(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}

inline std::string path_at(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

}  // namespace emstore::store
