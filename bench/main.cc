// All benchmarks in one program: emstore_bench [--quick] [--million] [--large] [--log=COMMITS]
// [--emstored=PATH] [--benchmark_…].
#include <benchmark/benchmark.h>
#include <sys/utsname.h>

#include <iostream>
#include <string_view>

#include "bench/peers/sqlite.h"
#include "bench/suite.h"

namespace {

using emstore::bench::Settings;

Settings settings_of(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    constexpr std::string_view kEmstored = "--emstored=", kLog = "--log=";
    if (argument == "--quick") {
      settings.quick = true;
    } else if (argument == "--million") {
      settings.million = true;
    } else if (argument == "--large") {
      settings.large = true;
    } else if (argument.starts_with(kLog)) {
      settings.log = std::strtoull(argument.substr(kLog.size()).data(), nullptr, 10);
    } else if (argument.starts_with(kEmstored)) {
      settings.emstored = argument.substr(kEmstored.size());
    } else {
      emstore::bench::give_up(
          "usage: emstore_bench [--quick] [--million] [--large] [--log=COMMITS] [--emstored=PATH] "
          "[--benchmark_…]");
    }
  }
  return settings;
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);  // Takes its own arguments out.
  emstore::bench::Suite suite(settings_of(argc, argv));
  utsname system{};
  ::uname(&system);
  benchmark::AddCustomContext("kernel", system.release);
  benchmark::AddCustomContext("sqlite", emstore::bench::Sqlite::version());
  std::cerr << "The peer's schema:\n" << emstore::bench::Sqlite::schema() << '\n';
  register_machine(suite);
  register_codec(suite);
  register_fold(suite);
  register_store(suite);
  register_socket(suite);
  register_growth(suite);
  register_past(suite);
  register_start(suite);
  register_media(suite);
  register_stream(suite);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::ClearRegisteredBenchmarks();  // What they share lies in the folder of the suite.
  benchmark::Shutdown();
  return 0;
}
