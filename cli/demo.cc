#include "cli/demo.h"

#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <emstore/client.hpp>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>

#include "cli/demo_daemon.h"
#include "cli/demo_shop.h"
#include "cli/failures.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/show.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

namespace files = std::filesystem;
using Clock = std::chrono::steady_clock;

// A folder that goes with the demo.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (files::temp_directory_path() / "emstore-demo-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw DemoFailure("cannot make a folder like " + pattern);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    files::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const files::path& path() const { return path_; }

 private:
  files::path path_;
};

files::path shop_folder(const DemoWords& words) {
  if (!words.shop.empty()) return words.shop;
  std::error_code ignored;
  const auto program = files::read_symlink("/proc/self/exe", ignored).parent_path();
  return (program / "../share/emstore/shop").lexically_normal();
}

files::path data_folder(const DemoWords& words, const TemporaryFolder& temporary) {
  if (words.keep.empty()) return temporary.path() / "data";
  files::path path = files::absolute(words.keep);
  if (files::exists(path) && !files::is_empty(path)) {
    throw UsageError(path.string() + " holds something already",
                     "name an empty folder, or a new one");
  }
  return path;
}

std::string bytes_of(const files::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw DemoFailure("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(stream), {}};
}

void expect(bool holds, const std::string& otherwise) {
  if (!holds) throw DemoFailure(otherwise);
}

// The records that use a media.
std::set<std::string> owners_of(const Record& medium) {
  std::set<std::string> owners;
  for (const RecordView use : medium.at("reference")) {
    owners.insert(cell_text(use["entity"]) + "/" + cell_text(use["entity_id"]));
  }
  return owners;
}

// The whole story, one chapter a function.
class Demo {
 public:
  Demo(const Session& session, const DemoWords& words)
      : session_(session),
        terminal_(session.terminal()),
        words_(words),
        catalog_(read_catalog(shop_folder(words))),
        data_(data_folder(words, temporary_)),
        daemon_({DemoDaemon::find_program(), data_, temporary_.path() / "sock",
                 temporary_.path() / "log"}) {}

  void run() {
    start();
    fill();
    show_tables();
    show_sharing();
    kill_and_restart();
    read_bytes_back();
    verify();
    daemon_.stop();
    say_what_next();
    if (session_.json()) session_.print_json(figures_);
  }

 private:
  struct Contents {
    std::string text;  // Every record with every link, as JSON.
    std::size_t records = 0, links = 0;
  };

  void start();
  void fill();
  void show_tables();
  void show_sharing();
  void kill_and_restart();
  void read_bytes_back();
  void verify();
  void say_what_next() const;

  Contents contents();
  void title(const std::string& text) const { print("\n" + bold(terminal_, text) + "\n"); }
  // The figures are those of the text.
  void done(const std::string& text, const Map& figures) {
    print(green(terminal_, "✓") + " " + text + "\n");
    for (const auto& [name, value] : figures) figures_.set(name, value);
  }
  void print(const std::string& text) const {
    InterruptGuard::check();
    if (!session_.json()) std::cout << text << std::flush;
  }

  const Session& session_;
  const Terminal& terminal_;
  const DemoWords& words_;
  TemporaryFolder temporary_;
  Catalog catalog_;
  files::path data_;
  DemoDaemon daemon_;
  std::optional<Client> client_;
  std::optional<ShopBuilder> shop_;
  std::size_t contents_ = 0;  // Distinct ones, that the media name.
  Map figures_;
};

void Demo::start() {
  const double seconds = daemon_.start();
  client_.emplace(connect(temporary_.path() / "sock"));
  const std::string server = cell_text(value_at(client_->hello(), "server"));
  done(server + " ready in " + duration_text(seconds) + "  data " + data_.string(),
       {{"server", server}, {"directory", data_.string()}, {"start_seconds", seconds}});
}

void Demo::fill() {
  title("The shop, through the four operators");
  const SchemaChange change = client_->apply(shop_schema());
  expect(change.changed, "the schema was there before");
  Table table({{"COMMIT", Table::Align::right}, {"OPERATOR"}, {"ON"}});
  table.add({std::to_string(change.sequence), "schema",
             std::to_string(change.difference.size()) + " changes"});
  shop_.emplace(*client_, catalog_,
                [&](const std::string& what, const std::string& on, std::uint64_t commit) {
                  InterruptGuard::check();
                  table.add({std::to_string(commit), what, on});
                });
  shop_->build();
  print(table.text(terminal_));
}

void Demo::show_tables() {
  title("emstore find products");
  const Page products =
      client_->repository("products")
          .find_many({.select = {"id", "name", "price", "description"}, .order_by = {asc("id")}});
  print(records_table(products.records).text(terminal_));

  const std::string id = std::to_string(shop_->first_product());
  title("emstore find products " + id + " --with gallery");
  const auto product =
      client_->repository("products").find_id(shop_->first_product(), {.with = {"gallery"}});
  expect(product.has_value(), "products/" + id + " is gone");
  print(media_table(product->at("gallery")).text(terminal_));

  // The picture that most records share.
  const Page media = client_->repository("media").find_many({.with = {"reference"}});
  const Record* shared = nullptr;
  std::size_t most = 1;
  for (const Record& medium : media) {
    const std::size_t owners = owners_of(medium).size();
    if (owners <= most) continue;
    most = owners;
    shared = &medium;
  }
  expect(shared != nullptr, "no picture is shared");
  title("emstore media info " + cell_text(shared->id()) + "   (" + cell_text((*shared)["name"]) +
        ")");
  print(uses_table(shared->at("reference")).text(terminal_));
}

void Demo::show_sharing() {
  const Page media = client_->repository("media").find_many({.select = {"id", "blob", "size"}});
  std::set<std::string> contents;
  std::uint64_t all = 0, stored = 0;
  for (const Record& medium : media) {
    const auto size = static_cast<std::uint64_t>(medium.get<std::int64_t>("size"));
    all += size;
    if (contents.insert(medium.get<std::string>("blob")).second) stored += size;
  }
  expect(contents.size() < media.size(), "no picture was stored once for several media");
  contents_ = contents.size();
  const std::uint64_t products = client_->repository("products").count();
  const std::uint64_t pages = client_->repository("pages").count();
  print("\n");
  done("shop: " + std::to_string(products) + " products, " + std::to_string(pages) + " pages, " +
           std::to_string(media.size()) + " media; " + std::to_string(contents.size()) +
           " distinct contents: stored " + count_text(stored) + " of " + count_text(all) +
           " bytes, saved " + std::to_string((100 * (all - stored) + all / 2) / all) + " %",
       {{"products", products},
        {"pages", pages},
        {"media", media.size()},
        {"contents", contents.size()},
        {"stored_bytes", stored},
        {"media_bytes", all}});
}

Demo::Contents Demo::contents() {
  Contents result;
  const auto add = [&](const std::string& entity, const Query& query) {
    for (const Record& record : client_->repository(entity).find_many(query)) {
      result.text += to_json(record.values()) + "\n";
      ++result.records;
      for (const With& relation : query.with.relations()) {
        if (relation.field != "reference") result.links += record.at(relation.field).size();
      }
    }
  };
  add("products", {.with = {"thumbnail", "gallery", "documents"}});
  add("pages", {.with = {"images"}});
  add("media", {.with = {"reference"}});
  return result;
}

void Demo::kill_and_restart() {
  const Contents before = contents();
  const std::uint64_t sequence = client_->ping();
  daemon_.kill();
  const double seconds = daemon_.start();
  // The same client goes on: it connects anew by itself.
  expect(client_->ping() == sequence, "commits are missing after the restart");
  const Contents after = contents();
  expect(before.text == after.text, "the records are not the same after the restart");
  done("killed with SIGKILL, ready again in " + duration_text(seconds) + ": " +
           std::to_string(after.records) + " records and " + std::to_string(after.links) +
           " links read back the same, nothing lost",
       {{"restart_seconds", seconds}, {"records", after.records}, {"links", after.links}});
}

void Demo::read_bytes_back() {
  std::uint64_t bytes = 0;
  for (const auto& [id, name] : shop_->files()) {
    const std::string stored = client_->media().open(id).read_all();
    expect(stored == bytes_of(catalog_.folder / name),
           "media " + std::to_string(id) + " differs from " + name);
    bytes += stored.size();
    InterruptGuard::check();
  }
  done(std::to_string(shop_->files().size()) + " media read back byte for byte, " +
           count_text(bytes) + " bytes",
       {{"media_read", shop_->files().size()}, {"bytes_read", bytes}});
}

void Demo::verify() {
  const auto start = Clock::now();
  const Map report = client_->verify();
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const bool* equal = value_at(report, "equal").if_boolean();
  expect(equal && *equal, "verify found differences: " + to_json(report));
  const List* families = value_at(report, "families").if_list();
  const std::string digest = cell_text(value_at(report, "state_digest"));
  expect(families && !families->empty() && !digest.empty(), "verify compared nothing");
  for (const Value& family : *families) {
    if (cell_text(value_at(*family.if_map(), "family")) != "blobs") continue;
    const std::uint64_t kept = number_at(*family.if_map(), "rows");
    expect(kept == contents_, "emstored keeps " + std::to_string(kept) +
                                  " contents, the media name " + std::to_string(contents_));
  }
  const std::uint64_t commits = number_at(report, "sequence"), events = number_at(report, "events");
  done("replayed " + std::to_string(commits) + " commits, " + std::to_string(events) +
           " events from the log in " + duration_text(seconds) + ": " +
           std::to_string(families->size()) + " index families equal the live ones, state digest " +
           digest.substr(0, 16),
       {{"commits", commits},
        {"events", events},
        {"verify_seconds", seconds},
        {"families", families->size()},
        {"state_digest", digest}});
}

void Demo::say_what_next() const {
  print("\nNext:\n");
  if (words_.keep.empty()) {
    print("  emstore demo --keep shop-data          keep the data of the demo\n");
    print("  emstored --data DIR                    a daemon of your own\n");
  } else {
    print("  emstored --data " + data_.string() + "\n");
    print("                                         serve this shop\n");
  }
  print("  emstore find products --with gallery   look around\n");
  print("  emstore log                            every commit, who made it and when\n");
}

}  // namespace

int demo(Session& session, const DemoWords& words) {
  const InterruptGuard guard;
  const auto failed = [&](const Error& error, std::string_view why) {
    std::cout << std::flush;
    std::cerr << (session.json()
                      ? json_of(error)
                      : red(session.terminal().colors, "the demo failed:") + " " + std::string(why))
              << "\n";
    return kExitUnexpected;
  };
  try {
    Demo(session, words).run();
    return 0;
  } catch (const DemoFailure& failure) {
    return failed({ErrorCode::internal, failure.what(), "", "", {}}, failure.what());
  } catch (const Failure& failure) {
    return failed(failure.error(), failure.what());
  }
}

}  // namespace emstore::cli
