# What a machine gets: two programs, one shared library with its headers, a CMake package, a pkg-config
# file, a systemd unit. A program that uses the library needs nothing else installed to compile or link.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The client library with all it stands on, in one file that exports our names only.
set(exports ${PROJECT_SOURCE_DIR}/client-lib/exports.map)
add_library(emstore_shared SHARED
  $<TARGET_OBJECTS:emstore_client> $<TARGET_OBJECTS:emstore_protocol> $<TARGET_OBJECTS:emstore_base>)
set_target_properties(emstore_shared PROPERTIES
  OUTPUT_NAME emstore
  EXPORT_NAME client
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}
  LINKER_LANGUAGE CXX
  LINK_DEPENDS ${exports})
target_compile_features(emstore_shared INTERFACE cxx_std_20)
target_link_libraries(emstore_shared PRIVATE OpenSSL::Crypto PkgConfig::xxhash Threads::Threads)
target_link_options(emstore_shared PRIVATE
  LINKER:--version-script=${exports} LINKER:--no-undefined LINKER:-z,relro,-z,now)

file(GLOB base_headers CONFIGURE_DEPENDS base/include/emstore/*.hpp base/include/emstore/*.def)
file(GLOB client_headers CONFIGURE_DEPENDS client-lib/include/emstore/*.hpp)
target_sources(emstore_shared PUBLIC FILE_SET HEADERS
  BASE_DIRS base/include client-lib/include
  FILES ${base_headers} ${client_headers})

install(TARGETS emstore_shared EXPORT emstoreTargets FILE_SET HEADERS)
foreach(program emstored emstore)
  if(TARGET ${program})
    install(TARGETS ${program})
  endif()
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/emstore)
install(EXPORT emstoreTargets NAMESPACE emstore:: DESTINATION ${package_dir})
configure_package_config_file(packaging/emstoreConfig.cmake.in emstoreConfig.cmake
  INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(emstoreConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/emstoreConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/emstoreConfigVersion.cmake
        DESTINATION ${package_dir})

file(RELATIVE_PATH from_pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(packaging/emstore.pc.in emstore.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/emstore.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# Where the daemon goes is known when it goes there: `cmake --install --prefix` has the last word.
install(CODE "
  get_filename_component(EMSTORED_FOLDER \"${CMAKE_INSTALL_BINDIR}\" ABSOLUTE BASE_DIR \"\${CMAKE_INSTALL_PREFIX}\")
  configure_file(\"${CMAKE_CURRENT_SOURCE_DIR}/packaging/emstored.service.in\"
                 \"${CMAKE_CURRENT_BINARY_DIR}/emstored.service\" @ONLY)")
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/emstored.service DESTINATION lib/systemd/system)
install(FILES packaging/emstore.sysusers DESTINATION lib/sysusers.d RENAME emstore.conf)
install(DIRECTORY examples/shop DESTINATION ${CMAKE_INSTALL_DATADIR}/emstore
  FILES_MATCHING PATTERN *.png PATTERN *.pdf PATTERN *.json)
