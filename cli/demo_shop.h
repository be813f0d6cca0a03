// The example shop: what its catalog says, and how it gets into a store through all four operators.
#pragma once

#include <emstore/client.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace emstore::cli {

struct Catalog {
  struct Product {
    std::string name, description;
    Value price;
    std::string thumbnail;
    std::vector<std::string> gallery, documents;
  };
  struct Page {
    std::string slug, content;
    std::vector<std::string> images;
  };
  std::filesystem::path folder;  // Where the files lie.
  std::vector<Product> products;
  std::vector<Page> pages;
};

// Throws UsageError for a catalog that is missing or says something else.
Catalog read_catalog(const std::filesystem::path& folder);

// As the shop of the documentation: products, pages, and an `alt` text on every media.
Schema shop_schema();

// Fills the store, and tells of each operator as it is used.
class ShopBuilder {
 public:
  // The operator, what it was used on, and the commit.
  using Tell =
      std::function<void(const std::string& what, const std::string& on, std::uint64_t commit)>;

  ShopBuilder(Client& client, const Catalog& catalog, Tell tell);
  void build();

  // Which file a media was made of.
  const std::map<std::int64_t, std::string>& files() const { return files_; }
  std::int64_t first_product() const { return first_product_; }

 private:
  void insert_product(const Catalog::Product& product);
  void insert_page(const Catalog::Page& page);
  void rearrange_first_product();
  File file_of(const std::string& name) const;
  std::vector<File> files_of(const std::vector<std::string>& names) const;
  void remember(const Mutation& mutation, const std::string& field,
                const std::vector<std::string>& names);

  Client& client_;
  const Catalog& catalog_;
  Tell tell_;
  std::map<std::int64_t, std::string> files_;
  std::map<std::string, std::int64_t> media_;  // The first media made of a file.
  std::int64_t first_product_ = 0;
};

}  // namespace emstore::cli
