#include "store/columns.h"

#include <array>
#include <utility>
#include <vector>

#include "base/suggest.h"

namespace emstore::store {
namespace {

struct PseudoName {
  Pseudo pseudo;
  std::string_view name;
  bool media_only = false;
};

constexpr std::array kPseudoNames{
    PseudoName{Pseudo::id, "id"},
    PseudoName{Pseudo::created_at, "created_at"},
    PseudoName{Pseudo::updated_at, "updated_at"},
    PseudoName{Pseudo::version, "$version"},
    PseudoName{Pseudo::modified_at, "modified_at", true},
    PseudoName{Pseudo::path, "path", true},
    PseudoName{Pseudo::etag, "etag", true},
    PseudoName{Pseudo::reference, "reference", true},
    PseudoName{Pseudo::entity_id, "entity_id", true},
};

bool has_pseudo(const Entity& entity, const PseudoName& entry) {
  return !entry.media_only || entity.id == kMediaEntity;
}

Field time_field(std::string name) {
  Field field;
  field.name = std::move(name);
  field.kind = FieldKind::datetime;
  return field;
}

}  // namespace

std::string_view name_of(const Column& column) {
  if (column.pseudo == Pseudo::none) return column.field->name;
  for (const PseudoName& entry : kPseudoNames) {
    if (entry.pseudo == column.pseudo) return entry.name;
  }
  return {};
}

Result<Column> find_column(const Entity& entity, std::string_view name) {
  if (const Field* field = entity.field(name)) return Column{Pseudo::none, field};
  std::vector<std::string_view> names;
  for (const PseudoName& entry : kPseudoNames) {
    if (!has_pseudo(entity, entry)) continue;
    if (entry.name == name) return Column{entry.pseudo, nullptr};
    names.push_back(entry.name);
  }
  for (const Field& field : entity.fields) names.emplace_back(field.name);
  return failure(ErrorCode::unknown_field, entity.name + " has no field " + quoted(name), {},
                 did_you_mean(name, names));
}

Column without_alias(const Column& column, const Entity& entity) {
  if (column.pseudo == Pseudo::modified_at) return {Pseudo::updated_at, nullptr};
  if (column.pseudo == Pseudo::path) return {Pseudo::none, entity.field(kMediaBlob)};
  return column;
}

const Field* rules_of(const Column& column) {
  static const Field kCreatedAt = time_field("created_at");
  static const Field kUpdatedAt = time_field("updated_at");
  if (column.pseudo == Pseudo::created_at) return &kCreatedAt;
  if (column.pseudo == Pseudo::updated_at) return &kUpdatedAt;
  return column.field;
}

Result<std::vector<std::string>> names_within(std::string_view way) {
  std::vector<std::string> names;
  for (;;) {
    const std::size_t point = std::min(way.find('.'), way.size());
    if (point == 0) {
      return failure(ErrorCode::invalid_request, "a name is missing between two points", {},
                     "write the names of the way with one point between them");
    }
    names.emplace_back(way.substr(0, point));
    if (point == way.size()) return names;
    way.remove_prefix(point + 1);
  }
}

std::string step(std::string_view path, std::string_view name) {
  std::string longer(path);
  if (!longer.empty()) longer += '.';
  return longer.append(name);
}

std::string step(std::string_view path, std::size_t index) {
  return std::string(path) + '[' + std::to_string(index) + ']';
}

}  // namespace emstore::store
