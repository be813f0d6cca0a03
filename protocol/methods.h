// What each method looks like on the wire, once: decoding, encoding, `describe` and the manual
// follow from these descriptions. Internal to protocol/codec_requests.cc, codec_calls.cc and
// message.cc.
//
// visit() hands the parts of a call to `with` in wire order, the positional params first:
//   with.param(name, place)            one that must be there
//   with.optional_param(name, place)   one that may be left out, with all that follow
//   with.option(name, place)           a member of the map of options
//   with.mutation(place, more)         the options of every mutation, and those named by `more`
//   with.query(place, options, names)  the map itself, without the options of every read
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/message.h"

namespace emstore::protocol {

// [type, id, method, params]
inline constexpr std::int64_t kRequestType = 0;
inline constexpr std::size_t kRequestParts = 4;

// The options that only some mutations take.
struct MutationTakes {
  bool expected = false;
  bool detach = false;
  bool dry_run = false;
};

template <typename Call>
struct Method;

template <>
struct Method<Hello> {
  static constexpr std::string_view kName = "hello";
  static constexpr std::string_view kResult =
      "{server, protocol, store_id, sequence, schema_version, capabilities, limits, peer}";
  static constexpr std::string_view kSummary = "Who is there, and what it can do. May be left out.";
  static void visit(auto& with, auto& call) {
    with.option("protocol", call.protocol);
    with.option("client", call.client);
    with.option("want", call.want);
  }
};

template <>
struct Method<Ping> {
  static constexpr std::string_view kName = "ping";
  static constexpr std::string_view kResult = "{sequence}";
  static constexpr std::string_view kSummary = "Whether the daemon answers.";
  static void visit(auto& /*with*/, auto& /*call*/) {}
};

template <>
struct Method<Describe> {
  static constexpr std::string_view kName = "describe";
  static constexpr std::string_view kResult =
      "{methods: [{name, params, options, result, summary}]}";
  static constexpr std::string_view kSummary = "The methods, or one of them.";
  static void visit(auto& with, auto& call) { with.optional_param("method", call.method); }
};

template <>
struct Method<GetStatus> {
  static constexpr std::string_view kName = "status";
  static constexpr std::string_view kResult =
      "{server, pid, uptime, store_id, sequence, root, schema_version, connections, …}";
  static constexpr std::string_view kSummary = "How the daemon and its store are.";
  static void visit(auto& /*with*/, auto& /*call*/) {}
};

template <>
struct Method<SchemaApply> {
  static constexpr std::string_view kName = "schema.apply";
  static constexpr std::string_view kResult =
      "{sequence, version, changed, difference: [text], replayed}";
  static constexpr std::string_view kSummary = "Makes the schema the one given; says what changed.";
  static void visit(auto& with, auto& call) {
    with.param("schema", call.schema);
    with.option("dry_run", call.dry_run);
    with.option("allow_destructive", call.allow_destructive);
    with.mutation(call.options, MutationTakes{});
  }
};

template <>
struct Method<SchemaGet> {
  static constexpr std::string_view kName = "schema.get";
  static constexpr std::string_view kResult = "{version, schema, indexes: [{name, state}]}";
  static constexpr std::string_view kSummary = "The schema in force.";
  static void visit(auto& /*with*/, auto& /*call*/) {}
};

inline constexpr std::string_view kMutationResult =
    "{id, version, sequence, data, changes: {field: {added, removed, moved, already, missing}}, "
    "replayed}";

template <>
struct Method<InsertOne> {
  static constexpr std::string_view kName = "insertOne";
  static constexpr std::string_view kResult = kMutationResult;
  static constexpr std::string_view kSummary = "Makes a record, its media and links included.";
  static void visit(auto& with, auto& call) {
    with.param("entity", call.entity);
    with.param("document", call.document);
    with.mutation(call.options, MutationTakes{});
  }
};

template <>
struct Method<UpdateOne> {
  static constexpr std::string_view kName = "updateOne";
  static constexpr std::string_view kResult = kMutationResult;
  static constexpr std::string_view kSummary =
      "Changes fields; media and relations by $set, $detach, $attach, $create.";
  static void visit(auto& with, auto& call) {
    with.param("entity", call.entity);
    with.param("id", call.id);
    with.param("document", call.document);
    with.mutation(call.options, MutationTakes{.expected = true});
  }
};

template <>
struct Method<DeleteOne> {
  static constexpr std::string_view kName = "deleteOne";
  static constexpr std::string_view kResult =
      "{id, version, sequence, data, changes: {field: {added, removed, moved, already, missing}}, "
      "replayed, plan?: [{action, entity, id, fields}]}";
  static constexpr std::string_view kSummary =
      "Deletes a record, its links, and what goes with it.";
  static void visit(auto& with, auto& call) {
    with.param("entity", call.entity);
    with.param("id", call.id);
    with.mutation(call.options, MutationTakes{.expected = true, .detach = true, .dry_run = true});
  }
};

inline constexpr std::string_view kRecordResults =
    "{sequence, data: [{id, version, data, changes}], replayed}";
inline constexpr std::string_view kFoundResults =
    "{sequence, data: [{id, version, data, changes}], hasMore, replayed, "
    "plan?: [{action, entity, id, fields}]}";

// The options of a mutation that chooses its records.
void visit_choice(auto& with, auto& choice) {
  with.option("all", choice.all);
  with.option("orderBy", choice.order_by);
  with.option("limit", choice.limit);
}

template <>
struct Method<InsertMany> {
  static constexpr std::string_view kName = "insertMany";
  static constexpr std::string_view kResult = kRecordResults;
  static constexpr std::string_view kSummary = "Makes a record of each document, all or none.";
  static void visit(auto& with, auto& call) {
    with.param("entity", call.entity);
    with.param("documents", call.documents);
    with.mutation(call.options, MutationTakes{});
  }
};

template <>
struct Method<UpdateWhere> {
  static constexpr std::string_view kName = "updateWhere";
  static constexpr std::string_view kResult = kFoundResults;
  static constexpr std::string_view kSummary = "Changes every record that matches, or none.";
  static void visit(auto& with, auto& call) {
    with.param("entity", call.entity);
    with.param("where", call.where);
    with.param("document", call.document);
    visit_choice(with, call.choice);
    with.mutation(call.options, MutationTakes{.dry_run = true});
  }
};

template <>
struct Method<DeleteWhere> {
  static constexpr std::string_view kName = "deleteWhere";
  static constexpr std::string_view kResult = kFoundResults;
  static constexpr std::string_view kSummary = "Deletes every record that matches, or none.";
  static void visit(auto& with, auto& call) {
    with.param("entity", call.entity);
    with.param("where", call.where);
    visit_choice(with, call.choice);
    with.mutation(call.options, MutationTakes{.detach = true, .dry_run = true});
  }
};

template <>
struct Method<Transaction> {
  static constexpr std::string_view kName = "transaction";
  static constexpr std::string_view kResult = "{sequence, results: [result or nil], replayed}";
  static constexpr std::string_view kSummary = "Carries out several mutations, all or none.";
  static void visit(auto& with, auto& call) {
    with.param("operations", call.operations);
    with.mutation(call.options, MutationTakes{});
  }
};

template <>
struct Method<Undo> {
  static constexpr std::string_view kName = "undo";
  static constexpr std::string_view kResult = "{sequence, results: [result], replayed}";
  static constexpr std::string_view kSummary = "Takes back what one commit did, by another one.";
  static void visit(auto& with, auto& call) {
    with.param("sequence", call.sequence);
    with.mutation(call.options, MutationTakes{});
  }
};

// Only within a transaction.
template <>
struct Method<Check> {
  static constexpr std::string_view kName = "check";
  static void visit(auto& with, auto& call) {
    with.param("entity", call.entity);
    with.optional_param("id", call.id);
    with.option("where", call.where);
    with.option("expected", call.expected);
    with.option("exists", call.exists);
  }
};

template <>
struct Method<FindId> {
  static constexpr std::string_view kName = "findId";
  static constexpr std::string_view kResult = "{data: record or nil, meta: {sequence, version}}";
  static constexpr std::string_view kSummary = "The record of that id.";
  static void visit(auto& with, auto& call) {
    with.param("entity", call.entity);
    with.param("id", call.id);
    with.query(call.query, call.options, "with, select");
  }
};

template <>
struct Method<FindOne> {
  static constexpr std::string_view kName = "findOne";
  static constexpr std::string_view kResult = "{data: record or nil, meta: {sequence, version}}";
  static constexpr std::string_view kSummary = "The first record that matches.";
  static void visit(auto& with, auto& call) {
    with.param("entity", call.entity);
    with.query(call.query, call.options, "where, with, select, orderBy, sort, offset");
  }
};

template <>
struct Method<FindMany> {
  static constexpr std::string_view kName = "findMany";
  static constexpr std::string_view kResult =
      "{data: [record], meta: {sequence, hasMore, cursor?, count?}}";
  static constexpr std::string_view kSummary = "All records that match.";
  static void visit(auto& with, auto& call) {
    with.param("entity", call.entity);
    with.query(call.query, call.options,
               "where, with, select, orderBy, sort, limit, offset, count, cursor");
  }
};

template <>
struct Method<Count> {
  static constexpr std::string_view kName = "count";
  static constexpr std::string_view kResult = "{count, meta: {sequence}}";
  static constexpr std::string_view kSummary = "How many records match.";
  static void visit(auto& with, auto& call) {
    with.param("entity", call.entity);
    with.query(call.query, call.options, "where");
  }
};

template <>
struct Method<Exists> {
  static constexpr std::string_view kName = "exists";
  static constexpr std::string_view kResult = "{exists, meta: {sequence}}";
  static constexpr std::string_view kSummary = "Whether any record matches.";
  static void visit(auto& with, auto& call) {
    with.param("entity", call.entity);
    with.query(call.query, call.options, "where");
  }
};

template <>
struct Method<Explain> {
  static constexpr std::string_view kName = "explain";
  static constexpr std::string_view kResult =
      "{plan: {kind, entity, text, scans, sorts, rows, …}, meta: {sequence}}";
  static constexpr std::string_view kSummary = "How findMany would find the records.";
  static void visit(auto& with, auto& call) {
    with.param("entity", call.entity);
    with.query(call.query, call.options,
               "where, with, select, orderBy, sort, limit, offset, count, cursor");
  }
};

template <>
struct Method<MediaUpload> {
  static constexpr std::string_view kName = "media.upload";
  static constexpr std::string_view kResult = kMutationResult;
  static constexpr std::string_view kSummary = "Makes a media record of bytes or of a blob.";
  static void visit(auto& with, auto& call) {
    with.param("file", call.file);
    with.optional_param("document", call.document);
    with.mutation(call.options, MutationTakes{});
  }
};

template <>
struct Method<BlobBegin> {
  static constexpr std::string_view kName = "blob.begin";
  static constexpr std::string_view kResult = "{token, offset, chunk}";
  static constexpr std::string_view kSummary = "Begins an upload.";
  static void visit(auto& with, auto& call) { with.option("size", call.size); }
};

template <>
struct Method<BlobWrite> {
  static constexpr std::string_view kName = "blob.write";
  static constexpr std::string_view kResult = "{offset}";
  static constexpr std::string_view kSummary = "Adds bytes; says how far the upload is.";
  static void visit(auto& with, auto& call) {
    with.param("token", call.token);
    with.param("offset", call.offset);
    with.param("bytes", call.bytes);
  }
};

template <>
struct Method<BlobCommit> {
  static constexpr std::string_view kName = "blob.commit";
  static constexpr std::string_view kResult = "{blob, size, sha256, mime_type, existed, expires}";
  static constexpr std::string_view kSummary = "Makes the upload durable; gives its address.";
  static void visit(auto& with, auto& call) { with.param("token", call.token); }
};

template <>
struct Method<BlobHave> {
  static constexpr std::string_view kName = "blob.have";
  static constexpr std::string_view kResult =
      "{contents: [{blob, size, sha256, mime_type, existed, expires}, {maybe} or nil]}";
  static constexpr std::string_view kSummary =
      "Which contents the store has; those may be named as if they had been uploaded.";
  static void visit(auto& with, auto& call) { with.param("contents", call.contents); }
};

template <>
struct Method<BlobPutFd> {
  static constexpr std::string_view kName = "blob.put_fd";
  static constexpr std::string_view kResult = "{blob, size, sha256, mime_type, existed, expires}";
  static constexpr std::string_view kSummary = "Stores the file whose descriptor comes with it.";
  static void visit(auto& /*with*/, auto& /*call*/) {}
};

template <>
struct Method<BlobGetFd> {
  static constexpr std::string_view kName = "blob.get_fd";
  static constexpr std::string_view kResult = "{size, descriptor?, bytes?}";
  static constexpr std::string_view kSummary =
      "A descriptor to read a blob from, or its few bytes.";
  static void visit(auto& with, auto& call) { with.param("address", call.address); }
};

template <>
struct Method<BlobRead> {
  static constexpr std::string_view kName = "blob.read";
  static constexpr std::string_view kResult = "{bytes, size}";
  static constexpr std::string_view kSummary = "Bytes of a blob, one chunk at most.";
  static void visit(auto& with, auto& call) {
    with.param("address", call.address);
    with.param("offset", call.offset);
    with.param("length", call.length);
  }
};

template <>
struct Method<LogRead> {
  static constexpr std::string_view kName = "log.read";
  static constexpr std::string_view kResult =
      "{commits: [{sequence, bytes, …decoded}], next, more}";
  static constexpr std::string_view kSummary = "Commits in order, as stored and decoded.";
  static void visit(auto& with, auto& call) {
    with.option("from", call.from);
    with.option("limit", call.limit);
    with.option("to", call.to);
    with.option("since", call.since);
    with.option("until", call.until);
    with.option("reverse", call.reverse);
    with.option("entity", call.entity);
    with.option("id", call.id);
    with.option("field", call.field);
    with.option("operators", call.operators);
    with.option("media", call.media);
    with.option("uid", call.uid);
  }
};

template <>
struct Method<Subscribe> {
  static constexpr std::string_view kName = "subscribe";
  static constexpr std::string_view kResult = "{subscription, from, sequence}";
  static constexpr std::string_view kSummary = "Pushes commits from `from` on, then those to come.";
  static void visit(auto& with, auto& call) {
    with.option("from", call.from);
    with.option("entity", call.entity);
    with.option("id", call.id);
    with.option("field", call.field);
    with.option("operators", call.operators);
  }
};

template <>
struct Method<Unsubscribe> {
  static constexpr std::string_view kName = "unsubscribe";
  static constexpr std::string_view kResult = "{ended}";
  static constexpr std::string_view kSummary = "Ends a subscription; nothing of it follows.";
  static void visit(auto& with, auto& call) { with.param("subscription", call.subscription); }
};

template <>
struct Method<Audit> {
  static constexpr std::string_view kName = "audit";
  static constexpr std::string_view kResult = "{job}";
  static constexpr std::string_view kSummary =
      "Checks log, tree, head, indexes, files and media; names what is damaged.";
  static void visit(auto& with, auto& call) {
    with.option("slice", call.slice);
    with.option("slices", call.slices);
    with.option("at", call.at);
    with.option("root", call.root);
  }
};

template <>
struct Method<ExportOpen> {
  static constexpr std::string_view kName = "export.open";
  static constexpr std::string_view kResult = "{export, sequence, root}";
  static constexpr std::string_view kSummary = "Begins an export of the store, as of now.";
  static void visit(auto& with, auto& call) { with.option("until", call.until); }
};

template <>
struct Method<ExportRead> {
  static constexpr std::string_view kName = "export.read";
  static constexpr std::string_view kResult = "{bytes, done}";
  static constexpr std::string_view kSummary = "The next bytes of an export.";
  static void visit(auto& with, auto& call) { with.param("export", call.number); }
};

template <>
struct Method<Backup> {
  static constexpr std::string_view kName = "backup";
  static constexpr std::string_view kResult = "{job}";
  static constexpr std::string_view kSummary = "Adds what is new to the backup in a directory.";
  static void visit(auto& with, auto& call) { with.param("directory", call.directory); }
};

template <>
struct Method<Verify> {
  static constexpr std::string_view kName = "verify";
  static constexpr std::string_view kResult = "{job}";
  static constexpr std::string_view kSummary = "Refolds the log and compares it with the indexes.";
  static void visit(auto& /*with*/, auto& /*call*/) {}
};

template <>
struct Method<Rebuild> {
  static constexpr std::string_view kName = "rebuild";
  static constexpr std::string_view kResult = "{job}";
  static constexpr std::string_view kSummary =
      "Folds the log again and puts the indexes that it gives in place of the live ones.";
  static void visit(auto& /*with*/, auto& /*call*/) {}
};

template <>
struct Method<Gc> {
  static constexpr std::string_view kName = "gc";
  static constexpr std::string_view kResult = "{job}";
  static constexpr std::string_view kSummary = "Deletes media that nothing links, and their bytes.";
  static void visit(auto& with, auto& call) {
    with.option("dry_run", call.dry_run);
    with.option("grace", call.grace);
  }
};

template <>
struct Method<Scrub> {
  static constexpr std::string_view kName = "scrub";
  static constexpr std::string_view kResult = "{job}";
  static constexpr std::string_view kSummary =
      "Re-hashes the bytes of media, slowly, and sets aside what is damaged.";
  static void visit(auto& /*with*/, auto& /*call*/) {}
};

template <>
struct Method<JobGet> {
  static constexpr std::string_view kName = "job.get";
  static constexpr std::string_view kResult = "{id, kind, state, progress, result?, error?}";
  static constexpr std::string_view kSummary = "How far a job is.";
  static void visit(auto& with, auto& call) { with.param("id", call.id); }
};

template <>
struct Method<JobCancel> {
  static constexpr std::string_view kName = "job.cancel";
  static constexpr std::string_view kResult = "{state}";
  static constexpr std::string_view kSummary = "Ends a job.";
  static void visit(auto& with, auto& call) { with.param("id", call.id); }
};

template <typename Call>
concept MutationCall = requires(Call call) {
  { call.options } -> std::same_as<MutationOptions&>;
};

}  // namespace emstore::protocol
