#pragma once
// Messages of nfnetlink (linux/netfilter/nfnetlink.h, netlink(7)): written into one buffer, so that a transaction is one
// system call, and read where they lie.
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shoji::net {

using Bytes = std::span<const uint8_t>;

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

class MessageWriter {
 public:
  // Ends the message before it. `type` is subsystem << 8 | message.
  void begin(uint16_t type, uint16_t flags, uint8_t family, uint16_t resource = 0);
  void put(uint16_t attribute, Bytes value);
  void put_text(uint16_t attribute, std::string_view text);  // with the zero that ends it
  void put_u8(uint16_t attribute, uint8_t value);
  void put_be16(uint16_t attribute, uint16_t value);
  void put_be32(uint16_t attribute, uint32_t value);
  void put_be64(uint16_t attribute, uint64_t value);
  // A nested attribute: what is put between open() and close() is in it.
  [[nodiscard]] size_t open(uint16_t attribute);
  void close(size_t opened);

  // How long the message has become; an attribute has 65535 bytes at most.
  [[nodiscard]] size_t message_size() const { return buffer_.size() - message_; }
  [[nodiscard]] uint32_t count() const { return count_; }  // of messages; their sequence numbers begin at 1
  Bytes finish();                                          // valid until the next change

 private:
  void end_message();
  void append(const void* bytes, size_t size);
  std::vector<uint8_t> buffer_;
  size_t message_ = 0;
  uint32_t count_ = 0;
};

// Attributes of a message or of a nested attribute, by type: the last one of a type counts.
class Attributes {
 public:
  explicit Attributes(Bytes bytes) : bytes_(bytes) {}
  static Attributes of_message(const nlmsghdr* header);
  // Empty when it is not there.
  [[nodiscard]] Bytes find(uint16_t type) const;
  [[nodiscard]] Attributes nested(uint16_t type) const { return Attributes(find(type)); }
  [[nodiscard]] std::string text(uint16_t type) const;
  [[nodiscard]] uint16_t be16(uint16_t type) const;
  [[nodiscard]] uint32_t be32(uint16_t type) const;
  [[nodiscard]] uint64_t be64(uint16_t type) const;
  void each(const std::function<void(uint16_t type, Bytes value)>& visit) const;

 private:
  Bytes bytes_;
};

}  // namespace shoji::net
