#pragma once
// A NETLINK_NETFILTER socket on the caller's network namespace.
#include <functional>

#include "base/error.h"
#include "base/fd.h"
#include "netsetup/nfnetlink/message.h"

namespace shoji::net {

class NetfilterSocket {
 public:
  static Result<NetfilterSocket> open();

  // Sends what was written, in one call, and reads all answers: one message at least must ask for one (NLM_F_ACK,
  // NLM_F_DUMP). `answer` gets every message that is not an acknowledgement; `refused` the number of the message (from 1;
  // that of a batch's first one when it is the batch that failed), its errno and the kernel's words, if any.
  using Answer = std::function<void(const nlmsghdr* header)>;
  using Refused = std::function<void(uint32_t number, int error, const std::string& words)>;
  Result<> talk(MessageWriter& requests, const Answer& answer, const Refused& refused);

  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  explicit NetfilterSocket(UniqueFd fd) : fd_(std::move(fd)) {}
  Result<> send(Bytes bytes);
  UniqueFd fd_;
};

}  // namespace shoji::net
