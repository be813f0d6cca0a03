#include "store/links.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/pack.h"
#include "store/field_rules.h"
#include "store/order.h"
#include "store/relations.h"
#include "store/row_bytes.h"
#include "store/selection.h"

namespace emstore::store {
namespace {

tl::unexpected<Error> missing_target(const RecordRef& target) {
  return failure(ErrorCode::corrupt_index,
                 "a link leads to record " + to_string(target.id) + ", which does not exist");
}

// The first key that can come behind this one.
std::string behind(std::string key) { return std::move(key) + '\0'; }

class LinkSearch {
 public:
  LinkSearch(const Reader& reader, const With& with, Budget& budget)
      : reader_(reader),
        with_(with),
        budget_(budget),
        selection_(reader, with.query, with.query.order, budget),
        hits_(with.query.order,
              {with.query.offset, with.query.limit, /*tells_more=*/!with.query.digest.empty()},
              budget) {}

  Result<Hits> run(const Origin& origin) {
    if (after() != nullptr && after()->owner != origin.record.id) {
      return failure(ErrorCode::wrong_cursor, "the cursor is of another record's list", "cursor",
                     "begin again without a cursor");
    }
    if (with_.owner != nullptr) {
      EMSTORE_CHECKED(look_at_referrers(origin.record));
    } else if (follows_value(with_)) {
      if (origin.value) EMSTORE_CHECKED(look_at_value(*origin.value));
    } else {
      const std::string prefix = link_prefix(origin.record, with_.field->id);
      EMSTORE_CHECKED(with_.field->kind == FieldKind::medium ? look_at_one(prefix)
                                                             : look_at_all(prefix));
    }
    hits_.finish();
    if (has_unread_) EMSTORE_CHECKED(read_unread());
    return std::move(hits_);
  }

 private:
  // Where the page before ended.
  const Position* after() const { return with_.query.after ? &*with_.query.after : nullptr; }
  bool is_ordered() const { return !with_.query.order.empty(); }

  // The link of a to-one field has the empty order key.
  Status look_at_one(const std::string& prefix) {
    EMSTORE_TRY(const std::optional<std::string> row, reader_.get(Family::links, prefix));
    return row ? look_at({}, *row) : Status();
  }

  Status look_at_all(const std::string& prefix) {
    Status failed;
    KeyRange range = range_of_prefix(prefix);
    if (after() != nullptr && !is_ordered()) range.from = behind(prefix + after()->place);
    EMSTORE_CHECKED(
        reader_.scan(Family::links, range, [&](std::string_view key, std::string_view row) {
          failed = look_at(key.substr(prefix.size()), row);
          return failed && !hits_.is_full();
        }));
    return failed;
  }

  // The one record that a relation leads to.
  Status look_at_value(const RecordId& id) {
    EMSTORE_CHECKED(budget_.examine());
    return take({{with_.query.entity->id, id}, {}, true, {}, {}, nullptr}, {});
  }

  // The records whose field leads to `target`, in the order of their ids.
  Status look_at_referrers(const RecordRef& target) {
    KeyRange range = range_of_prefix(backlink_prefix(target, /*covered=*/false) +
                                     entity_prefix(with_.owner->id));
    if (after() != nullptr && !is_ordered()) {
      range.from = behind(
          backlink_key(target, /*covered=*/false, {with_.owner->id, after()->id}, with_.field->id));
    }
    return reader_.try_scan(Family::backlinks, range,
                            [&](std::string_view key, std::string_view row) -> Result<bool> {
                              EMSTORE_CHECKED(budget_.examine());
                              EMSTORE_TRY(const BacklinkKey place, backlink_of_key(key));
                              if (place.field != with_.field->id) return true;
                              EMSTORE_CHECKED(look_at_referrer(place.owner, row));
                              return !hits_.is_full();
                            });
  }

  Status look_at_referrer(const RecordRef& owner, std::string_view backlink_row) {
    Hit hit{owner, {}, true, {}, {}, nullptr};
    if (!with_.query.shows_link) return take(hit, {});
    EMSTORE_TRY(const BacklinkRow backlink, decode_backlink(backlink_row));
    EMSTORE_TRY(const std::optional<std::string> row,
                reader_.get(Family::links, link_key(owner, with_.field->id, backlink.order)));
    if (!row) {
      return failure(ErrorCode::corrupt_index,
                     "a link of record " + to_string(owner.id) + " is known only at its target");
    }
    EMSTORE_TRY(const LinkView link, view_of_link(*row));
    hit.meta = link.meta;
    hit.order = backlink.order;
    return take(hit, {});
  }

  Status look_at(std::string_view order, std::string_view row) {
    EMSTORE_CHECKED(budget_.examine());
    EMSTORE_TRY(const LinkView link, view_of_link(row));
    return take({link.target, {}, true, link.meta, order, nullptr}, link.cover);
  }

  // Reads the record as far as it is looked at, and keeps it if it is wanted.
  Status take(Hit hit, std::string_view cover) {
    std::optional<std::string> target;  // Outlives the view of it.
    if (!cover.empty()) {
      EMSTORE_TRY(hit.view, view_of_cover(cover));
    } else if (selection_.looks_at_records()) {
      EMSTORE_TRY(target, reader_.get(Family::records, record_key(hit.record)));
      if (!target) return missing_target(hit.record);
      EMSTORE_TRY(hit.view, view_of_owner(*target));
    } else {
      hit.is_read = false;
      has_unread_ = true;
    }
    EMSTORE_TRY(const bool is_wanted, selection_.wants(hit.record, hit.view));
    if (!is_wanted) return {};
    if (after() != nullptr && is_ordered()) {
      EMSTORE_TRY(const bool is_behind,
                  comes_behind(*after(), with_.query.order, hit.record.id, selection_.cells()));
      if (!is_behind) return {};
    }
    return hits_.add(hit, selection_.cells());
  }

  Status read_unread() {
    std::vector<Hit*> unread;
    std::vector<std::string> keys;
    for (Hit& hit : hits_.all()) {
      if (hit.is_read) continue;
      unread.push_back(&hit);
      keys.push_back(record_key(hit.record));
    }
    EMSTORE_TRY(const auto rows, reader_.get_many(Family::records, keys));
    for (std::size_t i = 0; i < unread.size(); ++i) {
      if (!rows[i]) return missing_target(unread[i]->record);
      EMSTORE_TRY(unread[i]->view, view_of_owner(hits_.keep(*rows[i])));
      unread[i]->is_read = true;
    }
    return {};
  }

  const Reader& reader_;
  const With& with_;
  Budget& budget_;
  Selection selection_;
  Hits hits_;
  bool has_unread_ = false;
};

Result<Use> use_of(std::string_view key, std::string_view row) {
  EMSTORE_TRY(const BacklinkKey backlink, backlink_of_key(key));
  EMSTORE_TRY(BacklinkRow place, decode_backlink(row));
  return Use{backlink.owner, backlink.field, std::move(place.order), place.since};
}

Status write_use(const Schema& schema, const Use& use, std::string_view link_row, Budget& budget,
                 Sink& sink) {
  EMSTORE_TRY(const OwnerField owner, owner_field(schema, use));
  EMSTORE_TRY(const LinkView link, view_of_link(link_row));
  sink.begin_map(5);
  sink.text("entity");
  sink.text(owner.entity->name);
  sink.text("field");
  sink.text(owner.field->name);
  sink.text("entity_id");
  sink.value(to_value(use.owner.id));
  sink.text("position");
  sink.text(to_hex(use.order));
  sink.text("meta");
  if (!sink.packed(link.meta)) {
    return failure(ErrorCode::corrupt_index, "the data of a link is not what was written");
  }
  return budget.add_item();
}

}  // namespace

std::string_view name_of(const With& with) {
  if (with.field == nullptr) return "reference";
  return with.owner == nullptr ? side_name(*with.field) : std::string_view(with.field->inverse);
}

bool is_many(const With& with) {
  if (with.field == nullptr) return true;
  const FieldKind kind = with.field->kind;
  if (with.owner != nullptr) return kind != FieldKind::relation || !with.field->unique;
  return kind == FieldKind::media || kind == FieldKind::links;
}

bool follows_value(const With& with) {
  return with.field != nullptr && with.owner == nullptr && with.field->kind == FieldKind::relation;
}

Result<Origin> origin_of(const RecordRef& record, const With& with, const Cells& cells) {
  Origin origin{record, std::nullopt};
  if (!follows_value(with)) return origin;
  const std::string_view packed = cells.packed(with.field->id);
  if (packed.empty()) return origin;
  const Result<Value> value = pack::Cursor(packed).value();
  if (!value) return failure(ErrorCode::corrupt_index, "the value of a relation cannot be read");
  origin.value = reference_of(*value);
  return origin;
}

Result<Hits> linked(const Reader& reader, const With& with, const Origin& origin, Budget& budget) {
  return LinkSearch(reader, with, budget).run(origin);
}

Result<std::vector<Use>> uses_of(const Reader& reader, const RecordRef& target, Budget& budget) {
  // Both kinds of backlinks, covered and not, lie next to each other.
  const KeyRange range{backlink_prefix(target, false),
                       range_of_prefix(backlink_prefix(target, true)).until};
  std::vector<Use> uses;
  Status failed;
  EMSTORE_CHECKED(
      reader.scan(Family::backlinks, range, [&](std::string_view key, std::string_view row) {
        failed = budget.examine();
        if (!failed) return false;
        if (uses.size() >= budget.limits().items_max) {
          failed = budget.too_many_items();
          return false;
        }
        Result<Use> use = use_of(key, row);
        if (!use) {
          failed = failure(std::move(use).error());
          return false;
        }
        uses.push_back(*std::move(use));
        return true;
      }));
  EMSTORE_CHECKED(std::move(failed));
  // Links of one event are of one owner and field, and a media stands there once.
  std::sort(uses.begin(), uses.end(), [](const Use& a, const Use& b) { return a.since < b.since; });
  return uses;
}

Status write_uses(const Reader& reader, const Schema& schema, const With& with,
                  const RecordRef& target, Budget& budget, Sink& sink) {
  EMSTORE_TRY(std::vector<Use> uses, uses_of(reader, target, budget));
  const std::uint64_t skipped = std::min<std::uint64_t>(with.query.offset, uses.size());
  uses.erase(uses.begin(), uses.begin() + static_cast<std::ptrdiff_t>(skipped));
  if (with.query.limit && uses.size() > *with.query.limit) uses.resize(*with.query.limit);
  std::vector<std::string> keys;
  keys.reserve(uses.size());
  for (const Use& use : uses) keys.push_back(link_key(use.owner, use.field, use.order));
  EMSTORE_TRY(const auto rows, reader.get_many(Family::links, keys));
  sink.begin_list(uses.size());
  for (std::size_t i = 0; i < uses.size(); ++i) {
    if (!rows[i]) {
      return failure(ErrorCode::corrupt_index,
                     "a link to record " + to_string(target.id) + " is known only at its target");
    }
    EMSTORE_CHECKED(write_use(schema, uses[i], *rows[i], budget, sink));
  }
  return {};
}

Result<OwnerField> owner_field(const Schema& schema, const Use& use) {
  OwnerField owner;
  owner.entity = schema.entity(use.owner.entity);
  if (owner.entity != nullptr) owner.field = owner.entity->field(use.field);
  if (owner.field != nullptr) return owner;
  return failure(ErrorCode::corrupt_index,
                 "a link is of an entity or field that the schema does not have");
}

}  // namespace emstore::store
