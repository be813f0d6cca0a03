// What was measured of a media's bytes, in its `metadata`: `width` and `height` of a picture. The
// bytes of a media never change, so they stand as its size does, whatever a caller makes of the
// rest.
#pragma once

#include <optional>

#include "base/picture.h"
#include "store/field_values.h"

namespace emstore::store {

// Of a media whose type is measured; nothing where its header did not say, and no caller either.
std::optional<PictureSize> picture_of(const FieldValues& media);

// The metadata that a caller wants, with the size of the picture in it. Nothing when it is neither
// a map nor null.
std::optional<Value> metadata_with(const PictureSize& picture, const Value& wanted);

}  // namespace emstore::store
