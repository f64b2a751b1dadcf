#include <cstdlib>

#include "cli/net/attach_request.h"
#include "cli/net/rate.h"
#include "netsetup/firewall/access_rule_text.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::cli;
using cli::net::parse_rate;
using cli::net::print_rate;
using cli::net::WordSource;
using shoji::net::Attachment;

namespace {

Result<op::NetworkAttachOptions> given(std::vector<std::string> words) {
  op::NetworkAttachOptions options;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  TRY(parse_options(op::kNetworkAttachOptions, &options, pointers, Order::kMixed, Dialect::kPosix));
  return options;
}

std::string fault(std::vector<std::string> words) {
  auto options = given(std::move(words));
  if (!options) return options.error().text;
  auto request = cli::net::read_words(*options, WordSource::command_line());
  return request ? "no error" : request.error().text;
}

std::string document_fault(std::string text) {
  auto document = cli::net::read_apply_document(std::move(text), "plan");
  return document ? "no error" : document.error().text;
}

}  // namespace

TEST_CASE("rates are bits or bytes a second") {
  for (const auto& [text, bytes] :
       std::initializer_list<std::pair<const char*, uint64_t>>{{"100mbit", 12'500'000},
                                                               {"1gbit", 125'000'000},
                                                               {"1.5gbit", 187'500'000},
                                                               {"64kbit", 8000},
                                                               {"8bit", 1},
                                                               {"1Gbit", 125'000'000},
                                                               {"12M", 12 << 20},
                                                               {"1500", 1500},
                                                               {"1.5K", 1536},
                                                               {"none", 0}}) {
    INFO(text);
    CHECK(parse_rate(text).value_or(~uint64_t{0}) == bytes);
  }
  for (const char* text :
       {"", "bit", "mbit", "fast", "-1mbit", "1.mbit", "1.5.5mbit", "10xbit", "9999999999tbit"}) {
    INFO(text);
    CHECK_FALSE(parse_rate(text));
  }
  for (const char* text : {"100mbit", "1gbit", "64kbit", "12M", "none", "1500mbit"})
    CHECK(print_rate(parse_rate(text).value()) == text);
}

TEST_CASE("an attachment is read from options") {
  auto options = given({"--ip=10.7.0.9", "--ip=fd07::9", "--mac=02:00:00:00:00:09", "--interface=net0", "-p",
                        "8080:80", "--publish=127.0.0.1:53:53/udp", "--deny=in:tcp:22", "--allow=out",
                        "--rate-in=100mbit", "--rate-out", "12M", "--burst-in=256K"});
  REQUIRE(options);
  auto request = cli::net::read_words(*options, WordSource::command_line());
  REQUIRE(request);
  CHECK(request->addresses.size() == 2);
  CHECK(request->mac->text() == "02:00:00:00:00:09");
  CHECK(request->interface == "net0");
  REQUIRE(request->ports.size() == 2);
  CHECK(shoji::net::print_published_port(request->ports[1]) == "127.0.0.1:53:53/udp");
  // In the order of the command line: the first that fits counts.
  REQUIRE(request->rules.size() == 2);
  CHECK(shoji::net::print_access_rule(request->rules[0]) == "deny in:tcp:22");
  CHECK(shoji::net::print_access_rule(request->rules[1]) == "allow out");
  CHECK(request->rates.in == 12'500'000);
  CHECK(request->rates.out == 12 << 20);
  CHECK(request->rates.burst_in == 256 << 10);
}

TEST_CASE("what is wrong with an attachment's options is said with the option") {
  CHECK(fault({"--ip=10.7.0"}).starts_with("option \"--ip\": "));
  CHECK(fault({"--mac=01:00:00:00:00:09"}).starts_with("option \"--mac\": "));
  CHECK(fault({"--interface=a/b"}).starts_with("option \"--interface\": "));
  CHECK(fault({"-p", "80"}).starts_with("option \"--publish\": published port \"80\": "));
  CHECK(fault({"-p", "[::1]:80:80"}).find("the kernel does not route from [::1]") != std::string::npos);
  CHECK(fault({"--deny=in:tcp:0"}).starts_with("option \"--deny\": rule \"in:tcp:0\": "));
  CHECK(fault({"--rate-in=fast"}) ==
        "option \"--rate-in\": \"fast\" is not a rate, as 100mbit, 1.5gbit, or 12M bytes a second");
  CHECK(fault({"--burst-in=64K"}) == "option \"--burst-in\": a burst without a rate limits nothing");
}

TEST_CASE("options of an attachment that make no sense together are refused") {
  auto refused = [](std::vector<std::string> words, const std::string& network) {
    auto options = given(std::move(words));
    REQUIRE(options);
    return !options->check({"web1", network});
  };
  CHECK_FALSE(refused({}, "farm"));
  CHECK(refused({"--pid=1", "--netns=/proc/1/ns/net"}, "farm"));
  CHECK(refused({"--make", "--pid=1"}, "farm"));
  CHECK(refused({"--netns=relative"}, "farm"));
  CHECK(refused({"--format=yaml"}, "farm"));
  CHECK_FALSE(refused({}, "host"));
  CHECK(refused({"-p", "80:80"}, "host"));
  CHECK(refused({"--make"}, "share:web2"));
  CHECK(refused({}, "Farm"));
  CHECK(refused({"--rate-in=fast"}, "farm"));
}

TEST_CASE("a change replaces what it names and keeps the rest") {
  Attachment attachment;
  attachment.rates = {.in = 1000, .out = 2000, .burst_in = 5000, .burst_out = 6000};
  op::AttachmentWords words;
  words.rate_in = "none";
  auto change = cli::net::read_change(words, attachment);
  REQUIRE(change);
  CHECK_FALSE(change->ports);
  CHECK_FALSE(change->rules);
  REQUIRE(change->rates);
  CHECK(change->rates->in == 0);
  CHECK(change->rates->burst_in == 0);
  CHECK(change->rates->out == 2000);
  CHECK(change->rates->burst_out == 6000);
  words = {};
  words.publish = {""};
  words.rules = {"deny in"};
  change = cli::net::read_change(words, attachment);
  REQUIRE(change);
  CHECK_FALSE(change->rates);
  CHECK(change->ports->empty());
  CHECK(change->rules->size() == 1);
}

TEST_CASE("what is to be set is checked before the attachment is looked at") {
  auto check = [](auto change) {
    op::NetworkSetOptions options;
    change(options);
    return options.check({"web1", "farm"});
  };
  CHECK_FALSE(check([](auto&) {}));
  CHECK(check([](auto& options) { options.burst_in = "64K"; }));
  CHECK_FALSE(check([](auto& options) { options.burst_in = "much"; }));
  CHECK_FALSE(check([](auto& options) {
    options.burst_in = "64K";
    options.rate_in = "none";
  }));
  CHECK(check([](auto& options) { options.publish = {""}; }));
  CHECK_FALSE(op::NetworkSetOptions{}.check({"../web1", "farm"}));
}

TEST_CASE("a document attaches many") {
  auto document = cli::net::read_apply_document(R"({
    "release": ["old1", "old2"],
    "attach": [
      {"partition": "web1", "makeNetns": true, "networks": [
        {"network": "farm", "publish": ["8080:80"], "deny": ["in"], "allow": ["in:tcp:80"], "rateIn": "10mbit",
         "addresses": ["10.7.0.9"], "mac": "02:00:00:00:00:09", "burstIn": "64K"},
        {"network": "cni:lab", "interface": "lab0", "defaultRoute": false}]},
      {"partition": "job", "networks": [{"network": "none"}]},
      {"partition": "bare", "netns": "/proc/7/ns/net", "networks": []}]})",
                                                "plan");
  REQUIRE(document);
  CHECK(document->release == std::vector<std::string>{"old1", "old2"});
  REQUIRE(document->attach.size() == 3);
  const cli::net::PartitionPlan& web = document->attach[0];
  CHECK(web.request.make_netns);
  REQUIRE(web.request.networks.size() == 2);
  CHECK(web.request.networks[0].rules.size() == 2);
  CHECK(web.request.networks[0].rules[0].allow);
  CHECK(web.request.networks[1].network == "cni:lab");
  CHECK(web.request.networks[0].default_route);
  CHECK_FALSE(web.request.networks[1].default_route);
  CHECK(document->attach[1].request.networks.empty());
  CHECK(document->attach[1].choices.size() == 1);
  CHECK(document->attach[2].request.netns == "/proc/7/ns/net");
}

TEST_CASE("the fault of a document is pointed at") {
  CHECK(document_fault(R"({"attach": [{"partition": "a/b", "networks": []}]})")
            .starts_with("plan: /attach/0/partition: "));
  CHECK(document_fault(R"({"attach": [{"networks": []}]})").starts_with("plan: /attach/0"));
  CHECK(document_fault(R"({"attach": [{"partition": "a"}]})").starts_with("plan: /attach/0"));
  CHECK(document_fault(R"({"attach": [{"partition": "a", "networks": [{"network": "Farm"}]}]})")
            .starts_with("plan: /attach/0/networks/0/network: "));
  CHECK(
      document_fault(
          R"({"attach": [{"partition": "a", "networks": [{"network": "farm", "publish": ["8080:80", "x"]}]}]})")
          .starts_with("plan: /attach/0/networks/0/publish/1: "));
  CHECK(document_fault(R"({"attach": [{"partition": "a", "networks": [{"network": "farm", "rateIn": 5}]}]})")
            .starts_with("plan: /attach/0/networks/0/rateIn: "));
  CHECK(document_fault(R"({"attach": [{"partition": "a", "networks": [{"network": "farm", "speed": 5}]}]})")
            .find("speed") != std::string::npos);
  CHECK(document_fault(
            R"({"attach": [{"partition": "a", "networks": [{"network": "host"}, {"network": "farm"}]}]})")
            .starts_with("plan: /attach/0/networks: "));
  CHECK(document_fault(
            R"({"attach": [{"partition": "a", "networks": []}, {"partition": "a", "networks": []}]})") ==
        "plan: /attach/1/partition: \"a\" is there already, at /attach/0");
  CHECK(document_fault(R"({"attach": [{"partition": "a", "netns": "x", "networks": []}]})")
            .find("/attach/0/netns") != std::string::npos);
  CHECK(document_fault(R"({"release": ["a", ".."]})").starts_with("plan: /release/1: "));
}
