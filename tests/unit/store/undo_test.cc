#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/store/undoing.h"

namespace emstore::testing {
namespace {

using ::testing::HasSubstr;

class Undo : public UndoTest {
 protected:
  Undo() {
    apply(shop_schema());                                                             // 1
    for (int i = 0; i < 4; ++i) upload("picture " + std::to_string(i));               // 2 to 5
    must(insert("products", {{"name", "Laptop"}, {"gallery", set(List{1, 2, 3})}}));  // 6
  }
  static Map tag(int id, Map meta) { return Map{{"id", id}, {"meta", std::move(meta)}}; }

  static store::Mutation update_of(const char* name, std::string entity, Map document) {
    store::Mutation mutation = update(std::move(entity), 0, std::move(document));
    mutation.id = ref(name);
    return mutation;
  }
  // The shop with a blog beside it, whose links of posts to tags hold a weight and a note.
  static Map shop_with_blog() {
    Map schema = shop_schema(), blog = blog_schema();
    for (const char* part : {"entities", "relations"}) {
      for (const auto& [name, value] : *blog.find(part)->if_map()) {
        schema.find(part)->if_map()->set(name, value);
      }
    }
    return schema;
  }
  static Map& fields_of(Map& schema, const std::string& entity) {
    return *schema.find("entities")->if_map()->find(entity)->if_map()->find("fields")->if_map();
  }
  static Map& link_fields(Map& schema) { return fields_of(schema, "posts_tags"); }
  void write_post(List its_tags) {
    apply(shop_with_blog());  // 7
    for (const char* label : {"a", "b", "c", "d"})
      must(insert("tags", {{"label", label}}));                                         // 8 to 11
    must(insert("posts", {{"title", "News"}, {"tags", attach(std::move(its_tags))}}));  // 12
  }

  // Carries it out; the error of either step.
  std::optional<Error> undo(Sequence sequence) {
    Result<store::Command> command = undo_of(sequence);
    if (!command) return command.error();
    const store::Outcome outcome = submit(*std::move(command));
    return outcome ? std::nullopt : std::optional(outcome.error());
  }
  Error refusal(Sequence sequence) {
    const Result<store::Command> command = undo_of(sequence);
    EXPECT_FALSE(command);
    return command ? Error{} : command.error();
  }
  std::string gallery() { return items("products", "gallery"); }
  std::string tags() { return items("posts", "tags"); }
  // Of the first record.
  std::string items(const std::string& entity, const std::string& field) {
    const Map shown{{"select", List{"id", "$link"}}};
    const Value record =
        find_one(entity, {{"where", Map{{"id", 1}}}, {"with", Map{{field, shown}}}});
    std::string text;
    for (const Value& item : *record.if_map()->find(field)->if_list()) {
      const Map& link = *item.if_map()->find("$link")->if_map();
      text += to_string(*item.if_map()->find("id"));
      if (!link.find("meta")->is_null()) text += to_string(*link.find("meta"));
      text += " ";
    }
    return text;
  }
  Value value(const std::string& entity, std::uint64_t id, const std::string& name) {
    const Value record = find_one(entity, {{"where", Map{{"id", id}}}});
    return record.if_map() == nullptr ? Value("no record") : *record.if_map()->find(name);
  }
};

TEST_F(Undo, GivesFieldsBackWhatTheyHeld) {
  must(update("products", 1, {{"name", "Notebook"}, {"price", 5}}));  // 7
  EXPECT_EQ(undo(7), std::nullopt);
  EXPECT_EQ(value("products", 1, "name"), Value("Laptop"));
  EXPECT_EQ(value("products", 1, "price"), Value());
  EXPECT_EQ(view()->sequence, 8u);
}

TEST_F(Undo, PutsLinksBackInTheirPlacesWithTheirData) {
  const Map caption{{"caption", "from the left"}};
  must(update("products", 1,
              {{"gallery", Map{{"$attach", List{Map{{"id", 2}, {"meta", caption}}}}}}}));
  const std::string before = gallery();
  must(update("products", 1, {{"gallery", set(List{4, 3, 1})}}));  // 8
  EXPECT_EQ(gallery(), "4 3 1 ");
  EXPECT_EQ(undo(8), std::nullopt);
  EXPECT_EQ(gallery(), before);
  must(update("products", 1, {{"gallery", Map{{"$attach", List{4}}}}}));  // 10
  EXPECT_EQ(undo(10), std::nullopt);
  EXPECT_EQ(gallery(), before);
}

TEST_F(Undo, PutsLinksBackWhicheverWayTheyWentAndMoved) {
  std::vector<int> order{1, 2, 3, 4};
  do {
    for (auto end = order.begin(); end <= order.end(); ++end) {
      const List wanted(order.begin(), end);
      if (wanted == List{1, 2, 3}) continue;  // No change, and no commit.
      must(update("products", 1, {{"gallery", set(wanted)}}));
      EXPECT_EQ(undo(view()->sequence), std::nullopt);
      ASSERT_EQ(gallery(), "1 2 3 ");
    }
  } while (std::ranges::next_permutation(order).found);
}

TEST_F(Undo, TakesBackWhatAllMutationsOfTheCommitCameTo) {
  const Map first{{"id", 3}, {"at", "first"}};
  store::Command several = command({update("products", 1, {{"gallery", attach(List{4, first})}}),
                                    update("products", 1, {{"gallery", detach(List{4, 1, 2})}}),
                                    update("products", 1, {{"gallery", attach(List{1})}})});
  several.is_transaction = true;
  ASSERT_TRUE(submit(several));  // 7
  EXPECT_EQ(gallery(), "3 1 ");
  EXPECT_EQ(undo(7), std::nullopt);
  EXPECT_EQ(gallery(), "1 2 3 ");
}

TEST_F(Undo, GivesNoDefaultToLinks) {
  write_post({tag(1, {{"weight", 5}}), tag(2, {{"weight", nullptr}}), 3});  // to 12
  const std::string before = tags();
  EXPECT_EQ(before, "1{\"weight\":5} 2 3{\"weight\":1} ");
  Map schema = shop_with_blog();
  link_fields(schema).set("source", field("text", {{"default_value", "somebody"}}));
  apply(schema);                                             // 13
  must(update("posts", 1, {{"tags", detach(List{2, 3})}}));  // 14
  EXPECT_EQ(undo(14), std::nullopt);                         // 15
  EXPECT_EQ(tags(), before);
  must(update("posts", 1, {{"tags", attach(tag(3, {{"weight", 9}}))}}));  // 16
  EXPECT_EQ(undo(16), std::nullopt);
  EXPECT_EQ(tags(), before);
}

TEST_F(Undo, LeavesLinksAloneWhoseFieldsAreNoMore) {
  write_post({tag(1, {{"note", "mine"}}), tag(2, {{"note", "hers"}}), 3});  // to 12
  must(update("posts", 1, {{"tags", detach(1)}}));                          // 13
  const std::string before = tags();
  Map schema = shop_with_blog(), fields;
  for (const auto& [name, held] : link_fields(schema)) {
    if (name != "note") fields.set(name, held);
  }
  link_fields(schema) = fields;
  apply(schema);  // 14
  const Error error = refusal(13);
  EXPECT_EQ(error.code, ErrorCode::unsupported);
  EXPECT_EQ(error.message, "posts/1.tags: one of the fields of its links is no more");
  EXPECT_EQ(error.hint, "the schema has changed since commit 13");
  must(update("posts", 1, {{"tags", set(List{3, 2})}}));  // 15
  EXPECT_EQ(undo(15), std::nullopt);
  EXPECT_EQ(tags(), before) << "with a note that nobody can give by now";
}

TEST_F(Undo, OfAThumbnailIsTheOneBefore) {
  must(update("products", 1, {{"thumbnail", set(1)}}));  // 7
  must(update("products", 1, {{"thumbnail", set(2)}}));  // 8
  EXPECT_EQ(undo(8), std::nullopt);
  EXPECT_EQ(links("products", 1, "thumbnail"), (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(undo(9), std::nullopt) << "what takes back can be taken back";
  EXPECT_EQ(links("products", 1, "thumbnail"), (std::vector<std::uint64_t>{2}));
}

TEST_F(Undo, DeletesWhatWasMade) {
  const Map file{{"file", Binary{"another picture"}}};
  must(update("products", 1, {{"gallery", Map{{"$create", List{file}}}}}));  // 7: media 5
  EXPECT_EQ(gallery(), "1 2 3 5 ");
  EXPECT_EQ(undo(7), std::nullopt);
  EXPECT_EQ(gallery(), "1 2 3 ");
  EXPECT_EQ(value("media", 5, "id"), Value("no record"));
}

TEST_F(Undo, DeletesAnOwnerBeforeTheMediaThatWereMadeForIt) {
  const Map cover{{"file", Binary{"a cover"}}}, picture{{"file", Binary{"another picture"}}};
  must(insert("products", {{"name", "Solo"},
                           {"thumbnail", Map{{"$create", cover}}},
                           {"gallery", Map{{"$create", List{picture}}}}}));  // 7: media 5 and 6
  EXPECT_EQ(undo(7), std::nullopt);
  EXPECT_EQ(value("products", 2, "id"), Value("no record"));
  EXPECT_EQ(value("media", 5, "id"), Value("no record"));
  EXPECT_EQ(value("media", 6, "id"), Value("no record"));
}

// In the order of the commit the medium would still be linked.
TEST_F(Undo, DeletesMediaAfterAllThatLeadsToThem) {
  const Sequence made =
      together({insert_as("m", "media", {{"file", Binary{"a picture"}}}),
                insert("products", {{"name", "Solo"}, {"gallery", attach(List{ref("m")})}})});
  EXPECT_EQ(undo(made), std::nullopt);
  EXPECT_EQ(value("products", 2, "id"), Value("no record"));
  EXPECT_EQ(value("media", 5, "id"), Value("no record"));
}

TEST_F(Undo, DeletesWhatLeadsToARecordBeforeIt) {
  Map schema = shop_schema(), blog = blog_schema();
  for (const auto& [member, name] : {std::pair("entities", "categories"),
                                     std::pair("relations", "n1_categories_categories_parent")}) {
    schema.find(member)->if_map()->set(name, *blog.find(member)->if_map()->find(name));
  }
  apply(schema);  // 7
  store::Command tree = command({insert("categories", {{"slug", "chairs"}}),
                                 insert("categories", {{"slug", "furniture"}}),
                                 update("categories", 1, {{"parent", set(2)}})});
  tree.is_transaction = true;
  ASSERT_TRUE(submit(tree));  // 8
  EXPECT_EQ(undo(8), std::nullopt);
  EXPECT_EQ(value("categories", 1, "id"), Value("no record"));
  EXPECT_EQ(value("categories", 2, "id"), Value("no record"));
}

TEST_F(Undo, DeletesWhatLeadsToEachOtherWhateverDeletionDoes) {
  for (const char* on_delete : {"cascade", "set null", "restrict"}) {
    Map schema = shop_with_blog();
    fields_of(schema, "categories")
        .set("parent_id", reference("parent", "categories", {{"on_delete", on_delete}}));
    apply(schema);
    const Sequence made =
        together({insert_as("a", "categories", {{"slug", "chairs"}}),
                  insert_as("b", "categories", {{"slug", "seats"}, {"parent", set(ref("a"))}}),
                  insert_as("c", "categories", {{"slug", "stools"}, {"parent", set(ref("b"))}}),
                  insert("categories", {{"slug", "chairs to sell"}, {"parent", set(ref("c"))}}),
                  update_of("a", "categories", {{"parent", set(ref("c"))}})});
    EXPECT_EQ(undo(made), std::nullopt) << on_delete;
    EXPECT_EQ(find_one("categories", {}), Value()) << on_delete;
  }
}

TEST_F(Undo, DeletesFriendsOfEachOther) {
  apply(shop_with_blog());
  const Sequence made =
      together({insert_as("a", "users", {{"name", "Ann"}}),
                insert_as("b", "users", {{"name", "Bob"}, {"friends", attach(ref("a"))}}),
                update_of("a", "users", {{"friends", attach(List{ref("a"), ref("b")})}})});
  EXPECT_EQ(undo(made), std::nullopt);
  EXPECT_EQ(find_one("users", {}), Value());
}

TEST_F(Undo, DeletesACircleOfDifferentRelations) {
  Map schema = shop_with_blog();
  fields_of(schema, "posts").set("pinned_id", reference("pinned", "comments"));
  schema.find("relations")
      ->if_map()
      ->set("n1_pinned", relation("n:1", "posts", "comments", {{"mappedBy", "pinned"}}));
  apply(schema);
  const Sequence made = together({insert_as("post", "posts", {{"title", "News"}}),
                                  insert_as("comment", "comments", {{"post", set(ref("post"))}}),
                                  update_of("post", "posts", {{"pinned", set(ref("comment"))}})});
  EXPECT_EQ(undo(made), std::nullopt);
  EXPECT_EQ(find_one("posts", {}), Value());
  EXPECT_EQ(find_one("comments", {}), Value());
}

TEST_F(Undo, LeavesMediaAloneThatWereThereBefore) {
  Map schema = shop_schema();
  Map* fields =
      schema.find("entities")->if_map()->find("products")->if_map()->find("fields")->if_map();
  fields->set("gallery", field("media", {{"on_delete", "collect"}, {"min_items", 2}}));
  fields->set("documents", field("media", {{"on_delete", "restrict"}}));
  apply(schema);  // 7
  const Map picture{{"file", Binary{"another picture"}}};
  must(insert("products", {{"name", "Solo"},
                           {"gallery", Map{{"$attach", List{4}}, {"$create", List{picture}}}},
                           {"documents", Map{{"$attach", List{1}}}}}));  // 8: media 5
  EXPECT_EQ(undo(8), std::nullopt);
  EXPECT_EQ(value("products", 2, "id"), Value("no record"));
  EXPECT_EQ(value("media", 1, "id"), Value(1));
  EXPECT_EQ(value("media", 4, "id"), Value(4)) << "it was not made by the commit";
  EXPECT_EQ(value("media", 5, "id"), Value("no record"));
}

TEST_F(Undo, IsRefusedWhenLaterCommitsStandOnIt) {
  must(update("products", 1, {{"price", 5}}));                            // 7
  must(update("products", 1, {{"price", 6}}));                            // 8
  must(update("products", 1, {{"gallery", Map{{"$detach", List{1}}}}}));  // 9
  const Error error = refusal(7);
  EXPECT_EQ(error.code, ErrorCode::version_mismatch);
  EXPECT_EQ(error.path, "products/1");
  EXPECT_EQ(error.message, "products/1 is not as commit 7 left it: see commit 8, 9");
  EXPECT_EQ(error.violations.size(), 1u);
  must(remove("products", 1));  // 10
  EXPECT_THAT(refusal(7).message, HasSubstr("see commit 8, 9, 10"));
  EXPECT_EQ(refusal(7).hint, "what was deleted cannot be taken back: insert it anew");
}

TEST_F(Undo, GoesOnOnceTheLaterCommitsAreTakenBack) {
  must(update("products", 1, {{"price", 5}, {"state", "sold"}}));         // 7
  must(update("products", 1, {{"price", 6}}));                            // 8
  must(update("products", 1, {{"gallery", Map{{"$detach", List{2}}}}}));  // 9
  EXPECT_EQ(refusal(7).hint, "take back the later commits first, the last of them first");
  EXPECT_EQ(undo(9), std::nullopt);  // 10
  EXPECT_EQ(refusal(7).message, "products/1 is not as commit 7 left it: see commit 8, 9, 10");
  EXPECT_EQ(undo(8), std::nullopt);  // 11
  EXPECT_EQ(undo(7), std::nullopt);  // 12
  EXPECT_EQ(value("products", 1, "price"), Value());
  EXPECT_EQ(value("products", 1, "state"), Value("draft"));
  EXPECT_EQ(gallery(), "1 2 3 ");
  EXPECT_EQ(undo(6), std::nullopt);  // 13: with links and a default that were put back.
  EXPECT_EQ(value("products", 1, "id"), Value("no record"));
}

TEST_F(Undo, OfMediaGoesOnOnceTheirLinksArePutBack) {
  const Map file{{"file", Binary{"another picture"}}};
  must(insert("products", {{"name", "Solo"}, {"gallery", Map{{"$create", List{file}}}}}));  // 7
  must(update("products", 2, {{"gallery", set(List{})}}));                                  // 8
  EXPECT_EQ(undo(8), std::nullopt);                                                         // 9
  must(update("products", 1, {{"gallery", Map{{"$attach", List{5}}}}}));                    // 10
  EXPECT_EQ(refusal(7).message, "media/5 is not as commit 7 left it: see commit 10");
  EXPECT_EQ(undo(10), std::nullopt);  // 11
  EXPECT_EQ(undo(7), std::nullopt);
  EXPECT_EQ(value("media", 5, "id"), Value("no record"));
}

TEST_F(Undo, NamesTheRecordWhenTheWriterRefuses) {
  must(update("products", 1, {{"gallery", Map{{"$detach", List{3}}}}}));  // 7
  must(remove("media", 3));                                               // 8
  const std::optional<Error> error = undo(7);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message, "media 3 does not exist");
  EXPECT_EQ(error->path, "products/1.gallery.$attach[0]");
}

TEST_F(Undo, IsRefusedWhenSomethingLeadsToWhatWasMade) {
  must(insert("products", {{"name", "Chair"}, {"thumbnail", set(4)}}));  // 7
  const Error error = refusal(5);
  EXPECT_EQ(error.code, ErrorCode::version_mismatch);
  EXPECT_EQ(error.message, "media/4 is not as commit 5 left it: see commit 7");
}

TEST_F(Undo, IsRefusedByTheWriterWhenACommitCameMeanwhile) {
  must(update("products", 1, {{"price", 5}}));  // 7
  const Result<store::Command> command = undo_of(7);
  ASSERT_TRUE(command);
  must(update("products", 1, {{"price", 6}}));  // 8
  const store::Outcome outcome = submit(*command);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::version_mismatch);
  EXPECT_EQ(value("products", 1, "price"), Value(6.0));
}

TEST_F(Undo, SaysWhatCannotBeTakenBack) {
  must(remove("products", 1));  // 7
  const Error deletion = refusal(7);
  EXPECT_EQ(deletion.code, ErrorCode::unsupported);
  EXPECT_EQ(deletion.message, "commit 7 deleted products/1, and an id is never given again");
  EXPECT_EQ(deletion.hint, "read it with as_of: 6 and insert it anew");
  EXPECT_EQ(refusal(1).message, "commit 1 applied a schema");
  EXPECT_EQ(refusal(0).code, ErrorCode::out_of_range);
  EXPECT_EQ(refusal(8).message, "commit 8 has not been made; the last is 7");
  store::Command nothing = command(update("media", 1, Map{}));
  nothing.key = store::RequestKey{"k", {}};
  ASSERT_TRUE(submit(nothing));
  EXPECT_EQ(refusal(8).message, "commit 8 changed no record");
}

TEST_F(Undo, SaysWhatItTakesBack) {
  must(update("products", 1, {{"price", 5}}));  // 7
  const Result<store::Command> command = undo_of(7);
  ASSERT_TRUE(command);
  EXPECT_EQ(command->reason, "undo of commit 7");
}

}  // namespace
}  // namespace emstore::testing
