#include "cli/demo_shop.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "cli/demo_daemon.h"
#include "cli/failures.h"
#include "cli/json.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

std::string required_text(const Map& map, std::string_view name, const std::string& where) {
  const auto* text = value_at(map, name).if_text();
  if (!text) throw UsageError(where + " has no text \"" + std::string(name) + "\"");
  return *text;
}

std::vector<std::string> texts_at(const Map& map, std::string_view name, const std::string& where) {
  const List* list = value_at(map, name).if_list();
  if (!list) throw UsageError(where + " has no list \"" + std::string(name) + "\"");
  std::vector<std::string> texts;
  for (const Value& item : *list) {
    if (!item.if_text())
      throw UsageError(where + "." + std::string(name) + " holds more than names of files");
    texts.push_back(*item.if_text());
  }
  return texts;
}

template <typename Read>
void for_each_in(const Map& catalog, std::string_view name, Read read) {
  const List* list = value_at(catalog, name).if_list();
  if (!list || list->empty()) throw UsageError("the catalog has no " + std::string(name));
  for (const Value& item : *list) {
    if (!item.if_map()) throw UsageError("the catalog's " + std::string(name) + " are no objects");
    read(*item.if_map(), std::string(name));
  }
}

std::vector<std::int64_t> ids_of(const std::vector<Value>& values) {
  std::vector<std::int64_t> ids;
  for (const Value& value : values) {
    if (!value.if_integer())
      throw DemoFailure("the id of a media is no number: " + to_string(value));
    ids.push_back(*value.if_integer());
  }
  return ids;
}

// The media that a mutation linked, in order.
std::vector<std::int64_t> added(const Mutation& mutation, const std::string& field) {
  for (const FieldChange& change : mutation.changes()) {
    if (change.field == field) return ids_of(change.added);
  }
  return {};
}

}  // namespace

Catalog read_catalog(const std::filesystem::path& folder) {
  const auto path = folder / "catalog.json";
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw UsageError("there is no " + path.string(),
                     "name the folder of the example shop: --shop DIR");
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  const Value parsed = parse_json(text, path.string());
  if (!parsed.if_map()) throw UsageError(path.string() + " is no catalog");
  Catalog catalog;
  catalog.folder = folder;
  for_each_in(*parsed.if_map(), "products", [&](const Map& product, const std::string& where) {
    catalog.products.push_back(
        {required_text(product, "name", where), required_text(product, "description", where),
         value_at(product, "price"), required_text(product, "thumbnail", where),
         texts_at(product, "gallery", where), texts_at(product, "documents", where)});
  });
  for_each_in(*parsed.if_map(), "pages", [&](const Map& page, const std::string& where) {
    catalog.pages.push_back({required_text(page, "slug", where),
                             required_text(page, "content", where),
                             texts_at(page, "images", where)});
  });
  return catalog;
}

Schema shop_schema() {
  return {schema::entity("products", {schema::text("name").required(), schema::text("description"),
                                      schema::number("price"), schema::medium("thumbnail"),
                                      schema::media("gallery"), schema::media("documents")}),
          schema::entity("pages", {schema::text("slug").required(), schema::text("content"),
                                   schema::media("images")}),
          schema::system_entity("media", {schema::text("alt")}),
          schema::index("pages", {"slug"}).unique()};
}

ShopBuilder::ShopBuilder(Client& client, const Catalog& catalog, Tell tell)
    : client_(client), catalog_(catalog), tell_(std::move(tell)) {}

void ShopBuilder::build() {
  for (const Catalog::Product& product : catalog_.products) insert_product(product);
  for (const Catalog::Page& page : catalog_.pages) insert_page(page);
  rearrange_first_product();
}

File ShopBuilder::file_of(const std::string& name) const {
  File file(catalog_.folder / name);
  std::string alt = name.substr(0, name.rfind('.'));
  std::replace(alt.begin(), alt.end(), '-', ' ');
  return file.set("alt", alt);
}

std::vector<File> ShopBuilder::files_of(const std::vector<std::string>& names) const {
  std::vector<File> files;
  for (const std::string& name : names) files.push_back(file_of(name));
  return files;
}

void ShopBuilder::remember(const Mutation& mutation, const std::string& field,
                           const std::vector<std::string>& names) {
  const std::vector<std::int64_t> ids = added(mutation, field);
  if (ids.size() != names.size()) {
    throw DemoFailure(field + " was given " + std::to_string(names.size()) + " files and made " +
                      std::to_string(ids.size()) + " media");
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    files_.emplace(ids[i], names[i]);
    media_.emplace(names[i], ids[i]);
  }
}

// One request, one commit: the record, its media and all links, or nothing.
void ShopBuilder::insert_product(const Catalog::Product& product) {
  const Mutation made = client_.mutator("products")
                            .insert_one({{"name", product.name},
                                         {"description", product.description},
                                         {"price", product.price},
                                         {"thumbnail", create(file_of(product.thumbnail))},
                                         {"gallery", create(files_of(product.gallery))},
                                         {"documents", create(files_of(product.documents))}});
  remember(made, "thumbnail", {product.thumbnail});
  remember(made, "gallery", product.gallery);
  remember(made, "documents", product.documents);
  if (first_product_ == 0) first_product_ = ids_of({made.id()}).front();
  const std::size_t count = 1 + product.gallery.size() + product.documents.size();
  tell_("$create",
        "products/" + cell_text(made.id()) + " " + product.name + " with " + std::to_string(count) +
            " media",
        made.sequence());
}

// Pictures that the shop has are linked, with a caption of this page's own; others are made.
void ShopBuilder::insert_page(const Catalog::Page& page) {
  std::vector<Item> shared;
  std::vector<std::string> others;
  for (const std::string& image : page.images) {
    const auto known = media_.find(image);
    if (known == media_.end()) {
      others.push_back(image);
    } else {
      shared.push_back(item(known->second).meta({{"caption", "as seen on " + page.slug}}));
    }
  }
  Mutator pages = client_.mutator("pages");
  const Mutation made = pages.insert_one(
      {{"slug", page.slug}, {"content", page.content}, {"images", create(files_of(others))}});
  remember(made, "images", others);
  const std::string record = "pages/" + cell_text(made.id());
  tell_(others.empty() ? "insert" : "$create",
        record + " " + page.slug +
            (others.empty() ? "" : " with " + std::to_string(others.size()) + " media"),
        made.sequence());
  const Mutation linked = pages.update_one(made.id(), {{"images", attach(shared)}});
  tell_("$attach",
        record + ".images: " + std::to_string(added(linked, "images").size()) +
            " pictures of the products",
        linked.sequence());
}

void ShopBuilder::rearrange_first_product() {
  Mutator products = client_.mutator("products");
  const std::string record = "products/" + std::to_string(first_product_);
  const auto laptop = client_.repository("products").find_id(first_product_, {.with = {"gallery"}});
  if (!laptop || laptop->at("gallery").size() < 3)
    throw DemoFailure(record + " has too few pictures");
  std::vector<Value> gallery;
  for (const RecordView medium : laptop->at("gallery")) gallery.push_back(medium.id());

  const Mutation detached =
      products.update_one(first_product_, {{"gallery", detach(gallery.back())}});
  tell_("$detach", record + ".gallery: the last picture; the media stays", detached.sequence());
  gallery.pop_back();
  std::reverse(gallery.begin(), gallery.end());
  const Mutation turned = products.update_one(
      first_product_,
      {{"gallery", emstore::set(gallery)}, {"thumbnail", emstore::set(gallery.front())}});
  tell_("$set", record + ": gallery in another order, thumbnail from the gallery",
        turned.sequence());
}

}  // namespace emstore::cli
