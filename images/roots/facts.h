#pragma once
// roots/NAME/facts.json: what a root is made of. Its digests keep layers from being swept.
#include <string>
#include <vector>

#include "images/roots/root.h"

namespace shoji::images {

struct RootFacts {
  Root root;
  // Frozen uppers that a verb was about to add or drop. When it is killed, the next verb looks which of them are used.
  std::vector<std::string> pending;
  bool reset_upper = false;  // a rollback began: what is in the upper does not count any more
  bool removing = false;  // remove_root began: nothing but it may go on. Told by the file's name, not in it
};

std::string print_facts(const RootFacts& facts);
Result<RootFacts> parse_facts(std::string text, const std::string& name);

std::string_view layer_format_name(LayerFormat format);
// Every frozen upper that the root or one of its snapshots needs; each once.
std::vector<std::string> used_frozen(const Root& root);

}  // namespace shoji::images
