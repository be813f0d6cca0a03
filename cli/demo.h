// `emstore demo`: the shop of the example, from an empty folder to a killed and restarted daemon.
// Every figure it prints is measured; it fails when something is not as it should be.
#pragma once

#include <string>

#include "cli/session.h"

namespace emstore::cli {

struct DemoWords {
  std::string shop;  // The folder of catalog.json; empty: looked for beside the program.
  std::string keep;  // Where the data stays; empty: in a folder that is removed.
};

// For programs it tells its figures alone, in one object.
int demo(Session& session, const DemoWords& words);

}  // namespace emstore::cli
