#include "bench/peers/sqlite.h"

#include <sqlite3.h>

#include <chrono>

#include "base/big_endian.h"
#include "base/hash.h"
#include "base/pack.h"

namespace emstore::bench {
namespace {

// Rows as ours: log, owner, media, link with the copy of its media's fields, use. The link's
// primary key is its place; the unique index over it the other way round is the check "already
// linked?" and the reverse look-up.
constexpr const char* kSchema = R"(
CREATE TABLE log (sequence INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE products (
  id INTEGER PRIMARY KEY, version INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  links INTEGER NOT NULL, next_place INTEGER NOT NULL,
  name TEXT NOT NULL, description TEXT, price REAL, sku TEXT);
CREATE UNIQUE INDEX products_sku ON products (sku);
CREATE TABLE media (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, mime_type TEXT NOT NULL, claimed_type TEXT, size INTEGER NOT NULL,
  blob TEXT NOT NULL, sha256 TEXT NOT NULL, metadata TEXT, alt TEXT,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);
CREATE TABLE links (
  owner_entity INTEGER NOT NULL, owner_id INTEGER NOT NULL, field INTEGER NOT NULL, place INTEGER NOT NULL,
  target INTEGER NOT NULL, meta BLOB, cover BLOB NOT NULL,
  PRIMARY KEY (owner_entity, owner_id, field, place)) WITHOUT ROWID;
CREATE UNIQUE INDEX backlinks ON links (target, owner_entity, owner_id, field);
CREATE TABLE uses (media INTEGER PRIMARY KEY, links INTEGER NOT NULL, slots INTEGER NOT NULL, unused_since INTEGER);
)";

constexpr std::int64_t kProducts = 1;
constexpr std::int64_t kThumbnail = 1, kGalleryField = 2;
constexpr std::int64_t kFirstPlace = std::int64_t{1} << 32;
constexpr int kMediaColumns = 11;

std::int64_t now_micros() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

void check(int code, sqlite3* database) {
  if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW)
    give_up(sqlite3_errmsg(database));
}

}  // namespace

class Sqlite::Statement {
 public:
  Statement(sqlite3* database, const char* sql) : database_(database) {
    check(sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr),
          database);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  template <typename... Values>
  Statement& bind(const Values&... values) {
    int at = 0;
    (bind_one(++at, values), ...);
    return *this;
  }
  bool step() {
    const int code = sqlite3_step(statement_);
    check(code, database_);
    return code == SQLITE_ROW;
  }
  void reset() { check(sqlite3_reset(statement_), database_); }
  // For a statement without rows; it has to change one.
  void change_one() {
    step();
    reset();
    if (sqlite3_changes(database_) != 1) give_up("sqlite: not one row was changed");
  }
  std::int64_t integer(int column) { return sqlite3_column_int64(statement_, column); }
  double number(int column) { return sqlite3_column_double(statement_, column); }
  std::string_view text(int column) {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }
  bool is_null(int column) { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

 private:
  void bind_one(int at, std::int64_t value) {
    check(sqlite3_bind_int64(statement_, at, value), database_);
  }
  void bind_one(int at, std::uint64_t value) { bind_one(at, static_cast<std::int64_t>(value)); }
  void bind_one(int at, double value) {
    check(sqlite3_bind_double(statement_, at, value), database_);
  }
  void bind_one(int at, const std::string& value) {
    check(sqlite3_bind_text(statement_, at, value.data(), static_cast<int>(value.size()),
                            SQLITE_STATIC),
          database_);
  }
  void bind_one(int at, std::string_view value) {
    check(sqlite3_bind_blob(statement_, at, value.data(), static_cast<int>(value.size()),
                            SQLITE_STATIC),
          database_);
  }

  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
};

namespace {

template <typename Row>
void write_text_or_null(pack::Writer& out, Row& row, int column) {
  row.is_null(column) ? out.null() : out.text(row.text(column));
}

// The members of a media, from the columns of `row` in the order of the table.
template <typename Row>
void write_media_members(pack::Writer& out, Row& row) {
  static constexpr const char* kTexts[] = {"name", "mime_type", "claimed_type"};
  out.text("id");
  out.integer(row.integer(0));
  for (int column = 1; column <= 3; ++column) {
    out.text(kTexts[column - 1]);
    write_text_or_null(out, row, column);
  }
  out.text("size");
  out.number(static_cast<double>(row.integer(4)));  // A field of kind number, like price.
  static constexpr const char* kMore[] = {"blob", "sha256", "metadata", "alt"};
  for (int column = 5; column <= 8; ++column) {
    out.text(kMore[column - 5]);
    write_text_or_null(out, row, column);
  }
  out.text("created_at");
  out.time(Time{row.integer(9)});
  out.text("updated_at");
  out.time(Time{row.integer(10)});
}

void write_link(pack::Writer& out, std::int64_t place) {
  std::string bytes;
  if (place != 0) append_big_endian<std::uint64_t>(bytes, static_cast<std::uint64_t>(place));
  out.text("$link");
  out.begin_map(2);
  out.text("position");
  out.text(to_hex(bytes));
  out.text("meta");
  out.null();
}

template <typename Row>
void write_product_members(pack::Writer& out, Row& row) {
  out.text("id");
  out.integer(row.integer(0));
  out.text("name");
  out.text(row.text(1));
  out.text("description");
  out.text(row.text(2));
  out.text("price");
  out.number(row.number(3));
  out.text("sku");
  out.text(row.text(4));
  out.text("created_at");
  out.time(Time{row.integer(5)});
  out.text("updated_at");
  out.time(Time{row.integer(6)});
}

}  // namespace

std::string Sqlite::version() { return sqlite3_libversion(); }
std::string Sqlite::schema() { return kSchema; }

Sqlite::Sqlite(const std::filesystem::path& folder, const ShopSize& size, Synchronous synchronous) {
  check(sqlite3_open((folder / "shop.sqlite").c_str(), &database_), database_);
  run("PRAGMA journal_mode = WAL");
  run("PRAGMA cache_size = -524288");  // KiB: as much as the store's cache.
  run("PRAGMA synchronous = NORMAL");
  run(kSchema);
  prepare();
  fill(size);
  run("PRAGMA wal_checkpoint(TRUNCATE)");
  run("ANALYZE");
  if (synchronous == Synchronous::full) run("PRAGMA synchronous = FULL");
}

Sqlite::~Sqlite() {
  for (auto* statement : {&add_event_, &take_place_, &add_link_, &use_medium_, &find_product_,
                          &find_products_, &find_joined_, &find_covered_, &cover_of_}) {
    statement->reset();
  }
  sqlite3_close(database_);
}

void Sqlite::run(const char* sql) {
  check(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr), database_);
}

void Sqlite::prepare() {
  const auto statement = [this](const char* sql) {
    return std::make_unique<Statement>(database_, sql);
  };
  add_event_ = statement("INSERT INTO log VALUES (?, ?)");
  take_place_ = statement(
      "UPDATE products SET version = ?, updated_at = ?, links = links + 1, next_place = next_place "
      "+ 1 "
      "WHERE id = ? RETURNING next_place - 1");
  add_link_ = statement("INSERT INTO links VALUES (?, ?, ?, ?, ?, NULL, ?)");
  use_medium_ = statement(
      "UPDATE uses SET links = links + 1, slots = slots + 1, unused_since = NULL WHERE media = ?");
  cover_of_ = statement("SELECT * FROM media WHERE id = ?");
  find_product_ = statement(
      "SELECT id, name, description, price, sku, created_at, updated_at FROM products WHERE id = "
      "?");
  find_products_ = statement(
      "SELECT id, name, description, price, sku, created_at, updated_at FROM products WHERE id >= "
      "? "
      "ORDER BY id LIMIT 20");
  find_joined_ = statement(
      "SELECT m.*, l.place FROM links l JOIN media m ON m.id = l.target "
      "WHERE l.owner_entity = ? AND l.owner_id = ? AND l.field = ? ORDER BY l.place LIMIT ?");
  find_covered_ = statement(
      "SELECT cover, place FROM links WHERE owner_entity = ? AND owner_id = ? AND field = ? ORDER "
      "BY place LIMIT ?");
}

void Sqlite::fill(const ShopSize& size) {
  run("BEGIN");
  fill_media(size);
  fill_products(size);
  run("COMMIT");
}

void Sqlite::fill_media(const ShopSize& size) {
  Statement add_media(database_,
                      "INSERT INTO media VALUES (?, ?, ?, NULL, ?, ?, ?, NULL, ?, ?, ?)");
  Statement add_use(database_, "INSERT INTO uses VALUES (?, 0, 0, 1)");
  for (std::uint64_t id = 1; id <= size.media; ++id) {
    const std::string bytes = media_bytes(id);
    const Sha256 digest = digest_of(bytes).sha256;
    const std::string sha256 =
        to_hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
    const std::string name = media_name(id), type = "image/png", alt = media_alt(id);
    const std::string address = "xxh3-128:" + sha256.substr(0, 32);
    add_media.bind(id, name, type, bytes.size(), address, sha256, alt, now_micros(), now_micros())
        .change_one();
    add_use.bind(id).change_one();
  }
}

void Sqlite::fill_products(const ShopSize& size) {
  Statement add(database_, "INSERT INTO products VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, ?)");
  for (std::uint64_t id = 1; id <= size.products; ++id) {
    const Map fields = product_fields(id);
    const auto text = [&](const char* name) -> const std::string& {
      return *fields.find(name)->if_text();
    };
    add.bind(id, ++sequence_, now_micros(), now_micros(), kFirstPlace, text("name"),
             text("description"), *fields.find("price")->if_number(), text("sku"))
        .change_one();
    link({id, thumbnail_of(id, size)}, kThumbnail, 0);
    for (std::uint64_t place = 0; place < kGallery; ++place) {
      take_place_->bind(sequence_, now_micros(), id).step();
      const std::int64_t taken = take_place_->integer(0);
      take_place_->reset();
      link({id, medium_at(id, place, size)}, kGalleryField, taken);
    }
  }
}

void Sqlite::link(const Attach& attach, std::int64_t field, std::int64_t place) {
  cover_of_->bind(attach.medium);
  if (!cover_of_->step()) give_up("sqlite: no such media");
  std::string cover;
  pack::Writer writer(cover);
  write_media_members(writer, *cover_of_);
  cover_of_->reset();
  add_link_->bind(kProducts, attach.product, field, place, attach.medium, std::string_view(cover))
      .change_one();
  use_medium_->bind(attach.medium).change_one();
}

void Sqlite::attach(const Attach& attach, std::string_view event) {
  ++sequence_;
  add_event_->bind(sequence_, event).change_one();
  take_place_->bind(sequence_, now_micros(), attach.product);
  if (!take_place_->step()) give_up("sqlite: no such product");
  const std::int64_t place = take_place_->integer(0);
  take_place_->reset();
  link(attach, kGalleryField, place);
}

void Sqlite::commit(const std::vector<Attach>& attaches, std::string_view event) {
  run("BEGIN IMMEDIATE");
  for (const Attach& one : attaches) attach(one, event);
  run("COMMIT");
}

void Sqlite::write_gallery(std::uint64_t product, std::int64_t field, std::uint64_t limit,
                           Reading reading, std::string& out) {
  Statement& rows = reading == Reading::joined ? *find_joined_ : *find_covered_;
  rows.bind(kProducts, product, field, limit);
  std::string items;
  std::size_t count = 0;
  for (pack::Writer writer(items); rows.step(); ++count) {
    writer.begin_map(kMediaColumns + 1);
    if (reading == Reading::joined) {
      write_media_members(writer, rows);
      write_link(writer, rows.integer(kMediaColumns));
    } else {
      writer.raw(rows.text(0));
      write_link(writer, rows.integer(1));
    }
  }
  rows.reset();
  pack::Writer writer(out);
  if (field == kGalleryField) writer.begin_list(count);
  writer.raw(items);
}

void Sqlite::find_one(std::uint64_t product, Reading reading, std::string& out) {
  run("BEGIN");
  find_product_->bind(product);
  if (!find_product_->step()) give_up("sqlite: no such product");
  pack::Writer writer(out);
  writer.begin_map(8);
  write_product_members(writer, *find_product_);
  find_product_->reset();
  writer.text("gallery");
  write_gallery(product, kGalleryField, kGallery, reading, out);
  run("COMMIT");
}

void Sqlite::find_many(std::uint64_t first_product, std::string& out) {
  run("BEGIN");
  find_products_->bind(first_product);
  std::string items;
  std::size_t count = 0;
  for (pack::Writer writer(items); find_products_->step(); ++count) {
    const auto product = static_cast<std::uint64_t>(find_products_->integer(0));
    writer.begin_map(9);
    write_product_members(writer, *find_products_);
    writer.text("thumbnail");
    write_gallery(product, kThumbnail, 1, Reading::joined, items);
    writer.text("gallery");
    write_gallery(product, kGalleryField, 5, Reading::joined, items);
  }
  find_products_->reset();
  pack::Writer writer(out);
  writer.begin_list(count);
  writer.raw(items);
  run("COMMIT");
}

}  // namespace emstore::bench
