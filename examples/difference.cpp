#include <emstore/client.hpp>
#include <iostream>

using namespace emstore;

int main() {
  Client store = connect();
  store.diff({.from = 6, .to = 9, .entity = "products"}, [](const Difference& one) {
    std::cout << one.entity << '/' << to_string(one.id) << (one.after ? "" : " is no more") << '\n';
    for (const FieldDifference& field : one.fields) {
      const bool are_links = field.kind != FieldDifference::Kind::value;
      if (one.after) std::cout << (are_links ? "  other links in " : "  another ") << field.field << '\n';
    }
    return true;
  });
}
