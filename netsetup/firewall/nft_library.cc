#include "netsetup/firewall/nft_library.h"

#include <dlfcn.h>
#include <nftables/libnftables.h>

namespace shoji::net {

namespace {

constexpr const char* kLibrary = "libnftables.so.1";

// libnftables' words are a line per fault, with the text it did not like below: the first line says it.
std::string first_fault(const char* words) {
  std::string_view text = words == nullptr ? "" : words;
  std::string_view line = text.substr(0, text.find('\n'));
  // "internal:0:0-0: Error: " is where in a text that the user has not written.
  size_t error = line.find("Error: ");
  if (error != std::string_view::npos) line.remove_prefix(error + 7);
  return std::string(line.empty() ? "no reason given" : line);
}

// The header's declaration says the type.
template <typename Function>
bool look_up(void* library, const char* name, Function*& out) {
  out = reinterpret_cast<Function*>(dlsym(library, name));
  return out != nullptr;
}

}  // namespace

Result<NftLibrary> NftLibrary::load() {
  // It stays until the program ends: closing it would only cost time.
  void* library = dlopen(kLibrary, RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) return fail(Kind::kUnsupported, cat("load ", quote(kLibrary), ": ", dlerror()));
  Functions found{};
  bool whole = look_up(library, "nft_ctx_new", found.make) && look_up(library, "nft_ctx_free", found.free) &&
               look_up(library, "nft_ctx_buffer_output", found.buffer_output) &&
               look_up(library, "nft_ctx_buffer_error", found.buffer_error) &&
               look_up(library, "nft_run_cmd_from_buffer", found.run) &&
               look_up(library, "nft_ctx_get_output_buffer", found.output) &&
               look_up(library, "nft_ctx_get_error_buffer", found.error);
  if (!whole) return fail(Kind::kUnsupported, cat("load ", quote(kLibrary), ": ", dlerror()));
  nft_ctx* context = found.make(NFT_CTX_DEFAULT);
  if (context == nullptr) return fail(Kind::kSystem, "open nftables: out of memory");
  found.buffer_output(context);
  found.buffer_error(context);
  return NftLibrary(found, context);
}

Result<std::string> NftLibrary::run(const std::string& commands, std::string_view what) {
  if (functions_.run(context_.get(), commands.c_str()) == 0)
    return std::string(functions_.output(context_.get()));
  return fail(Kind::kSystem, cat(what, ": nftables: ", first_fault(functions_.error(context_.get()))));
}

}  // namespace shoji::net
