#include "store/log_search.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/suggest.h"
#include "base/time.h"
#include "store/chain.h"
#include "store/field_rules.h"
#include "store/moment.h"
#include "store/row_bytes.h"

namespace emstore::store {
namespace {

Result<RecordId> id_in(const Value& value, const std::string& path) {
  const std::optional<RecordId> id = record_id_of(value);
  if (id) return *id;
  return failure(ErrorCode::wrong_type, brief(value) + " is no id", path,
                 "ids are integers from 1, or the text of a uuid");
}

Result<Time> time_in(const Value& value, const std::string& path) {
  if (const Time* time = value.if_time()) return *time;
  const auto* text = value.if_text();
  const std::optional<Time> time = text == nullptr ? std::nullopt : time_of(*text);
  if (time) return *time;
  return failure(ErrorCode::wrong_type, brief(value) + " is no time", path,
                 "write it as 2026-11-22T15:09:26Z");
}

// Whether an event is about a media, or changes a link to it.
bool concerns(const RecordRef& media, const Event& event) {
  return std::visit(
      [&media](const auto& fact) {
        if constexpr (requires { fact.record; }) return fact.record == media;
        if constexpr (requires { fact.owner; }) {
          const auto leads = [&media](const auto& link) { return link.target == media; };
          return std::ranges::any_of(fact.removed, leads) ||
                 std::ranges::any_of(fact.added, leads) || std::ranges::any_of(fact.changed, leads);
        }
        return false;
      },
      event);
}

// ---- Finding ------------------------------------------------------------------------------------

class Finder {
 public:
  Finder(const View& view, const LogSearch& search, const LogBounds& bounds, KeptChains& chains)
      : view_(view), search_(search), bounds_(bounds), chains_(chains) {}

  Result<LogPage> run() {
    if (search_.first > search_.last) return std::move(page_);
    if (!search_.filter.id) {
      EMSTORE_CHECKED(look_at_all());
      return std::move(page_);
    }
    const RecordRef record{*search_.filter.entity, *search_.filter.id};
    EMSTORE_CHECKED(search_.reverse ? look_back_along_chain(record) : look_along_chain(record));
    return std::move(page_);
  }

 private:
  // Every commit between the ends.
  Status look_at_all() {
    const KeyRange range{log_key(search_.first), log_key(search_.last + 1)};
    const Direction direction = search_.reverse ? Direction::backward : Direction::forward;
    return view_.reader->try_scan(Family::log, range, direction,
                                  [this](std::string_view key, std::string_view bytes) {
                                    return look_at(sequence_of_log_key(key), bytes);
                                  });
  }

  // The commits of one record, in the order in which they were made.
  Status look_along_chain(const RecordRef& record) {
    EMSTORE_TRY(const auto sequences, chains_.of(*view_.reader, record, search_.first));
    const auto first = std::ranges::lower_bound(*sequences, search_.first);
    for (auto it = first; it != sequences->end() && *it <= search_.last; ++it) {
      EMSTORE_TRY(const auto bytes, view_.reader->get(Family::log, log_key(*it)));
      if (!bytes) {
        return failure(ErrorCode::corrupt_log, "commit " + std::to_string(*it) + " is missing");
      }
      EMSTORE_TRY(const bool goes_on, look_at(*it, *bytes));
      if (!goes_on) break;
    }
    return {};
  }

  // They lead back by themselves.
  Status look_back_along_chain(const RecordRef& record) {
    const QueryLimits limits;
    Chain chain(*view_.reader, limits);
    EMSTORE_TRY(const Sequence last, end_of(record, chain));
    return chain.walk_back(record, last, [this](const CommitParts& commit) -> Result<bool> {
      const Sequence sequence = commit.info().sequence;
      if (sequence > search_.last) return true;
      if (sequence < search_.first) return false;
      return look_at(sequence, commit.bytes());
    });
  }

  // Where the way back begins: a page that follows another one is asked for up to a commit of the
  // chain, and has nothing to do with those behind it.
  Result<Sequence> end_of(const RecordRef& record, Chain& chain) const {
    EMSTORE_TRY(const Sequence last, last_commit_of(*view_.reader, record));
    if (last <= search_.last) return last;
    EMSTORE_TRY(const auto asked, chain.commit(search_.last));
    return asked->about(record).empty() ? last : search_.last;
  }

  // Whether the next one is to be looked at.
  Result<bool> look_at(Sequence sequence, std::string_view bytes) {
    if (looked_at_++ == bounds_.looked_at_max) return end_before(sequence);
    EMSTORE_TRY(const HeaderView header, decode_header(bytes));
    if (search_.uid && header.info.peer.uid != *search_.uid) return true;
    if (!search_.wants_every_event()) {
      EMSTORE_TRY(const Commit commit, decode(bytes));
      if (!wants(search_, commit)) return true;
    }
    const bool fits = page_.commits.size() < bounds_.commits_max &&
                      (page_.commits.empty() || bytes_ + bytes.size() <= bounds_.bytes_max);
    if (!fits) return end_before(sequence);
    bytes_ += bytes.size();
    page_.commits.push_back({sequence, std::string(bytes)});
    return true;
  }

  bool end_before(Sequence sequence) {
    page_.next = sequence;
    return false;
  }

  const View& view_;
  const LogSearch& search_;
  const LogBounds& bounds_;
  KeptChains& chains_;
  LogPage page_;
  std::uint64_t bytes_ = 0;
  std::uint64_t looked_at_ = 0;
};

}  // namespace

Result<LogSearch> resolve_search(const View& view, NamesOfThen& names, const LogWords& words) {
  LogSearch search;
  search.first = std::max<Sequence>(words.from, 1);
  search.last = std::min(words.to.value_or(view.sequence), view.sequence);
  search.reverse = words.reverse;
  search.uid = words.uid;
  const FeedWords events{words.entity, words.id, words.field, words.operators};
  EMSTORE_TRY(search.filter, resolve_filter(view, names, events));
  if (!words.media.is_null()) {
    EMSTORE_TRY(search.media, id_in(words.media, "media"));
  }
  if (!words.since.is_null()) {
    EMSTORE_TRY(const Time since, time_in(words.since, "since"));
    EMSTORE_TRY(const Sequence before, sequence_at(view, Time{since.micros - 1}));
    search.first = std::max(search.first, before + 1);
  }
  if (!words.until.is_null()) {
    EMSTORE_TRY(const Time until, time_in(words.until, "until"));
    EMSTORE_TRY(const Sequence last, sequence_at(view, until));
    search.last = std::min(search.last, last);
  }
  return search;
}

bool wants(const LogSearch& search, const Commit& commit) {
  if (search.uid && commit.info.peer.uid != *search.uid) return false;
  if (search.wants_every_event()) return true;
  return std::ranges::any_of(commit.events, [&](const Event& event) {
    if (search.media && !concerns({kMediaEntity, *search.media}, event)) return false;
    return wants(search.filter, event);
  });
}

Result<LogPage> search_log(const View& view, const LogSearch& search, const LogBounds& bounds,
                           KeptChains& chains) {
  return Finder(view, search, bounds, chains).run();
}

}  // namespace emstore::store
