// Long work in the daemon, from its beginning to its result.
#pragma once

#include <emstore/client.hpp>

#include "base/result.h"
#include "client-lib/core.h"

namespace emstore {

// Begins the job that `call` asks for, looks how far it is, and gives its result. `what` is for
// messages. Errors: the job's; cancelled, when `progress` said so.
Result<Map> run_job(Core& core, const protocol::Call& call, std::string_view what,
                    const Client::JobProgress& progress);

}  // namespace emstore
