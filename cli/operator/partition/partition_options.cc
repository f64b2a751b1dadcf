#include "cli/operator/partition/partition_options.h"

#include <charconv>
#include <cstdlib>

#include "base/io.h"
#include "base/quantity.h"

namespace shoji::cli::op {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// NAME=VALUE. Without a value: what our own environment has, if `inherit`, else nothing.
Result<> read_pairs(std::string_view option, const std::vector<std::string>& texts, bool inherit,
                    Pairs& out) {
  for (const std::string& text : texts) {
    size_t equals = text.find('=');
    std::string name = text.substr(0, equals);
    if (name.empty()) return fail(Kind::kInvalid, cat(option, ' ', quote(text), ": NAME=VALUE is needed"));
    if (equals != std::string::npos) {
      out.emplace_back(name, text.substr(equals + 1));
    } else if (inherit) {
      if (const char* value = getenv(name.c_str())) out.emplace_back(name, value);
    } else {
      out.emplace_back(name, "");
    }
  }
  return {};
}

template <typename T, typename Parse>
Result<> read_quantity(std::string_view option, const std::optional<std::string>& text, Parse parse,
                       std::optional<T>& out) {
  if (!text) return {};
  auto parsed = parse(*text);
  if (!parsed) return Failure(within(option, parsed.error()));
  out = *parsed;
  return {};
}

Result<> read_limits(const PartitionOptions& options, PartitionLimits& out) {
  TRY(read_quantity("--memory", options.memory, parse_amount, out.memory));
  TRY(read_quantity("--swap", options.memory_swap, parse_amount, out.swap));
  TRY(read_quantity("--disk", options.disk, parse_amount, out.disk));
  TRY(read_quantity("--cpu", options.cpu, parse_cpus, out.cpu));
  TRY(read_quantity("--cpus", options.cpus, parse_cpus, out.cpu));
  TRY(read_quantity("--pids-limit", options.pids, parse_size, out.pids));
  return {};
}

// no, on-failure[:N], always, unless-stopped.
Result<> read_restart(const std::string& text, PartitionRestart& out) {
  std::string_view name = std::string_view(text).substr(0, text.find(':'));
  bool known = false;
  for (RestartPolicy policy :
       {RestartPolicy::kNo, RestartPolicy::kOnFailure, RestartPolicy::kAlways, RestartPolicy::kUnlessStopped})
    if (restart_policy_name(policy) == name) {
      out.policy = policy;
      known = true;
    }
  if (name.size() < text.size()) {
    const char* first = text.data() + name.size() + 1;
    const char* last = text.data() + text.size();
    auto [at, error] = std::from_chars(first, last, out.retries);
    known = known && out.policy == RestartPolicy::kOnFailure && error == std::errc() && at == last;
  }
  if (known) return {};
  return fail(Kind::kInvalid,
              cat("--restart ", quote(text), " is none of no, on-failure[:N], always and unless-stopped"));
}

// SOURCE:TARGET[:ro]
Result<PartitionVolume> read_volume(const std::string& text) {
  PartitionVolume out;
  size_t colon = text.find(':');
  if (colon == std::string::npos)
    return fail(Kind::kInvalid, cat("--volume ", quote(text), ": VOLUME|PATH:TARGET[:ro] is needed"));
  out.source = text.substr(0, colon);
  std::string_view rest = std::string_view(text).substr(colon + 1);
  size_t second = rest.find(':');
  out.target = rest.substr(0, second);
  std::string_view how = second == std::string_view::npos ? "rw" : rest.substr(second + 1);
  if (how != "ro" && how != "rw")
    return fail(Kind::kInvalid, cat("--volume ", quote(text), ": ", quote(how), " is neither ro nor rw"));
  out.read_only = how == "ro";
  out.type = out.source.starts_with('/') ? VolumeType::kBind : VolumeType::kVolume;
  return out;
}

Result<PartitionVolume> read_tmpfs(const std::string& text) {
  PartitionVolume out;
  out.type = VolumeType::kTmpfs;
  size_t colon = text.find(':');
  out.target = text.substr(0, colon);
  if (colon == std::string::npos) return out;
  std::string_view size = std::string_view(text).substr(colon + 1);
  if (!size.starts_with("size="))
    return fail(Kind::kInvalid, cat("--tmpfs ", quote(text), ": TARGET[:size=SIZE] is needed"));
  TRY(read_quantity("--tmpfs", std::optional(std::string(size.substr(5))), parse_size, out.size));
  return out;
}

void read_networks(const PartitionOptions& options, Partition& out) {
  for (const std::string& name : options.networks) out.networks.emplace_back().network = name;
  if (out.networks.empty()) return;
  out.networks[0].publish = options.publish;
  out.networks[0].rate_in = options.rate_in;
  out.networks[0].rate_out = options.rate_out;
}

}  // namespace

Result<Partition> PartitionOptions::partition(const Arguments& arguments) const {
  if (!spec.empty()) {
    if (!arguments.empty())
      return fail(Kind::kInvalid, "--spec says everything: no image or command goes with it");
    TRY_ASSIGN(std::string text,
               spec == "-" ? read_fd(0, "standard input", 4 << 20) : read_file(spec, 4 << 20));
    return parse_partition(std::move(text), spec == "-" ? "standard input" : spec);
  }
  if (arguments.empty()) return fail(Kind::kInvalid, "an image is needed");
  Partition out;
  out.name = name;
  out.image = arguments[0];
  if (arguments.size() > 1) out.command.emplace(arguments.begin() + 1, arguments.end());
  if (!entrypoint.empty()) out.entrypoint = {entrypoint};
  out.hostname = hostname;
  out.user = user;
  out.workdir = workdir;
  out.terminal = tty;
  out.stdin_open = interactive;
  TRY(read_pairs("--env", env, true, out.env));
  TRY(read_pairs("--label", labels, false, out.labels));
  TRY(read_pairs("--ulimit", ulimits, false, out.security.ulimits));
  TRY(read_pairs("--sysctl", sysctls, false, out.security.sysctls));
  TRY(read_limits(*this, out.limits));
  TRY(read_restart(restart, out.restart));
  for (const std::string& text : volumes) {
    TRY_ASSIGN(PartitionVolume volume, read_volume(text));
    out.volumes.push_back(std::move(volume));
  }
  for (const std::string& text : tmpfs) {
    TRY_ASSIGN(PartitionVolume volume, read_tmpfs(text));
    out.volumes.push_back(std::move(volume));
  }
  read_networks(*this, out);
  if (!publish.empty() && networks.empty())
    return fail(Kind::kInvalid, "--publish needs --network: a network whose ports are to be published");
  out.security.cap_add = cap_add;
  out.security.cap_drop = cap_drop;
  out.security.read_only = read_only;
  out.stop_signal = stop_signal;
  out.stop_timeout = uint64_t{stop_timeout} * 1000;
  TRY(validate_partition(out));
  return out;
}

}  // namespace shoji::cli::op
