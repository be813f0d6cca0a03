#include "store/answer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/address.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/pack.h"
#include "store/cursor.h"
#include "store/facts.h"
#include "store/field_rules.h"
#include "store/links.h"
#include "store/selection.h"

namespace emstore::store {
namespace {

tl::unexpected<Error> corrupt_answer(std::string_view what) {
  return failure(ErrorCode::corrupt_index, std::string(what) + " is not what was written");
}

// What is too large, or goes on elsewhere, lies within a `with`: the path says in which.
tl::unexpected<Error> within(std::string_view name, Error error) {
  if (error.code == ErrorCode::result_too_large || error.code == ErrorCode::wrong_cursor) {
    error.path = step(step("with", name), error.path);
  }
  return failure(std::move(error));
}

// Where the next page of a list begins that a limit cut.
std::string cursor_behind(const Query& query, const Hit& last, const RecordId& owner) {
  Position position{{}, last.record.id, owner, std::string(last.order)};
  for (std::size_t i = 0; i < query.order.size(); ++i) position.keys.push_back(owned(last.keys[i]));
  return cursor_text(query, position);
}

}  // namespace

Answer::Answer(const Reader& reader, const Schema& schema, Budget& budget, Sink& sink)
    : reader_(reader), schema_(schema), budget_(budget), sink_(sink) {}

Status Answer::write(const Query& query, const Hit& hit) {
  std::string body;  // What the cells look into.
  EMSTORE_TRY(const std::string_view fields, fields_of(reader_, hit.record, hit.view, body));
  EMSTORE_CHECKED(cells_.take(hit.record.id, hit.view, fields));
  Sequence collected = 0;
  if (query.tells_collected) {
    EMSTORE_TRY(collected, collected_at());
  }
  // Before the cells hold other records; and lists that may be cut before anything is written.
  std::vector<Along> along;
  std::size_t cut = 0;
  for (const With& with : query.with) {
    EMSTORE_TRY(along.emplace_back(), along_of(with, hit.record));
    cut += along.back().is_cut() ? 1 : 0;
  }
  sink_.begin_map(query.columns.size() + query.with.size() + (query.shows_link ? 1 : 0) +
                  (collected != 0 ? 2 : 0) + (cut != 0 ? 1 : 0));
  EMSTORE_CHECKED(write_columns(query, hit));
  if (collected != 0) {
    sink_.text("bytes");
    sink_.text("collected");
    sink_.text("collected_at");
    sink_.integer(static_cast<std::int64_t>(collected));
  }
  for (std::size_t i = 0; i < query.with.size(); ++i) {
    const std::string_view name = name_of(query.with[i]);
    sink_.text(name);
    Status written = write_with(query.with[i], along[i]);
    if (!written) return within(name, std::move(written).error());
  }
  if (cut != 0) write_more(query, along, cut);
  if (query.shows_link) EMSTORE_CHECKED(write_link(hit));
  return budget_.add_item();
}

// Of the bytes of the media at hand; 0: they are here.
Result<Sequence> Answer::collected_at() const {
  const Result<std::string_view> bytes = pack::Cursor(cells_.packed(kMediaBlob)).binary();
  const std::optional<Address> address = bytes ? address_of_bytes(*bytes) : std::nullopt;
  if (!address) return corrupt_answer("the address of a media");
  EMSTORE_TRY(const auto row, read_blob(reader_, *address));
  return row ? row->collected_at : 0;
}

Status Answer::write_columns(const Query& query, const Hit& hit) {
  EMSTORE_CHECK(query.names.size() == query.columns.size());
  members_.clear();
  for (std::size_t i = 0; i < query.columns.size(); ++i) {
    members_.raw(query.names[i]);
    const Column& column = query.columns[i];
    if (column.field != nullptr && is_shown_as_stored(column.field->kind)) {  // Most are.
      const std::string_view packed = cells_.packed(column.field->id);
      if (!packed.empty()) {
        members_.raw(packed);
        continue;
      }
    }
    EMSTORE_CHECKED(write_column(column, hit));
  }
  if (!sink_.members(members_.bytes(), query.columns.size())) return corrupt_answer("a record");
  return {};
}

// Values that few results have, by a writer instead of straight into the members.
template <typename Write>
void Answer::write_seldom(Write write) {
  std::string bytes;
  pack::Writer writer(bytes);
  write(writer);
  members_.raw(bytes);
}

Status Answer::write_column(const Column& column, const Hit& hit) {
  switch (column.pseudo) {
    case Pseudo::none:
      return write_field(*column.field);
    case Pseudo::id:
      write_id(hit.record.id);
      return {};
    case Pseudo::created_at:
      members_.time(hit.view.created);
      return {};
    case Pseudo::updated_at:
    case Pseudo::modified_at:
      members_.time(hit.view.updated);
      return {};
    case Pseudo::version:
      members_.unsigned_integer(hit.view.version);
      return {};
    case Pseudo::path:
      return show_packed(FieldKind::address, cells_.packed(kMediaBlob), members_);
    case Pseudo::etag:
      return write_etag();
    case Pseudo::reference:
    case Pseudo::entity_id:
      break;
  }
  EMSTORE_TRY(const std::vector<Use> uses, uses_of(reader_, hit.record, budget_));
  if (uses.empty()) {
    members_.null();
    return {};
  }
  if (column.pseudo == Pseudo::entity_id) {
    write_id(uses.front().owner.id);
    return {};
  }
  EMSTORE_TRY(const OwnerField owner, owner_field(schema_, uses.front()));
  write_seldom([&](Sink& sink) { sink.text(owner.entity->name + '.' + owner.field->name); });
  return {};
}

Status Answer::write_field(const Field& field) {
  const std::string_view packed = cells_.packed(field.id);
  if (!packed.empty()) return show_packed(field.kind, packed, members_);
  if (field.default_value) {
    write_seldom([&](Sink& sink) { show(field.kind, *field.default_value, sink); });
  } else {
    members_.null();
  }
  return {};
}

Status Answer::write_etag() {
  const Result<std::string_view> digest = pack::Cursor(cells_.packed(kMediaSha256)).binary();
  if (!digest) return corrupt_answer("the SHA-256 of a media");
  write_seldom([&](Sink& sink) { sink.text('"' + to_hex(*digest) + '"'); });
  return {};
}

Result<Answer::Along> Answer::along_of(const With& with, const RecordRef& record) {
  EMSTORE_TRY(const Origin origin, origin_of(record, with, cells_));
  Along along{origin, std::nullopt};
  if (with.query.digest.empty()) return along;
  Result<Hits> hits = linked(reader_, with, along.origin, budget_);
  if (!hits) return within(name_of(with), std::move(hits).error());
  along.hits = *std::move(hits);
  return along;
}

Status Answer::write_with(const With& with, const Along& along) {
  if (with.field == nullptr) {
    return write_uses(reader_, schema_, with, along.origin.record, budget_, sink_);
  }
  if (along.hits) return write_hits(with, *along.hits);
  EMSTORE_TRY(const Hits hits, linked(reader_, with, along.origin, budget_));
  return write_hits(with, hits);
}

Status Answer::write_hits(const With& with, const Hits& hits) {
  if (is_many(with)) {
    sink_.begin_list(hits.all().size());
  } else if (hits.all().empty()) {
    sink_.null();
  }
  for (const Hit& hit : hits.all()) EMSTORE_CHECKED(write(with.query, hit));
  return {};
}

void Answer::write_more(const Query& query, const std::vector<Along>& along, std::size_t cut) {
  sink_.text("$more");
  sink_.begin_map(cut);
  for (std::size_t i = 0; i < along.size(); ++i) {
    if (!along[i].is_cut()) continue;
    sink_.text(name_of(query.with[i]));
    sink_.text(
        cursor_behind(query.with[i].query, along[i].hits->all().back(), along[i].origin.record.id));
  }
}

Status Answer::write_link(const Hit& hit) {
  // {"$link": {"position": …, "meta": …}}
  constexpr std::string_view kBegin("\xa5$link\x82\xa8position");
  constexpr std::string_view kMeta("\xa4meta");
  members_.clear();
  members_.raw(kBegin);
  put_hex(hit.order, members_.text(2 * hit.order.size()));
  members_.raw(kMeta);
  members_.raw(hit.meta);
  if (!sink_.members(members_.bytes(), 1)) return corrupt_answer("the data of a link");
  return {};
}

void Answer::write_id(const RecordId& id) {
  if (id.is_uuid()) {
    const std::string text = to_string(id);
    std::ranges::copy(text, members_.text(text.size()));
  } else {
    members_.unsigned_integer(id.integer());
  }
}

}  // namespace emstore::store
