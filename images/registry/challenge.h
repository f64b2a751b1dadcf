#pragma once
// What a server asks for in WWW-Authenticate (RFC 9110 11.6.1).
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace shoji::images {

struct Challenge {
  std::string scheme;                             // lower case: "basic", "bearer"
  std::map<std::string, std::string> parameters;  // names in lower case
};
// One header may hold several. What does not follow the grammar ends the list.
std::vector<Challenge> parse_challenges(std::string_view header);

}  // namespace shoji::images
