// prepare and verify: what a store derives from its blobs.
#include "cli/human.h"
#include "cli/image/transfer_session.h"
#include "cli/image/verbs.h"
#include "cli/operator/open_store.h"
#include "images/blobs/blob_writer.h"
#include "images/unpack/unpack.h"

namespace shoji::cli::image {

namespace {

Result<int> prepare(const op::Globals& globals, op::PrepareOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, op::open_store(globals, images::Store::Access::kWrite));
  TRY_ASSIGN(images::LayerFormat format, images::layer_format(store));
  TRY_ASSIGN(images::Lease lease, images::Lease::take(store, "prepare"));
  for (const std::string& text : arguments) {
    TRY_ASSIGN(images::Image image, images::find_image(store, text));
    TRY(lease.hold(image.target.digest));
    TRY(images::prepare_image(store, image, format));
    TRY(print_image(options, image));
  }
  return kExitOk;
}

Result<int> verify(const op::Globals& globals, op::VerifyOptions& options, Arguments& /*arguments*/) {
  TRY_ASSIGN(images::Store store, op::open_store(globals, options.repair ? images::Store::Access::kWrite
                                                                         : images::Store::Access::kRead));
  TRY_ASSIGN(images::VerifyReport report, images::verify_store(store, options.repair));
  std::string text;
  for (const std::string& fault : report.faults) text += cat(fault, "\n");
  text += cat(counted(report.blobs, "blob"), ", ", counted(report.layers, "layer"), ", ",
              counted(report.objects, "object"), ": ");
  text +=
      report.faults.empty() ? "all is as it should be\n" : cat(counted(report.faults.size(), "fault"), "\n");
  TRY(print(text));
  return report.faults.empty() || options.repair ? kExitOk : kExitError;
}

}  // namespace

constinit const Verb prepare_verb = acting<op::PrepareOptions, prepare>(op::kPrepare);
constinit const Verb verify_verb = acting<op::VerifyOptions, verify>(op::kVerify);

}  // namespace shoji::cli::image
