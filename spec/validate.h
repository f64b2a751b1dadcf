#pragma once
// Everything that can be said about a configuration without looking at the host.
#include <string>
#include <vector>

#include "base/error.h"
#include "spec/spec.h"

namespace shoji {

// The first fault, as a sentence that names the JSON pointer of the property.
Result<> validate(const Spec& spec);
// Of a process that joins a container (exec): what `validate` checks of /process.
Result<> validate_process(const Process& process);
Result<> validate_resources(const Resources& resources);

// What is accepted as runc accepts it, but has no effect or will be read differently than written: sentences
// for the log, each with its JSON pointer.
std::vector<std::string> spec_warnings(const Spec& spec);

}  // namespace shoji
