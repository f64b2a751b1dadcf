#pragma once
// A value of a document, printed again as it is.
#include "base/json.h"

namespace shoji {

void copy_json(JsonWriter& out, Json value);

}  // namespace shoji
