#include "runtime/process_env.h"

#include <unordered_map>

namespace shoji {

void keep_last_of_each(std::vector<std::string>& env) {
  std::unordered_map<std::string, size_t> places;
  places.reserve(env.size());
  std::vector<std::string> kept;
  kept.reserve(env.size());
  for (std::string& variable : env) {
    auto [place, fresh] = places.try_emplace(variable.substr(0, variable.find('=')), kept.size());
    if (fresh) {
      kept.push_back(std::move(variable));
    } else {
      kept[place->second] = std::move(variable);
    }
  }
  env = std::move(kept);
}

}  // namespace shoji
