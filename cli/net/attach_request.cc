#include "cli/net/attach_request.h"

#include <algorithm>

#include "base/quantity.h"
#include "cli/net/rate.h"
#include "netsetup/firewall/access_rule_text.h"
#include "netsetup/link/requests.h"

namespace shoji::cli::net {

using shoji::net::AccessRule;
using shoji::net::Address;
using shoji::net::Attachment;
using shoji::net::AttachRequest;
using shoji::net::Mac;
using shoji::net::PublishedPort;
using shoji::net::Rates;

namespace {

bool clears(const std::vector<std::string>& values) {
  return values.size() == 1 && values[0].empty();
}

template <typename Item, typename Parse>
Result<> read_list(std::vector<Item>& out, const std::vector<std::string>& words, Parse parse,
                   const WordSource& source, std::string_view option, std::string_view key) {
  if (clears(words)) return {};
  for (size_t i = 0; i < words.size(); ++i) {
    Result<Item> item = parse(words[i]);
    if (!item) return Failure(within(source.of(option, key, i), item.error()));
    out.push_back(std::move(*item));
  }
  return {};
}

Result<std::vector<AccessRule>> read_rules(const op::AttachmentWords& words, const WordSource& source) {
  std::vector<AccessRule> out;
  auto either = [](const std::string& word) { return shoji::net::parse_access_rule(word); };
  auto allowed = [](const std::string& word) { return shoji::net::parse_access_rule(true, word); };
  auto denied = [](const std::string& word) { return shoji::net::parse_access_rule(false, word); };
  std::string_view option = !words.rules.empty() && words.rules[0].starts_with("deny") ? "deny" : "allow";
  TRY(read_list(out, words.rules, either, source, option, "rules"));
  TRY(read_list(out, words.allow, allowed, source, "allow", "allow"));
  TRY(read_list(out, words.deny, denied, source, "deny", "deny"));
  return out;
}

// What is not named stays as it is in `rates`.
Result<> read_rates(const op::AttachmentWords& words, const WordSource& source, Rates& rates) {
  struct Row {
    const std::string* word;
    uint64_t* rate;
    std::string_view option, key;
    bool burst;
  };
  const Row rows[] = {{&words.rate_in, &rates.in, "rate-in", "rateIn", false},
                      {&words.rate_out, &rates.out, "rate-out", "rateOut", false},
                      {&words.burst_in, &rates.burst_in, "burst-in", "burstIn", true},
                      {&words.burst_out, &rates.burst_out, "burst-out", "burstOut", true}};
  for (const Row& row : rows) {
    if (row.word->empty()) continue;
    Result<uint64_t> value = row.burst ? parse_size(*row.word) : parse_rate(*row.word);
    if (!value) return Failure(within(source.of(row.option, row.key, {}), value.error()));
    *row.rate = *value;
  }
  constexpr std::pair<uint64_t Rates::*, uint64_t Rates::*> kBursts[] = {{&Rates::burst_in, &Rates::in},
                                                                         {&Rates::burst_out, &Rates::out}};
  for (const auto& [burst, rate] : kBursts)
    if (rates.*burst != 0 && rates.*rate == 0)
      return fail(Kind::kInvalid, cat(source.of(burst == &Rates::burst_in ? "burst-in" : "burst-out",
                                                burst == &Rates::burst_in ? "burstIn" : "burstOut", {}),
                                      ": a burst without a rate limits nothing"));
  return {};
}

}  // namespace

std::string WordSource::of(std::string_view option, std::string_view key, std::optional<size_t> index) const {
  if (!document_) return cat("option ", quote(cat("--", option)));
  return index ? cat(pointer_, '/', key, '/', *index) : cat(pointer_, '/', key);
}

Result<AttachRequest> read_words(const op::AttachmentWords& words, const WordSource& source) {
  AttachRequest out;
  out.interface = words.interface;
  out.default_route = words.default_route.value_or(true);
  if (!words.interface.empty())
    if (Result<> checked = shoji::net::check_interface_name(words.interface); !checked)
      return Failure(within(source.of("interface", "interface", {}), checked.error()));
  TRY(read_list(out.addresses, words.addresses, Address::parse, source, "ip", "addresses"));
  if (!words.mac.empty()) {
    Result<Mac> mac = Mac::parse(words.mac);
    if (!mac) return Failure(within(source.of("mac", "mac", {}), mac.error()));
    out.mac = *mac;
  }
  TRY(read_list(out.ports, words.publish, shoji::net::parse_published_port, source, "publish", "publish"));
  TRY_ASSIGN(out.rules, read_rules(words, source));
  TRY(read_rates(words, source, out.rates));
  return out;
}

Result<shoji::net::AttachmentChange> read_change(const op::AttachmentWords& words,
                                                 const Attachment& attachment) {
  WordSource source = WordSource::command_line();
  shoji::net::AttachmentChange out;
  if (!words.publish.empty())
    TRY(read_list(out.ports.emplace(), words.publish, shoji::net::parse_published_port, source, "publish",
                  "publish"));
  if (!words.rules.empty()) {
    TRY_ASSIGN(out.rules, read_rules(words, source));
  }
  bool rates = !words.rate_in.empty() || !words.rate_out.empty() || !words.burst_in.empty() ||
               !words.burst_out.empty();
  if (!rates) return out;
  out.rates = attachment.rates;
  // Without a rate there is no burst.
  if (words.rate_in == "none") out.rates->burst_in = 0;
  if (words.rate_out == "none") out.rates->burst_out = 0;
  TRY(read_rates(words, source, *out.rates));
  return out;
}

}  // namespace shoji::cli::net
