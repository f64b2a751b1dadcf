#pragma once
// What is to be attached: out of words, checked before anything is done.
#include <span>

#include "base/json.h"
#include "cli/operator/attachment_verbs.h"
#include "netsetup/choice/choice.h"
#include "netsetup/host/host_networks.h"

namespace shoji::cli::net {

// Where words come from: what opens the message when one is wrong.
class WordSource {
 public:
  static WordSource command_line() { return {{}, false}; }
  static WordSource document(std::string pointer) { return {std::move(pointer), true}; }
  // `--ip`, or `/attach/0/networks/1/addresses/0`.
  [[nodiscard]] std::string of(std::string_view option, std::string_view key,
                               std::optional<size_t> index) const;

 private:
  WordSource(std::string pointer, bool document) : pointer_(std::move(pointer)), document_(document) {}
  std::string pointer_;
  bool document_;
};

Result<shoji::net::AttachRequest> read_words(const op::AttachmentWords& words, const WordSource& source);
// Which of them change something, and how, of an attachment that is there. An empty word alone clears a list.
Result<shoji::net::AttachmentChange> read_change(const op::AttachmentWords& words,
                                                 const shoji::net::Attachment& attachment);

// One partition of `network apply`, or the one of `network attach`.
struct PartitionPlan {
  shoji::net::PartitionRequest request;            // only what choices attach
  std::vector<shoji::net::NetworkChoice> choices;  // in order, checked together
};

struct ApplyDocument {
  std::vector<PartitionPlan> attach;
  std::vector<std::string> release;
};
Result<ApplyDocument> read_apply_document(std::string text, std::string_view source);

// Pins what host, none and share ask for, and attaches; on an error nothing of it is left.
Result<std::vector<shoji::net::Attachment>> carry_out(shoji::net::HostNetworks& host,
                                                      std::span<const PartitionPlan> plans);

}  // namespace shoji::cli::net
