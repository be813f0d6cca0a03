#include "daemon/reads.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "protocol/codec.h"
#include "store/explain.h"
#include "store/history.h"
#include "store/log.h"
#include "store/log_search.h"
#include "store/moment.h"
#include "store/schemas_of_then.h"

namespace emstore::daemon {

struct Planned {
  std::shared_ptr<const store::View> view;
  store::Moment moment;  // Whose schema the query points into.
  store::Query query;
  store::Plan plan;
  ReadForm form = ReadForm::one;
  bool is_past = false;  // As of an earlier commit than the view's.
};

namespace {

using store::Query;
using store::View;

// What the reactor affords in place, for everybody else waits meanwhile: a few milliseconds at
// most. A read that turns out to need more is begun again on the thread of scans.
constexpr std::uint64_t kQuickItemsMax = 2'000;
constexpr std::uint64_t kQuickExaminedMax = 5'000;
constexpr std::uint64_t kQuickBytesMax = 1u << 20;
constexpr std::uint64_t kQuickPastMax = 500;   // Of what a read of the past looks at.
constexpr std::uint64_t kCommitsMax = 10'000;  // Of one log.read.

// A read by id is one with a `where`, of which its sender knows nothing.
void call_id_by_its_name(Error& error) {
  if (error.path == "where.id") error.path = "id";
  for (Error& violation : error.violations) call_id_by_its_name(violation);
}

// What a schema of then does not have may be in that of now.
Result<Query> resolve_as_of(const store::Moment& moment, const View& view, const Read& read) {
  Result<Query> query = store::resolve_query(*moment.schema, read.entity, read.query);
  if (!query && read.is_by_id) call_id_by_its_name(query.error());
  if (!query && moment.schema->version != view.schema->version && query.error().hint.empty()) {
    query.error().hint =
        "as of commit " + std::to_string(moment.sequence) + " the schema is that of " +
        (moment.schema->version == 0 ? std::string("an empty store")
                                     : "commit " + std::to_string(moment.schema->version));
  }
  return query;
}

Result<Planned> plan_read(std::shared_ptr<const View> view, const Read& read) {
  Planned planned{std::move(view), {}, {}, {}, read.form, false};
  planned.moment = store::moment_of(*planned.view);
  if (!read.options.as_of.is_null()) {
    EMSTORE_TRY(planned.moment, store::moment_at(*planned.view, read.options.as_of));
    planned.is_past = planned.moment.sequence < planned.view->sequence;
  }
  EMSTORE_TRY(planned.query, resolve_as_of(planned.moment, *planned.view, read));
  if (planned.is_past) store::tell_collected(planned.query);
  if (read.form == ReadForm::one) planned.query.limit = 1;
  const auto is_ready = [&planned](IndexId id) {
    if (planned.is_past) return false;  // Keys of indexes have no history.
    const auto state = planned.view->indexes->find(id);
    return state != planned.view->indexes->end() &&
           state->second.kind == store::IndexState::Kind::ready;
  };
  planned.plan = store::plan_of(*planned.moment.schema, planned.query, is_ready);
  return planned;
}

// Whether it is worth a try in place: not when more than what is wanted has to be looked at.
bool may_be_quick(const Planned& planned) {
  constexpr std::size_t kQuickRanges = 16;  // Keys of each are counted.
  if (planned.form == ReadForm::explain) {
    return planned.plan.parts.empty() && planned.plan.ranges.size() <= kQuickRanges;
  }
  if (planned.is_past && planned.form == ReadForm::count && !planned.query.where) return false;
  if (planned.plan.kind != store::Plan::Kind::scan) return true;
  const bool is_direct =
      !planned.query.where || store::is_range_of_ids(planned.query, planned.plan);
  return planned.form != ReadForm::count && is_direct && !planned.plan.sorts &&
         !planned.query.count;
}

store::QueryLimits quick(store::QueryLimits limits, bool is_past) {
  limits.items_max = std::min(limits.items_max, kQuickItemsMax);
  const std::uint64_t examined_max = is_past ? kQuickPastMax : kQuickExaminedMax;
  limits.examined_max = std::min(limits.examined_max, examined_max);
  limits.result_bytes_max = std::min(limits.result_bytes_max, kQuickBytesMax);
  return limits;
}

void write_sequence(Sequence sequence, Sink& sink) {
  sink.text("sequence");
  sink.integer(static_cast<std::int64_t>(sequence));
}

// How many rows a plan leads to is said of the live store only.
Result<Map> plan_map(const Planned& planned) {
  const store::Reader& live = *planned.view->reader;
  EMSTORE_TRY(Map plan, store::explain(live, planned.query, planned.plan));
  if (!planned.is_past) return plan;
  plan.set("rows", Value());
  plan.set("estimate", "unknown");
  EMSTORE_TRY(Map past,
              store::explain_past(live, planned.query, planned.plan, planned.moment.sequence));
  plan.append("past", std::move(past));
  return plan;
}

// What a query is carried out on.
struct Ground {
  const store::Reader& reader;
  const store::QueryLimits& limits;
};

Status write_one(const Planned& planned, const Ground& ground, Sink& sink) {
  sink.begin_map(2);
  sink.text("data");
  EMSTORE_TRY(const store::Found found,
              store::find_one(ground.reader, *planned.moment.schema, planned.query, planned.plan,
                              ground.limits, sink));
  sink.text("meta");
  sink.begin_map(2);
  write_sequence(planned.moment.sequence, sink);
  sink.text("version");
  sink.integer(static_cast<std::int64_t>(found.version));
  return {};
}

Status write_many(const Planned& planned, const Ground& ground, Sink& sink) {
  sink.begin_map(2);
  sink.text("data");
  EMSTORE_TRY(const store::Found found,
              store::find_many(ground.reader, *planned.moment.schema, planned.query, planned.plan,
                               ground.limits, sink));
  sink.text("meta");
  sink.begin_map(2 + (found.cursor ? 1 : 0) + (found.count ? 1 : 0));
  write_sequence(planned.moment.sequence, sink);
  sink.text("hasMore");
  sink.boolean(found.has_more);
  if (found.cursor) {
    sink.text("cursor");
    sink.text(*found.cursor);
  }
  if (found.count) {
    sink.text("count");
    sink.integer(static_cast<std::int64_t>(*found.count));
  }
  return {};
}

// {<name>: value, meta: {sequence}}
void write_answer(std::string_view name, const Value& value, Sequence sequence, Sink& sink) {
  sink.begin_map(2);
  sink.text(name);
  sink.value(value);
  sink.text("meta");
  sink.begin_map(1);
  write_sequence(sequence, sink);
}

Status write_result(const Planned& planned, const Ground& ground, Sink& sink) {
  const store::Moment& moment = planned.moment;
  switch (planned.form) {
    case ReadForm::one:
      return write_one(planned, ground, sink);
    case ReadForm::many:
      return write_many(planned, ground, sink);
    case ReadForm::count: {
      EMSTORE_TRY(
          const std::uint64_t count,
          store::count(ground.reader, *moment.schema, planned.query, planned.plan, ground.limits));
      write_answer("count", count, moment.sequence, sink);
      return {};
    }
    case ReadForm::exists: {
      EMSTORE_TRY(const bool exists,
                  store::exists(ground.reader, planned.query, planned.plan, ground.limits));
      write_answer("exists", exists, moment.sequence, sink);
      return {};
    }
    case ReadForm::explain: {
      EMSTORE_TRY(Map plan, plan_map(planned));
      write_answer("plan", std::move(plan), moment.sequence, sink);
      return {};
    }
  }
  return {};
}

Status write_result(const Planned& planned, const store::QueryLimits& limits, Sink& sink) {
  const store::Reader& live = *planned.view->reader;
  if (!planned.is_past) return write_result(planned, Ground{live, limits}, sink);
  const store::History history(live, planned.moment, limits);
  return write_result(planned, Ground{history, limits}, sink);
}

// Appends the reply; on an error nothing.
Status encode_result(std::uint32_t request, const Planned& planned,
                     const store::QueryLimits& limits, std::string& out) {
  protocol::ReplyWriter reply(out, request);
  EMSTORE_CHECKED(write_result(planned, limits, reply.result()));
  reply.finish();
  return {};
}

// ---- The log
// --------------------------------------------------------------------------------------

Value shown_commit(const store::StoredCommit& stored, const store::Commit& commit,
                   const store::Schema& schema) {
  ValueSink sink;
  store::show(commit, schema, sink);
  Value shown = sink.take();
  shown.if_map()->set("bytes", Binary{stored.bytes});
  return shown;
}

// A commit whose decoded form does not fit beside its bytes comes without its events.
Value bare_commit(const store::StoredCommit& stored, const store::CommitInfo& info) {
  ValueSink sink;
  store::show_bare(stored, info, sink);
  return sink.take();
}

Result<store::LogWords> words_of(const protocol::LogRead& read) {
  store::LogWords words{read.from,    read.to,     read.since, read.until,
                        read.reverse, read.entity, read.id,    read.field,
                        {},           read.media,  {}};
  for (const Value& name : read.operators) {
    if (name.if_text() == nullptr) {
      return failure(ErrorCode::wrong_type,
                     "operators are texts, not " + std::string(name_of(name.kind())), "operators");
    }
    words.operators.push_back(*name.if_text());
  }
  if (read.uid) {
    if (*read.uid > std::numeric_limits<std::uint32_t>::max()) {
      return failure(ErrorCode::out_of_range, std::to_string(*read.uid) + " is no uid", "uid");
    }
    words.uid = static_cast<std::uint32_t>(*read.uid);
  }
  return words;
}

Result<Value> read_commits(const View& view, const protocol::LogRead& read,
                           std::size_t reply_bytes_max, KeptOfTheLog& kept) {
  if (read.limit == 0) {  // It would lead nowhere, again and again.
    return failure(ErrorCode::out_of_range, "0 is no integer from 1", "limit",
                   "ask for 1 at least, or leave it out");
  }
  EMSTORE_TRY(const store::LogWords words, words_of(read));
  EMSTORE_TRY(const store::LogSearch search, store::resolve_search(view, kept.names, words));
  // The decoded form takes about as much again as the bytes.
  const store::LogBounds bounds{std::min(read.limit, kCommitsMax), reply_bytes_max / 4};
  EMSTORE_TRY(const store::LogPage page, store::search_log(view, search, bounds, kept.chains));
  store::SchemasOfThen schemas;
  List commits;
  std::size_t bytes = 0;
  Sequence next = page.next;
  for (const store::StoredCommit& one : page.commits) {
    EMSTORE_TRY(const store::Commit commit, store::decode(one.bytes));
    EMSTORE_TRY(const auto schema, schemas.before(view, commit.info));
    Value shown = shown_commit(one, commit, *schema);
    const std::size_t size = pack::to_bytes(shown).size();
    const bool fits = bytes + size + 1'024 <= reply_bytes_max;
    if (!fits && !commits.empty()) {
      next = one.sequence;
      break;
    }
    commits.push_back(fits ? std::move(shown) : bare_commit(one, commit.info));
    bytes += size;
  }
  const bool more = next != 0;
  if (!more && !search.reverse) next = std::max(search.first, search.last + 1);
  return Map{{"commits", std::move(commits)}, {"next", next}, {"more", more}};
}

}  // namespace

Reads::Reads(const Parts& parts) : parts_(parts), ticker_(parts.reactor.context()) {}

void Reads::begin(Session& session, std::uint32_t request, Read read) {
  if (read.options.after && *read.options.after > parts_.store.view()->sequence) {
    return wait(session, request, std::move(read));
  }
  run(session, request, read);
}

void Reads::run(Session& session, std::uint32_t request, const Read& read) {
  Result<Planned> planned = plan_read(parts_.store.view(), read);
  if (!planned) return session.refuse(request, planned.error());
  if (may_be_quick(*planned)) {
    const Status done = encode_result(request, *planned,
                                      quick(parts_.config.query, planned->is_past), session.out());
    if (done) return session.answered(request);
    if (done.error().code != ErrorCode::result_too_large) {
      return session.refuse(request, done.error());
    }
  }
  begin_scan(session, request, *std::move(planned));
}

void Reads::begin_scan(Session& session, std::uint32_t request, Planned planned) {
  const Scan scan{{session.id(), request}, std::make_shared<std::atomic<bool>>(false)};
  const std::uint64_t number = ++scans_begun_;
  store::QueryLimits limits = parts_.config.query;
  limits.is_cancelled = scan.is_cancelled.get();
  const bool is_taken =
      parts_.scans.submit([this, scan, number, limits, held = std::move(planned)](std::size_t) {
        std::string reply;
        if (Status done = encode_result(scan.caller.request, held, limits, reply); !done) {
          protocol::encode_error(scan.caller.request, done.error(), reply);
        }
        parts_.reactor.deliver([this, caller = scan.caller, number, bytes = std::move(reply)] {
          scans_.erase(number);
          Session* asker = parts_.sessions.find(caller.session);
          if (asker != nullptr) asker->reply_encoded(caller.request, bytes);
        });
      });
  if (!is_taken) return session.refuse(request, too_much_waits("scans"));
  scans_.emplace(number, scan);
  session.expect(request, limits.result_bytes_max);
  watch_deadlines();
}

void Reads::begin(Session& session, std::uint32_t request, const protocol::LogRead& read) {
  const Caller caller{session.id(), request};
  const std::size_t reply_bytes_max = parts_.config.session.wire.reply_bytes_max;
  const bool is_taken = parts_.scans.submit(
      [this, caller, read, reply_bytes_max, view = parts_.store.view()](std::size_t) {
        Result<Value> commits = read_commits(*view, read, reply_bytes_max, kept_);
        std::string reply;
        if (commits) {
          protocol::encode_result(caller.request, *commits, reply);
        } else {
          protocol::encode_error(caller.request, commits.error(), reply);
        }
        parts_.reactor.deliver([this, caller, bytes = std::move(reply)] {
          if (Session* asker = parts_.sessions.find(caller.session))
            asker->reply_encoded(caller.request, bytes);
        });
      });
  if (!is_taken) return session.refuse(request, too_much_waits("scans"));
  session.expect(request, reply_bytes_max);
}

// ---- Waiting for a commit
// -------------------------------------------------------------------------

void Reads::wait(Session& session, std::uint32_t request, Read read) {
  if (!has_place(session.id())) return session.refuse(request, too_much_waits("reads"));
  const Sequence after = *read.options.after;
  const auto deadline = std::chrono::steady_clock::now() + parts_.config.after_deadline;
  waiting_.emplace(after, Waiting{Caller{session.id(), request}, deadline, std::move(read)});
  ++waiting_of_[session.id()];
  watch_deadlines();
}

// A connection may have as many places as it leaves free: one alone never takes more than half, and
// a newcomer finds one.
bool Reads::has_place(SessionId session) const {
  const std::size_t all = parts_.config.pool_waiting_max;
  const auto own = waiting_of_.find(session);
  const std::size_t taken = own == waiting_of_.end() ? 0 : own->second;
  return waiting_.size() < all && taken < all - waiting_.size();
}

Reads::WaitingReads::iterator Reads::end_wait(WaitingReads::iterator waiting) {
  const auto own = waiting_of_.find(waiting->second.caller.session);
  if (--own->second == 0) waiting_of_.erase(own);
  return waiting_.erase(waiting);
}

void Reads::committed() {
  if (waiting_.empty()) return;
  const Sequence sequence = parts_.store.view()->sequence;
  while (!waiting_.empty() && waiting_.begin()->first <= sequence) {
    const Waiting waiting = std::move(waiting_.begin()->second);
    end_wait(waiting_.begin());
    if (Session* session = parts_.sessions.find(waiting.caller.session)) {
      run(*session, waiting.caller.request, waiting.read);
    }
  }
}

void Reads::drain() {
  for (const auto& [after, waiting] : waiting_) {
    Session* session = parts_.sessions.find(waiting.caller.session);
    if (session == nullptr) continue;
    session->refuse(
        waiting.caller.request,
        Error{ErrorCode::shutting_down,
              "the daemon is stopping; commit " + std::to_string(after) + " has not been made"});
  }
  waiting_.clear();
  waiting_of_.clear();
  if (scans_.empty()) ticker_.cancel();
}

void Reads::forget(SessionId session) {
  if (!waiting_of_.contains(session)) return;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    it = it->second.caller.session == session ? end_wait(it) : std::next(it);
  }
}

void Reads::give_up_the_late() {
  const auto now = std::chrono::steady_clock::now();
  const Sequence sequence = parts_.store.view()->sequence;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    const Waiting& waiting = it->second;
    if (now < waiting.deadline) {
      ++it;
      continue;
    }
    if (Session* session = parts_.sessions.find(waiting.caller.session)) {
      session->refuse(waiting.caller.request,
                      Error{ErrorCode::timed_out, "commit " + std::to_string(it->first) +
                                                      " has not been made; the last is " +
                                                      std::to_string(sequence)});
    }
    it = end_wait(it);
  }
}

void Reads::cancel() {
  for (const auto& [number, scan] : scans_) scan.is_cancelled->store(true);
}

// Nobody will read what they find.
void Reads::cancel_the_deserted() {
  for (const auto& [number, scan] : scans_) {
    Session* session = parts_.sessions.find(scan.caller.session);
    if (session == nullptr || session->peer_is_gone()) scan.is_cancelled->store(true);
  }
}

void Reads::watch_deadlines() {
  if (is_watching_ || (waiting_.empty() && scans_.empty())) return;
  is_watching_ = true;
  constexpr std::chrono::microseconds kLongest{1'000'000};
  constexpr std::chrono::microseconds kShortest{1'000};
  constexpr std::chrono::microseconds kScanning{100'000};
  ticker_.expires_after(std::clamp(parts_.config.after_deadline / 8, kShortest,
                                   scans_.empty() ? kLongest : kScanning));
  ticker_.async_wait([this](const boost::system::error_code& error) {
    is_watching_ = false;
    if (error) return;
    give_up_the_late();
    cancel_the_deserted();
    watch_deadlines();
  });
}

}  // namespace emstore::daemon
