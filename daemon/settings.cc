#include "daemon/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/suggest.h"

namespace emstore::daemon {
namespace {

using std::chrono::microseconds;

// What clients, and imports of a commit, take for one message.
constexpr std::uint64_t kReplyMost = 64u << 20;

static_assert(std::is_same_v<std::size_t, std::uint64_t>, "Number and Bytes point at either");

// A request with a document of operators has so many.
constexpr std::uint64_t kDepthLeast = 8;

constexpr std::array kSettings{
    Setting{"data", [](Config& c) -> Place { return &c.data; },
            "the directory that holds the store"},
    Setting{"media", [](Config& c) -> Place { return &c.media; },
            "the directory of large media files; empty: media/ in the data directory"},

    Setting{
        "socket.path", [](Config& c) -> Place { return &c.socket.path; },
        "where to listen; empty: $XDG_RUNTIME_DIR/emstore/sock, else sock in the data directory"},
    Setting{"socket.mode", [](Config& c) -> Place { return Mode{&c.socket.mode}; },
            "permissions of the socket's file, octal"},
    Setting{"socket.group", [](Config& c) -> Place { return &c.socket.group; },
            "group of the socket's file; empty: the daemon's"},

    Setting{"limits.request",
            [](Config& c) -> Place { return Bytes{&c.session.wire.request_bytes_max}; },
            "one request"},
    Setting{"limits.reply",
            [](Config& c) -> Place {
              return Bytes{&c.session.wire.reply_bytes_max, 1, kReplyMost};
            },
            "one reply or push"},
    Setting{"limits.chunk",
            [](Config& c) -> Place { return Bytes{&c.session.wire.chunk_bytes_max}; },
            "the bytes of one blob.write or blob.read"},
    Setting{"limits.depth",
            [](Config& c) -> Place {
              return Number{&c.session.wire.depth_max, kDepthLeast, protocol::kDepthMost};
            },
            "lists and maps within each other"},
    Setting{"limits.in_flight", [](Config& c) -> Place { return Number{&c.session.in_flight_max}; },
            "requests of one connection that are not answered yet; then it is read no further"},
    Setting{"limits.connections", [](Config& c) -> Place { return Number{&c.connections.all_max}; },
            "connections in all"},
    Setting{"limits.connections_per_uid",
            [](Config& c) -> Place { return Number{&c.connections.per_uid_max}; },
            "connections of one user"},
    Setting{"limits.connection_memory",
            [](Config& c) -> Place { return Bytes{&c.session.held_bytes_max}; },
            "requests and replies that one connection holds; then it is read no further"},
    Setting{"limits.connections_memory",
            [](Config& c) -> Place { return Bytes{&c.session.all_bytes_max}; },
            "the same of all connections together"},
    Setting{"limits.message_time",
            [](Config& c) -> Place { return Duration{&c.session.message_deadline}; },
            "from a message's first byte to its last"},
    Setting{"limits.write_time",
            [](Config& c) -> Place { return Duration{&c.session.write_deadline}; },
            "a peer that takes no byte for so long is dropped"},
    Setting{"limits.after_time", [](Config& c) -> Place { return Duration{&c.after_deadline}; },
            "how long a read waits for the commit its `after` names"},
    Setting{"limits.stop_time", [](Config& c) -> Place { return Duration{&c.drain_deadline}; },
            "how long a stop waits for what is in flight"},
    Setting{"limits.waiting_commits",
            [](Config& c) -> Place { return Number{&c.writer_waiting_max}; },
            "mutations that wait for the writer; more are answered `busy`"},
    Setting{"limits.waiting_bytes",
            [](Config& c) -> Place { return Bytes{&c.writer_waiting_bytes_max}; },
            "the bytes of them; one is taken, whatever its size, when none waits"},
    Setting{"limits.waiting_work", [](Config& c) -> Place { return Number{&c.pool_waiting_max}; },
            "pieces of media work, or scans, that wait; more are answered `busy`"},
    Setting{"limits.exports", [](Config& c) -> Place { return Number{&c.exports_max}; },
            "exports that are being fetched at a time"},
    Setting{"limits.subscriptions", [](Config& c) -> Place { return Number{&c.subscriptions_max}; },
            "subscriptions of one connection"},
    Setting{"limits.feed_buffer", [](Config& c) -> Place { return Bytes{&c.feed_buffer_max}; },
            "pushes that a connection has not taken; then nothing more is read for it"},
    Setting{"limits.feed_lag", [](Config& c) -> Place { return Number{&c.feed_lag_max}; },
            "commits that a subscriber may be behind before it is told so"},
    Setting{"limits.group_commits",
            [](Config& c) -> Place { return Number{&c.store.group_commits_max}; },
            "commits written with one sync"},
    Setting{"limits.group_bytes",
            [](Config& c) -> Place { return Bytes{&c.store.group_bytes_max}; },
            "the bytes of them"},
    Setting{"limits.commit_changes",
            [](Config& c) -> Place { return Number{&c.store.commit_changes_max}; },
            "row operations of one commit"},
    Setting{"limits.commit_bytes",
            [](Config& c) -> Place { return Bytes{&c.store.commit_bytes_max}; },
            "the bytes of one commit"},
    Setting{"limits.mutations", [](Config& c) -> Place { return Number{&c.store.mutations_max}; },
            "records that one request inserts, changes, deletes or checks"},
    Setting{"limits.mutation_examined",
            [](Config& c) -> Place { return Number{&c.store.examined_max}; },
            "records that updateWhere, deleteWhere or a check may look at"},
    Setting{"limits.mutation_answer",
            [](Config& c) -> Place { return Bytes{&c.store.answer_bytes_max}; },
            "what a mutation of several records answers; more is refused before anything happens"},
    Setting{"limits.violations", [](Config& c) -> Place { return Number{&c.store.violations_max}; },
            "reasons listed when a request is refused"},
    Setting{"limits.result_items", [](Config& c) -> Place { return Number{&c.query.items_max}; },
            "records of one result, `with` included"},
    Setting{"limits.result_bytes",
            [](Config& c) -> Place { return Bytes{&c.query.result_bytes_max}; },
            "the bytes of one result"},
    Setting{"limits.examined", [](Config& c) -> Place { return Number{&c.query.examined_max}; },
            "rows that one query may look at"},
    Setting{
        "limits.verify_memory", [](Config& c) -> Place { return Bytes{&c.verify_bytes_max}; },
        "rows that verify or an audit folds and holds in memory; the rest goes to disk meanwhile"},
    Setting{"limits.rebuild_memory",
            [](Config& c) -> Place { return Bytes{&c.store.rebuild_bytes_max}; },
            "rows that a rebuild of the indexes holds: those it makes, and those it writes "
            "meanwhile, half of it each"},
    Setting{"limits.blob", [](Config& c) -> Place { return Bytes{&c.blob_bytes_max}; },
            "one file of media"},
    Setting{"limits.uploads_per_uid",
            [](Config& c) -> Place { return Number{&c.uploads_per_uid_max}; },
            "unfinished uploads of one user"},
    Setting{"limits.stored_bytes",
            [](Config& c) -> Place {
              return Bytes{&c.quota.stored_bytes_max, /*least=*/0};
            },
            "bytes of media in all, with what is uploaded; 0: as many as there is room for"},
    Setting{"limits.unlinked_bytes",
            [](Config& c) -> Place {
              return Bytes{&c.quota.unlinked_bytes_max, /*least=*/0};
            },
            "bytes that one user has uploaded and no media has; 0: no bound"},
    Setting{"limits.have_contents", [](Config& c) -> Place { return Number{&c.have_contents_max}; },
            "contents that one blob.have asks about"},
    Setting{"limits.scrub_rate", [](Config& c) -> Place { return Bytes{&c.scrub_rate}; },
            "what a scrub reads in a second"},
    Setting{"limits.free_space", [](Config& c) -> Place { return Bytes{&c.free_bytes_min}; },
            "with less left on a disk nothing is written but deletions, with less than a fourth of "
            "it on that of the rows nothing at all; reads go on. Merging tables leaves that "
            "fourth, too"},
    Setting{"limits.upload_idle", [](Config& c) -> Place { return Duration{&c.upload_idle}; },
            "an upload untouched for so long is dropped"},
    Setting{"limits.descriptors",
            [](Config& c) -> Place { return Number{&c.session.descriptors_max}; },
            "descriptors of files that clients have passed, or are passed, at a time"},
    Setting{"limits.lease", [](Config& c) -> Place { return Duration{&c.lease}; },
            "how long uploaded bytes wait for a record to name them"},

    Setting{"store.memtable", [](Config& c) -> Place { return Bytes{&c.database.memtable_bytes}; },
            "rows kept in memory before they are written out"},
    Setting{"store.cache", [](Config& c) -> Place { return Bytes{&c.database.cache_bytes}; },
            "rows cached for reading"},
    Setting{"store.writer_cache",
            [](Config& c) -> Place { return Bytes{&c.store.writer_cache_bytes}; },
            "rows kept for the next commits, as they were read or changed last"},
    Setting{
        "store.head_sync_with_commit",
        [](Config& c) -> Place { return &c.sync_head_with_every_group; },
        "sync the head file with every group, so that a cut of the newest commits is found too"},
    Setting{"store.head_interval", [](Config& c) -> Place { return Duration{&c.head_interval}; },
            "otherwise, how often it is synced"},
    Setting{"store.allow_memory", [](Config& c) -> Place { return &c.allow_memory; },
            "accept a data directory in memory (tmpfs), which is gone with the machine"},

    Setting{"requests.window", [](Config& c) -> Place { return Duration{&c.key_window}; },
            "how long the key of a request is remembered"},
    Setting{
        "requests.count", [](Config& c) -> Place { return Number{&c.keys_max}; },
        "keys of how many of the last commits are remembered; of some more, at most 4,096, until "
        "it is worth a commit"},
    Setting{"requests.expiry_interval",
            [](Config& c) -> Place {
              return Duration{&c.key_expiry_interval, std::chrono::milliseconds(10)};
            },
            "how often old keys, and leases that are over, are looked for"},

    Setting{"gc.grace", [](Config& c) -> Place { return Duration{&c.gc_grace}; },
            "how long media that nothing links are kept from gc"},

    Setting{"scrub.every",
            [](Config& c) -> Place {
              return Duration{&c.scrub_every, std::chrono::seconds(1), /*may_be_off=*/true};
            },
            "how often the bytes of media are scrubbed, from start to start; 0: when asked for"},

    Setting{
        "threads.media",
        [](Config& c) -> Place {
          return Number{&c.media_threads, 1, kMediaThreadsMost};
        },
        "threads that hash, sniff and write media; as many more for large files that are passed, "
        "and large uploads that are compared"},
    Setting{"threads.spin",
            [](Config& c) -> Place {
              return Duration{.value = &c.spin, .most = std::chrono::seconds(1)};
            },
            "how long the reactor looks for work before it sleeps; 30us halves the latency of a "
            "quiet daemon"},

    Setting{"log.level", [](Config& c) -> Place { return &c.log_level; },
            "debug, info, warning, error or off"},
};

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

struct Unit {
  std::string_view name;
  std::uint64_t size;
};
constexpr std::array kByteUnits{Unit{"TiB", 1ull << 40}, Unit{"GiB", 1ull << 30},
                                Unit{"MiB", 1ull << 20}, Unit{"KiB", 1ull << 10}, Unit{"B", 1}};
constexpr std::array kTimeUnits{Unit{"d", 86'400'000'000},
                                Unit{"h", 3'600'000'000},
                                Unit{"min", 60'000'000},
                                Unit{"ms", 1'000},
                                Unit{"us", 1},
                                Unit{"s", 1'000'000}};

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> quantity(std::string_view text, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (!text.ends_with(unit.name)) continue;
    std::string_view digits = text.substr(0, text.size() - unit.name.size());
    while (digits.ends_with(' ')) digits.remove_suffix(1);
    const std::optional<std::uint64_t> count = whole_number(digits);
    constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
    if (count && *count <= kMost / unit.size) return *count * unit.size;
    if (count) return std::nullopt;
  }
  return std::nullopt;
}

// The largest unit that leaves no remainder.
std::string quantity_text(std::uint64_t amount, std::span<const Unit> units_by_size) {
  if (amount == 0) return "0";
  for (const Unit& unit : units_by_size) {
    if (amount % unit.size == 0) return std::to_string(amount / unit.size).append(unit.name);
  }
  return std::to_string(amount);
}

constexpr std::array<std::string_view, 5> kLevels{"debug", "info", "warning", "error", "off"};

std::optional<mode_t> mode_of(std::string_view text) {
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc() || end != text.data() + text.size() || mode > 0777) return std::nullopt;
  return static_cast<mode_t>(mode);
}

std::string range_of(const Number& number) {
  const std::string from = "a whole number from " + std::to_string(number.least);
  const bool is_open = number.most == std::numeric_limits<std::uint64_t>::max();
  return is_open ? from : from + " to " + std::to_string(number.most);
}

std::string range_of(const Bytes& bytes) {
  const std::string sizes = "a size such as \"8MiB\" or 65536";
  const bool is_open = bytes.most == std::numeric_limits<std::uint64_t>::max();
  return is_open ? sizes : sizes + ", up to " + bytes_text(bytes.most);
}

std::string range_of(const Duration& duration) {
  const std::string range =
      "from " + duration_text(duration.least) + " to " + duration_text(duration.most);
  return (duration.may_be_off ? "0, or a time " : "a time ") + range +
         ", such as \"10s\", \"50ms\" or \"7d\"";
}

// What the place takes, in words; empty when the text was taken.
std::string assign_to(const Place& place, std::string_view text) {
  return std::visit(Overloaded{
                        [&](std::string* value) -> std::string {
                          *value = text;
                          return {};
                        },
                        [&](std::filesystem::path* value) -> std::string {
                          if (text.find('\0') != std::string_view::npos)
                            return "a path without NUL";
                          *value = text;
                          return {};
                        },
                        [&](const Bytes& bytes) -> std::string {
                          const auto read = bytes_of(text);
                          if (!read || *read < bytes.least || *read > bytes.most)
                            return range_of(bytes);
                          *bytes.value = *read;
                          return {};
                        },
                        [&](const Number& number) -> std::string {
                          const auto read = whole_number(text);
                          if (!read || *read < number.least || *read > number.most)
                            return range_of(number);
                          *number.value = *read;
                          return {};
                        },
                        [&](const Duration& duration) -> std::string {
                          const auto read = duration_of(text);
                          const bool is_off = read && read->count() == 0 && duration.may_be_off;
                          const bool fits =
                              read && *read >= duration.least && *read <= duration.most;
                          if (!fits && !is_off) return range_of(duration);
                          *duration.value = *read;
                          return {};
                        },
                        [&](const Mode& mode) -> std::string {
                          const auto read = mode_of(text);
                          if (!read) return "permissions in octal such as \"0660\"";
                          *mode.value = *read;
                          return {};
                        },
                        [&](bool* value) -> std::string {
                          if (text != "true" && text != "false") return "true or false";
                          *value = text == "true";
                          return {};
                        },
                        [&](LogLevel* value) -> std::string {
                          const auto found = std::ranges::find(kLevels, text);
                          if (found == kLevels.end()) return "debug, info, warning, error or off";
                          *value = static_cast<LogLevel>(found - kLevels.begin());
                          return {};
                        },
                    },
                    place);
}

}  // namespace

std::span<const Setting> settings() { return kSettings; }

std::optional<std::uint64_t> bytes_of(std::string_view text) {
  if (const auto plain = whole_number(text)) return plain;
  return quantity(text, kByteUnits);
}

std::optional<microseconds> duration_of(std::string_view text) {
  if (text == "0") return microseconds(0);
  const auto micros = quantity(text, kTimeUnits);
  if (!micros) return std::nullopt;
  return microseconds(static_cast<std::int64_t>(*micros));
}

std::string bytes_text(std::uint64_t bytes) { return quantity_text(bytes, kByteUnits); }

std::string duration_text(microseconds duration) {
  constexpr std::array kBySize{kTimeUnits[0], kTimeUnits[1], kTimeUnits[2],
                               kTimeUnits[5], kTimeUnits[3], kTimeUnits[4]};
  if (duration.count() == 0) return "0";
  return quantity_text(static_cast<std::uint64_t>(duration.count()), kBySize);
}

Status assign(const Setting& setting, Config& config, std::string_view text) {
  const std::string wanted = assign_to(setting.place(config), text);
  if (wanted.empty()) return {};
  return failure(ErrorCode::invalid_request,
                 std::string(setting.name) + " cannot be " + quoted(text),
                 std::string(setting.name), "it takes " + wanted);
}

std::string text_of(const Setting& setting, const Config& config) {
  Config copy = config;
  return std::visit(
      Overloaded{
          [](std::string* value) { return *value; },
          [](std::filesystem::path* value) { return value->string(); },
          [](const Bytes& bytes) { return bytes_text(*bytes.value); },
          [](const Number& number) { return std::to_string(*number.value); },
          [](const Duration& duration) { return duration_text(*duration.value); },
          [](const Mode& mode) {
            std::array<char, 8> text{};
            std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(*mode.value));
            return std::string(text.data());
          },
          [](bool* value) { return std::string(*value ? "true" : "false"); },
          [](LogLevel* value) { return std::string(kLevels.at(static_cast<std::size_t>(*value))); },
      },
      setting.place(copy));
}

bool is_quoted(const Setting& setting) {
  Config config;
  const Place place = setting.place(config);
  return !std::holds_alternative<Number>(place) && !std::holds_alternative<bool*>(place);
}

std::string variable_of(const Setting& setting) {
  // EMSTORE_SOCKET, as clients have it.
  if (setting.name == "socket.path") return "EMSTORE_SOCKET";
  std::string variable = "EMSTORE_";
  for (const char sign : setting.name) {
    const bool is_lower = sign >= 'a' && sign <= 'z';
    variable.push_back(sign == '.' ? '_' : is_lower ? static_cast<char>(sign - 'a' + 'A') : sign);
  }
  return variable;
}

}  // namespace emstore::daemon
