#pragma once
// Executing the plugins of a CNI configuration ("Execution of Network Configurations"). Nothing is kept here: who calls
// stores what a DEL needs.
#include <string>
#include <utility>
#include <vector>

#include "netsetup/cni/config.h"

namespace shoji::net {

// What the specification calls attachment parameters.
struct CniCall {
  std::string container;
  std::string netns;                                           // path; empty: gone
  std::string interface;                                       // there
  std::vector<std::pair<std::string, std::string>> arguments;  // capability arguments: name, JSON
};

// What is written to the standard input of `plugin`. `previous`: JSON of a result, or empty.
std::string cni_request(const CniConfig& config, const CniPlugin& plugin, const CniCall& call,
                        std::string_view previous);

// One plugin after the other; returns the last one's result. After an error what some of them made is still there.
Result<std::string> cni_add(const CniPlaces& places, const CniConfig& config, const CniCall& call);
// In reverse order. `result` is what cni_add() returned, or empty.
Result<> cni_del(const CniPlaces& places, const CniConfig& config, const CniCall& call,
                 std::string_view result);
// Nothing is done where the configuration or its version does not know it.
Result<> cni_check(const CniPlaces& places, const CniConfig& config, const CniCall& call,
                   std::string_view result);

}  // namespace shoji::net
