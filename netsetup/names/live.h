#pragma once
// Names that partitions find each other by, as they come and go.
//
//   RUN/names/PARTITION/{hosts,resolv.conf,hostname}    to be bound, READ-ONLY, over the same files in its /etc
//   RUN/hosts/NETWORK      the hosts file of a network. What partitions have is a hard link to it: one write tells all of
//   RUN/hosts/+HASH        them. Those on several networks share one for each set of networks that occurs.
//   RUN/hosts/services     what services there are
//
// Each partition is NAME and NAME.NETWORK there, and so is each service, at its own address or else at the network's
// gateway. A file is changed in place; who leaves becomes a line of blanks that the next one overwrites, so that nobody
// else's line moves under a reader. The cost of a change does not grow with the number of partitions but by bytes of
// memory copied.
#include <optional>
#include <string>
#include <vector>

#include "netsetup/attach/attach.h"

namespace shoji::net {

// RUN/names/PARTITION.
std::string names_directory(const NetworkStore& store, std::string_view partition);

// After records of attachments were written, of one partition or of many, new ones only; again is fine. Makes the
// partitions' directories. Where a partition that runs joins a further network, its name is seen there at once; the files
// in RUN/names show it that network's names from its next start on, because what is bound already cannot be replaced.
Result<> add_names(const NetworkStore& store, const std::vector<Attachment>& added);
// After records were removed; what is not there is fine. The directory goes with the last network of a partition.
Result<> remove_names(const NetworkStore& store, const std::vector<Attachment>& removed);

// After a network was changed or removed: files that partitions have are written anew in place, others go, and are made
// again when somebody joins.
Result<> refresh_names_of_network(const NetworkStore& store, const std::string& network);

// A service's name, on all networks; no `address`: each network's gateway. Replaces what it was.
Result<> set_service_name(const NetworkStore& store, const std::string& service,
                          const std::optional<Address>& address);
Result<> remove_service_name(const NetworkStore& store, const std::string& service);

}  // namespace shoji::net
