#pragma once
// What shoji, shoji-image and shoji-net share: all are `shoji` to the person who types, with the same global options. A
// verb that needs a registry or an archive lives in shoji-image, one that needs netlink or nftables in shoji-net, and shoji
// executes them with the same words: so the hot verbs load no library at all.
#include "base/spawn.h"
#include "cli/verb.h"

namespace shoji::cli::op {

inline constexpr int kExitUsage = 2;

inline constexpr ExitCode kExitCodes[] = {
    {kExitOk, "the verb did what it says"},
    {kExitError, "the verb did not work; one sentence on standard error says why"},
    {kExitUsage, "wrong usage: an unknown verb or option, a value that makes no sense, too few arguments"},
};

// The options before the verb.
struct Globals {
  std::string store;                    // empty: the configuration's
  std::string config;                   // empty: the usual place
  std::string root = "/var/lib/shoji";  // what the operator defined: networks, services
  std::string run = "/run/shoji";       // what a reboot may forget
  bool debug = false;
  bool version = false;
};

// The program's description but for its verbs.
Program describe(std::span<const Verb* const> verbs);

// Verb::run of a verb that shoji-image has, that shoji-net has: executes it.
int hand_over(const Call& call);
int hand_over_to_net(const Call& call);
// Runs shoji-image with these words after the global options, its standard output thrown away, and waits: the exit code.
// It has said itself what went wrong.
Result<int> run_image_program(const Globals& globals, const std::vector<std::string>& words);

// Runs shoji-net with these words after the global options and `input` on its standard input, and waits.
Result<Captured> run_net_program(const Globals& globals, const std::vector<std::string>& words,
                                 const std::string& input);

}  // namespace shoji::cli::op
