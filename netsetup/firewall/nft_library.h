#pragma once
// libnftables(3), loaded when it is first needed: it comes with six further libraries, a third of the time that a program
// takes to start, and what verbs do most, adding and removing elements, needs none of them.
#include <memory>
#include <string>

#include "base/error.h"

struct nft_ctx;

namespace shoji::net {

class NftLibrary {
 public:
  // kUnsupported when it is not installed.
  static Result<NftLibrary> load();
  // What nft(8) would print; `what` opens the error.
  Result<std::string> run(const std::string& commands, std::string_view what);

 private:
  struct Functions {
    nft_ctx* (*make)(uint32_t flags);
    void (*free)(nft_ctx* context);
    int (*buffer_output)(nft_ctx* context);
    int (*buffer_error)(nft_ctx* context);
    int (*run)(nft_ctx* context, const char* commands);
    const char* (*output)(nft_ctx* context);
    const char* (*error)(nft_ctx* context);
  };
  NftLibrary(Functions functions, nft_ctx* context)
      : functions_(functions), context_(context, functions.free) {}
  Functions functions_;
  std::unique_ptr<nft_ctx, void (*)(nft_ctx*)> context_;
};

}  // namespace shoji::net
