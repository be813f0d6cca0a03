// Every request, reply and push, on one screen.
//
// The wire is MessagePack-RPC: request [0, id, method, params], reply [1, id, error, result], push
// [2, method, params]. `params` are the positional values named below and then at most one map of
// options; optional trailing values may be left out. Method and option names are those of the seed
// page. docs/protocol.md is the manual; a test holds its tables against this file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <emstore/error.hpp>
#include <emstore/value.hpp>

#include "base/hash.h"

namespace emstore::protocol {

inline constexpr int kProtocolVersion = 1;

// Options that mutations take: all of them `key`, `reason`, `correlation` and `causation`.
struct MutationOptions {
  std::optional<std::string> key;         // Names the request for retries; 1 to 64 bytes.
  std::optional<std::uint64_t> expected;  // updateOne, deleteOne: the version the record must have.
  bool detach = false;                    // deleteOne of a media: drop its links first.
  bool dry_run = false;                   // Of those that exist: only say what would change.
  std::string reason, correlation, causation;  // Recorded with the commit.
};

// Options of mutations that choose their records by a `where`.
struct ChoiceOptions {
  bool all = false;                    // An empty `where` is meant.
  Value order_by;                      // As a query's; null: by id.
  std::optional<std::uint64_t> limit;  // The first so many.
};

// Options that every read takes.
struct ReadOptions {
  std::optional<std::uint64_t> after;  // Answer once this commit is visible.
  Value as_of;                         // Answer as of this commit, or this time; null: as of now.
};

// clang-format off
// ---- Requests ------------------------------------------------------------------------------ method, params ----
struct Hello       { std::int64_t protocol = kProtocolVersion; std::string client; List want; };  // "hello" [{…}]
struct Ping        {};                                                                            // "ping" []
struct Describe    { std::optional<std::string> method; };                                        // "describe" [method?]
struct GetStatus   {};                                                                            // "status" []
struct SchemaApply { Map schema; bool dry_run = false, allow_destructive = false; MutationOptions options; };  // "schema.apply" [schema, {…}]
struct SchemaGet   {};                                                                            // "schema.get" []
struct InsertOne   { std::string entity;           Map document; MutationOptions options; };      // "insertOne" [entity, document, {…}]
struct UpdateOne   { std::string entity; Value id; Map document; MutationOptions options; };      // "updateOne" [entity, id, document, {…}]
struct DeleteOne   { std::string entity; Value id;               MutationOptions options; };      // "deleteOne" [entity, id, {…}]
struct InsertMany  { std::string entity; List documents;          MutationOptions options; };      // "insertMany" [entity, [document, …], {…}]
struct UpdateWhere { std::string entity; Map where; Map document; ChoiceOptions choice; MutationOptions options; };  // "updateWhere" [entity, where, document, {…}]
struct DeleteWhere { std::string entity; Map where;               ChoiceOptions choice; MutationOptions options; };  // "deleteWhere" [entity, where, {…}]
struct Transaction { List operations;                             MutationOptions options; };      // "transaction" [[operation, …], {…}]
struct Undo        { std::uint64_t sequence = 0;                  MutationOptions options; };      // "undo" [sequence, {…}]
struct FindId      { std::string entity; Value id; Map query;    ReadOptions options; };          // "findId" [entity, id, {with, …}]
struct FindOne     { std::string entity;           Map query;    ReadOptions options; };          // "findOne" [entity, {where, with, …}]
struct FindMany    { std::string entity;           Map query;    ReadOptions options; };          // "findMany" [entity, {where, with, limit, …}]
struct Count       { std::string entity;           Map query;    ReadOptions options; };          // "count" [entity, {where}]
struct Exists      { std::string entity;           Map query;    ReadOptions options; };          // "exists" [entity, {where}]
struct Explain     { std::string entity;           Map query;    ReadOptions options; };          // "explain" [entity, {where, with, limit, …}]
struct MediaUpload { Value file;                   Map document; MutationOptions options; };      // "media.upload" [file, {name, type, …}?, {…}]
struct BlobBegin   { std::optional<std::uint64_t> size; };                                        // "blob.begin" [{size}]
struct BlobWrite   { std::string token; std::uint64_t offset = 0; Binary bytes; };                // "blob.write" [token, offset, bytes]
struct BlobCommit  { std::string token; };                                                        // "blob.commit" [token]
struct BlobHave    { List contents; };                                                            // "blob.have" [[address or {xxh3, size, sha256}, …]]
struct BlobPutFd   {};                                                                            // "blob.put_fd" [], a descriptor beside it
struct BlobGetFd   { std::string address; };                                                      // "blob.get_fd" [address]
struct BlobRead    { std::string address; std::uint64_t offset = 0, length = 0; };                // "blob.read" [address, offset, length]
struct LogRead     { std::uint64_t from = 1, limit = 100; std::optional<std::uint64_t> to, uid; Value since, until; bool reverse = false;
                     std::string entity; Value id; std::string field; List operators; Value media; };  // "log.read" [{from, to, entity, …}]
struct Subscribe   { std::optional<std::uint64_t> from; std::string entity; Value id; std::string field; List operators; };  // "subscribe" [{from, entity, id, field, operators}]
struct Unsubscribe { std::uint64_t subscription = 0; };                                           // "unsubscribe" [subscription]
struct Audit       { std::optional<std::uint64_t> slice, slices, at; std::optional<std::string> root; };  // "audit" [{slice, slices, at, root}]
struct ExportOpen  { std::optional<std::uint64_t> until; };                                       // "export.open" [{until}]
struct ExportRead  { std::uint64_t number = 0; };                                                 // "export.read" [export]
struct Backup      { std::string directory; };                                                    // "backup" [directory]
struct Verify      {};                                                                            // "verify" []
struct Rebuild     {};                                                                            // "rebuild" []
struct Gc          { bool dry_run = false; std::optional<std::uint64_t> grace; };                  // "gc" [{dry_run, grace}]
struct Scrub       {};                                                                            // "scrub" []
struct JobGet      { std::string id; };                                                           // "job.get" [id]
struct JobCancel   { std::string id; };                                                           // "job.cancel" [id]
// clang-format on

using Call = std::variant<Hello, Ping, Describe, GetStatus, SchemaApply, SchemaGet, InsertOne,
                          UpdateOne, DeleteOne, InsertMany, UpdateWhere, DeleteWhere, Transaction,
                          Undo, FindId, FindOne, FindMany, Count, Exists, Explain, MediaUpload,
                          BlobBegin, BlobWrite, BlobCommit, BlobHave, BlobPutFd, BlobGetFd,
                          BlobRead, LogRead, Subscribe, Unsubscribe, Audit, ExportOpen, ExportRead,
                          Backup, Verify, Rebuild, Gc, Scrub, JobGet, JobCancel>;

// `query` maps of reads hold where, with, select, orderBy, sort, limit, offset, count, cursor as
// they came: the store resolves the names. `file` is Binary, or a map {blob: address}.

// An operation of a transaction is a map of its method, with the positional params, and of its
// options: {updateOne: ["products", 1, {…}], expected: 41}. `as` names what an insert makes;
// `check` is one that holds or refuses the transaction.
struct Check {
  std::string entity;
  Value id;                               // Null: any record will do that is as `where` says.
  std::optional<Map> where;               // What must hold of it.
  std::optional<std::uint64_t> expected;  // The version that it must have.
  bool exists = true;                     // false: there must be no such record.
};
struct Operation {
  std::variant<InsertOne, UpdateOne, DeleteOne, InsertMany, UpdateWhere, DeleteWhere, MediaUpload,
               Check>
      call;
  std::string as;
};

struct Request {
  std::uint32_t id = 0;
  Call call;
  // SHA-256 over method and positional params as sent: what a retry with the same key must repeat.
  // Only set for mutations with a key.
  std::optional<Sha256> digest;
};

struct Reply {
  std::uint32_t id = 0;
  std::optional<Error> error;
  Value result;
};

struct Push {
  std::string method;
  List params;
};

// ---- Results (the shape each method answers with)
// ------------------------------------------------- hello        {server, protocol, store_id,
// sequence, schema_version, capabilities, limits, peer} ping         {sequence} describe {methods:
// [{name, params, options, result, summary}]} status       {server, pid, uptime, store_id,
// sequence, root, schema_version, connections, …} schema.apply {sequence, version, changed,
// difference: [text], replayed} schema.get   {version, schema, indexes: [{name, state}]} insertOne,
// updateOne, deleteOne, media.upload
//              {id, version, sequence, data, changes: {field: {added, removed, moved, already,
//              missing}},
//               replayed}
// insertMany   {sequence, data: [{id, version, data, changes}], replayed}
// updateWhere, deleteWhere
//              {sequence, data: [{id, version, data, changes}], hasMore, replayed}
// transaction  {sequence, results: [{id, …}, or {data: [{id, …}], hasMore?}, or nil for a check],
//               replayed}
// undo         as a transaction of what takes the commit back
// findId, findOne   {data: record or nil, meta: {sequence, version}}
// findMany     {data: [record], meta: {sequence, hasMore, cursor?, count?}}
// count        {count, meta: {sequence}}     exists      {exists, meta: {sequence}}
// explain      {plan: {kind, entity, text, scans, sorts, rows, …}, meta: {sequence}}
// blob.begin   {token, offset, chunk}        blob.write  {offset}
// blob.commit, blob.put_fd  {blob, size, sha256, mime_type, existed, expires}
// blob.have    {contents: [{blob, size, sha256, mime_type, existed, expires}, {maybe: true} or
// nil]} blob.get_fd  {size, descriptor: true}, or {size, bytes} blob.read    {bytes, size} log.read
// {commits: [{sequence, bytes, …decoded}], next, more} subscribe    {subscription, from, sequence}
// unsubscribe  {ended} export.open  {export, sequence, root}      export.read  {bytes, done} audit,
// backup, gc, verify
//              {job}      job.get {id, kind, state, progress, result?, error?}      job.cancel
// {state} An error is [code, message, {path, hint, retryable, violations: [[code, message, path,
// hint]]}].

std::string_view method_of(const Call& call);
bool is_mutation(const Call& call);

}  // namespace emstore::protocol
