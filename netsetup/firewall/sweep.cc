#include "netsetup/firewall/sweep.h"

#include <nftables/libnftables.h>

#include <memory>

#include "netsetup/firewall/ruleset.h"

namespace shoji::net {

namespace {

struct FreeContext {
  void operator()(nft_ctx* nft) const { nft_ctx_free(nft); }
};

// Not there is fine: that is what a sweep is for. libnftables has no error numbers, only the words of strerror(3).
Result<> run_unless_gone(nft_ctx* nft, const std::string& command) {
  if (nft_run_cmd_from_buffer(nft, command.c_str()) == 0) return {};
  std::string_view words = nft_ctx_get_error_buffer(nft);
  if (words.find("No such file or directory") != std::string_view::npos) return {};
  std::string_view line = words.substr(0, words.find('\n'));
  return fail(Kind::kSystem, cat("sweep the firewall: nftables: ", line));
}

}  // namespace

Result<> sweep_endpoints(const std::vector<FirewallEndpoint>& endpoints) {
  std::string commands;
  for (const FirewallEndpoint& endpoint : endpoints) commands += endpoint_removed(endpoint);
  if (commands.empty()) return {};
  std::unique_ptr<nft_ctx, FreeContext> nft(nft_ctx_new(NFT_CTX_DEFAULT));
  if (!nft) return fail(Kind::kSystem, "open nftables: out of memory");
  nft_ctx_buffer_output(nft.get());
  nft_ctx_buffer_error(nft.get());
  if (nft_run_cmd_from_buffer(nft.get(), commands.c_str()) == 0) return {};
  // One transaction for each command: what is there goes.
  Result<> result;
  for (size_t begin = 0; begin < commands.size();) {
    size_t end = commands.find('\n', begin);
    if (Result<> run = run_unless_gone(nft.get(), commands.substr(begin, end - begin)); !run && result)
      result = run;
    begin = end + 1;
  }
  return result;
}

}  // namespace shoji::net
