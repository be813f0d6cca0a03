// Thousands of links put at one place of a field, one request after the other, against a plain
// list: the order holds, keys stay short, and a request changes few links besides its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>

#include "base/hash.h"
#include "store/decide.h"
#include "store/neighbours.h"
#include "store/refold.h"
#include "store/schema_change.h"
#include "store/scratch.h"
#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

using store::LinksChanged;
using Ids = std::vector<std::uint64_t>;

// products/1 and as many media as there may be, in memory.
class Documents {
 public:
  explicit Documents(std::uint64_t media) {
    schema_ = store::change_schema(store::initial_schema(), shop_schema())->next;
    const Entity& products = *schema_.entity("products");
    field_ = products.field("documents")->id;
    owner_ = {products.id, RecordId(1)};
    fold(store::RecordCreated{owner_, 0, {}});
    for (std::uint64_t id = 1; id <= media; ++id) fold(media_created(id));
  }

  // Carries out `$attach` of one item, in the list too.
  LinksChanged attach(std::uint64_t id, const std::string& where, std::uint64_t anchor = 0) {
    Map item{{"id", id}};
    if (anchor == 0) {
      item.set("at", where);
    } else {
      item.set("at", Map{{where, anchor}});
    }
    std::erase(list_, id);
    auto place = where == "first" ? list_.begin() : list_.end();
    if (anchor != 0)
      place = std::find(list_.begin(), list_.end(), anchor) + (where == "after" ? 1 : 0);
    list_.insert(place, id);
    return carry_out(Map{{"documents", Map{{"$attach", List{std::move(item)}}}}});
  }

  LinksChanged carry_out(Map document) {
    ++sequence_;
    store::Violations violations(100);
    const store::Mutation mutation{store::Verb::update, "products", std::uint64_t{1},
                                   std::move(document), {},         false};
    const store::Resolved resolved =
        store::resolve(schema_, *schema_.entity(mutation.entity), mutation,
                       {"", &mutation.document, std::nullopt}, store::References(), violations);
    const Result<store::Known> known = store::read_known(rows_, schema_, resolved, {});
    EXPECT_TRUE(known);
    const auto events = store::decide(schema_, resolved, *known, sequence_, violations);
    EXPECT_TRUE(violations.empty()) << to_string(std::move(violations).to_error());
    if (events.empty()) return {};
    EXPECT_EQ(events.size(), 1u);
    fold(events.front());
    return std::get<LinksChanged>(events.front());
  }

  // The media in the order of their keys.
  Ids stored() {
    Ids ids;
    const auto range = store::range_of_prefix(store::link_prefix(owner_, field_));
    EXPECT_TRUE(rows_.try_scan(store::Family::links, range,
                               [&](std::string_view, std::string_view row) -> Result<bool> {
                                 EMSTORE_TRY(const store::LinkRow link, store::decode_link(row));
                                 ids.push_back(link.target.id.integer());
                                 return true;
                               }));
    return ids;
  }

  const Ids& list() const { return list_; }

 private:
  static store::MediaCreated media_created(std::uint64_t id) {
    const Sha256 digest = sha256(std::to_string(id));
    Address address;
    std::copy_n(digest.begin(), address.digest.size(), address.digest.begin());
    FieldValues values;
    values.set(store::kMediaType, std::string("application/pdf"));
    values.set(store::kMediaSize, 3.0);
    values.set(store::kMediaBlob, Binary{to_bytes(address)});
    values.set(store::kMediaSha256, Binary{std::string(as_bytes(digest))});
    return {{store::kMediaEntity, RecordId(id)}, 0, std::move(values)};
  }

  void fold(const store::Event& event) {
    const Status folded = store::fold(schema_, event, {{sequence_, 0}, Time{1}, 0}, rows_);
    ASSERT_TRUE(folded) << to_string(folded.error());
  }

  using Entity = store::Entity;
  using FieldValues = store::FieldValues;
  store::Schema schema_;
  store::Scratch nothing_;
  store::Overlay rows_{static_cast<const store::Reader&>(nothing_)};
  RecordRef owner_;
  FieldId field_{};
  Sequence sequence_ = 1;
  Ids list_;
};

// How many links one request changed at most, and how many all of them did.
struct Effort {
  std::size_t most = 0, all = 0;
};

using Put = std::function<LinksChanged(Documents&, std::uint64_t id)>;

Effort put_many(std::uint64_t count, const Put& put) {
  Documents documents(count);
  Effort effort;
  for (std::uint64_t id = 1; id <= count; ++id) {
    const LinksChanged event = id <= 2 ? documents.attach(id, "last") : put(documents, id);
    EXPECT_EQ(event.added.size(), 1u);
    effort.most = std::max(effort.most, event.changed.size());
    effort.all += event.changed.size();
    for (const store::Link& link : event.added)
      EXPECT_LE(link.order.size(), store::kOrderKeyBytesMax);
    for (const store::LinkChange& change : event.changed)
      EXPECT_LE(change.order_after.size(), store::kOrderKeyBytesMax);
    if (id % 500 == 0 || !event.changed.empty()) {
      EXPECT_EQ(documents.stored(), documents.list());
    }
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_EQ(documents.stored(), documents.list());
  return effort;
}

TEST(Places, TakeThousandsOfLinksAfterOneThatStays) {
  const Effort effort = put_many(5000, [](Documents& documents, std::uint64_t id) {
    return documents.attach(id, "after", 1);
  });
  EXPECT_GT(effort.all, 0u) << "no place was ever full";
  EXPECT_LE(effort.most, store::kSpreadLinks);
  EXPECT_LE(effort.all, 5000u);
}

TEST(Places, TakeThousandsOfLinksBeforeOneThatStays) {
  const Effort effort = put_many(5000, [](Documents& documents, std::uint64_t id) {
    return documents.attach(id, "before", 2);
  });
  EXPECT_GT(effort.all, 0u) << "no place was ever full";
  EXPECT_LE(effort.most, store::kSpreadLinks);
  EXPECT_LE(effort.all, 5000u);
}

TEST(Places, TakeThousandsOfLinksInFrontWithoutTouchingOthers) {
  const Effort effort = put_many(
      5000, [](Documents& documents, std::uint64_t id) { return documents.attach(id, "first"); });
  EXPECT_EQ(effort.all, 0u);
}

// The worst that can be asked: always between the two that came last.
TEST(Places, TakeThousandsOfLinksBetweenTheTwoThatCameLast) {
  const Effort effort = put_many(4000, [](Documents& documents, std::uint64_t id) {
    const Ids& list = documents.list();
    const auto last = std::find(list.begin(), list.end(), id - 1);
    const bool is_left = last + 1 != list.end() && *(last + 1) == id - 2;
    return documents.attach(id, is_left || id == 3 ? "after" : "before", id == 3 ? 1 : id - 1);
  });
  EXPECT_GT(effort.all, 0u) << "no place was ever full";
  EXPECT_LE(effort.most, 2048u);
  EXPECT_LE(effort.all, 16 * 4000u);
  RecordProperty("links changed", static_cast<int>(effort.all));
}

TEST(Places, TakeLinksAnywhereAndMoveThem) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    constexpr std::uint64_t kPlaced = 300;
    Documents documents(kPlaced);
    documents.attach(1, "last");
    for (int step = 0; step < 2000; ++step) {
      const std::uint64_t id = 1 + random() % kPlaced;
      // Half of them beside few anchors, so that places fill.
      const Ids& list = documents.list();
      const std::uint64_t anchor = list[random() % (random() % 2 ? list.size() : 1)];
      const Ids before = list;
      const auto kind = random() % 8;
      LinksChanged event;
      if (kind < 6 && anchor != id) {
        event = documents.attach(id, kind < 3 ? "after" : "before", anchor);
      } else {
        event = documents.attach(id, kind % 2 ? "first" : "last");
      }
      ASSERT_EQ(documents.stored(), documents.list());
      ASSERT_EQ(event.added.empty() && event.changed.empty(), before == documents.list());
    }
  }
}

// All at once, and with all that the operators can do to the neighbours in the same request.
TEST(Places, TakeManyLinksOfOneRequest) {
  constexpr std::uint64_t kPlaced = 2000;
  Documents documents(kPlaced);
  for (std::uint64_t id = 1; id <= 100; ++id) documents.attach(id, "last");
  List items;
  for (std::uint64_t id = kPlaced; id > 100; --id) {
    items.push_back(Map{{"id", id}, {"at", Map{{"after", std::uint64_t{50}}}}});
  }
  const LinksChanged event = documents.carry_out(Map{{"documents", Map{{"$attach", items}}}});
  EXPECT_EQ(event.added.size(), kPlaced - 100);
  EXPECT_TRUE(event.changed.empty());
  Ids expected;
  for (std::uint64_t id = 1; id <= 50; ++id) expected.push_back(id);
  for (std::uint64_t id = 101; id <= kPlaced; ++id) expected.push_back(id);
  for (std::uint64_t id = 51; id <= 100; ++id) expected.push_back(id);
  EXPECT_EQ(documents.stored(), expected);
}

}  // namespace
}  // namespace emstore::testing
