#pragma once
// Small images made by hand: archives member by member, also such as no honest program writes, and OCI layouts.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shoji::test {

struct Member {
  std::string path;
  std::string content = {};
  char type =
      '0';  // tar's typeflag: 0 file, 1 hard link, 2 symbolic link, 3 and 4 devices, 5 directory, 6 fifo
  unsigned mode = 0644;
  unsigned uid = 0, gid = 0;
  std::string link = {};
  unsigned major = 0, minor = 0;
  int64_t mtime = 1'700'000'000;
  std::vector<std::pair<std::string, std::string>> pax = {};  // records of a pax header before it
};
Member directory_member(std::string path, unsigned mode = 0755);
Member program_member(std::string path, std::string content);  // mode 0755
Member link_member(std::string path, std::string target);

// A ustar archive, with its end.
std::string tar_of(const std::vector<Member>& members);
// /bin/busybox, and /bin/sh as a link to it: a root that runs programs.
std::vector<Member> busybox_members();

std::string sha256(std::string_view text);  // "sha256:ab12..."
enum class Packing : uint8_t { kNone, kGzip, kZstd };
std::string packed(std::string_view text, Packing packing);

struct Recipe {
  std::vector<std::string> layers;  // tar archives, lowest first
  Packing packing = Packing::kGzip;
  std::string tag = "latest";
  std::vector<std::string> cmd = {"/bin/sh"}, env = {"PATH=/bin"};
  std::string architecture = "amd64";
  std::string config = {};  // JSON members that are added to "config": "\"User\": \"7\""
};
struct Made {
  std::string manifest, config;               // digests
  std::vector<std::string> layers, diff_ids;  // digests
  std::string layout;                         // "DIRECTORY:TAG", as skopeo and umoci want it
};
// Adds the image to the OCI layout in `directory`, which is made if it is not there.
Made make_image(const std::string& directory, const Recipe& recipe);
// The same with one layer of busybox and a file /etc/made-of with `text`.
Made make_busybox_image(const std::string& directory, std::string_view text = "busybox",
                        const std::string& tag = "latest");

// Pieces, for those that lie: a blob in a layout, by what it is named.
void write_blob(const std::string& directory, const std::string& digest, std::string_view bytes);
std::string blob_path(const std::string& directory, const std::string& digest);

}  // namespace shoji::test
