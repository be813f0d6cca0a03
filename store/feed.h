// The feed: the commits of the log in order, those that a subscriber wants. It is read from the log
// alone, also at its end: a position is a sequence, so nothing can be missed or come twice.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/event_bytes.h"
#include "store/names_of_then.h"
#include "store/schemas_of_then.h"
#include "store/store.h"

namespace emstore::store {

// What a subscriber wants, with names. Empty parts ask for nothing.
struct FeedWords {
  std::string entity;
  Value id;                            // Needs an entity.
  std::string field;                   // Needs an entity.
  std::vector<std::string> operators;  // "$set", "$detach", "$attach", "$create", "delete".
};

// The same with ids. A commit is wanted when one of its events is all that is asked: about that
// record (of a link: about its owner), concerning that field, by one of these operators.
struct FeedFilter {
  std::optional<EntityId> entity;
  std::optional<RecordId> id;
  std::optional<FieldId> field;
  std::uint8_t operators = 0;  // Operators, or-ed; 0: any event.

  bool wants_all() const { return !entity && operators == 0; }
};

// Names are those of now; one that nothing has now is that of what had it last. `names` are those
// of the store. Errors: unknown_entity, unknown_field, unknown_operator, wrong_type,
// invalid_request; with path. corrupt_log.
Result<FeedFilter> resolve_filter(const View& view, NamesOfThen& names, const FeedWords& words);
// Whether the schema has the names: then none is looked for in the log. Empty ones are no names.
bool names_are_of_now(const Schema& schema, std::string_view entity, std::string_view field);
bool wants(const FeedFilter& filter, const Commit& commit);
// Whether one event is all that is asked.
bool wants(const FeedFilter& filter, const Event& event);

struct FeedBounds {
  std::uint64_t commits_max = 0;  // Looked at.
  std::size_t bytes_max = 0;      // Of what is packed; one commit may take more.
  std::size_t commit_max = 0;     // What takes more comes with its bytes instead of its events.
};

// A piece of the feed.
struct FeedSlice {
  std::vector<std::string> commits;  // Packed, as log.h shows them; or bare.
  Sequence next = 0;                 // The first that was not looked at.
};
// Commits from `from` on, with the names of then; none when the view ends before. Errors:
// corrupt_log.
Result<FeedSlice> read_feed(const View& view, SchemasOfThen& schemas, const FeedFilter& filter,
                            Sequence from, const FeedBounds& bounds);

}  // namespace emstore::store
