#pragma once
// What an operator writes where a partition's networks are named, and what it makes of the partition's pinned namespace,
// RUN/netns/PARTITION: pinned for every choice, so that whoever joins it has one way.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace shoji::net {

enum class ChoiceKind : uint8_t {
  kNetwork,  // NAME: a network of the store
  kCni,      // cni:NAME: a CNI configuration of the host
  kNone,     // none: an own namespace with lo alone
  kHost,     // host: the host's namespace
  kShare,    // share:PARTITION: that partition's namespace
};

struct NetworkChoice {
  ChoiceKind kind = ChoiceKind::kNetwork;
  std::string name;  // of the network, the CNI configuration or the partition; empty for none and host
  bool operator==(const NetworkChoice&) const = default;

  // The partition gets a namespace of its own.
  [[nodiscard]] bool own_namespace() const { return kind != ChoiceKind::kHost && kind != ChoiceKind::kShare; }
  // There is something to attach: a network of the store or of CNI.
  [[nodiscard]] bool attaches() const { return kind == ChoiceKind::kNetwork || kind == ChoiceKind::kCni; }
};

Result<NetworkChoice> parse_choice(std::string_view text);
// As it is written. For what attaches() this is also the network's name in requests and records: "cni:NAME" for CNI.
std::string print_choice(const NetworkChoice& choice);

// None, host and share stand alone, nobody shares with itself, and no network is named twice. No choice at all is fine:
// it means what `none` means.
Result<> check_choices(std::string_view partition, std::span<const NetworkChoice> choices);

// The namespace that `choices` (checked ones) ask for, pinned at DIRECTORY/PARTITION: a new one, or the one that is pinned
// there already when it is the partition's own; the host's is the caller's. kNotFound when there is nothing to share.
Result<UniqueFd> pin_choice(const std::string& directory, const std::string& partition,
                            std::span<const NetworkChoice> choices);

}  // namespace shoji::net
