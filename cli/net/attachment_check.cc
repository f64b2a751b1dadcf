// What is wrong with the command lines of attach and set, before anything is looked at.
#include "cli/net/attach_request.h"

namespace shoji::cli::op {

namespace {

// Words that take a namespace as it is: there is no interface to say anything of.
bool takes_whole(std::string_view network) {
  return network == "none" || network == "host" || network.starts_with("share:");
}

}  // namespace

bool any_given(const AttachmentWords& words) {
  return !words.interface.empty() || !words.mac.empty() || !words.addresses.empty() ||
         !words.publish.empty() || !words.rules.empty() || !words.rate_in.empty() ||
         !words.rate_out.empty() || !words.burst_in.empty() || !words.burst_out.empty();
}

Result<> NetworkAttachOptions::check(const Arguments& arguments) const {
  if (format != "json" && format != "text")
    return fail(Kind::kInvalid, cat("invalid format ", quote(format), ": text or json"));
  if (pid && !netns.empty()) return fail(Kind::kInvalid, "--pid and --netns exclude each other");
  if (make && (pid || !netns.empty()))
    return fail(Kind::kInvalid, "--make pins a namespace for the partition: --netns and --pid exclude it");
  if (!netns.empty() && netns[0] != '/')
    return fail(Kind::kInvalid, cat("--netns ", quote(netns), " is not an absolute path"));
  if (takes_whole(arguments[1]) &&
      (any_given(*this) || no_default_route || make || pid || !netns.empty() || format == "json"))
    return fail(Kind::kInvalid,
                cat("network ", quote(arguments[1]), " takes no options: it is a namespace as it is"));
  TRY(shoji::net::check_partition_name(arguments[0]));
  TRY(shoji::net::parse_choice(arguments[1]));
  TRY(net::read_words(*this, net::WordSource::command_line()));
  return {};
}

Result<> NetworkSetOptions::check(const Arguments& arguments) const {
  TRY(shoji::net::check_partition_name(arguments[0]));
  if (!any_given(*this)) return fail(Kind::kInvalid, "no option says what is to change");
  // A burst needs a rate, which may be there already.
  shoji::net::Attachment limited;
  limited.rates.in = limited.rates.out = 1;
  TRY(net::read_change(*this, limited));
  return {};
}

}  // namespace shoji::cli::op
