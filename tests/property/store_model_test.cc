// The store against the oracle: random commands, alone and in groups, with retries, changes of the
// schema, reopening and rebuilding in between. After each step the answers are compared, now and
// then the content.
//
// EMSTORE_SEED repeats a run, EMSTORE_STEPS makes it longer. The controls run the same comparison
// against stores that are broken on purpose: one that is not caught would make the rest worthless.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <set>

#include "store/event_bytes.h"
#include "store/garbage.h"
#include "tests/property/author.h"
#include "tests/property/contents.h"
#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

using Group = std::vector<store::Submission>;
using Outcomes = std::vector<store::Outcome>;

// What stands between the comparison and the store: nothing, or the damage of a control.
struct Carrier {
  std::function<Outcomes(TestStore&, Group, const std::vector<Expected>&)> commit =
      [](TestStore& store, const Group& group, const std::vector<Expected>&) {
        return store.commit_overlapping(group, 1 + group.size() % 3);
      };
  std::function<Map(OracleSchema)> schema = [](const OracleSchema& wanted) {
    return wanted.to_map();
  };
};

// ---- History ------------------------------------------------------------------------------------

const RecordRef* owner_of(const store::Event& event) {
  return std::visit(
      [](const auto& fact) -> const RecordRef* {
        if constexpr (requires { fact.record; }) return &fact.record;
        if constexpr (requires { fact.owner; }) return &fact.owner;
        return nullptr;
      },
      event);
}

Version previous_of(const store::Event& event) {
  return std::visit(
      [](const auto& fact) -> Version {
        if constexpr (requires { fact.previous; }) return fact.previous;
        return 0;
      },
      event);
}

// Every event of a record names the commit that touched it before, so that its history is a chain.
std::string broken_chain(const store::View& view) {
  std::map<RecordRef, Version> versions;
  std::string found;
  const Status scanned =
      view.reader->scan(store::Family::log, {}, [&](std::string_view, std::string_view bytes) {
        const Result<store::Commit> commit = store::decode(bytes);
        if (!commit) found = to_string(commit.error());
        for (std::size_t i = 0; commit && i < commit->events.size(); ++i) {
          const RecordRef* owner = owner_of(commit->events[i]);
          if (owner == nullptr) continue;
          const Version previous = previous_of(commit->events[i]);
          Version& version = versions[*owner];
          if (previous != version) {
            found = "event " + std::to_string(commit->info.sequence) + "." + std::to_string(i) +
                    " follows " + std::to_string(previous) + " instead of " +
                    std::to_string(version);
          }
          version = commit->info.sequence;
        }
        return found.empty();
      });
  return scanned ? found : to_string(scanned.error());
}

// ---- A comparison -------------------------------------------------------------------------------

class Comparison {
 public:
  Comparison(std::uint64_t seed, Carrier carrier)
      : seed_(seed),
        carrier_(std::move(carrier)),
        dice_(seed),
        oracle_(shop_of_stage(0)),
        author_(dice_, oracle_) {
    change_schema(0);
  }

  // The first difference, or nothing.
  std::string steps(std::size_t count) {
    std::size_t stage = 0;
    for (std::size_t step = 0; step < count; ++step) {
      std::string found = commit();
      if (found.empty() && stage + 1 < kShopStages && step == (stage + 1) * count / kShopStages) {
        found = change_schema(++stage);
      }
      if (found.empty() && step % 800 == 799) found = step % 1600 < 800 ? rebuild() : reopen();
      if (found.empty() && step % 40 == 39) found = contents_difference();
      if (found.empty() && step % 300 == 299) found = collect();
      if (found.empty() && step % 500 == 499) found = verify();
      if (!found.empty())
        return "seed " + std::to_string(seed_) + ", step " + std::to_string(step) + ": " + found;
    }
    const std::string found = contents_difference();
    return found.empty() ? verify() : found;
  }

  Sequence sequence() const { return oracle_.sequence(); }
  std::size_t refused() const { return refused_; }
  std::size_t replayed() const { return replayed_; }

 private:
  std::string commit() {
    Group group;
    std::vector<Expected> expected;
    for (std::size_t i = dice_.in(10) ? 2 + dice_.below(6) : 1; i > 0; --i) {
      group.push_back({{1000 + static_cast<std::uint32_t>(dice_.below(2)), 1000, 42}, command()});
      const auto& asked = std::get<store::Command>(group.back().work);
      expected.push_back(oracle_.carry_out(asked, group.back().peer.uid));
      if (expected.back().is_open) {
        expected.pop_back();
        group.pop_back();
        continue;
      }
      refused_ += expected.back().refusals.empty() ? 0 : 1;
      replayed_ += expected.back().replayed ? 1 : 0;
    }
    if (group.empty()) return "";
    const Outcomes outcomes = carrier_.commit(store_, group, expected);
    for (std::size_t i = 0; i < group.size(); ++i) {
      const std::string found = difference(expected[i], outcomes[i]);
      if (!found.empty()) return found + text_of(std::get<store::Command>(group[i].work));
    }
    return "";
  }

  std::string contents_difference() {
    const std::shared_ptr<const store::View> view = store_.view();
    return Contents(*view->reader, *view->schema, oracle_).difference();
  }

  // New, with a key, or once more what had a key before.
  store::Command command() {
    if (!keyed_.empty() && dice_.in(12)) {
      store::Command again = dice_.one_of(keyed_);
      if (dice_.in(8)) again.key->digest = sha256("another body");
      return again;
    }
    store::Command command = author_.command();
    if (!dice_.in(8)) return command;
    const std::string key = "key " + std::to_string(keyed_.size());
    command.key = store::RequestKey{key, sha256(key)};
    keyed_.push_back(command);
    return command;
  }

  std::string change_schema(std::size_t stage) {
    const OracleSchema next = shop_of_stage(stage);
    oracle_.apply(next);
    store_.apply(carrier_.schema(next));
    for (bool more = true; more;) {
      const Result<bool> worked = store_.store().work();
      if (!worked) return to_string(worked.error());
      more = *worked;
    }
    return "";
  }

  std::string reopen() {
    const Sha256 before = store_.digest();
    store_.open();
    return store_.digest() == before ? "" : "another state after reopening";
  }

  // As a store finds itself when rows of some families are missing or outdated.
  std::string rebuild() {
    const Sha256 before = store_.digest();
    const store::IndexStates indexes = *store_.view()->indexes;
    store_.close();
    {
      store::DatabaseOptions options;
      options.cache_bytes = 8u << 20;
      options.memtable_bytes = 4u << 20;
      auto database = store::Database::open(store_.folder() / "db", options);
      if (!database) return to_string(database.error());
      store::RowChanges changes;
      for (const store::FamilyInfo& family : store::kFamilies) {
        if (!store::is_index(family.family) || dice_.in(2)) continue;
        changes.push_back(
            {store::Family::meta, "family/" + std::string(family.name), std::nullopt});
      }
      const Status written = (*database)->write(changes, store::Durability::synced);
      if (!written) return to_string(written.error());
    }
    store_.open();
    while (store_.store().work().value()) {
    }
    const bool is_same = store_.digest() == before || *store_.view()->indexes != indexes;
    return is_same ? "" : "another state after rebuilding";
  }

  // Everything that nothing uses goes, as the survey before it says, and nothing else.
  std::string collect() {
    const auto before = store_.view();
    const auto survey = store::find_garbage(*before->reader, before->sequence, before->time, {});
    if (!survey) return to_string(survey.error());
    const store::Outcome outcome = store_.submit(store::CollectCommand{0, before->sequence});
    if (!outcome) return to_string(outcome.error());
    const auto& collected = std::get<store::CollectOutcome>(*outcome);
    std::set<std::uint64_t> gone;
    for (const store::UnusedMedia& media : collected.media) gone.insert(media.id.integer());
    if (gone != oracle_.unlinked()) return "collected other media than nothing links";
    if (!collected.next.empty()) return "more than a slice, which this test does not expect";
    if (survey->media != collected.media.size() || survey->blobs != collected.blobs ||
        survey->bytes != collected.bytes) {
      return "the survey said otherwise than the collection did";
    }
    const bool is_commit = !collected.media.empty() || collected.blobs > 0;
    oracle_.collect(is_commit);
    if (collected.sequence != oracle_.sequence()) return "another sequence of the collection";
    std::set<std::string> bytes;
    const Status scanned = store_.view()->reader->scan(store::Family::bytes, {},
                                                       [&](std::string_view, std::string_view row) {
                                                         bytes.emplace(row);
                                                         return true;
                                                       });
    if (!scanned) return to_string(scanned.error());
    return bytes == oracle_.contents() ? "" : "other bytes are left than media have";
  }

  std::string verify() {
    const Result<store::VerifyReport> report =
        store::verify(*store_.view(), {}, store_.fold_room());
    if (!report) return to_string(report.error());
    for (const store::FamilyCheck& check : report->families) {
      if (check.differences > 0) {
        return std::string(store::name_of(check.family)) + ": " + check.first_difference;
      }
    }
    if (report->state_digest != store_.digest()) return "another digest after refolding";
    return broken_chain(*store_.view());
  }

  std::uint64_t seed_;
  Carrier carrier_;
  Dice dice_;
  Oracle oracle_;
  Author author_;
  TestStore store_;
  std::vector<store::Command> keyed_;
  std::size_t refused_ = 0, replayed_ = 0;
};

TEST(StoreModel, AnswersAndHoldsWhatTheOracleSays) {
  const std::uint64_t seed = number_from_environment("EMSTORE_SEED", std::random_device{}());
  const std::uint64_t steps = number_from_environment("EMSTORE_STEPS", 2400);
  std::cout << "EMSTORE_SEED=" << seed << " EMSTORE_STEPS=" << steps << std::endl;
  Comparison run(seed, {});
  EXPECT_EQ(run.steps(steps), "");
  // Random requests must neither all be refused nor all be fine, or little is said.
  EXPECT_GT(run.sequence(), steps / 3);
  EXPECT_GT(run.refused(), steps / 20);
  EXPECT_GT(run.replayed(), steps / 100);
}

// ---- Controls -----------------------------------------------------------------------------------

constexpr std::uint64_t kControlSeeds[] = {1, 2, 3};
constexpr std::size_t kControlSteps = 2400;

// How many of the runs find the damage.
std::size_t caught(const std::function<Carrier()>& broken) {
  std::size_t count = 0;
  for (const std::uint64_t seed : kControlSeeds) {
    const std::string found = Comparison(seed, broken()).steps(kControlSteps);
    if (found.empty()) {
      std::cout << "not caught with seed " << seed << std::endl;
    } else {
      ++count;
    }
  }
  return count;
}

// A store that answers what it should have done, without doing it, now and then.
Carrier forgetful() {
  Carrier carrier;
  carrier.commit = [count = 0](TestStore& store, const Group& group,
                               const std::vector<Expected>& expected) mutable {
    Outcomes outcomes;
    for (std::size_t i = 0; i < group.size(); ++i) {
      const bool is_whole = expected[i].refusals.empty() && expected[i].mutations.size() == 1 &&
                            expected[i].mutations.front().records.size() == 1;
      if (!is_whole || ++count % 50 != 0) {
        outcomes.push_back(store.store().commit(std::span(&group[i], 1)).front());
        continue;
      }
      store::CommitOutcome made_up{expected[i].sequence, expected[i].replayed, {}};
      const ExpectedMutation& mutation = expected[i].mutations.front().records.front();
      made_up.mutations.push_back({{{RecordId(mutation.id), mutation.version, {}, {}}}});
      for (const auto& [name, value] : mutation.data)
        made_up.mutations.front().records.front().data.set(name, value);
      outcomes.emplace_back(std::move(made_up));
    }
    return outcomes;
  };
  return carrier;
}

// A store that is given something else than was asked.
Carrier misheard(std::function<void(store::Command&)> change) {
  Carrier carrier;
  carrier.commit = [change](TestStore& store, Group group, const std::vector<Expected>&) {
    for (store::Submission& submission : group) change(std::get<store::Command>(submission.work));
    return store.store().commit(group);
  };
  return carrier;
}

// Every list that an operator of some name is given.
void each_list(store::Command& command, const char* name, const std::function<void(List&)>& visit) {
  for (store::Mutation& mutation : command.mutations) {
    for (auto& [field, value] : mutation.document) {
      Map* operators = value.if_map();
      Value* argument = operators == nullptr ? nullptr : operators->find(name);
      if (argument != nullptr && argument->if_list() != nullptr) visit(*argument->if_list());
    }
  }
}

TEST(StoreModel, CatchesAStoreThatLosesWhatItAcknowledged) {
  EXPECT_EQ(caught(forgetful), std::size(kControlSeeds));
}

TEST(StoreModel, CatchesAStoreThatIgnoresMaxItems) {
  const auto boundless = [] {
    Carrier carrier;
    carrier.schema = [](OracleSchema wanted) {
      for (auto& [name, fields] : wanted.entities) {
        for (OracleField& field : fields) field.max_items.reset();
      }
      return wanted.to_map();
    };
    return carrier;
  };
  EXPECT_EQ(caught(boundless), std::size(kControlSeeds));
}

TEST(StoreModel, CatchesAStoreThatIgnoresMaxBytes) {
  const auto greedy = [] {
    Carrier carrier;
    carrier.schema = [](OracleSchema wanted) {
      for (auto& [name, fields] : wanted.entities) {
        for (OracleField& field : fields) field.max_bytes.reset();
      }
      return wanted.to_map();
    };
    return carrier;
  };
  EXPECT_EQ(caught(greedy), std::size(kControlSeeds));
}

TEST(StoreModel, CatchesAStoreThatSwapsTwoLinks) {
  const auto swapping = [] {
    return misheard([](store::Command& command) {
      each_list(command, "$set", [](List& items) {
        if (items.size() > 1) std::swap(items[0], items[1]);
      });
    });
  };
  EXPECT_EQ(caught(swapping), std::size(kControlSeeds));
}

TEST(StoreModel, CatchesAStoreThatForgetsTheDataOfLinks) {
  const auto careless = [] {
    return misheard([](store::Command& command) {
      each_list(command, "$attach", [](List& items) {
        for (Value& item : items) {
          if (item.if_map() != nullptr) item.if_map()->erase("meta");
        }
      });
    });
  };
  EXPECT_EQ(caught(careless), std::size(kControlSeeds));
}

TEST(StoreModel, CatchesAStoreThatCarriesOutRetries) {
  const auto eager = [] { return misheard([](store::Command& command) { command.key.reset(); }); };
  EXPECT_EQ(caught(eager), std::size(kControlSeeds));
}

}  // namespace
}  // namespace emstore::testing
