#pragma once
// The options that say what a partition is: podman's names where podman has them. They become the document that
// `run --spec` takes.
#include <array>

#include "cli/operator/handed_over.h"
#include "spec/partition/partition.h"

namespace shoji::cli::op {

struct PartitionOptions {
  std::string name, hostname, user, workdir, entrypoint, restart = "no", stop_signal, spec;
  std::optional<std::string> memory, memory_swap, cpus, cpu, pids, disk;
  std::vector<std::string> env, networks, publish, volumes, tmpfs, labels, cap_add, cap_drop, ulimits,
      sysctls;
  std::string health_cmd, rate_in, rate_out;
  uint32_t stop_timeout = 10;
  bool read_only = false, tty = false, interactive = false;

  // `arguments`: the image, and the command. kInvalid names the option.
  [[nodiscard]] Result<Partition> partition(const Arguments& arguments) const;
};

template <typename Options>
constexpr auto partition_options() {
  using P = PartitionOptions;
  return std::array{
      option_of<Options, &P::name>("name", 0, "of the partition", "chosen"),
      option_of<Options, &P::spec>("spec", 0,
                                   "the partition's document, instead of options; -: standard input"),
      option_of<Options, &P::hostname>("hostname", 'h', "inside", "the name"),
      option_of<Options, &P::user>("user", 'u', "USER[:GROUP] of the program", "the image's"),
      option_of<Options, &P::workdir>("workdir", 'w', "working directory of the program", "the image's"),
      option_of<Options, &P::entrypoint>("entrypoint", 0, "program, instead of the image's"),
      option_of<Options, &P::env>("env", 'e', "NAME=VALUE, or NAME of ours; may be repeated"),
      option_of<Options, &P::networks>(
          "network", 0, "to attach to; or host, none, share:PARTITION, cni:NAME; may be repeated"),
      option_of<Options, &P::publish>("publish", 'p', "[HOSTIP:]PORT[-PORT]:PORT[/tcp|udp]; may be repeated"),
      option_of<Options, &P::rate_in>("rate-in", 0, "limit of what it receives, as 100mbit"),
      option_of<Options, &P::rate_out>("rate-out", 0, "limit of what it sends"),
      option_of<Options, &P::memory>("memory", 'm', "limit, as 64M or 25%"),
      option_of<Options, &P::memory_swap>("swap", 0, "limit of swap alone, as 64M"),
      option_of<Options, &P::cpu>("cpu", 0, "limit of CPU time, as 50% (of one CPU)"),
      option_of<Options, &P::cpus>("cpus", 0, "limit of CPU time, as 1.5 (CPUs)"),
      option_of<Options, &P::pids>("pids-limit", 0, "limit of processes and threads"),
      option_of<Options, &P::disk>("disk", 0, "limit of what its root holds, as 10G"),
      option_of<Options, &P::volumes>("volume", 'v', "VOLUME|PATH:TARGET[:ro]; may be repeated"),
      option_of<Options, &P::tmpfs>("tmpfs", 0, "TARGET[:size=64M]; may be repeated"),
      option_of<Options, &P::labels>("label", 'l', "NAME=VALUE; may be repeated"),
      option_of<Options, &P::cap_add>("cap-add", 0, "give a further capability; may be repeated"),
      option_of<Options, &P::cap_drop>("cap-drop", 0,
                                       "take one of the default ones, or ALL; may be repeated"),
      option_of<Options, &P::ulimits>("ulimit", 0, "NAME=SOFT[:HARD]; may be repeated"),
      option_of<Options, &P::sysctls>("sysctl", 0, "NAME=VALUE; may be repeated"),
      option_of<Options, &P::read_only>("read-only", 0, "its root cannot be written"),
      option_of<Options, &P::restart>("restart", 0, "no, on-failure[:N], always or unless-stopped", "no"),
      option_of<Options, &P::stop_signal>("stop-signal", 0, "that asks it to end",
                                          "the image's, else SIGTERM"),
      option_of<Options, &P::stop_timeout>("stop-timeout", 0, "seconds until it is killed", "10"),
  };
}

}  // namespace shoji::cli::op
