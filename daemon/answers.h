// What the store answers → what goes over the wire. Each function writes one result.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/sink.h"
#include "base/types.h"
#include "daemon/operations.h"
#include "daemon/session.h"
#include "store/commands.h"
#include "store/contents.h"
#include "store/store.h"
#include "store/verify.h"

namespace emstore::daemon {

// {id, version, sequence, data, changes: {field: {added, removed, moved, already, missing}},
// replayed}
// of one record; {sequence, data: [{id, version, data, changes}], hasMore?, replayed} of several.
void write_mutation(const store::CommitOutcome& outcome, AnswerForm form, Sink& sink);
// {sequence, results: [as `forms` say], replayed}
void write_transaction(const store::CommitOutcome& outcome, std::span<const AnswerForm> forms,
                       Sink& sink);
// {sequence, version, changed, difference, replayed}
void write_schema_change(const store::SchemaOutcome& outcome, Sink& sink);
// {version, schema, indexes: [{name, state, detail?}]}
void write_schema(const store::View& view, Sink& sink);
// {blob, size, sha256, mime_type, existed, expires}
void write_upload(const store::UploadRow& upload, Sink& sink);
Value to_value(const store::UploadRow& upload);
// Whether there is every capability that a `hello` wants. Errors, with path: unsupported,
// wrong_type.
Status check_wanted(const List& capabilities);
// {server, protocol, store_id, sequence, schema_version, capabilities, limits, peer}
void write_hello(const store::StoreId& store, const store::View& view, const SessionLimits& limits,
                 const Peer& peer, Sink& sink);
// {methods: [{name, params, options, result, summary}]}, of all methods or of one.
// Errors: unknown_method.
Status write_description(const std::optional<std::string>& method, Sink& sink);
Value to_value(const store::VerifyReport& report);

void write_number(std::uint64_t number, Sink& sink);
// "ready", "filling", "not_unique" …
std::string_view name_of(store::IndexState::Kind kind);
// Whether the detail of the state is for people: which records stand against the index.
bool tells_why(const store::IndexState& state);
// "emstored 0.1.0"
std::string server_text();

}  // namespace emstore::daemon
