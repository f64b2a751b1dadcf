#pragma once
// Where packages come from: this host's own apt sources (sources.list(5)), narrowed to one suite of the distribution.
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace shoji::images {

// The suite that this host runs ("bookworm"), from /etc/os-release.
Result<std::string> host_suite();

// deb822 text with the stanzas of `sources` (deb822 or one-line files) that offer `suite`, its updates and its security
// fixes in the component "main". When none does, those of `own_suite` with `suite` in its place. kNotFound when there are
// none either.
struct SourceFile {
  std::string name, text;
};
Result<std::string> narrow_sources(const std::vector<SourceFile>& sources, std::string_view suite,
                                   std::string_view own_suite);
Result<std::vector<SourceFile>> host_sources();

// A digest of what apt knows of the suite (/var/lib/apt/lists/*_InRelease): another one after apt-get update found news.
std::string known_releases(std::string_view suite);

}  // namespace shoji::images
