#pragma once
// Everything that can be said about a configuration without looking at the host.
#include "base/error.h"
#include "spec/spec.h"

namespace shoji {

// The first fault, as a sentence that names the JSON pointer of the property.
Result<> validate(const Spec& spec);
Result<> validate_process(const Process& process);

}  // namespace shoji
