#include "netsetup/nfnetlink/message.h"

#include <arpa/inet.h>
#include <endian.h>

#include <algorithm>

namespace shoji::net {

namespace {

// Nothing of a wrong size is read: it counts as not there.
template <typename T>
T value_of(Bytes bytes) {
  T value = 0;
  if (bytes.size() == sizeof value) memcpy(&value, bytes.data(), sizeof value);
  return value;
}

}  // namespace

void MessageWriter::append(const void* bytes, size_t size) {
  const auto* first = static_cast<const uint8_t*>(bytes);
  buffer_.insert(buffer_.end(), first, first + size);
  buffer_.resize(NLMSG_ALIGN(buffer_.size()));
}

void MessageWriter::end_message() {
  if (count_ == 0) return;
  auto size = static_cast<uint32_t>(message_size());
  memcpy(buffer_.data() + message_ + offsetof(nlmsghdr, nlmsg_len), &size, sizeof size);
}

void MessageWriter::begin(uint16_t type, uint16_t flags, uint8_t family, uint16_t resource) {
  end_message();
  message_ = buffer_.size();
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST);
  header.nlmsg_seq = ++count_;
  append(&header, sizeof header);
  nfgenmsg general{.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource)};
  append(&general, sizeof general);
}

void MessageWriter::put(uint16_t attribute, Bytes value) {
  nlattr header{.nla_len = static_cast<uint16_t>(NLA_HDRLEN + value.size()), .nla_type = attribute};
  append(&header, sizeof header);
  append(value.data(), value.size());
}

void MessageWriter::put_text(uint16_t attribute, std::string_view text) {
  nlattr header{.nla_len = static_cast<uint16_t>(NLA_HDRLEN + text.size() + 1), .nla_type = attribute};
  append(&header, sizeof header);
  buffer_.insert(buffer_.end(), text.begin(), text.end());
  append("", 1);
}

void MessageWriter::put_u8(uint16_t attribute, uint8_t value) {
  put(attribute, {&value, sizeof value});
}
void MessageWriter::put_be16(uint16_t attribute, uint16_t value) {
  value = htons(value);
  put(attribute, {reinterpret_cast<const uint8_t*>(&value), sizeof value});
}
void MessageWriter::put_be32(uint16_t attribute, uint32_t value) {
  value = htonl(value);
  put(attribute, {reinterpret_cast<const uint8_t*>(&value), sizeof value});
}
void MessageWriter::put_be64(uint16_t attribute, uint64_t value) {
  value = htobe64(value);
  put(attribute, {reinterpret_cast<const uint8_t*>(&value), sizeof value});
}

size_t MessageWriter::open(uint16_t attribute) {
  size_t opened = buffer_.size();
  put(static_cast<uint16_t>(attribute | NLA_F_NESTED), {});
  return opened;
}

void MessageWriter::close(size_t opened) {
  auto size = static_cast<uint16_t>(buffer_.size() - opened);
  memcpy(buffer_.data() + opened + offsetof(nlattr, nla_len), &size, sizeof size);
}

Bytes MessageWriter::finish() {
  end_message();
  return buffer_;
}

Attributes Attributes::of_message(const nlmsghdr* header) {
  const auto* first = reinterpret_cast<const uint8_t*>(header);
  size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg));
  return Attributes(header->nlmsg_len > skip ? Bytes(first + skip, header->nlmsg_len - skip) : Bytes());
}

void Attributes::each(const std::function<void(uint16_t type, Bytes value)>& visit) const {
  Bytes rest = bytes_;
  while (rest.size() >= NLA_HDRLEN) {
    nlattr header{};
    memcpy(&header, rest.data(), sizeof header);
    if (header.nla_len < NLA_HDRLEN || header.nla_len > rest.size()) return;
    visit(header.nla_type & NLA_TYPE_MASK, rest.subspan(NLA_HDRLEN, header.nla_len - NLA_HDRLEN));
    rest = rest.subspan(std::min<size_t>(NLA_ALIGN(header.nla_len), rest.size()));
  }
}

Bytes Attributes::find(uint16_t type) const {
  Bytes out;
  each([&](uint16_t found, Bytes value) {
    if (found == type) out = value;
  });
  return out;
}

std::string Attributes::text(uint16_t type) const {
  Bytes value = find(type);
  std::string out(value.begin(), value.end());
  return out.substr(0, out.find('\0'));
}
uint16_t Attributes::be16(uint16_t type) const {
  return ntohs(value_of<uint16_t>(find(type)));
}
uint32_t Attributes::be32(uint16_t type) const {
  return ntohl(value_of<uint32_t>(find(type)));
}
uint64_t Attributes::be64(uint16_t type) const {
  return be64toh(value_of<uint64_t>(find(type)));
}

}  // namespace shoji::net
