#include "daemon/app.h"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "daemon/descriptors.h"
#include "daemon/dispatch.h"
#include "daemon/listener.h"
#include "daemon/media_mark.h"
#include "daemon/memory.h"
#include "daemon/opening.h"
#include "daemon/parts.h"

namespace emstore::daemon {
namespace {

constexpr std::size_t kScanThreads = 1;
constexpr std::size_t kFeedThreads = 1;
constexpr std::size_t kFinishedJobsMax = 64;
constexpr std::size_t kWaitingJobsMax = 16;
constexpr std::chrono::microseconds kUploadExpiryIntervalMax = std::chrono::minutes(10);
constexpr std::chrono::microseconds kUploadExpiryIntervalMin = std::chrono::seconds(1);

Peer this_process() { return Peer{::getuid(), ::getgid(), static_cast<std::uint32_t>(::getpid())}; }

WriterOptions writer_options(const Config& config) {
  return {.waiting_max = config.writer_waiting_max,
          .waiting_bytes_max = config.writer_waiting_bytes_max,
          .group_commits_max = config.store.group_commits_max,
          .group_bytes_max = config.store.group_bytes_max,
          .head_interval = config.head_interval,
          .key_window = config.key_window,
          .keys_max = config.keys_max,
          .expiry_interval = config.key_expiry_interval,
          .self = this_process()};
}

// What lies on disk, opened before any thread or socket.
struct Stored {
  OpenedStore opened;
  std::unique_ptr<Quota> quota;
  std::unique_ptr<blobs::FileStore> files;
  std::unique_ptr<blobs::Uploads> uploads;
  std::vector<blobs::Sniffer> sniffers;
};

Result<Stored> open_stored(const Config& config, Log& log, std::unique_ptr<blobs::System> system) {
  EMSTORE_TRY(OpenedStore opened, open_store(config, log));
  Stored stored{std::move(opened), {}, {}, {}, {}};
  stored.quota = std::make_unique<Quota>(config.quota);
  const std::filesystem::path media = config.media_folder();
  EMSTORE_CHECKED(make_private_folder(media));
  EMSTORE_TRY(blobs::FileStore files, blobs::FileStore::open(media, std::move(system)));
  stored.files = std::make_unique<blobs::FileStore>(std::move(files));
  EMSTORE_CHECKED(claim_media(config, stored.opened));  // Locked by now, and nothing removed yet.
  const blobs::UploadLimits limits{
      .blob_bytes_max = config.blob_bytes_max,
      .open_per_uid_max = config.uploads_per_uid_max,
      .last_descriptor = last_descriptor_of_peers(),
      .idle_micros_max = config.upload_idle.count(),
      .free_bytes_min = config.free_bytes_min,
      .promised_elsewhere =
          [&database = stored.opened.store->database(),
           is_here = are_on_one_disk(config.data, media)] {
            return is_here ? database.merging_bytes() : 0;
          },
      .admit = [&quota = *stored.quota](
                   std::uint32_t uid,
                   std::uint64_t bytes) { return quota.admit_upload(uid, bytes); }};
  EMSTORE_TRY(blobs::Uploads uploads, blobs::Uploads::open(*stored.files, limits));
  stored.uploads = std::make_unique<blobs::Uploads>(std::move(uploads));
  stored.quota->count_by([&store = *stored.opened.store, &counted = *stored.uploads] {
    return usage_of(store, counted);
  });
  for (std::size_t thread = 0; thread < config.media_threads; ++thread) {
    EMSTORE_TRY(blobs::Sniffer sniffer, blobs::Sniffer::open());
    stored.sniffers.push_back(std::move(sniffer));
  }
  return stored;
}

}  // namespace

// Members are ended in the reverse order: first who asks, then who works, last what is stored.
// Whatever an unfinished piece of work holds of the store is gone before the store is.
struct App::State {
  State(const Config& configuration, std::unique_ptr<Log> own_log, Stored opened,
        SocketFile socket);
  ~State() { end_work(); }  // What works uses `dispatch`, which is gone before the pools are.

  void stop_when_asked();
  void begin_stop();
  void tidy_at_start();
  void watch_uploads();
  void watch_scrub(bool is_first);
  void end_work();
  Status close_store();

  const Config config;
  const std::unique_ptr<Log> log;
  Stored stored;

  Reactor reactor;
  Pool media;
  Pool large_files;
  Pool scans;
  Pool feeds;
  Jobs jobs;
  std::unique_ptr<Dispatch> dispatch;
  Sessions sessions;
  Writer writer;
  Listener listener;
  Space space;
  const Parts parts;

  asio::signal_set signals;
  asio::steady_timer stop_deadline;
  asio::steady_timer upload_expiry;
  asio::steady_timer scrub_due;
  bool is_stopping = false;
  bool was_asked_to_stop = false;
  std::optional<Error> failure_of_store;
};

App::State::State(const Config& configuration, std::unique_ptr<Log> own_log, Stored opened,
                  SocketFile socket)
    : config(configuration),
      log(std::move(own_log)),
      stored(std::move(opened)),
      reactor(config.spin),
      media("media", config.media_threads,
            {.waiting = config.pool_waiting_max, .bytes = config.session.all_bytes_max}),
      large_files("large", config.media_threads, {.waiting = config.pool_waiting_max}),
      scans("scan", kScanThreads, {.waiting = config.pool_waiting_max}),
      // A connection has one slice read at a time.
      feeds("feed", kFeedThreads, {.waiting = config.connections.all_max}),
      jobs(reactor, kFinishedJobsMax, kWaitingJobsMax),
      sessions(reactor, *log, config.session, config.connections,
               {.request =
                    [this](Session& session, protocol::Request request, std::size_t bytes) {
                      dispatch->handle(session, std::move(request), bytes);
                    },
                .closed = [this](SessionId session) { dispatch->forget(session); },
                .has_room = [this](Session& session) { dispatch->has_room(session); },
                // When the scans are busy, the next quiet moment will do.
                .quiet = [this] { scans.submit([](std::size_t) { give_back_memory(); }); }}),
      writer(*stored.opened.store, reactor, *log, writer_options(config),
             {.committed = [this] { dispatch->committed(); },
              .failed =
                  [this](Error error) {
                    failure_of_store = std::move(error);
                    begin_stop();
                  }}),
      listener(reactor, *log, std::move(socket),
               [this](int descriptor) { sessions.add(descriptor); }),
      space(reactor.context(), *log, stored.opened.store->database(), config),
      parts{.config = config,
            .log = *log,
            .reactor = reactor,
            .store = *stored.opened.store,
            .files = *stored.files,
            .uploads = *stored.uploads,
            .sniffers = stored.sniffers,
            .media = media,
            .large_files = large_files,
            .scans = scans,
            .feeds = feeds,
            .jobs = jobs,
            .writer = writer,
            .sessions = sessions,
            .space = space,
            .quota = *stored.quota,
            .started = std::chrono::steady_clock::now()},
      signals(reactor.context()),
      stop_deadline(reactor.context()),
      upload_expiry(reactor.context()),
      scrub_due(reactor.context()) {
  dispatch = std::make_unique<Dispatch>(parts);
  tidy_at_start();
  watch_uploads();
  space.watch();
  if (config.scrub_every.count() > 0) watch_scrub(/*is_first=*/true);
}

// Whoever asks again does not want to wait for what is in flight. A write that fails while a stop
// is under way, or the other way round, does not cut short the answers that say so.
void App::State::stop_when_asked() {
  if (std::exchange(was_asked_to_stop, true)) return reactor.stop();
  begin_stop();
}

void App::State::begin_stop() {
  if (std::exchange(is_stopping, true)) return;
  log->info("stopping", {{"connections", sessions.count()}, {"in_flight", sessions.in_flight()}});
  listener.close();
  dispatch->drain();
  stop_deadline.expires_after(config.drain_deadline);
  stop_deadline.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    log->warning("stop_deadline", {{"in_flight", sessions.in_flight()}});
    reactor.stop();
  });
  sessions.drain([this] { reactor.stop(); });
}

// What a run before this one had no time for.
void App::State::tidy_at_start() {
  const bool stopped_in_order = stored.opened.store->stopped_in_order();
  media.submit([this, stopped_in_order](std::size_t) {
    dispatch->collection().remove_files();
    if (!stopped_in_order) dispatch->collection().remove_strays();
  });
}

void App::State::watch_uploads() {
  upload_expiry.expires_after(
      std::clamp(config.upload_idle, kUploadExpiryIntervalMin, kUploadExpiryIntervalMax));
  upload_expiry.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    media.submit([this](std::size_t) {
      dispatch->collection().drop_uploads();
      dispatch->collection().remove_files();
    });
    watch_uploads();
  });
}

void App::State::watch_scrub(bool is_first) {
  scrub_due.expires_after(std::min(config.scrub_look, config.scrub_every));
  scrub_due.async_wait([this, is_first](const boost::system::error_code& error) {
    if (error || is_stopping) return;
    Scrub& scrub = dispatch->scrub();
    if (scrub.is_due(is_first)) static_cast<void>(scrub.start());  // Busy: next time.
    watch_scrub(/*is_first=*/false);
  });
}

// Whoever waits for an answer has it, or has been given up. A second time, nothing is left to end.
void App::State::end_work() {
  listener.close();
  writer.stop();
  jobs.stop();
  dispatch->cancel();
  scans.stop();
  feeds.stop();
  media.stop();
  large_files.stop();
  dispatch->collection().remove_strays(stored.uploads->give_up_all());
}

// Only a store that is whole is marked as stopped in order.
Status App::State::close_store() {
  if (failure_of_store) return failure(*failure_of_store);
  EMSTORE_CHECKED(stored.opened.store->sync_head());
  return stored.opened.store->close();
}

App::App(std::unique_ptr<State> state) : state_(std::move(state)) {}
App::~App() = default;

Result<std::unique_ptr<App>> App::open(const Config& config,
                                       std::unique_ptr<blobs::System> system) {
  auto log = std::make_unique<Log>(config.log_level);
  EMSTORE_TRY(Stored stored, open_stored(config, *log, std::move(system)));
  EMSTORE_TRY(SocketFile socket, SocketFile::listen(config.socket));
  try {
    auto state =
        std::make_unique<State>(config, std::move(log), std::move(stored), std::move(socket));
    EMSTORE_CHECKED(state->listener.start());
    return std::unique_ptr<App>(new App(std::move(state)));
  } catch (const std::system_error& error) {  // Of threads, and of what the reactor waits with.
    return failure(ErrorCode::busy, std::string("cannot start: ") + error.what(), "threads.media",
                   "lower threads.media, or allow this user more threads and memory");
  }
}

Status App::run() {
  state_->reactor.run();
  state_->end_work();
  const Sequence sequence = this->sequence();
  Status closed = state_->close_store();
  if (closed) state_->log->info("stopped", {{"sequence", sequence}});
  return closed;
}

void App::stop() {
  state_->reactor.deliver([state = state_.get()] { state->stop_when_asked(); });
}

void App::stop_on_signals() {
  state_->signals.add(SIGTERM);
  state_->signals.add(SIGINT);
  const auto wait = [state = state_.get()](const auto& again) -> void {
    state->signals.async_wait([state, again](const boost::system::error_code& error, int signal) {
      if (error) return;
      state->log->info("signal", {{"number", signal}});
      state->stop_when_asked();
      again(again);
    });
  };
  wait(wait);
}

Sequence App::sequence() const { return state_->stored.opened.store->view()->sequence; }
Writer& App::writer() { return state_->writer; }
store::Store& App::store() { return *state_->stored.opened.store; }

void App::push_to_all(const protocol::Push& push) {
  state_->reactor.deliver([state = state_.get(), push] { state->sessions.push_to_all(push); });
}

}  // namespace emstore::daemon
