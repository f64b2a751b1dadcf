#include "runtime/container.h"
#include "runtime/making.h"

namespace shoji {

Result<> create_container(const CreateOptions& options) {
  Making making(options, Making::Program::kGated);
  TRY(making.make());
  TRY(making.release());
  making.keep();
  return {};
}

}  // namespace shoji
