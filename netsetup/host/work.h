#pragma once
// What a verb is about to make or to remove for one partition, as lines of JSON in its pending file. Each line is there
// before what it says begins; a line that a kill cut off says nothing, and nothing of it has been done.
#include <string>
#include <vector>

#include "netsetup/attach/attach.h"

namespace shoji::net {

struct Work {
  std::string partition;
  std::vector<std::string> networks;  // where it may have leases that no line names yet
  bool pin = false;                   // of its network namespace
  bool firewall_is_clean = false;     // what it had there is gone: its ports may be another's by now
  std::vector<Attachment> attachments;
};

std::string print_work_header(
    const Work& work);  // all but the attachments: these are lines of print_attachment()
Result<Work> parse_work(const std::string& partition, std::string_view text);

}  // namespace shoji::net
