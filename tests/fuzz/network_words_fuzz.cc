// Whatever the words and documents of networks are, they are refused with one sentence, or what they mean prints to what
// means the same.
#include <string>

#include "cli/net/attach_request.h"
#include "cli/net/network_options.h"
#include "cli/net/rate.h"
#include "netsetup/firewall/access_rule_text.h"
#include "netsetup/network/free_subnet.h"
#include "tests/fuzz/sentence.h"

using namespace shoji;
using namespace shoji::net;

namespace {

template <typename Read, typename Print>
void check_round(std::string_view text, Read read, Print print) {
  auto value = read(std::string(text));
  if (!is_good(value)) return;
  std::string printed = print(*value);
  auto again = read(printed);
  must(again.has_value() && print(*again) == printed, "what is printed reads as the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  check_round(text, [](const std::string& words) { return parse_access_rule(words); }, print_access_rule);
  check_round(
      text, [](const std::string& words) { return parse_published_port(words); }, print_published_port);
  check_round(text, [](const std::string& words) { return parse_choice(words); }, print_choice);
  check_round(text, [](const std::string& words) { return parse_network(words, ""); }, print_network);
  check_round(
      text, [](const std::string& words) { return parse_attachment(words, ""); },
      [](const Attachment& attachment) { return print_attachment(attachment); });
  if (auto rate = cli::net::parse_rate(text); is_good(rate)) {
    auto again = cli::net::parse_rate(cli::net::print_rate(*rate));
    must(again.has_value() && *again == *rate, "a rate is printed exactly");
  }
  is_good(cli::net::read_apply_document(std::string(text), ""));
  // What /proc/net has is the kernel's: lines that are none are passed over.
  for (const Prefix& prefix : parse_ipv4_routes(text)) must(prefix.length <= 32, "an IPv4 prefix");
  for (const Prefix& prefix : parse_ipv6_routes(text)) must(prefix.length <= 128, "an IPv6 prefix");
  return 0;
}
