#include <emstore/client.hpp>
#include <iostream>

using namespace emstore;

int main() {
  Client store = connect();  // $EMSTORE_SOCKET, your own daemon's socket, or the system's.
  store.apply({schema::entity("products", {schema::text("name").required(), schema::media("gallery")})});
  Mutator products = store.mutator("products");
  Mutation laptop = products.insert_one(
      {{"name", "Laptop"}, {"gallery", create({File("front.png"), File("side.png")})}});
  auto found = store.repository("products").find_id(laptop.id(), {.with = {"gallery"}});
  for (RecordView picture : found->at("gallery")) std::cout << picture.get<std::string>("blob") << '\n';
  products.update_one(laptop.id(), {{"gallery", detach(found->at("gallery")[1].id())}});
}
