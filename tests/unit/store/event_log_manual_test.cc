// docs/event-log.md, and what docs/protocol.md says of decoded commits, against the code.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <type_traits>

#include "base/address.h"
#include "base/pack.h"
#include "base/sink.h"
#include "store/event_bytes.h"
#include "store/family.h"
#include "store/log.h"
#include "store/order_key.h"
#include "store/resolved.h"
#include "store/row_bytes.h"
#include "store/where.h"

namespace emstore::store {
namespace {

using Row = std::vector<std::string>;

std::string manual(const std::string& name = "event-log.md") {
  std::ifstream file(EMSTORE_SOURCE "/docs/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty());
  return text.str();
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view kMarks = " `";
  const std::size_t begin = text.find_first_not_of(kMarks);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(kMarks) - begin + 1));
}

// The rows below the table head that begins with `head`, without backticks.
std::vector<Row> table(std::string_view head, const std::string& name = "event-log.md") {
  std::vector<Row> rows;
  std::istringstream lines(manual(name));
  bool is_within = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(head)) {
      is_within = true;
    } else if (is_within && !line.starts_with("|")) {
      break;
    } else if (is_within && !line.starts_with("|--")) {
      Row& row = rows.emplace_back();
      std::istringstream cells(line.substr(1));
      for (std::string cell; std::getline(cells, cell, '|');) row.push_back(trimmed(cell));
    }
  }
  return rows;
}

template <typename... Facts>
std::vector<Event> one_of_each(std::type_identity<std::variant<Facts...>>) {
  return {Facts{}...};
}

// How many values stand in "[a, b, [c], {d: e}]", outside of what is nested.
std::size_t values_in(std::string_view list) {
  std::size_t depth = 0;
  std::size_t values = 1;
  for (const char letter : list) {
    if (letter == '[' || letter == '{') ++depth;
    if (letter == ']' || letter == '}') --depth;
    if (letter == ',' && depth == 1) ++values;
  }
  return values;
}

TEST(EventLogManual, ListsEveryKindOfEventWithTheSizeOfItsPayload) {
  const std::vector<Row> rows = table("| kind |");
  const std::vector<Event> events = one_of_each(std::type_identity<Event>{});
  ASSERT_EQ(rows.size(), events.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const EventKind kind = kind_of(events[i]);
    EXPECT_EQ(rows[i].at(0), std::to_string(kind.code));
    EXPECT_EQ(rows[i].at(1), kind.name);
    const std::string payload = encode_payload(events[i]);
    EXPECT_EQ(values_in(rows[i].at(2)), pack::Cursor(payload).begin_list().value()) << kind.name;
  }
}

TEST(EventLogManual, SaysHowEveryKindOfEventIsFolded) {
  std::vector<std::string> expected, found;
  for (const Event& event : one_of_each(std::type_identity<Event>{})) {
    expected.emplace_back(kind_of(event).name);
  }
  for (const Row& row : table("| event |")) found.push_back(row.at(0));
  std::sort(expected.begin(), expected.end());
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, expected);
}

TEST(EventLogManual, ListsEveryFamilyInOrder) {
  const std::vector<Row> rows = table("| family |");
  ASSERT_EQ(rows.size(), kFamilyCount);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].at(0), kFamilies[i].name);
    EXPECT_EQ(rows[i].at(1), is_index(kFamilies[i].family) ? "index" : "primary") << rows[i].at(0);
    EXPECT_EQ(rows[i].at(2), std::to_string(kFamilies[i].index_version)) << rows[i].at(0);
  }
}

TEST(EventLogManual, NamesTheConstantsOfTheFormat) {
  const std::string text = manual();
  for (const std::string& sentence :
       {std::string("u8 = ") + std::to_string(kCommitFormat), std::string("at most 65,536 bytes"),
        "take more than " + std::to_string(kInlineFieldsBytesMax) + " bytes",
        "slots are below " + std::to_string(kCoverSlotsMax),
        "take more than " + std::to_string(kCoverBytesMax) + " bytes",
        std::string("counting from 2^32")}) {
    EXPECT_NE(text.find(sentence), std::string::npos) << sentence;
  }
  EXPECT_EQ(kSmallBlobBytesMax, 65'536U);
  EXPECT_EQ(kFirstAppendNumber, 1ULL << 32U);
}

// The names of a map that is shown, nested ones too: "id, added: [{id, meta}], values: {…}".
std::string members_of(const Map& shown) {
  std::string text;
  for (const Map::Member& member : shown) {
    if (member.name == "kind") continue;
    text += (text.empty() ? "" : ", ") + member.name;
    const Map* map = member.value.if_map();
    const List* list = member.value.if_list();
    const Map* item = list == nullptr || list->empty() ? nullptr : list->front().if_map();
    if (map != nullptr) text += ": {" + (map->empty() ? "…" : members_of(*map)) + "}";
    if (list != nullptr)
      text += ": [" + (item == nullptr ? "…" : "{" + members_of(*item) + "}") + "]";
  }
  return text;
}

Value shown(const Commit& commit) {
  ValueSink sink;
  show(commit, initial_schema(), sink);
  return sink.take();
}

TEST(ProtocolManual, NamesWhatEveryKindOfEventHasWhenDecoded) {
  std::vector<Row> expected{{"the commit", members_of(*shown(Commit{}).if_map())}};
  std::vector<Event> events = one_of_each(std::type_identity<Event>{});
  for (Event& event : events) {
    if (auto* links = std::get_if<LinksChanged>(&event)) {
      links->removed.emplace_back();
      links->added.emplace_back();
      links->changed.emplace_back();
    }
    const Value commit = shown(Commit{{}, {event}});
    const Map& decoded = *commit.if_map()->find("events")->if_list()->front().if_map();
    expected.push_back({*decoded.find("kind")->if_text(), members_of(decoded)});
  }
  std::vector<Row> found;
  for (const Row& row : table("| event | members |", "protocol.md")) {
    found.push_back({row.at(0), row.at(1)});
  }
  std::ranges::sort(expected);
  std::ranges::sort(found);
  EXPECT_EQ(found, expected);
}

TEST(ProtocolManual, NamesTheFixedLimitsOfOneMutationAndOneWhere) {
  std::vector<std::string> found;
  for (const Row& row : table("| limit |", "protocol.md")) found.push_back(row.at(1));
  for (const char* limit : {"1,000", "25,000", "256, 10,000"}) {
    EXPECT_NE(std::ranges::find(found, limit), found.end()) << limit;
  }
  EXPECT_EQ(kCreationsMax, 1'000U);
  EXPECT_EQ(kLinksMax, 25'000U);
  EXPECT_EQ(kConditionsMax, 256U);
  EXPECT_EQ(kOperandsMax, 10'000U);
}

}  // namespace
}  // namespace emstore::store
