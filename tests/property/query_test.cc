// The query language against two judges: a naive evaluator, and SQLite in memory. Each query is
// asked with and without indexes, in pages by cursors, of count and of exists.
//
// EMSTORE_SEED repeats a run, EMSTORE_STEPS sets the number of queries. The controls are judges
// that are wrong on purpose: one that is not noticed would make the rest worthless.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "tests/property/query_model.h"
#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

constexpr std::uint64_t kQueries = 10'000;
constexpr std::uint64_t kQueriesAModel = 250;

std::string list_text(const Ids& ids) {
  std::string text;
  for (const std::uint64_t id : ids) text += std::to_string(id) + ' ';
  return text;
}

// A store that holds a model.
class ModelStore {
 public:
  explicit ModelStore(const Model& model) {
    store_.apply(model.schema());
    std::vector<store::Submission> group;
    for (const auto& [id, medium] : model.media) {
      Map document = medium.values;
      document.set("file", Binary{std::string(id, 'x')});
      group.push_back(submission("media", std::move(document)));
    }
    for (const auto& [id, item] : model.items) {
      Map document = item.values;
      for (const auto& [field, links] : item.links) {
        if (links.empty() || model.field(field).type == "side") continue;
        List set;
        for (const std::uint64_t medium : links) set.emplace_back(medium);
        const bool is_one = model.field(field).type == "medium";
        document.set(field, Map{{"$set", is_one ? set.front() : Value(std::move(set))}});
      }
      group.push_back(submission("items", std::move(document)));
    }
    for (const store::Outcome& outcome : store_.store().commit(group)) {
      EXPECT_TRUE(outcome) << to_string(outcome.error());
    }
    while (*store_.store().work()) {
    }
    view_ = store_.view();
  }

  struct Answer {
    Ids ids;
    bool has_more = false;
    std::optional<std::uint64_t> count;
    std::optional<std::string> cursor;
    store::Plan plan;
  };

  Answer find(Map query, bool with_indexes) const {
    query.set("select", List{"id"});
    const auto resolved = store::resolve_query(*view_->schema, "items", query);
    EXPECT_TRUE(resolved) << to_string(Value(query)) << ": " << to_string(resolved.error());
    if (!resolved) return {};
    Answer answer;
    answer.plan = plan_of(*resolved, with_indexes);
    ValueSink sink;
    const auto found =
        store::find_many(*view_->reader, *view_->schema, *resolved, answer.plan, {}, sink);
    EXPECT_TRUE(found) << to_string(Value(query)) << ": " << to_string(found.error());
    if (!found) return {};
    const Value list = sink.take();
    for (const Value& item : *list.if_list()) {
      answer.ids.push_back(static_cast<std::uint64_t>(*item.if_map()->find("id")->if_integer()));
    }
    answer.has_more = found->has_more;
    answer.count = found->count;
    answer.cursor = found->cursor;
    return answer;
  }

  bool exists(const Map& query, bool with_indexes) const {
    const auto resolved = store::resolve_query(*view_->schema, "items", query);
    const auto exists =
        store::exists(*view_->reader, *resolved, plan_of(*resolved, with_indexes), {});
    EXPECT_TRUE(exists) << to_string(exists.error());
    return exists && *exists;
  }

 private:
  static store::Submission submission(std::string entity, Map document) {
    return {{1000, 1000, 42},
            TestStore::command(TestStore::insert(std::move(entity), std::move(document)))};
  }

  store::Plan plan_of(const store::Query& query, bool with_indexes) const {
    return store::plan_of(*view_->schema, query, [with_indexes](IndexId) { return with_indexes; });
  }

  TestStore store_;
  std::shared_ptr<const store::View> view_;
};

Ids page_of(const Ids& all, const ModelQuery& query) {
  const std::size_t from = std::min(query.offset, all.size());
  const std::size_t size = std::min(query.limit.value_or(all.size()), all.size() - from);
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(from);
  return {begin, begin + static_cast<std::ptrdiff_t>(size)};
}

// What the store says instead of what it should; empty when it is right.
std::string difference(const ModelStore& store, const ModelQuery& query, const Ids& all,
                       bool with_indexes) {
  Map given = query.to_map();
  given.set("count", true);
  const ModelStore::Answer answer = store.find(given, with_indexes);
  const Ids expected = page_of(all, query);
  const bool has_more = query.limit && query.offset + *query.limit < all.size();
  std::string text;
  if (answer.ids != expected) text += list_text(answer.ids) + "instead of " + list_text(expected);
  if (answer.has_more != has_more) text += has_more ? "no more? " : "more? ";
  if (answer.count != all.size()) text += "count " + std::to_string(answer.count.value_or(999));
  if (store.exists(Map{{"where", query.where}}, with_indexes) == all.empty()) text += "exists? ";
  return text.empty() ? "" : text + " by " + answer.plan.text;
}

// The pages of a query, one after the other, must be the whole of it.
std::string difference_of_pages(const ModelStore& store, const ModelQuery& query, const Ids& all,
                                std::size_t size, bool with_indexes) {
  ModelQuery whole = query;
  whole.offset = 0;
  whole.limit = size;
  Map given = whole.to_map();
  Ids found;
  for (;;) {
    const ModelStore::Answer page = store.find(given, with_indexes);
    found.insert(found.end(), page.ids.begin(), page.ids.end());
    if (!page.has_more) break;
    if (!page.cursor || found.size() > all.size()) return "pages without end";
    given.set("cursor", *page.cursor);
  }
  if (found == all) return "";
  return "pages of " + std::to_string(size) + ": " + list_text(found) + "instead of " +
         list_text(all);
}

std::uint64_t seed_of_run() {
  return number_from_environment("EMSTORE_SEED", std::random_device{}());
}

TEST(Queries, GiveWhatANaiveEvaluatorGivesOnEveryPlan) {
  const std::uint64_t seed = seed_of_run();
  SCOPED_TRACE("EMSTORE_SEED=" + std::to_string(seed));
  Dice dice(seed);
  const std::uint64_t steps = number_from_environment("EMSTORE_STEPS", kQueries);
  std::map<store::Plan::Kind, std::uint64_t> kinds;
  std::uint64_t unsorted = 0, with_matches = 0;
  for (std::uint64_t step = 0; step < steps;) {
    const Model model = random_model(dice);
    const ModelStore store(model);
    for (std::uint64_t i = 0; i < kQueriesAModel && step < steps; ++i, ++step) {
      const ModelQuery query = random_query(dice, model, Language::whole);
      const std::string text = to_string(Value(query.to_map()));
      const Ids all = naive_matches(model, query);
      const std::size_t size = 1 + dice.below(7);
      for (const bool with_indexes : {true, false}) {
        ASSERT_EQ(difference(store, query, all, with_indexes), "") << text;
        if (i % 4 > 0) continue;
        ASSERT_EQ(difference_of_pages(store, query, all, size, with_indexes), "") << text;
      }
      const store::Plan plan = store.find(query.to_map(), true).plan;
      ++kinds[plan.kind];
      unsorted += plan.kind == store::Plan::Kind::by_index && !plan.sorts ? 1 : 0;
      with_matches += all.empty() ? 0 : 1;
    }
  }
  // The queries are worth asking: each way is taken, and many find something. Of fewer models that
  // says nothing.
  if (steps < kQueries) return;
  using Kind = store::Plan::Kind;
  for (const Kind kind : {Kind::nothing, Kind::by_id, Kind::by_index, Kind::by_links,
                          Kind::by_value, Kind::any_of, Kind::scan}) {
    EXPECT_GT(kinds[kind] * 1000, steps) << "plans of kind " << static_cast<int>(kind);
  }
  EXPECT_GT(unsorted * 400, steps);
  EXPECT_GT(with_matches * 4, steps);
}

TEST(Queries, GiveWhatSqliteGives) {
  const std::uint64_t seed = seed_of_run();
  SCOPED_TRACE("EMSTORE_SEED=" + std::to_string(seed));
  Dice dice(seed);
  const std::uint64_t steps = number_from_environment("EMSTORE_STEPS", kQueries) / 4;
  std::uint64_t with_matches = 0;
  for (std::uint64_t step = 0; step < steps;) {
    const Model model = random_model(dice);
    const ModelStore store(model);
    SqliteJudge sqlite(model);
    for (std::uint64_t i = 0; i < kQueriesAModel && step < steps; ++i, ++step) {
      const ModelQuery query = random_query(dice, model, Language::of_sql);
      const Ids expected = sqlite.page(query);
      ASSERT_EQ(list_text(store.find(query.to_map(), true).ids), list_text(expected))
          << to_string(Value(query.to_map()));
      with_matches += expected.empty() ? 0 : 1;
    }
  }
  EXPECT_GT(with_matches * 4, steps);
}

TEST(QueriesControl, JudgesThatAreWrongOnPurposeAreCaught) {
  const std::uint64_t seed = seed_of_run();
  SCOPED_TRACE("EMSTORE_SEED=" + std::to_string(seed));
  Dice dice(seed);
  std::set<Flaw> caught;
  for (std::size_t models = 0; models < 400 && caught.size() < std::size(kFlaws); ++models) {
    const Model model = random_model(dice);
    const ModelStore store(model);
    for (std::uint64_t i = 0; i < kQueriesAModel; ++i) {
      const ModelQuery query = random_query(dice, model, Language::whole);
      for (const Flaw flaw : kFlaws) {
        if (caught.contains(flaw)) continue;
        const Ids all = naive_matches(model, query, flaw);
        if (!difference(store, query, all, true).empty()) caught.insert(flaw);
      }
    }
  }
  EXPECT_EQ(caught.size(), std::size(kFlaws));
}

// Breaks what the store answers, as a store without the last word of an order would.
TEST(QueriesControl, PagesThatLoseARecordAreCaught) {
  Dice dice(7);
  const Model model = random_model(dice);
  const ModelStore store(model);
  const ModelQuery everything{Map(), {{"f0", false}}, 0, {}};
  Ids all = naive_matches(model, everything);
  EXPECT_EQ(difference_of_pages(store, everything, all, 4, true), "");
  std::swap(all.at(3), all.at(4));
  EXPECT_NE(difference_of_pages(store, everything, all, 4, true), "");
  all.pop_back();
  EXPECT_NE(difference_of_pages(store, everything, all, 4, true), "");
}

}  // namespace
}  // namespace emstore::testing
