#pragma once
// `shoji service`, which shoji-net runs: the options and what help and completion say. shoji has the same rows with
// hand_over_to_net() to run them.
#include <array>

#include "cli/operator/program.h"
#include "cli/table.h"

namespace shoji::cli::op {

// Completes the names of services.
inline constexpr std::string_view kServiceNames = "service ls -o name --no-heading";

// `service drain --wait` was over before the connections were.
inline constexpr int kExitConnectionsLeft = 3;

struct ServiceCreateOptions {
  std::string spread = "round-robin";
  std::string engine = "nftables";
  std::string file;
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr Option kServiceCreateOptions[] = {
    option<&ServiceCreateOptions::spread>(
        "spread", 0, "round-robin, or source-hash: a client keeps its member", "round-robin"),
    option<&ServiceCreateOptions::file>("file", 0,
                                        "the document, instead of the arguments; -: standard input"),
    option<&ServiceCreateOptions::engine>("engine", 0, "nftables: the kernel's IPVS is not used", "nftables"),
};
inline constexpr Verb kServiceCreate = {
    .name = "create",
    .arguments = "[service [HOSTIP:]port[/tcp|udp] member[=weight]...]",
    .summary = "spread an address and port of the host over members",
    .description =
        "   A member is PARTITION:PORT or ADDRESS:PORT, IPv6 in brackets. One with weight 2 gets twice the "
        "new\n"
        "   connections of one with weight 1. Members need not be there yet: they join when they are "
        "attached.\n"
        "   --file reads what `service inspect --format document` prints.",
    .options = kServiceCreateOptions,
    .names_subject = true,
};

struct ServiceLsOptions : ListOptions {
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kServiceLsOptions = list_options<ServiceLsOptions>(std::array<Option, 0>{});
inline constexpr Verb kServiceLs = {
    .name = "ls",
    .summary = "list the services that there are",
    .description =
        "   Fields: name, port, spread, members, healthy, connections.\n"
        "   healthy: how many take new connections: attached, healthy and not drained.",
    .options = kServiceLsOptions,
    .max_arguments = 0,
};

struct ServiceInspectOptions {
  std::string format = "json";
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr Option kServiceInspectOptions[] = {
    option<&ServiceInspectOptions::format>("format", 0, "json, or document: as create --file takes it",
                                           "json"),
};
inline constexpr Verb kServiceInspect = {
    .name = "inspect",
    .arguments = "<service>...",
    .summary = "print services with each member's share, health and connections",
    .options = kServiceInspectOptions,
    .min_arguments = 1,
    .candidates = kServiceNames,
};

struct ServiceEditOptions {
  std::string spread, port, file;
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr Option kServiceEditOptions[] = {
    option<&ServiceEditOptions::spread>("spread", 0, "the new one: round-robin or source-hash"),
    option<&ServiceEditOptions::port>("port", 0, "the new [HOSTIP:]PORT[/tcp|udp]"),
    option<&ServiceEditOptions::file>("file", 0, "the new document; -: standard input"),
};
inline constexpr Verb kServiceEdit = {
    .name = "edit",
    .arguments = "<service>",
    .summary = "change a service; established connections stay",
    .description = "   Without any option $VISUAL or $EDITOR is started on the document.",
    .options = kServiceEditOptions,
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kServiceNames,
};

inline constexpr Verb kServiceRm = {
    .name = "rm",
    .arguments = "<service>...",
    .summary = "remove services; established connections stay",
    .min_arguments = 1,
    .candidates = kServiceNames,
};

inline constexpr Verb kServiceAdd = {
    .name = "add",
    .arguments = "<service> <member[=weight]>...",
    .summary = "add members, or take drained ones back",
    .min_arguments = 2,
    .names_subject = true,
    .candidates = kServiceNames,
};

struct ServiceDrainOptions {
  std::string wait = "0";
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr Option kServiceDrainOptions[] = {
    option<&ServiceDrainOptions::wait>("wait", 0, "how long to wait until no connection is left: 30s, 5m",
                                       "0"),
};
inline constexpr Verb kServiceDrain = {
    .name = "drain",
    .arguments = "<service> <member>...",
    .summary = "give members no new connections, and wait for those they have",
    .description =
        "   Prints how many connections are left. Exit code 3: --wait was over before they were.\n"
        "   `service add` takes a drained member back.",
    .options = kServiceDrainOptions,
    .min_arguments = 2,
    .names_subject = true,
    .candidates = kServiceNames,
};

inline constexpr Verb kServiceRemove = {
    .name = "remove",
    .arguments = "<service> <member>...",
    .summary = "remove members; their established connections stay",
    .min_arguments = 2,
    .names_subject = true,
    .candidates = kServiceNames,
};

inline constexpr Verb kServiceWeight = {
    .name = "weight",
    .arguments = "<service> <member=weight>...",
    .summary = "change the share of members",
    .min_arguments = 2,
    .names_subject = true,
    .candidates = kServiceNames,
};

struct ServiceHealthOptions {
  [[nodiscard]] static Result<> check(const Arguments& arguments);
};
inline constexpr Verb kServiceHealth = {
    .name = "health",
    .arguments = "<partition|member> up|down",
    .summary = "say whether a member can take new connections, in every service",
    .min_arguments = 2,
    .max_arguments = 2,
    .names_subject = true,
};

struct ServiceRow {
  std::string name, port, spread;
  uint64_t members = 0, healthy = 0, connections = 0;
};
std::span<const Column> service_columns();

}  // namespace shoji::cli::op
