#pragma once
// IPv4 and IPv6 addresses, prefixes and MAC addresses as values.
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace shoji::net {

enum class Family : uint8_t { kIpv4, kIpv6 };

// In network byte order; the first 4 bytes of an IPv4 address count.
class Address {
 public:
  Address() = default;  // 0.0.0.0
  static Result<Address> parse(std::string_view text);
  static Address from_bytes(Family family, const uint8_t* bytes);

  [[nodiscard]] Family family() const { return family_; }
  [[nodiscard]] const uint8_t* bytes() const { return bytes_.data(); }
  [[nodiscard]] size_t size() const { return family_ == Family::kIpv4 ? 4 : 16; }
  [[nodiscard]] unsigned bits() const { return family_ == Family::kIpv4 ? 32 : 128; }
  [[nodiscard]] std::string text() const;  // RFC 5952 for IPv6
  [[nodiscard]] bool is_unspecified() const;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool is_multicast() const;
  // The address `offset` further on; nullopt behind the family's last one.
  [[nodiscard]] std::optional<Address> plus(uint64_t offset) const;
  // How far `other` lies behind this address, at most `most`.
  [[nodiscard]] uint64_t distance_to(const Address& other, uint64_t most) const;
  auto operator<=>(const Address&) const = default;

 private:
  Family family_ = Family::kIpv4;
  std::array<uint8_t, 16> bytes_{};
};

// ADDRESS/LENGTH, with the host's bits kept: 10.1.2.3/24 is an interface's address, first() is its network.
struct Prefix {
  Address address;
  uint8_t length = 0;

  static Result<Prefix> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] Address first() const;
  [[nodiscard]] Address last() const;
  [[nodiscard]] bool contains(const Address& candidate) const;
  [[nodiscard]] bool overlaps(const Prefix& other) const;
  bool operator==(const Prefix&) const = default;
};

struct Mac {
  std::array<uint8_t, 6> bytes{};
  static Result<Mac> parse(std::string_view text);  // aa:bb:cc:dd:ee:ff, unicast
  [[nodiscard]] std::string text() const;
  auto operator<=>(const Mac&) const = default;
};
// Locally administered, and always the same for an address, so that neighbours need not learn anew after a restart.
Mac mac_for(const Address& address);

}  // namespace shoji::net
