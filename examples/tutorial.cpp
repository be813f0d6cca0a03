#include <emstore/client.hpp>
#include <iostream>

using namespace emstore;

std::string gallery(Client& store, const Value& product, const Value& as_of = {}) {
  const auto found = store.repository("products").find_id(product, {.with = {"gallery"}, .as_of = as_of});
  std::string names;
  for (RecordView picture : found->at("gallery")) {
    names += (names.empty() ? "" : " ") + picture.get<std::string>("name");
  }
  return names;
}

int main() {
  Client store = connect();
  store.apply({schema::entity("products", {schema::text("name").required(),
                                           schema::number("price").minimum(0),
                                           schema::medium("thumbnail"),
                                           schema::media("gallery").mime_types({"image/*"})}),
               schema::entity("pages", {schema::text("slug").required(), schema::media("images")}),
               schema::system_entity("media", {schema::text("alt")}),
               schema::index("products", {"name"}).unique()});
  Mutator products = store.mutator("products");

  const Mutation laptop = products.insert_one(
      {{"name", "Laptop"},
       {"price", 999},
       {"thumbnail", create(File("laptop-press.png"))},
       {"gallery", create({File("laptop-front.png"), File("laptop-night.png").set("alt", "at night")})}});
  std::cout << "products/" << to_string(laptop.id()) << ": commit " << laptop.sequence() << '\n';

  const Mutation keyboard = store.media().upload(File("laptop-keyboard.png"));
  products.update_one(laptop.id(), {{"gallery", attach({item(keyboard.id()).first().meta({{"caption", "feel it"}})})}});
  std::cout << gallery(store, laptop.id()) << '\n';

  store.mutator("pages").insert_one({{"slug", "welcome"}, {"images", attach({keyboard.id()})}});
  const auto shared = store.repository("media").find_id(keyboard.id(), {.with = {"reference"}});
  for (RecordView use : shared->at("reference")) {
    std::cout << use.get<std::string>("entity") << '/' << to_string(use["entity_id"]) << '.'
              << use.get<std::string>("field") << '\n';
  }

  std::optional<Error> error;
  products.update_one(laptop.id(), {{"price", -1}, {"gallery", attach({99})}}, error);
  if (error) {
    for (const Error& one : error->violations) std::cout << name_of(one.code) << " at " << one.path << '\n';
  }

  products.update_one(laptop.id(), {{"gallery", detach({keyboard.id()})}}, {.reason = "blurred"});
  std::cout << gallery(store, laptop.id()) << '\n';
  std::cout << gallery(store, laptop.id(), laptop.sequence() + 2) << '\n';

  const Record log(store.log());
  for (RecordView commit : log.at("commits")) {
    std::cout << to_string(commit["sequence"]);
    for (RecordView event : commit.at("events")) {
      if (event["kind"] != Value("request")) std::cout << ' ' << event.get<std::string>("kind");
    }
    std::cout << '\n';
  }
  std::cout << "equal: " << (Record(store.verify()).get<bool>("equal") ? "true" : "false") << '\n';
}
