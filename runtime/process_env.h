#pragma once
// The environment of a container's program.
#include <string>
#include <vector>

namespace shoji {

// Of variables with one name the last one counts, in the place of the first; runc does so too. A program would mostly
// see the first one (getenv(3)).
void keep_last_of_each(std::vector<std::string>& env);

}  // namespace shoji
