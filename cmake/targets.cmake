# The headers of others that most files read, compiled once. Without it a file is read with only what it
# includes itself: so does clang-tidy, to which a missing #include shows.
set(EMSTORE_COMMON_HEADERS "")
if(EMSTORE_PRECOMPILED)
  set(EMSTORE_COMMON_HEADERS
    <algorithm> <array> <charconv> <chrono> <compare> <cstdint> <filesystem> <functional> <map> <memory> <optional>
    <set> <span> <string> <string_view> <system_error> <unordered_map> <utility> <variant> <vector> <tl/expected.hpp>)
  file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/common_headers.cc CONTENT "// Carries the precompiled header.\n")
  add_library(emstore_common_headers STATIC ${CMAKE_CURRENT_BINARY_DIR}/common_headers.cc)
  target_link_libraries(emstore_common_headers PRIVATE emstore_options)
  target_precompile_headers(emstore_common_headers PRIVATE ${EMSTORE_COMMON_HEADERS})
endif()

# emstore_add_library(<folder> [NAME <name>] [EXCEPT <file>...])
#
# The library emstore_<name>, also emstore::<name>, of every .cc file of the calling folder but EXCEPT.
function(emstore_add_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "EXCEPT")
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  list(TRANSFORM arg_EXCEPT PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  list(REMOVE_ITEM sources ${arg_EXCEPT})
  if(NOT sources)
    file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/empty.cc CONTENT "// No sources yet.\n")
    set(sources ${CMAKE_CURRENT_BINARY_DIR}/empty.cc)
  endif()
  add_library(emstore_${name} STATIC ${sources})
  add_library(emstore::${name} ALIAS emstore_${name})
  target_include_directories(emstore_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(emstore_${name} PRIVATE emstore_options)
  if(EMSTORE_PRECOMPILED)
    target_precompile_headers(emstore_${name} REUSE_FROM emstore_common_headers)
  endif()
endfunction()
