#include "daemon/config.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "daemon/settings.h"
#include "tests/support/temporary_folder.h"

namespace emstore::daemon {
namespace {

using emstore::testing::TemporaryFolder;

std::filesystem::path write(const TemporaryFolder& folder, const std::string& name,
                            const std::string& text) {
  const std::filesystem::path path = folder.path() / name;
  std::ofstream(path) << text;
  return path;
}

const SettingShown& shown(const Configuration& configuration, std::string_view name) {
  const auto found = std::ranges::find(configuration.shown, name, &SettingShown::name);
  EXPECT_NE(found, configuration.shown.end()) << name;
  return *found;
}

TEST(Config, ReadsWhatTheFileSays) {
  const TemporaryFolder folder;
  ConfigSources sources;
  sources.file =
      write(folder, "emstore.toml",
            "data = \"/srv/store\"\n[limits]\nrequest = \"4MiB\"\nin_flight = 7\n"
            "message_time = \"250ms\"\n[socket]\nmode = \"0660\"\n[log]\nlevel = \"debug\"\n");
  const auto read = read_config(sources);
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(read->config.data, "/srv/store");
  EXPECT_EQ(read->config.session.wire.request_bytes_max, 4u << 20);
  EXPECT_EQ(read->config.session.in_flight_max, 7u);
  EXPECT_EQ(read->config.session.message_deadline, std::chrono::milliseconds(250));
  EXPECT_EQ(read->config.socket.mode, 0660u);
  EXPECT_EQ(read->config.log_level, LogLevel::debug);
}

TEST(Config, LetsTheLastSourceWinAndSaysWhichItWas) {
  const TemporaryFolder folder;
  ConfigSources sources;
  sources.optional_files = {
      write(folder, "system.toml", "[limits]\ndepth = 10\nchunk = \"1KiB\"\n"),
      folder.path() / "absent.toml"};
  sources.file = write(folder, "user.toml", "[limits]\ndepth = 20\nin_flight = 1\n");
  sources.environment = {{"EMSTORE_LIMITS_DEPTH", "30"}, {"EMSTORE_LIMITS_IN_FLIGHT", "2"}};
  sources.overrides = {{"limits.depth", "40", "--set"}};
  const auto read = read_config(sources);
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(shown(*read, "limits.depth").value, "40");
  EXPECT_EQ(shown(*read, "limits.depth").origin, "--set");
  EXPECT_EQ(shown(*read, "limits.in_flight").origin, "EMSTORE_LIMITS_IN_FLIGHT");
  EXPECT_EQ(shown(*read, "limits.chunk").value, "\"1KiB\"");
  EXPECT_EQ(shown(*read, "limits.chunk").origin, (folder.path() / "system.toml").string() + ":3:1");
  EXPECT_EQ(shown(*read, "limits.reply").origin, "default");
}

TEST(Config, RefusesAnUnknownKeyWithItsPlaceAndASuggestion) {
  const TemporaryFolder folder;
  ConfigSources sources;
  sources.file = write(folder, "emstore.toml", "[limits]\n  requst = \"4MiB\"\n");
  const auto read = read_config(sources);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::invalid_request);
  EXPECT_NE(read.error().message.find("emstore.toml:2:3"), std::string::npos)
      << read.error().message;
  EXPECT_EQ(read.error().hint, "did you mean \"limits.request\"?");
}

TEST(Config, RefusesWhatIsNoToml) {
  const TemporaryFolder folder;
  ConfigSources sources;
  sources.file = write(folder, "emstore.toml", "data = \n");
  const auto read = read_config(sources);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("emstore.toml:1:"), std::string::npos)
      << read.error().message;
}

TEST(Config, RefusesAFileThatIsNotThere) {
  const TemporaryFolder folder;
  ConfigSources sources;
  sources.file = folder.path() / "absent.toml";
  const auto read = read_config(sources);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("absent.toml"), std::string::npos) << read.error().message;
}

TEST(Config, RefusesADirectoryInAFilesPlace) {
  const TemporaryFolder folder;
  ConfigSources named;
  named.file = folder.path();
  ConfigSources usual;
  usual.optional_files = {folder.path()};
  for (const ConfigSources& sources : {named, usual}) {
    const auto read = read_config(sources);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message.find(folder.path().string() + " is a directory"),
              std::string::npos)
        << read.error().message;
    EXPECT_FALSE(read.error().hint.empty());
  }
}

TEST(Config, TellsSettingsFromSections) {
  const TemporaryFolder folder;
  const auto hint = [&](const std::string& text) {
    ConfigSources sources;
    sources.file = write(folder, "emstore.toml", text);
    const auto read = read_config(sources);
    return read ? "none" : read.error().hint;
  };
  EXPECT_EQ(hint("[data]\npath = \"x\"\n"), "write data = VALUE");
  EXPECT_EQ(hint("limits = 3\n"), "write [limits], and its settings below");
  EXPECT_NE(hint("[entirely.elsewhere]\n").find("operations.md"), std::string::npos);
  EXPECT_NE(hint("data = \n").find("operations.md"), std::string::npos);
}

TEST(Config, RefusesValuesOfAnotherKindWithWhatItTakes) {
  const TemporaryFolder folder;
  for (const char* text :
       {"[limits]\nrequest = \"much\"\n", "[limits]\nin_flight = 0\n",
        "[limits]\nin_flight = 1.5\n", "[socket]\nmode = \"0999\"\n", "[log]\nlevel = \"loud\"\n",
        "[store]\nallow_memory = 1\n", "[limits]\nstop_time = \"10\"\n", "limits = 3\n"}) {
    ConfigSources sources;
    sources.file = write(folder, "emstore.toml", text);
    const auto read = read_config(sources);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::invalid_request) << text;
  }
}

Result<Configuration> read_with(const char* setting, const char* value) {
  ConfigSources sources;
  sources.overrides = {{setting, value, "--set"}};
  return read_config(sources);
}

TEST(Config, BoundsHowDeepValuesMayLie) {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& depth) {
    ConfigSources sources;
    sources.file = write(folder, "emstore.toml", "[limits]\ndepth = " + depth + "\n");
    return read_config(sources);
  };
  EXPECT_FALSE(read("7"));
  EXPECT_TRUE(read("8"));
  EXPECT_TRUE(read("511"));
  EXPECT_TRUE(read("512"));
  const auto deeper = read("513");
  ASSERT_FALSE(deeper);
  EXPECT_NE(to_string(deeper.error()).find("a whole number from 8 to 512"), std::string::npos)
      << to_string(deeper.error());
}

TEST(Config, BoundsTheThreadsOfMedia) {
  const auto read = [](const char* threads) { return read_with("threads.media", threads); };
  EXPECT_TRUE(read("255"));
  EXPECT_TRUE(read("256"));
  ASSERT_FALSE(read("257"));
  EXPECT_EQ(read("257").error().hint, "it takes a whole number from 1 to 256");
}

TEST(Config, WantsRoomForAPieceInTheMemoryOfConnections) {
  const auto path = [](const char* setting, const char* bytes) {
    const auto read = read_with(setting, bytes);
    return read ? "taken" : read.error().path;
  };
  for (const char* setting : {"limits.connection_memory", "limits.connections_memory"}) {
    EXPECT_EQ(path(setting, "1088KiB"), "taken");  // A chunk of 1 MiB, and what is around it.
    EXPECT_EQ(path(setting, "1087KiB"), setting);
  }
}

TEST(Config, BoundsTimesSoThatNoClockOverflows) {
  const auto hint = [](const char* setting, const char* time) {
    const auto read = read_with(setting, time);
    return read ? "taken" : read.error().hint;
  };
  EXPECT_EQ(hint("limits.lease", "36500d"), "taken");
  EXPECT_NE(hint("limits.lease", "36501d").find("a time from 0 to 36500d"), std::string::npos);
  EXPECT_EQ(hint("requests.expiry_interval", "10ms"), "taken");
  EXPECT_NE(hint("requests.expiry_interval", "9ms").find("from 10ms to"), std::string::npos);
  EXPECT_NE(hint("requests.expiry_interval", "0").find("from 10ms to"), std::string::npos);
  EXPECT_EQ(hint("scrub.every", "0"), "taken");
  EXPECT_EQ(hint("scrub.every", "1s"), "taken");
  EXPECT_EQ(hint("threads.spin", "1s"), "taken");
  EXPECT_NE(hint("threads.spin", "2s").find("from 0 to 1s"), std::string::npos);
  EXPECT_NE(hint("scrub.every", "1us").find("0, or a time from 1s to"), std::string::npos);
}

TEST(Config, TakesNoPathThatIsCutOff) {
  const TemporaryFolder folder;
  ConfigSources sources;
  sources.file = write(folder, "emstore.toml", "data = \"/x/nul\\u0000xyz\"\n");
  const auto read = read_config(sources);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().hint, "it takes a path without NUL");
}

TEST(Config, RefusesAVariableThatBeginsLikeASection) {
  ConfigSources sources;
  sources.environment = {{"EMSTORE_LIMITS_REQUST", "1MiB"}};
  const auto read = read_config(sources);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().hint, "did you mean \"EMSTORE_LIMITS_REQUEST\"?");
  sources.environment = {{"EMSTORE_SOCKET_PATH", "/run/s"}};
  EXPECT_EQ(read_config(sources).error().hint, "the variable of socket.path is EMSTORE_SOCKET");
  sources.environment = {{"EMSTORE_SOURCE", "/x"}, {"EMSTORE_SOCKET", "/run/s"}};
  const auto other = read_config(sources);
  ASSERT_TRUE(other) << to_string(other.error());
  EXPECT_EQ(other->config.socket.path, "/run/s");
}

TEST(Config, PutsTheSocketWhereTheUsersLie) {
  ConfigSources sources;
  sources.overrides = {{"data", "/srv/store", "--data"}};
  EXPECT_EQ(read_config(sources)->config.socket.path, "/srv/store/sock");
  sources.environment = {{"XDG_RUNTIME_DIR", "/run/user/7"}};
  EXPECT_EQ(read_config(sources)->config.socket.path, "/run/user/7/emstore/sock");
}

TEST(Config, RefusesLimitsThatContradictEachOther) {
  ConfigSources sources;
  sources.overrides = {{"limits.result_bytes", "20MiB", "--set"}};
  EXPECT_EQ(read_config(sources).error().path, "limits.result_bytes");
  sources.overrides = {{"limits.commit_bytes", "20MiB", "--set"}};
  EXPECT_EQ(read_config(sources).error().path, "limits.commit_bytes");
  sources.overrides = {{"limits.commit_bytes", "63MiB", "--set"},
                       {"limits.reply", "64MiB", "--set"}};
  EXPECT_TRUE(read_config(sources));
  sources.overrides = {{"limits.reply", "65MiB", "--set"}};  // More than any client reads.
  EXPECT_NE(read_config(sources).error().hint.find("up to 64MiB"), std::string::npos);
  sources.overrides = {{"limits.chunk", "8MiB", "--set"}};
  EXPECT_EQ(read_config(sources).error().path, "limits.chunk");
}

TEST(Config, CanBeReadBackAsItIsPrinted) {
  const TemporaryFolder folder;
  ConfigSources sources;
  sources.overrides = {{"data", "/srv/\"my\" store\\\t\x7f \xc3\xa9", "--data"},
                       {"limits.request", "3MiB", "--set"}};
  const auto first = read_config(sources);
  ASSERT_TRUE(first);
  std::string text;
  for (const SettingShown& setting : first->shown) {
    text += setting.name + " = " + setting.value + " # " + setting.origin + "\n";
  }
  ConfigSources again;
  again.file = write(folder, "printed.toml", text);
  const auto second = read_config(again);
  ASSERT_TRUE(second) << to_string(second.error());
  for (std::size_t index = 0; index < first->shown.size(); ++index) {
    EXPECT_EQ(first->shown[index].value, second->shown[index].value) << first->shown[index].name;
  }
  EXPECT_EQ(first->config.data, second->config.data);
}

TEST(Settings, ReadTheirOwnDefaults) {
  const Config defaults;
  for (const Setting& setting : settings()) {
    Config config;
    const std::string text = text_of(setting, defaults);
    EXPECT_TRUE(assign(setting, config, text)) << setting.name << " = " << text;
    EXPECT_EQ(text_of(setting, config), text);
  }
}

TEST(Sizes, AreReadAndWrittenInTheLargestUnitThatFits) {
  EXPECT_EQ(bytes_of("65536"), 65'536u);
  EXPECT_EQ(bytes_of("8MiB"), 8u << 20);
  EXPECT_EQ(bytes_of("1 GiB"), 1u << 30);
  for (const char* wrong : {"", "MiB", "-1", "8MB", "1.5MiB", "99999999999TiB", "8MiBx"}) {
    EXPECT_FALSE(bytes_of(wrong)) << wrong;
  }
  EXPECT_EQ(bytes_text(8u << 20), "8MiB");
  EXPECT_EQ(bytes_text(1'500), "1500B");
}

TEST(Durations, AreReadAndWrittenInTheLargestUnitThatFits) {
  using std::chrono::microseconds;
  EXPECT_EQ(duration_of("50ms"), microseconds(50'000));
  EXPECT_EQ(duration_of("10s"), microseconds(10'000'000));
  EXPECT_EQ(duration_of("7d"), microseconds(604'800'000'000));
  EXPECT_EQ(duration_of("2min"), microseconds(120'000'000));
  EXPECT_EQ(duration_of("30us"), microseconds(30));
  for (const char* wrong : {"", "10", "s", "-1s", "1.5s", "10 parsecs"}) {
    EXPECT_FALSE(duration_of(wrong)) << wrong;
  }
  EXPECT_EQ(duration_text(microseconds(1'500'000)), "1500ms");
  EXPECT_EQ(duration_text(microseconds(86'400'000'000)), "1d");
}

}  // namespace
}  // namespace emstore::daemon
