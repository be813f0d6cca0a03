// Descriptors, of which a process has a limited number: what peers may take of them. What they may
// not is left for the files of the database, without whose next one the daemon cannot go on, for
// media and for backups.
#pragma once

namespace emstore::daemon {

// The highest descriptor that a connection, an upload or a passed file may have: the system gives
// the lowest that is free, so that all below are in use. As of the limit now in force.
int last_descriptor_of_peers();

}  // namespace emstore::daemon
