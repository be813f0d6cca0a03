// What is known, what is asked, and the facts that follow. Nothing is stored.
#include "store/decide.h"

#include <gtest/gtest.h>

#include "store/schema_change.h"
#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

using store::Known;
using store::LinksChanged;
using store::Verb;

constexpr Sequence kSequence = 9;

class Decide : public ::testing::Test {
 protected:
  Decide() {
    Map schema = shop_schema();
    Map* fields =
        schema.find("entities")->if_map()->find("products")->if_map()->find("fields")->if_map();
    fields->set("gallery", field("media", {{"on_delete", "collect"}}));
    fields->set("documents", field("media", {{"on_delete", "restrict"}}));
    schema_ = store::change_schema(store::initial_schema(), schema)->next;
    products_ = schema_.entity("products");
    known_.owner.emplace();
    known_.owner->row.version = 5;
    known_.values.set(id_of("name"), "Laptop");
    known_.values.set(id_of("price"), 999.0);
  }

  FieldId id_of(std::string_view name) const { return products_->field(name)->id; }
  static RecordRef media(std::uint64_t id) { return {store::kMediaEntity, RecordId(id)}; }
  RecordRef product() const { return {products_->id, RecordId(1)}; }

  // A media with so many uses that products/1 has in a field.
  void link(const std::string& name, std::uint64_t id, std::uint64_t uses) {
    store::KnownLinks& links = known_.fields[id_of(name)];
    links.all = true;
    links.add({media(id), store::append_key(links.links.next++), {}});
    ++links.links.count;
    known_.targets[media(id)].use.count = uses;
    known_.targets[media(id)].record.row.version = 2;
  }

  std::vector<store::Event> decide(store::Mutation mutation) {
    const store::Entity& entity = *schema_.entity(mutation.entity);
    const std::vector<store::Part> parts = store::parts_of(mutation, {}, entity, {});
    const store::Resolved resolved =
        store::resolve(schema_, entity, mutation, parts.front(), {}, violations_);
    return store::decide(schema_, resolved, known_, kSequence, violations_);
  }
  ErrorCode refused(store::Mutation mutation) {
    decide(std::move(mutation));
    EXPECT_EQ(violations_.size(), 1u);
    return std::move(violations_).to_error().code;
  }

  store::Schema schema_;
  const store::Entity* products_ = nullptr;
  Known known_;
  store::Violations violations_{10};
};

store::Mutation update(Map document) {
  return TestStore::update("products", 1, std::move(document));
}

TEST_F(Decide, RecordsOnlyWhatChangesWithWhatWasThere) {
  const auto events = decide(update({{"name", "Laptop"}, {"price", 5}}));
  ASSERT_EQ(events.size(), 1u);
  const auto& event = std::get<store::RecordUpdated>(events[0]);
  EXPECT_EQ(event.previous, 5u);
  EXPECT_EQ(event.before.find(id_of("name")), nullptr);
  EXPECT_EQ(*event.before.find(id_of("price")), Value(999.0));
  EXPECT_EQ(*event.after.find(id_of("price")), Value(5.0));
}

TEST_F(Decide, FindsNothingToDoWhereNothingChanges) {
  EXPECT_TRUE(decide(update({{"name", "Laptop"}, {"price", 999}})).empty());
  EXPECT_TRUE(violations_.empty());
}

TEST_F(Decide, RefusesARecordThatIsNotThere) {
  known_.owner.reset();
  EXPECT_EQ(refused(update({{"price", 5}})), ErrorCode::record_not_found);
}

TEST_F(Decide, RefusesAnotherVersionThanTheOneExpected) {
  store::Mutation mutation = update({{"price", 5}});
  mutation.expected = 4;
  EXPECT_EQ(refused(mutation), ErrorCode::version_mismatch);
}

TEST_F(Decide, GivesANewRecordTheIdItIsTold) {
  known_ = {};
  known_.new_id = RecordId(7);
  const auto events = decide(TestStore::insert("products", {{"name", "Phone"}}));
  ASSERT_EQ(events.size(), 1u);
  const auto& event = std::get<store::RecordCreated>(events[0]);
  EXPECT_EQ(event.record, (RecordRef{products_->id, RecordId(7)}));
  EXPECT_EQ(event.previous, 0u);
  EXPECT_EQ(*event.values.find(id_of("state")), Value("draft")) << "defaults are recorded";
}

// The second event of one record in one commit leads to that commit itself.
TEST_F(Decide, ChainsTheEventsOfOneRecord) {
  known_.fields[id_of("gallery")];
  known_.targets[media(3)].values.set(store::kMediaType, "image/png");
  const auto events = decide(update({{"price", 5}, {"gallery", Map{{"$attach", List{3}}}}}));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(std::get<store::RecordUpdated>(events[0]).previous, 5u);
  EXPECT_EQ(std::get<LinksChanged>(events[1]).previous, kSequence);
}

TEST_F(Decide, DeletesWithARecordTheMediaThatNobodyElseUses) {
  link("gallery", 1, 1);
  link("gallery", 2, 2);
  const auto events = decide(TestStore::remove("products", 1));
  ASSERT_TRUE(violations_.empty());
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(std::get<LinksChanged>(events[0]).removed.size(), 2u);
  EXPECT_EQ(std::get<LinksChanged>(events[0]).operators, store::kOperatorDelete);
  EXPECT_EQ(std::get<store::RecordDeleted>(events[1]).record, product());
  EXPECT_EQ(std::get<store::MediaDeleted>(events[2]).record, media(1));
}

TEST_F(Decide, KeepsARecordWhoseLinksRestrictIt) {
  link("documents", 1, 1);
  EXPECT_EQ(refused(TestStore::remove("products", 1)), ErrorCode::restricted);
}

TEST_F(Decide, DeletesAMediaThatIsLinkedOnlyWhereThatIsAsked) {
  known_.uses.push_back({product(),
                         id_of("gallery"),
                         {media(1), store::append_key(store::kFirstAppendNumber), {}},
                         5,
                         3});
  known_.use.count = 1;
  const auto events = decide(TestStore::remove("media", 1, /*detach=*/true));
  ASSERT_TRUE(violations_.empty());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(std::get<LinksChanged>(events[0]).owner, product());
  EXPECT_EQ(std::get<LinksChanged>(events[0]).previous, 5u);
  EXPECT_EQ(std::get<store::MediaDeleted>(events[1]).record, media(1));
  EXPECT_EQ(refused(TestStore::remove("media", 1)), ErrorCode::still_linked);
}

// Width and height are measured; whatever a caller makes of the rest of the metadata, they stand.
class DecideMetadata : public Decide {
 protected:
  static constexpr PictureSize kSize{640, 480};

  // What `metadata` comes to in a new picture.
  Value created(std::optional<PictureSize> picture, std::optional<Value> metadata = {}) {
    known_ = {};
    known_.media_counter.next_id = 1;
    known_.contents = {{Address{}, 5, {}, "image/png", picture}};
    Map document{{"file", Binary{std::string(8, '\0')}}};
    if (metadata) document.set("metadata", *std::move(metadata));
    const auto events = decide(TestStore::insert("media", std::move(document)));
    const Value* stored =
        std::get<store::MediaCreated>(events.at(0)).values.find(store::kMediaMetadata);
    return stored == nullptr ? Value("absent") : *stored;
  }

  // The media that updates are about.
  void stored(const char* type, Value metadata) {
    known_.values = {};
    known_.values.set(store::kMediaType, type);
    known_.values.set(store::kMediaMetadata, std::move(metadata));
  }
  static store::Mutation update_metadata(Value metadata) {
    return TestStore::update("media", 1, {{"metadata", std::move(metadata)}});
  }
  Value updated(Value metadata) {
    const auto events = decide(update_metadata(std::move(metadata)));
    if (events.empty()) return "nothing to do";
    return *std::get<store::MediaUpdated>(events[0]).after.find(store::kMediaMetadata);
  }
};

TEST_F(DecideMetadata, HoldsTheSizeOfANewPicture) {
  EXPECT_EQ(created(kSize), Value(Map{{"width", 640}, {"height", 480}}));
  EXPECT_EQ(created(kSize, Value()), Value(Map{{"width", 640}, {"height", 480}}));
  EXPECT_EQ(created(std::nullopt), Value("absent"));
}

TEST_F(DecideMetadata, HoldsWhatWasMeasuredWhateverTheCallerSays) {
  const Map said{{"height", 1}, {"place", "Graz"}, {"width", "wide"}};
  EXPECT_EQ(created(kSize, said), Value(Map{{"width", 640}, {"height", 480}, {"place", "Graz"}}));
  EXPECT_EQ(created(std::nullopt, said), Value(said)) << "nobody knows better";
}

TEST_F(DecideMetadata, OfAPictureIsAMap) {
  known_.contents = {{Address{}, 5, {}, "image/png", kSize}};
  EXPECT_EQ(refused(TestStore::insert(
                "media", {{"file", Binary{std::string(8, '\0')}}, {"metadata", List{1}}})),
            ErrorCode::wrong_type);
  stored("image/png", Map{{"width", 640}, {"height", 480}});
  violations_ = store::Violations(10);
  EXPECT_EQ(refused(update_metadata("large")), ErrorCode::wrong_type);
}

TEST_F(DecideMetadata, KeepsWhatWasMeasuredThroughUpdates) {
  stored("image/png", Map{{"width", 640}, {"height", 480}, {"place", "Graz"}});
  EXPECT_EQ(updated(Map{{"place", "Linz"}}),
            Value(Map{{"width", 640}, {"height", 480}, {"place", "Linz"}}));
  EXPECT_EQ(updated(Map{{"width", 1}, {"height", 2}}), Value(Map{{"width", 640}, {"height", 480}}));
  EXPECT_EQ(updated(Value()), Value(Map{{"width", 640}, {"height", 480}}));
  EXPECT_EQ(updated(Map{{"width", 1}, {"place", "Graz"}}), Value("nothing to do"));
}

TEST_F(DecideMetadata, IsTheCallersWhereNothingIsMeasured) {
  stored("image/svg+xml", Map{{"width", 640}, {"height", 480}});
  EXPECT_EQ(updated(Map{{"width", 5}}), Value(Map{{"width", 5}}));
  stored("image/png", Map{{"width", 640}});  // Its header did not say.
  EXPECT_EQ(updated(List{1}), Value(List{1}));
}

}  // namespace
}  // namespace emstore::testing
