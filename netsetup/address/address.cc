#include "netsetup/address/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace shoji::net {

namespace {

int af_of(Family family) {
  return family == Family::kIpv4 ? AF_INET : AF_INET6;
}

// The address with every bit behind the first `length` set to `bit`.
Address with_rest(const Address& address, unsigned length, bool bit) {
  uint8_t bytes[16] = {};
  std::copy_n(address.bytes(), address.size(), bytes);
  for (unsigned i = length; i < address.bits(); ++i) {
    auto mask = static_cast<uint8_t>(0x80U >> (i % 8));
    bytes[i / 8] = static_cast<uint8_t>(bit ? bytes[i / 8] | mask : bytes[i / 8] & ~mask);
  }
  return Address::from_bytes(address.family(), bytes);
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  std::string terminated(text);
  Address out;
  out.family_ = text.find(':') == std::string_view::npos ? Family::kIpv4 : Family::kIpv6;
  if (text.find('\0') != std::string_view::npos ||
      inet_pton(af_of(out.family_), terminated.c_str(), out.bytes_.data()) != 1)
    return fail(Kind::kInvalid, cat(quote(text), " is neither an IPv4 nor an IPv6 address"));
  return out;
}

Address Address::from_bytes(Family family, const uint8_t* bytes) {
  Address out;
  out.family_ = family;
  std::copy_n(bytes, out.size(), out.bytes_.data());
  return out;
}

std::string Address::text() const {
  char buffer[INET6_ADDRSTRLEN];
  return inet_ntop(af_of(family_), bytes_.data(), buffer, sizeof buffer);
}

bool Address::is_unspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](uint8_t byte) { return byte == 0; });
}

bool Address::is_loopback() const {
  if (family_ == Family::kIpv4) return bytes_[0] == 127;
  return bytes_[15] == 1 &&
         std::all_of(bytes_.begin(), bytes_.end() - 1, [](uint8_t byte) { return byte == 0; });
}

bool Address::is_multicast() const {
  return family_ == Family::kIpv4 ? (bytes_[0] & 0xf0U) == 0xe0 : bytes_[0] == 0xff;
}

std::optional<Address> Address::plus(uint64_t offset) const {
  Address out = *this;
  for (size_t i = size(); i-- > 0 && offset != 0;) {
    uint64_t sum = out.bytes_[i] + (offset & 0xffU);
    out.bytes_[i] = static_cast<uint8_t>(sum);
    offset = (offset >> 8U) + (sum >> 8U);
  }
  if (offset != 0) return std::nullopt;
  return out;
}

uint64_t Address::distance_to(const Address& other, uint64_t most) const {
  if (other <= *this) return 0;
  // Wide enough that what is beyond 64 bits is seen before it is lost.
  __extension__ using Wide = unsigned __int128;
  Wide distance = 0;
  for (size_t i = 0; i < size(); ++i) {
    if (distance >= Wide{1} << 72U) return most;
    distance = (distance << 8U) + other.bytes_[i] - bytes_[i];
  }
  return static_cast<uint64_t>(std::min<Wide>(distance, most));
}

Result<Prefix> Prefix::parse(std::string_view text) {
  size_t slash = text.find('/');
  if (slash == std::string_view::npos)
    return fail(Kind::kInvalid, cat(quote(text), " is not ADDRESS/LENGTH"));
  Prefix out;
  TRY_ASSIGN(out.address, Address::parse(text.substr(0, slash)));
  std::string_view digits = text.substr(slash + 1);
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.length);
  if (error != std::errc() || end != digits.data() + digits.size() || out.length > out.address.bits())
    return fail(Kind::kInvalid, cat(quote(text), ": the length is not between 0 and ", out.address.bits()));
  return out;
}

std::string Prefix::text() const {
  return cat(address.text(), '/', unsigned{length});
}

Address Prefix::first() const {
  return with_rest(address, length, false);
}
Address Prefix::last() const {
  return with_rest(address, length, true);
}

bool Prefix::contains(const Address& candidate) const {
  return candidate.family() == address.family() && with_rest(candidate, length, false) == first();
}

bool Prefix::overlaps(const Prefix& other) const {
  return contains(other.first()) || other.contains(first());
}

Result<Mac> Mac::parse(std::string_view text) {
  Mac out;
  auto invalid = [&](std::string_view why) {
    return fail(Kind::kInvalid, cat("MAC address ", quote(text), why));
  };
  if (text.size() != 17) return invalid(" is not aa:bb:cc:dd:ee:ff");
  for (size_t i = 0; i < 6; ++i) {
    const char* digits = text.data() + i * 3;
    auto [end, error] = std::from_chars(digits, digits + 2, out.bytes[i], 16);
    if (error != std::errc() || end != digits + 2 || (i < 5 && *end != ':'))
      return invalid(" is not aa:bb:cc:dd:ee:ff");
  }
  if ((out.bytes[0] & 1U) != 0) return invalid(" is a group address");
  if (out == Mac{}) return invalid(" is no address");
  return out;
}

std::string Mac::text() const {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (uint8_t byte : bytes) {
    if (!out.empty()) out += ':';
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
  }
  return out;
}

Mac mac_for(const Address& address) {
  // FNV-1a over the address; 0x02: locally administered (IEEE 802), 0x5a says whose.
  uint32_t hash = 2166136261U;
  for (size_t i = 0; i < address.size(); ++i) hash = (hash ^ address.bytes()[i]) * 16777619U;
  Mac out{{0x02, 0x5a}};
  // An IPv4 address fits as it is, so that no two of them share a MAC.
  if (address.family() == Family::kIpv4) {
    std::copy_n(address.bytes(), 4, out.bytes.begin() + 2);
  } else {
    for (size_t i = 0; i < 4; ++i) out.bytes[i + 2] = static_cast<uint8_t>(hash >> (8 * i));
  }
  return out;
}

}  // namespace shoji::net
