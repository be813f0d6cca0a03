// The least that a program does with emstore. It runs without a daemon, so what it shows is the
// error.
#include <cstdlib>
#include <emstore/client.hpp>
#include <iostream>

int main() {
  emstore::Options options;
  options.socket = "no/such/socket";
  options.retry_for = std::chrono::milliseconds(0);
  try {
    emstore::Client client = emstore::connect(options);
    client.apply({emstore::schema::entity("products", {emstore::schema::text("name").required(),
                                                       emstore::schema::media("gallery")})});
    client.diff({.from = 0, .to = 1}, [](const emstore::Difference&) { return false; });
    std::cerr << "connected to a socket that does not exist\n";
    return EXIT_FAILURE;
  } catch (const emstore::Failure& failure) {
    std::cout << failure.what() << '\n';
    return failure.code() == emstore::ErrorCode::unreachable ? EXIT_SUCCESS : EXIT_FAILURE;
  }
}
