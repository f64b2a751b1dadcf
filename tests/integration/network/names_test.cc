// Partitions and services are found by name from inside, as they come and go.
#include <fcntl.h>

#include "base/io.h"
#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/network/farm.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

// What lives in a partition: its /etc/hosts is the one that shoji keeps, bound read-only.
class Inside {
 public:
  Inside(const PrivateHost& host, const std::string& partition)
      : netns_(host.partition(partition)), holder_([&] {
          Command c;
          std::string names = host.run() + "/names/" + partition;
          c.argv = {"/usr/bin/unshare", "-m", "/bin/sh", "-c",
                    "mount --bind -o ro " + names + "/hosts /etc/hosts && mount --bind -o ro " + names +
                        "/resolv.conf /etc/resolv.conf && echo ready && exec sleep 1000"};
          c.service = true;
          return c;
        }()) {
    REQUIRE(eventually([&] { return holder_.out() == "ready\n"; }));
    mounts_ = *shoji::open_file("/proc/" + std::to_string(holder_.pid()) + "/ns/mnt", O_RDONLY);
  }
  // The addresses of a name, by the C library.
  [[nodiscard]] std::string resolve(const std::string& name, const char* database = "ahostsv4") const {
    Command c;
    c.argv = {"/usr/bin/getent", "-s", "files", database, name};  // nobody here answers DNS
    c.namespaces = {netns_.get(), mounts_.get()};
    std::vector<std::string> found = words(run_command(c).out);
    return found.empty() ? "" : found[0];
  }
  [[nodiscard]] std::string curl(const std::string& url) const {
    Command c;
    c.argv = {"/usr/bin/curl", "-sS", "--max-time", "5", url};
    c.namespaces = {netns_.get(), mounts_.get()};
    c.env = {"PATH=/usr/bin:/bin", "no_proxy=*"};
    return run_command(c).out;
  }

 private:
  UniqueFd netns_, mounts_;
  Process holder_;
};

}  // namespace

TEST_CASE("partitions of a network are found by name, also those that come later") {
  Farm farm;
  farm.add("web1", {"--ip", "10.7.0.2", "--ip", "fd07::2"});
  {
    Inside web1(farm.host, "web1");
    CHECK(web1.resolve("web1") == "10.7.0.2");
    CHECK(web1.resolve("web2").empty());
    farm.add("web2", {"--ip", "10.7.0.33", "--ip", "fd07::33"});
    CHECK(web1.resolve("web2") == "10.7.0.33");
    CHECK(web1.resolve("web2", "ahostsv6") == "fd07::33");
    CHECK(web1.resolve("web2.farm") == "10.7.0.33");
    CHECK(web1.curl("http://web2:80/") == containing("web2 "));
    farm.stop("web2");
    farm.host.must({"network", "release", "web2"});
    CHECK(web1.resolve("web2").empty());
    CHECK(web1.resolve("web1") == "10.7.0.2");
  }
  farm.stop("web1");
}

TEST_CASE("a service is found by name as long as there is one") {
  Farm farm;
  farm.attach("web1");
  farm.add("web2");
  {
    Inside web1(farm.host, "web1");
    farm.host.must({"service", "create", "site", "90", "web2:80"});
    CHECK(web1.curl("http://site:90/") == containing("web2 "));
    farm.host.must({"service", "rm", "site"});
    CHECK(web1.resolve("site").empty());
  }
  farm.stop("web2");
}
