#pragma once
// JSON documents to the structs of spec/spec.h, driven by one table row per property.
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "spec/spec.h"

namespace shoji {

// The struct for a parsed config.json. Wrong types, unknown enum values of the schema and properties this runtime
// refuses are errors naming the JSON pointer. Properties that neither the specification nor this runtime knows are
// ignored, as config.md demands ("Runtimes MUST ignore unknown properties").
Result<Spec> load_spec(const JsonDocument& document);
// A `process` object alone (exec --process).
Result<Process> load_process(const JsonDocument& document);
// A `linux.resources` object alone (update --resources).
Result<Resources> load_resources(const JsonDocument& document);

}  // namespace shoji
