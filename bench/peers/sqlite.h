// The peer: SQLite in this process, doing the work of a standard commit and of the two reads. Same
// rows, same indexes, same checks; statements are prepared once; WAL; the page cache is as large as
// the store's block cache. What it does not do: salted commitments, the tree over the log, the
// rules of a schema.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/shop.h"

struct sqlite3;
struct sqlite3_stmt;

namespace emstore::bench {

class Sqlite {
 public:
  // full: a commit is on disk when it is acknowledged, as ours. normal: it survives the process
  // only.
  enum class Synchronous : std::uint8_t { full, normal };
  // joined: the gallery's media are looked up one by one. covered: their fields are read from a
  // copy in the link's row, as ours are.
  enum class Reading : std::uint8_t { joined, covered };

  static std::string version();
  static std::string schema();

  // Makes the database below the folder and fills it as Shop::fill does.
  Sqlite(const std::filesystem::path& folder, const ShopSize& size, Synchronous synchronous);
  ~Sqlite();

  // One transaction. `event` is what a row of the log holds.
  void commit(const std::vector<Attach>& attaches, std::string_view event);

  // The same members and bytes as ours, but for times and digests, which are its own.
  void find_one(std::uint64_t product, Reading reading, std::string& out);
  void find_many(std::uint64_t first_product, std::string& out);

 private:
  class Statement;
  void run(const char* sql);
  void prepare();
  void fill(const ShopSize& size);
  void fill_media(const ShopSize& size);
  void fill_products(const ShopSize& size);
  void link(const Attach& attach, std::int64_t field, std::int64_t place);
  void attach(const Attach& attach, std::string_view event);
  void write_gallery(std::uint64_t product, std::int64_t field, std::uint64_t limit,
                     Reading reading, std::string& out);

  sqlite3* database_ = nullptr;
  std::int64_t sequence_ = 0;
  std::unique_ptr<Statement> add_event_, take_place_, add_link_, use_medium_, find_product_,
      find_products_, find_joined_, find_covered_, cover_of_;
};

}  // namespace emstore::bench
