#include "cli/media_names.h"

#include <utility>

#include "cli/terminal.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

constexpr std::size_t kIdsAtOnce = 1'000;

}  // namespace

MediaNames MediaNames::of(Session& session, const std::set<std::int64_t>& ids,
                          std::uint64_t as_of) {
  MediaNames names;
  names.ask(session, ids, as_of);
  std::set<std::int64_t> gone;
  for (const std::int64_t id : ids) {
    if (!names.names_.contains(id)) gone.insert(id);
  }
  if (as_of > 1) names.ask(session, gone, as_of - 1);
  return names;
}

void MediaNames::ask(Session& session, const std::set<std::int64_t>& ids, std::uint64_t as_of) {
  for (auto next = ids.begin(); next != ids.end();) {
    List some;
    for (; next != ids.end() && some.size() < kIdsAtOnce; ++next) some.emplace_back(*next);
    Query query;
    query.where = Where{{"id", in(std::move(some))}};
    query.select = {"id", "name"};
    query.as_of = as_of;
    for (const Record& media : session.client().repository("media").find_many(query)) {
      names_.emplace(*media.id().if_integer(), cell_text(media["name"]));
    }
  }
}

std::string MediaNames::text(std::int64_t id) const {
  const auto known = names_.find(id);
  const std::string text = "media/" + std::to_string(id);
  return known == names_.end() || known->second.empty() ? text
                                                        : text + " " + harmless(known->second);
}

}  // namespace emstore::cli
