// Whose a media folder is. Data and media may lie apart, so a configuration can bring together what
// does not belong together, and to a store all files that it does not know are strays: it would
// remove another one's. So both have a mark, made by chance when the store first uses the folder,
// and it does not start where the two differ. They stay together when both are copied or moved.
//
// The store notes the mark as one that is to be placed, then it is placed, then noted as placed: a
// crash in between leaves a folder without mark, and a store that knows it has to give it one. The
// other way round it would leave a mark that is nobody's.
//
// Threads: one, before anybody uses the folder.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "daemon/config.h"
#include "daemon/opening.h"

namespace emstore::daemon {

// Refuses a folder that holds media, or is some store's, to a store that is to be made. Errors:
// invalid_request, which names the folder; io_failed.
Status refuse_used_media(const std::filesystem::path& folder);

// Holds the mark of the media folder against the store's. A folder without one becomes the store's
// where that has placed none yet; not a folder that holds media, when the store knows of nothing.
// Where a mark was placed and is missing, the store's disk may not be mounted: it is never placed
// again. Errors: invalid_request, which names both; those of writing.
Status claim_media(const Config& config, const OpenedStore& opened);

}  // namespace emstore::daemon
