// The emstore client: entities and their media, over the daemon's socket.
//
// Every function that can fail throws Failure, and has an overload with an ErrorOut that does not
// throw:
//
//   std::optional<Error> error;
//   products.update_one(1, {{"gallery", attach({17})}}, error);
//   if (error) std::cerr << to_string(*error) << '\n';
//
// A lost connection is made again, and what was not answered is sent again: reads as they are,
// mutations under the request key they carry, so that they happen once. After Options::retry_for
// the client gives up with `unreachable` (nothing happened) or `outcome_unknown` (retry with the
// key that the hint names).
//
// Threads: a Client and what it hands out may be used from any thread; requests take turns. After a
// fork() the child's makes connections of its own; it is of no use there when another thread was
// waiting for an answer.
// Mutator, Repository, MediaLibrary, MediaReader, Pipeline and Transaction are used from one thread
// at a time each and must not outlive the Client.
#pragma once

#include <emstore/difference.hpp>
#include <emstore/document.hpp>
#include <emstore/error.hpp>
#include <emstore/failure.hpp>
#include <emstore/feed.hpp>
#include <emstore/options.hpp>
#include <emstore/query.hpp>
#include <emstore/record.hpp>
#include <emstore/schema.hpp>
#include <emstore/transaction.hpp>
#include <emstore/value.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace emstore {

class Core;

// Writes records of one entity. An id is an integer, or a text where the entity has such ids.
class Mutator {
 public:
  Mutation insert_one(const Document& document, const MutationOptions& options = {});
  Mutation insert_one(const Document& document, ErrorOut error,
                      const MutationOptions& options = {});
  Mutation update_one(const Value& id, const Document& document,
                      const MutationOptions& options = {});
  Mutation update_one(const Value& id, const Document& document, ErrorOut error,
                      const MutationOptions& options = {});
  Mutation delete_one(const Value& id, const DeleteOptions& options = {});
  Mutation delete_one(const Value& id, ErrorOut error, const DeleteOptions& options = {});

  // All of them, or none.
  Mutations insert_many(const std::vector<Document>& documents,
                        const MutationOptions& options = {});
  Mutations insert_many(const std::vector<Document>& documents, ErrorOut error,
                        const MutationOptions& options = {});
  // Every record that is as `where` says when its turn comes. With a limit: the first so many; go
  // on after the last id while `has_more`.
  Mutations update_where(const Where& where, const Document& document,
                         const ChoiceOptions& options = {});
  Mutations update_where(const Where& where, const Document& document, ErrorOut error,
                         const ChoiceOptions& options = {});
  Mutations delete_where(const Where& where, const ChoiceOptions& options = {});
  Mutations delete_where(const Where& where, ErrorOut error, const ChoiceOptions& options = {});

 private:
  friend class Client;
  Mutator(Core& core, std::string entity) : core_(&core), entity_(std::move(entity)) {}
  Core* core_;
  std::string entity_;
};

// Reads records of one entity. A record that is not there is nothing, not an error.
class Repository {
 public:
  std::optional<Record> find_id(const Value& id, const Query& query = {});
  std::optional<Record> find_id(const Value& id, ErrorOut error, const Query& query = {});
  std::optional<Record> find_one(const Query& query);
  std::optional<Record> find_one(const Query& query, ErrorOut error);
  Page find_many(const Query& query = {});
  Page find_many(const Query& query, ErrorOut error);
  // `as_of`: as Query's.
  std::uint64_t count(const Where& where = {}, const Value& as_of = {});
  std::uint64_t count(const Where& where, ErrorOut error, const Value& as_of = {});
  // Whether any record matches.
  bool exists(const Where& where = {}, const Value& as_of = {});
  bool exists(const Where& where, ErrorOut error, const Value& as_of = {});
  // How find_many would find the records: {kind, text, scans, sorts, rows, …}; see
  // docs/protocol.md.
  Map explain(const Query& query = {});
  Map explain(const Query& query, ErrorOut error);

 private:
  friend class Client;
  Repository(Core& core, std::string entity) : core_(&core), entity_(std::move(entity)) {}
  Core* core_;
  std::string entity_;
};

// Bytes done, bytes in all. Called from the thread that waits, now and then.
using ByteProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Reads the bytes of one medium, from any place. Empty when opening it failed. Who reads all of it,
// from the first byte to the last without a gap, in however many pieces, gets the bytes that were
// stored or corrupt_blob at the end; a part cannot be checked, and is given as the daemon has it.
class MediaReader {
 public:
  MediaReader(MediaReader&&) noexcept;
  MediaReader& operator=(MediaReader&&) noexcept;
  ~MediaReader();

  std::uint64_t size() const;
  std::uint64_t position() const;
  void seek(std::uint64_t position);  // Beyond the end: then nothing is left to read.
  // Fills `bytes` from the position on and moves it. Less than asked only at the end. After an
  // error the position is where it was, and what `bytes` holds means nothing. Errors: corrupt_blob
  // when all was read and is not what was stored, which then holds for what was read before, too.
  std::size_t read(std::span<char> bytes);
  std::size_t read(std::span<char> bytes, ErrorOut error);
  // All from the position on.
  std::string read_all();
  std::string read_all(ErrorOut error);

 private:
  friend class MediaLibrary;
  struct State;
  explicit MediaReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class MediaLibrary {
 public:
  // Makes a media record of the file, linked to nothing yet.
  Mutation upload(const File& file, const MutationOptions& options = {});
  Mutation upload(const File& file, ErrorOut error, const MutationOptions& options = {});
  // Which contents the store has, each an address or {xxh3, size, sha256}: null, or {blob, size,
  // sha256, mime_type, expires}: until then `{blob: address}` may stand for a file. Without sha256
  // {maybe: true}. Large files that go in pieces are looked for like this before they are sent.
  List have(const List& contents);
  List have(const List& contents, ErrorOut error);
  // A media by its id, or bytes by their address ("xxh3-128:…").
  MediaReader open(const Value& id_or_address);
  MediaReader open(const Value& id_or_address, ErrorOut error);
  // Into a file, which appears under its name when it is complete; a link leads to where it
  // appears. Into a pipe or a device, if the name is one's, as the bytes come, but for the last of
  // them, which wait until all are checked. Returns their size. Errors: corrupt_blob when they are
  // not those that were stored; then there is no file.
  std::uint64_t download(const Value& id_or_address, const std::filesystem::path& into);
  std::uint64_t download(const Value& id_or_address, const std::filesystem::path& into,
                         ErrorOut error);

 private:
  friend class Client;
  explicit MediaLibrary(Core& core) : core_(&core) {}
  Core* core_;
};

// Many requests, sent together and answered in order: one round trip for all. Each is refused or
// carried out by itself; mutations happen in the order in which they were queued. A find need not
// see the mutations that were queued before it: run() those first.
class Pipeline {
 public:
  // The answer to one request. The accessors throw Failure when it was refused, and when they are
  // not for what was asked: mutation() is for insert_one, update_one and delete_one, record() for
  // find_id and find_one, page() for find_many.
  class Answer {
   public:
    bool ok() const { return !error_; }
    explicit operator bool() const { return ok(); }
    const std::optional<Error>& error() const { return error_; }
    const Value& value() const;  // As on the wire.
    Mutation mutation() const;
    std::optional<Record> record() const;
    Page page() const;

   private:
    friend class Pipeline;
    enum class Kind { mutation, record, page };
    const Value& value_of(Kind kind) const;
    std::optional<Error> error_;
    Kind kind_ = Kind::mutation;
    Value value_;
  };

  Pipeline(Pipeline&&) noexcept;
  Pipeline& operator=(Pipeline&&) noexcept;
  ~Pipeline();

  // Each returns the place its answer will have. Files are uploaded at once, by these functions.
  std::size_t insert_one(const std::string& entity, const Document& document,
                         const MutationOptions& options = {});
  std::size_t update_one(const std::string& entity, const Value& id, const Document& document,
                         const MutationOptions& options = {});
  std::size_t delete_one(const std::string& entity, const Value& id,
                         const DeleteOptions& options = {});
  std::size_t find_id(const std::string& entity, const Value& id, const Query& query = {});
  std::size_t find_one(const std::string& entity, const Query& query);
  std::size_t find_many(const std::string& entity, const Query& query = {});
  std::size_t size() const;

  // Sends what is queued and waits for all of it; the pipeline is then empty. A lost connection
  // shows in the answers, not as an exception.
  std::vector<Answer> run();

 private:
  friend class Client;
  struct State;
  explicit Pipeline(Core& core);
  std::unique_ptr<State> state_;
};

class Client {
 public:
  // Connects. Errors: unreachable, which says how to start a daemon.
  explicit Client(const Options& options = {});
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  // Makes the store's schema this one; changes nothing when it is already.
  SchemaChange apply(const Schema& schema, const ApplyOptions& options = {});
  SchemaChange apply(const Schema& schema, ErrorOut error, const ApplyOptions& options = {});
  SchemaChange apply(std::initializer_list<Schema::Part> parts, const ApplyOptions& options = {});
  SchemaChange apply(std::initializer_list<Schema::Part> parts, ErrorOut error,
                     const ApplyOptions& options = {});
  // The same from a document: emstore's own, or bknd's schema.toJSON().
  SchemaChange apply(const Map& document, const ApplyOptions& options = {});
  SchemaChange apply(const Map& document, ErrorOut error, const ApplyOptions& options = {});

  Mutator mutator(std::string entity);
  Repository repository(std::string entity);
  MediaLibrary media();
  Pipeline pipeline();
  Transaction transaction();
  // Takes back what a commit did, by another one. Errors: version_mismatch with a violation for
  // each record on which later commits stand; unsupported for what cannot be taken back, as a
  // deletion.
  TransactionResult undo(std::uint64_t sequence, const MutationOptions& options = {});
  TransactionResult undo(std::uint64_t sequence, ErrorOut error,
                         const MutationOptions& options = {});

  Map schema();  // {version, schema, indexes}
  Map schema(ErrorOut error);
  Map status();
  Map status(ErrorOut error);
  std::uint64_t ping();  // The sequence of the last commit.
  std::uint64_t ping(ErrorOut error);
  // Commits that the query asks for: {commits, next, more}. A page may have fewer than the limit,
  // or none: go on with `next` (as `from`, or `to` when reversed) while `more`.
  Map log(const LogQuery& query);
  Map log(const LogQuery& query, ErrorOut error);
  // Commits from `from` on.
  Map log(std::uint64_t from = 1, std::uint64_t limit = 100);
  Map log(std::uint64_t from, std::uint64_t limit, ErrorOut error);
  // Hands each record that is not as it was to `visit`, one at a time, by entities' names and by
  // ids; returns how many. What came and went in between is not told. `visit` may use this client.
  // Errors: out_of_range for a commit that has not been made, and for an earlier one that comes
  // later; unknown_entity; wrong_type for an id that the entity cannot have; result_too_large when
  // a commit in between is told by its bytes only.
  std::uint64_t diff(const DiffQuery& query, const DiffVisitor& visit);
  std::uint64_t diff(const DiffQuery& query, const DiffVisitor& visit, ErrorOut error);
  // Commits as they are made, and those before them from wherever the options say. The client may
  // go before the feed.
  Feed subscribe(const FeedOptions& options = {});
  std::optional<Feed> subscribe(const FeedOptions& options, ErrorOut error);
  // Has the daemon fold its log again and compare it with the live indexes; the report. `progress`
  // is told what is done and in all, and stops the work by returning false (error: cancelled).
  using JobProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;
  Map verify(const JobProgress& progress = {});
  Map verify(const JobProgress& progress, ErrorOut error);
  // Has the daemon fold its log again and put the indexes that come of it in place of the live
  // ones, while requests go on: {sequence, state_digest, mended, paused, families: [{family, rows,
  // mended}], events}. `mended`: the live ones were not what the log says.
  Map rebuild(const JobProgress& progress = {});
  Map rebuild(const JobProgress& progress, ErrorOut error);
  // Deletes media that have not been linked for so long (without `grace`: as the daemon is told),
  // and bytes that nothing has any more: {sequence, media, blobs, bytes, leased, list}.
  struct Collect {
    bool dry_run = false;
    std::optional<std::chrono::seconds> grace = {};
  };
  Map collect_garbage();
  Map collect_garbage(const Collect& options);
  Map collect_garbage(const Collect& options, ErrorOut error);
  // Checks all there is, bytes of media included: {whole, findings: [{part, place, message}], …}.
  Map audit(const AuditOptions& options = {}, const JobProgress& progress = {});
  Map audit(const AuditOptions& options, const JobProgress& progress, ErrorOut error);
  // Goes on with the scrub of media, or begins one, and waits for its end: {contents, bytes,
  // damaged, resumed, started, waiting: [{blob, found}]}. What is in `waiting` is damaged; the same
  // bytes, uploaded again, mend it. One that runs already is joined.
  Map scrub(const JobProgress& progress = {});
  Map scrub(const JobProgress& progress, ErrorOut error);
  // Adds what is new to the backup in a directory, which the daemon writes: {sequence, root, …}.
  // With `damaged`, a number, and `damaged_contents`, contents are left out whose bytes are
  // damaged.
  Map backup(const std::filesystem::path& directory, const JobProgress& progress = {});
  Map backup(const std::filesystem::path& directory, const JobProgress& progress, ErrorOut error);
  // Hands the whole store, or its first commits, to `write`, in the form of docs/export.md:
  // {sequence, root}, and what backup() says of contents that are left out.
  using ExportWriter = std::function<void(std::string_view bytes)>;
  Map export_store(const ExportWriter& write, std::optional<std::uint64_t> until = {});
  Map export_store(const ExportWriter& write, std::optional<std::uint64_t> until, ErrorOut error);
  // Any method by its name on the wire. Repeated after a lost connection only where that is
  // harmless.
  Value call(std::string_view method, const List& params = {});
  Value call(std::string_view method, const List& params, ErrorOut error);

  // The daemon's answer to hello: {server, protocol, store_id, sequence, limits, peer, …}.
  Map hello() const;
  const std::filesystem::path& socket() const;

  // Told of every upload and download of more than 64 KiB, from the thread that waits for it. It
  // may use this client, but for media: sending or reading these is refused as unsupported, as they
  // would wait for the one that it is told of.
  void on_progress(ByteProgress progress);
  // Told of notifications, from the thread that waits for a reply. What it asks of this client is
  // refused as unsupported: media, and another handler in its place, too.
  using PushHandler = std::function<void(std::string_view method, const List& params)>;
  void on_push(PushHandler handler);

 private:
  std::unique_ptr<Core> core_;
};

Client connect(const Options& options = {});
template <std::convertible_to<std::filesystem::path> Path>
Client connect(const Path& socket) {
  return connect(Options{.socket = socket});
}
// Without an exception: nothing, and the error.
std::optional<Client> connect(const Options& options, ErrorOut error);

// Where connect() looks when it is not told: the first of the three places that there is.
std::filesystem::path default_socket();

}  // namespace emstore
