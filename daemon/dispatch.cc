#include "daemon/dispatch.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/suggest.h"
#include "daemon/answers.h"
#include "daemon/audit.h"
#include "daemon/backup.h"
#include "daemon/operations.h"
#include "daemon/rebuild.h"
#include "daemon/status.h"
#include "protocol/codec.h"
#include "store/verify.h"

namespace emstore::daemon {
namespace {

constexpr std::uint64_t kGraceSecondsMax = 100ull * 365 * 86'400;

// What `findId` says about the record, as a query.
Result<Read> read_of(protocol::FindId call) {
  if (const Value* where = call.query.find("where"); where != nullptr && !where->is_null()) {
    return failure(ErrorCode::unknown_option,
                   "findId names the record by its id and takes no where", "where",
                   "use findOne for conditions");
  }
  if (!record_id_of(call.id)) {
    return failure(ErrorCode::wrong_type, brief(call.id) + " is no id", "id",
                   "ids are integers from 1, or the text of a uuid");
  }
  call.query.set("where", Map{{"id", std::move(call.id)}});
  return Read{ReadForm::one, std::move(call.entity), std::move(call.query), call.options,
              /*is_by_id=*/true};
}

}  // namespace

struct Dispatch::Visitor {
  Dispatch& dispatch;
  Session& session;
  std::uint32_t id;
  std::optional<Sha256> digest;
  std::size_t bytes;

  const Parts& parts() const { return dispatch.parts_; }
  Mutations::Request mutation() const { return {{session.id(), id}, session.peer(), bytes}; }
  void answer(const Result<Value>& result) const {
    if (result) return session.reply(id, *result);
    session.refuse(id, result.error());
  }
  // Answers with what `write` writes; a Status that is an error takes it back.
  template <typename Write>
  void answer_with(Write write) const {
    std::optional<Error> error;
    {
      protocol::ReplyWriter reply(session.out(), id);
      if constexpr (std::is_void_v<decltype(write(reply.result()))>) {
        write(reply.result());
      } else if (Status written = write(reply.result()); !written) {
        error = std::move(written).error();
      }
      if (!error) reply.finish();
    }
    if (error) return session.refuse(id, *error);
    session.answered(id);
  }
  template <typename OneCall>
  void mutate(OneCall& call) const {
    Result<store::Mutation> asked = mutation_of(call);
    if (!asked) return session.refuse(id, asked.error());
    store::Command command;
    command.mutations.push_back(*std::move(asked));
    dispatch.mutations_.begin(mutation(), std::move(command), std::move(call.options), digest);
  }
  void start(std::string_view kind, Jobs::Work work) const {
    const Result<std::string> job = parts().jobs.start(kind, std::move(work));
    if (!job) return session.refuse(id, job.error());
    session.reply(id, Map{{"job", *job}});
  }
  void read(ReadForm form, std::string entity, Map query,
            const protocol::ReadOptions& options) const {
    dispatch.reads_.begin(session, id, Read{form, std::move(entity), std::move(query), options});
  }

  // ---- About the daemon
  void operator()(const protocol::Hello& call) const {
    if (call.protocol != protocol::kProtocolVersion) {
      return session.refuse(
          id, Error{ErrorCode::unsupported,
                    "protocol " + std::to_string(call.protocol) + " is not spoken here", "protocol",
                    "use protocol " + std::to_string(protocol::kProtocolVersion)});
    }
    if (const Status wanted = check_wanted(call.want); !wanted) {
      return session.refuse(id, wanted.error());
    }
    answer_with([&](Sink& sink) {
      write_hello(parts().store.id(), *parts().store.view(), session.limits(), session.peer(),
                  sink);
    });
  }
  void operator()(const protocol::Ping&) const {
    answer_with([&](Sink& sink) {
      sink.begin_map(1);
      sink.text("sequence");
      sink.integer(static_cast<std::int64_t>(parts().store.view()->sequence));
    });
  }
  void operator()(const protocol::Describe& call) const {
    answer_with([&](Sink& sink) { return write_description(call.method, sink); });
  }
  void operator()(const protocol::GetStatus&) const { answer(status_of(parts())); }

  // ---- Schema
  void operator()(protocol::SchemaApply& call) const {
    dispatch.mutations_.begin(mutation(), std::move(call), digest);
  }
  void operator()(const protocol::SchemaGet&) const {
    answer_with([&](Sink& sink) { write_schema(*parts().store.view(), sink); });
  }

  // ---- Mutations
  void operator()(protocol::InsertOne& call) const { mutate(call); }
  void operator()(protocol::UpdateOne& call) const { mutate(call); }
  void operator()(protocol::DeleteOne& call) const { mutate(call); }
  void operator()(protocol::InsertMany& call) const { mutate(call); }
  void operator()(protocol::UpdateWhere& call) const { mutate(call); }
  void operator()(protocol::DeleteWhere& call) const { mutate(call); }
  void operator()(protocol::MediaUpload& call) const { mutate(call); }
  void operator()(protocol::Transaction& call) const {
    Result<std::vector<store::Mutation>> asked = mutations_of(call.operations);
    if (!asked) return session.refuse(id, asked.error());
    store::Command command;
    command.mutations = *std::move(asked);
    command.is_transaction = true;
    dispatch.mutations_.begin(mutation(), std::move(command), std::move(call.options), digest);
  }

  void operator()(protocol::Undo& call) const {
    dispatch.mutations_.begin(mutation(), std::move(call), digest);
  }

  // ---- Reads
  void operator()(protocol::FindId& call) const {
    Result<Read> read = read_of(std::move(call));
    if (!read) return session.refuse(id, read.error());
    dispatch.reads_.begin(session, id, *std::move(read));
  }
  void operator()(protocol::FindOne& call) const {
    read(ReadForm::one, std::move(call.entity), std::move(call.query), call.options);
  }
  void operator()(protocol::FindMany& call) const {
    read(ReadForm::many, std::move(call.entity), std::move(call.query), call.options);
  }
  void operator()(protocol::Count& call) const {
    read(ReadForm::count, std::move(call.entity), std::move(call.query), call.options);
  }
  void operator()(protocol::Exists& call) const {
    read(ReadForm::exists, std::move(call.entity), std::move(call.query), call.options);
  }
  void operator()(protocol::Explain& call) const {
    read(ReadForm::explain, std::move(call.entity), std::move(call.query), call.options);
  }
  void operator()(const protocol::LogRead& call) const { dispatch.reads_.begin(session, id, call); }
  void operator()(const protocol::Subscribe& call) const {
    dispatch.feeds_.begin(session, id, call);
  }
  void operator()(const protocol::Unsubscribe& call) const {
    dispatch.feeds_.end(session, id, call);
  }

  // ---- Bytes
  void operator()(const protocol::BlobBegin& call) const {
    dispatch.blob_calls_.begin(session, id, call);
  }
  void operator()(protocol::BlobWrite& call) const {
    dispatch.blob_calls_.begin(session, id, std::move(call));
  }
  void operator()(protocol::BlobCommit& call) const {
    dispatch.blob_calls_.begin(session, id, std::move(call));
  }
  void operator()(const protocol::BlobHave& call) const {
    dispatch.known_blobs_.begin(session, id, call);
  }
  void operator()(const protocol::BlobPutFd&) const {
    dispatch.blob_calls_.begin(session, id, session.take_descriptor());
  }
  void operator()(const protocol::BlobGetFd& call) const {
    dispatch.blob_calls_.begin(session, id, call);
  }
  void operator()(const protocol::BlobRead& call) const {
    dispatch.blob_calls_.begin(session, id, call);
  }

  // ---- The whole store
  void operator()(const protocol::ExportOpen& call) const {
    dispatch.exports_.begin(session, id, call);
  }
  void operator()(const protocol::ExportRead& call) const {
    dispatch.exports_.begin(session, id, call);
  }

  // ---- Jobs
  void operator()(const protocol::Audit& call) const {
    Result<AuditWish> wish = audit_wish_of(call, parts().config.fold_room());
    if (!wish) return session.refuse(id, wish.error());
    start("audit", [&all = parts(), asked = *wish](const Jobs::Progress& progress) {
      return audit(all.store, all.files, all.config.data / "head", asked, progress);
    });
  }
  void operator()(const protocol::Backup& call) const {
    start("backup", [&all = parts(), directory = call.directory](const Jobs::Progress& progress) {
      return backup(all.store, all.files, directory, progress);
    });
  }
  void operator()(const protocol::Verify&) const {
    start("verify", [&all = parts()](const Jobs::Progress& progress) -> Result<Value> {
      EMSTORE_TRY(const store::VerifyReport report,
                  store::verify(*all.store.view(), progress, all.config.fold_room()));
      return to_value(report);
    });
  }
  void operator()(const protocol::Rebuild&) const {
    if (const Status room = parts().space.check(); !room) return session.refuse(id, room.error());
    start("rebuild", [&all = parts()](const Jobs::Progress& progress) {
      return rebuild(all.store, all.writer, progress);
    });
  }
  void operator()(const protocol::Gc& call) const {
    GcOptions options{parts().config.gc_grace, call.dry_run};
    if (call.grace) {
      if (*call.grace > kGraceSecondsMax) {
        return session.refuse(
            id, Error{ErrorCode::out_of_range,
                      std::to_string(*call.grace) + " seconds are too long", "grace"});
      }
      options.grace = std::chrono::seconds(*call.grace);
    }
    const Status room = call.dry_run ? Status() : parts().space.check_for_deletions();
    if (!room) return session.refuse(id, room.error());
    start("gc",
          [&collection = dispatch.collection_, peer = session.peer(), options](
              const Jobs::Progress& progress) { return collection.run(peer, options, progress); });
  }
  void operator()(const protocol::Scrub&) const {
    answer(dispatch.scrub_.start().map([](const std::string& job) {
      return Value(Map{{"job", job}});
    }));
  }
  void operator()(const protocol::JobGet& call) const { answer(parts().jobs.get(call.id)); }
  void operator()(const protocol::JobCancel& call) const { answer(parts().jobs.cancel(call.id)); }
};

Dispatch::Dispatch(const Parts& parts)
    : parts_(parts),
      reads_(parts),
      mutations_(parts),
      collection_(parts),
      blob_calls_(parts, collection_),
      feeds_(parts),
      exports_(parts),
      scrub_(parts),
      known_blobs_(parts) {}

void Dispatch::handle(Session& session, protocol::Request request, std::size_t bytes) {
  std::visit(Visitor{*this, session, request.id, request.digest, bytes}, request.call);
}

void Dispatch::committed() {
  reads_.committed();
  blob_calls_.committed();
  feeds_.committed();
}

void Dispatch::drain() {
  reads_.drain();
  blob_calls_.end_long_readings();
  feeds_.drain();
}

void Dispatch::cancel() {
  reads_.cancel();
  blob_calls_.end_long_readings();
}

void Dispatch::has_room(Session& session) { feeds_.serve(session); }

void Dispatch::forget(SessionId session) {
  feeds_.forget(session);
  exports_.forget(session);
  reads_.forget(session);
  blob_calls_.forget(session);
}

}  // namespace emstore::daemon
