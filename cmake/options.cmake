# How everything of ours is compiled. Targets link `emstore_options` PRIVATE; it is never installed.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()

add_library(emstore_options INTERFACE)
target_compile_options(emstore_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum -Werror)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms of GCC 12 when it optimises: a std::string in a std::variant "may be used
  # uninitialized", `"literal" + std::string` "may overlap" (GCC bug 105651), and a long constant
  # std::string is taken to lie in the 16 bytes of a short one. The ASan build looks for the real ones.
  target_compile_options(emstore_options INTERFACE
    -Wno-maybe-uninitialized -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
endif()
if(EMSTORE_PRECOMPILED)
  # Some packages ask for -pthread; a precompiled header asks that all or none have it. ccache needs the other.
  target_compile_options(emstore_options INTERFACE -pthread $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endif()
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # A private State of a .cc file, whose types it may well take from there.
  target_compile_options(emstore_options INTERFACE -Wno-subobject-linkage)
  # A batch takes up to a gigabyte anyway; to look again and again for what of it is free takes an eighth of the time.
  target_compile_options(emstore_options INTERFACE --param=ggc-min-expand=1000 --param=ggc-min-heapsize=1048576)
endif()
# A designated initializer leaves out what has a default, on purpose.
target_compile_options(emstore_options INTERFACE -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # EMSTORE_CHECK(!"what can never be") is meant as it stands. The others g++ does not ask for by these names.
  target_compile_options(emstore_options INTERFACE
    -Wno-string-conversion -Wno-missing-braces -Wno-sign-conversion)
endif()

# Hardening. It is part of the product, so the tests run with it too.
target_compile_definitions(emstore_options INTERFACE _GLIBCXX_ASSERTIONS)
target_compile_options(emstore_options INTERFACE -fstack-protector-strong)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  target_compile_options(emstore_options INTERFACE -fcf-protection)
endif()
target_link_options(emstore_options INTERFACE LINKER:-z,relro,-z,now)
if(NOT EMSTORE_SANITIZE)
  # Needs an optimising build; a sanitizer checks the same calls, and better.
  target_compile_options(emstore_options INTERFACE
    $<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3>)
endif()

if(EMSTORE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # Tells the fuzzers where their inputs lead.
endif()
if(EMSTORE_SANITIZE)
  # The check of virtual tables asks the kernel through a pipe whether memory can be read, and takes every object for a bad
  # one when no descriptor is left, which is what some tests are about.
  add_compile_options(-fsanitize=${EMSTORE_SANITIZE} -fno-sanitize-recover=all -fno-sanitize=vptr -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${EMSTORE_SANITIZE})
endif()
if(EMSTORE_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Asio uses fences, which TSan does not model; the locks and atomics around them it does.
  add_compile_options(-Wno-tsan)
endif()
