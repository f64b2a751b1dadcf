#include "cli/operator/root_mounting.h"

#include <charconv>
#include <climits>
#include <cstdlib>

#include "base/io.h"

namespace shoji::cli::op {

namespace {

Result<images::IdRange> parse_range(std::string_view text) {
  images::IdRange range;
  const char* at = text.data();
  const char* end = at + text.size();
  uint32_t* fields[] = {&range.inside, &range.outside, &range.count};
  for (size_t i = 0; i < 3; ++i) {
    auto [next, error] = std::from_chars(at, end, *fields[i]);
    bool last = i == 2;
    if (error != std::errc() || (last ? next != end : next == end || *next != ':'))
      return fail(Kind::kInvalid, cat(quote(text), " is not INSIDE:OUTSIDE:COUNT"));
    at = next + 1;
  }
  return range;
}

Result<std::vector<images::IdRange>> parse_ranges(const std::vector<std::string>& texts) {
  std::vector<images::IdRange> ranges;
  for (const std::string& text : texts) {
    TRY_ASSIGN(images::IdRange range, parse_range(text));
    ranges.push_back(range);
  }
  return ranges;
}

}  // namespace

Result<> MountingOptions::check_mounting() const {
  for (const auto& [name, texts] : {std::pair("--uidmap", &uids), std::pair("--gidmap", &gids)})
    if (auto ranges = parse_ranges(*texts); !ranges) return Failure(within(name, ranges.error()));
  if (uids.empty() && !gids.empty()) return fail(Kind::kInvalid, "--gidmap needs --uidmap");
  return {};
}

images::MountOptions mount_options(const MountingOptions& options) {
  images::MountOptions how;
  how.uids = parse_ranges(options.uids).value_or(std::vector<images::IdRange>());
  how.gids = options.gids.empty() ? how.uids : parse_ranges(options.gids).value_or(how.uids);
  return how;
}

Result<std::string> mount_at(const images::Store& store, const images::Root& root, const std::string& target,
                             const MountingOptions& options) {
  if (!root.mounted_at.empty() && target.empty()) return root.mounted_at;
  std::string place = target.empty() ? cat(store.path(), "/roots/", root.name, "/merged") : target;
  if (target.empty()) TRY(make_directories(place, 0755));
  if (char* absolute = realpath(place.c_str(), nullptr)) {
    place = absolute;
    free(absolute);
  }
  TRY(images::mount_root(store, root, place, mount_options(options)));
  return place;
}

}  // namespace shoji::cli::op
