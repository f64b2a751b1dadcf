#pragma once
// What may be done after a verb has answered.
//
// Two things of the kernel are slow and nobody needs to wait for them. Closing a netlink socket of nftables waits for the
// destruction of what transactions have deleted, anybody's, which takes an RCU grace period of some 13 ms
// (nft_rcv_nl_event() flushes the queue of net/netfilter/nf_tables_api.c; the close at exit does as well). And removing an
// interface waits for several such periods. So a child does both: it shares the socket, and ours closes without waiting.
#include <string>
#include <vector>

#include "netsetup/host/context.h"

namespace shoji::net {

// The child forgets the connections of who has left, closes the firewall's socket, removes `interfaces` as far as the
// kernel has not yet done so together with their namespaces, and then finishes `pending`, which stays locked until then: if
// the child is killed the next verb does it. It has no standard streams, so that who reads our output sees its end.
// A caller that lives on has a child to wait for, or not: it ends by itself.
void linger(HostContext& context, std::vector<std::string> interfaces, std::vector<Pending> pending);

}  // namespace shoji::net
