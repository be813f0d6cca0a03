# Third-party packages. Each has its doors in the sources (tests/lint/layers.py), so each is PRIVATE to
# the library that has a door.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

find_package(msgpack CONFIG REQUIRED)      # msgpackc-cxx         base/pack
find_package(OpenSSL REQUIRED)             # OpenSSL::Crypto      base/hash
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)  # base/hash
find_package(RocksDB CONFIG REQUIRED)      # RocksDB::rocksdb-shared (the plain name is static)   store/rocks
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)           # store: `pattern` of text fields
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)  # store: folding for $ilike; cli: widths
pkg_check_modules(magic REQUIRED IMPORTED_TARGET libmagic)    # blobs/mime
find_package(Boost 1.74 REQUIRED)          # Boost::headers, for Asio      daemon/asio.h
find_package(fmt CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)       # spdlog::spdlog       daemon/log
find_package(tomlplusplus CONFIG REQUIRED) # tomlplusplus::tomlplusplus   daemon/config
find_path(NLOHMANN_JSON_INCLUDE_DIR nlohmann/json.hpp REQUIRED)  # Header-only   cli/json, daemon/outcome
if(EMSTORE_CLI)
  find_path(CLI11_INCLUDE_DIR CLI/CLI.hpp REQUIRED)           # Header-only   cli
  find_package(SQLite3 REQUIRED)           # Databases of bknd   cli/bknd_file
endif()
if(BUILD_TESTING)
  find_package(GTest CONFIG REQUIRED)
  find_package(rapidcheck CONFIG REQUIRED)
  find_package(SQLite3 REQUIRED)           # A judge of queries   tests/property
  find_program(EMSTORE_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)  # Debian's: it has msgpack.
endif()
if(EMSTORE_BENCH)
  find_package(benchmark CONFIG REQUIRED)
  find_package(SQLite3 REQUIRED)           # The peer that does the same work in the same run.
endif()
