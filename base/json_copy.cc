#include "base/json_copy.h"

namespace shoji {

void copy_json(JsonWriter& out, Json value) {
  switch (value.type()) {
    case Json::Type::kNull:
      out.null();
      break;
    case Json::Type::kBool:
      out.value(value.node().boolean);
      break;
    case Json::Type::kInteger:
      out.value(value.node().integer);
      break;
    case Json::Type::kUnsigned:
      out.value(value.node().natural);
      break;
    case Json::Type::kReal:
      out.value(value.node().real);
      break;
    case Json::Type::kString:
      out.value(value.as_string().value_or(""));
      break;
    case Json::Type::kArray:
    case Json::Type::kObject:
      out.raw(value.source());
      break;
  }
}

}  // namespace shoji
