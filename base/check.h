// EMSTORE_CHECK(condition): a bug of ours, never bad input, aborts in every build with its place.
#pragma once

#include <cstdio>
#include <cstdlib>

#define EMSTORE_CHECK(condition)                                                         \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)
