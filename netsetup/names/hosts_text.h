#pragma once
// The text of a hosts(5) file that many read while it changes. Pure: text to text.
//
// A line never moves while others come and go: who leaves becomes a line of blanks behind a `#`, which the next one of
// the same length or a shorter one overwrites. Only a file that is mostly blanks is written anew.
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "netsetup/address/address.h"

namespace shoji::net {

enum class NameOwner : uint8_t { kPartition, kService };

// NAME and NAME.NETWORK.
struct NetworkName {
  std::string name, network;
  NameOwner owner = NameOwner::kPartition;
};

// A name that would be more than a name in the file, or a path where it names a directory, is kInvalid.
Result<> check_host_name(std::string_view name);

// The beginning of a file: localhost, and of which networks the names are, which networks_of() reads again.
std::string hosts_beginning(const std::vector<std::string>& networks);
std::vector<std::string> networks_of(std::string_view text);

// Cuts off what a killed verb left of a last line: nobody's.
void mend_end(std::string& text);
// Takes the blank lines out, when they are most of the file.
void close_gaps(std::string& text);
// Makes the lines of `name` these, one for each address; none: it leaves.
void put_name(std::string& text, const NetworkName& name, const std::vector<Address>& addresses);

// The piece of `after` that differs from `before`: what has to be written, and where.
struct Difference {
  size_t offset = 0;
  std::string_view text;
};
Difference difference(std::string_view before, std::string_view after);

}  // namespace shoji::net
