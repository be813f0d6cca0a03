#include "daemon/rebuild.h"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "store/rebuild.h"

namespace emstore::daemon {
namespace {

using store::FamilyCheck;
using store::View;

// What the writer folds at the end: a pause that nobody notices. A rebuild that commits run away
// from puts an end to it after so many rounds, with a pause as long as it then takes.
constexpr Sequence kLastCommitsMax = 256;
constexpr int kRoundsMax = 16;

Status catch_up(store::Store& store, store::Rebuild& rebuild, const Jobs::Progress& progress) {
  for (int round = 0; round < kRoundsMax; ++round) {
    const std::shared_ptr<const View> now = store.view();
    const Sequence left = now->sequence - rebuild.sequence();
    if (round > 0 && left <= kLastCommitsMax && rebuild.has_indexes_of(*now)) return {};
    EMSTORE_CHECKED(rebuild.catch_up(*now, progress));
  }
  return {};
}

Map shown(const FamilyCheck& rebuilt, const FamilyCheck& live) {
  return Map{{"family", store::name_of(rebuilt.family)},
             {"rows", rebuilt.rows},
             {"mended", rebuilt.digest != live.digest}};
}

// What the rebuilt rows and the live ones come to, as of one commit.
Result<Map> compared(const store::Rebuild& rebuild, const View& view,
                     const Jobs::Progress& progress) {
  const store::GoesOn goes_on = [&] { return progress(rebuild.sequence(), view.sequence); };
  EMSTORE_TRY(const std::vector<FamilyCheck> rebuilt, rebuild.digests(view, goes_on));
  // Live rows that cannot be read differ: that is what a rebuild is for.
  const Result<std::vector<FamilyCheck>> live = store::family_digests(view, goes_on);
  if (!live && live.error().code == ErrorCode::cancelled) return failure(live.error());
  List families;
  bool is_mended = false;
  for (std::size_t i = 0; i < rebuilt.size(); ++i) {
    families.push_back(shown(rebuilt[i], live ? (*live)[i] : FamilyCheck{}));
    is_mended = is_mended || !live || (*live)[i].digest != rebuilt[i].digest;
  }
  return Map{{"sequence", rebuild.sequence()},
             {"events", rebuild.events()},
             {"state_digest", to_hex(as_bytes(store::state_digest(rebuilt)))},
             {"mended", is_mended},
             {"families", std::move(families)}};
}

Result<Value> carry_out(store::Store& store, Writer& writer, const Jobs::Progress& progress) {
  std::unique_ptr<store::Rebuild> rebuild;
  EMSTORE_CHECKED(writer.between_groups([&]() -> Status {
    EMSTORE_TRY(rebuild, store.begin_rebuild());
    return {};
  }));
  EMSTORE_CHECKED(catch_up(store, *rebuild, progress));
  const std::shared_ptr<const View> now = store.view();
  EMSTORE_CHECKED(rebuild->catch_up(*now, progress));
  EMSTORE_TRY(Map report, compared(*rebuild, *now, progress));
  EMSTORE_CHECKED(catch_up(store, *rebuild, progress));
  if (!progress(rebuild->sequence(), rebuild->sequence())) {
    return failure(ErrorCode::cancelled, "cancelled before the rebuilt indexes were put in place");
  }
  std::chrono::steady_clock::duration paused{};
  EMSTORE_CHECKED(writer.between_groups([&]() -> Status {
    const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    Status adopted = store.adopt(std::move(rebuild));
    paused = std::chrono::steady_clock::now() - start;
    return adopted;
  }));
  report.set("paused", std::chrono::duration<double>(paused).count());
  return Value(std::move(report));
}

}  // namespace

Result<Value> rebuild(store::Store& store, Writer& writer, const Jobs::Progress& progress) {
  Result<Value> report = carry_out(store, writer, progress);
  if (!report && class_of(report.error().code) == ErrorClass::outcome_unknown) {
    // The database takes no more writes: the writer has to know before the next commit does.
    static_cast<void>(writer.between_groups([&]() -> Status { return failure(report.error()); }));
  }
  return report;
}

}  // namespace emstore::daemon
