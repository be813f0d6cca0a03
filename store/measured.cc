#include "store/measured.h"

#include <limits>
#include <string_view>

#include "store/schema.h"

namespace emstore::store {
namespace {

constexpr std::string_view kWidth = "width";
constexpr std::string_view kHeight = "height";

std::optional<std::uint32_t> side_in(const Map& metadata, std::string_view name) {
  const Value* value = metadata.find(name);
  const std::int64_t* side = value == nullptr ? nullptr : value->if_integer();
  if (side == nullptr || *side < 1 || *side > std::numeric_limits<std::uint32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(*side);
}

}  // namespace

std::optional<PictureSize> picture_of(const FieldValues& media) {
  const Value* type = media.find(kMediaType);
  const Value* metadata = media.find(kMediaMetadata);
  if (type == nullptr || type->if_text() == nullptr || metadata == nullptr) return std::nullopt;
  if (picture_type(*type->if_text()) == nullptr || metadata->if_map() == nullptr) {
    return std::nullopt;
  }
  const auto width = side_in(*metadata->if_map(), kWidth);
  const auto height = side_in(*metadata->if_map(), kHeight);
  if (!width || !height) return std::nullopt;
  return PictureSize{*width, *height};
}

std::optional<Value> metadata_with(const PictureSize& picture, const Value& wanted) {
  Map metadata{{std::string(kWidth), picture.width}, {std::string(kHeight), picture.height}};
  if (wanted.is_null()) return Value(std::move(metadata));
  if (wanted.if_map() == nullptr) return std::nullopt;
  for (const Map::Member& member : *wanted.if_map()) {
    if (member.name == kWidth || member.name == kHeight) continue;
    metadata.append(member.name, member.value);
  }
  return Value(std::move(metadata));
}

}  // namespace emstore::store
