#pragma once
// state.json: the facts of runtime/state_store.h as text.
#include <string>
#include <string_view>

#include "base/error.h"
#include "runtime/state_store.h"

namespace shoji {

std::string facts_to_json(const ContainerFacts& facts);
Result<ContainerFacts> facts_from_json(std::string text, std::string_view file);

}  // namespace shoji
