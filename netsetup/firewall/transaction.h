#pragma once
// One transaction of nf_tables that adds or removes elements, chains and their rules, in the kernel's own messages
// (linux/netfilter/nf_tables.h). libnftables looks at every chain and set of the host before it does the same: what that
// costs grows with the number of partitions, and this does not.
#include "netsetup/firewall/elements.h"
#include "netsetup/nfnetlink/socket.h"

namespace shoji::net {

class Transaction {
 public:
  void add(const Element& element);
  void add(const AccessChain& chain);  // new, with its rules
  void remove(const Element& element);
  void remove(const AccessChain& chain);       // with its rules; nothing may lead there any more
  void remove_chain(const std::string& name);  // the same
  void remove_set(const std::string& name);    // with its elements, of the table `inet shoji`

  // All or nothing. `what` opens the error, which names the object that was refused.
  Result<> commit(NetfilterSocket& socket, std::string_view what);
  // The same, but what is to be removed may be gone already.
  Result<> commit_present(NetfilterSocket& socket, std::string_view what);

 private:
  struct Step {
    enum class Kind : uint8_t { kAddElement, kAddChain, kRemoveElement, kRemoveChain, kRemoveSet };
    Kind kind;
    Element element;
    AccessChain chain;
  };
  struct Refusal {
    size_t step;
    int error;
    std::string words;
  };
  // The steps but those in `without`; what the kernel refused, or nothing when it is done.
  Result<std::vector<Refusal>> attempt(NetfilterSocket& socket, const std::vector<bool>& without) const;
  [[nodiscard]] Failure refused(const Refusal& refusal, std::string_view what) const;
  std::vector<Step> steps_;
};

}  // namespace shoji::net
