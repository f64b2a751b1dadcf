// Every property of the specification's config.json works as far as loading goes, or is refused by a table
// row that names it; nothing is passed over in silence.
#include <map>

#include "spec/fields.h"
#include "spec/validate.h"
#include "tests/spec/json_tree.h"
#include "tests/spec/property_table.h"
#include "tests/spec/spec_dump.h"

using namespace shoji;

namespace {

const JsonTree& full_config() {
  static const JsonTree tree = JsonTree::parse(data_file("full-config.json"));
  return tree;
}

// "" or the sentence that loading, then validating, ends with.
std::string verdict(const JsonTree& tree) {
  auto document = JsonDocument::parse(tree.print(), "config.json");
  REQUIRE(document);
  auto spec = load_spec(*document);
  if (!spec) return spec.error().text;
  auto valid = validate(*spec);
  return valid ? "" : valid.error().text;
}

// The full configuration without the one property that no value is valid for.
JsonTree valid_config() {
  JsonTree tree = full_config();
  tree.remove("/linux/personality/flags");
  return tree;
}

// Properties that this runtime refuses, and why no document may have them.
const std::map<std::string, std::string> kRefused = {
    {"/process/commandLine", R"("cmd")"},
    {"/linux/intelRdt",
     R"({"closID": "x", "schemata": ["L3:0=f"], "l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=20",
                            "enableMonitoring": true})"},
    {"/linux/seccomp/listenerPath", R"("/run/seccomp.sock")"},
    {"/linux/seccomp/listenerMetadata", R"("data")"},
    {"/windows", "{}"},
    {"/solaris", "{}"},
    {"/vm", "{}"},
    {"/zos", "{}"},
};

// The refused property that `pointer` is or belongs to; "" for a supported one.
std::string refused_root(std::string_view pointer) {
  for (const auto& [root, value] : kRefused) {
    if (pointer == root || pointer.starts_with(root + "/")) return root;
  }
  return {};
}

std::vector<Property> supported_properties() {
  std::vector<Property> out = properties("config");
  std::erase_if(out, [](const Property& p) { return !refused_root(p.pointer).empty(); });
  return out;
}

// The verdict with the value at the pointer replaced, and the pointer that it must name.
struct Change {
  std::string verdict, pointer;
};
Change with(const Property& property, JsonTree value) {
  JsonTree tree = valid_config();
  if (property.pointer.starts_with("/linux/personality/flags")) tree = full_config();
  Change change;
  JsonTree* target = tree.at(property.pointer, change.pointer);
  INFO(property.pointer);
  REQUIRE(target != nullptr);
  *target = std::move(value);
  change.verdict = verdict(tree);
  return change;
}

// A decimal number plus or minus one, beyond 64 bits too.
std::string neighbour(const std::string& number, int step) {
  bool negative = number.starts_with('-');
  std::string digits = negative ? number.substr(1) : number;
  bool grow = (step > 0) != negative;
  if (digits == "0") return step > 0 ? "1" : "-1";
  size_t i = digits.size();
  while (i-- > 0) {
    char from = grow ? '9' : '0';
    char to = grow ? '0' : '9';
    if (digits[i] != from) {
      digits[i] = static_cast<char>(digits[i] + (grow ? 1 : -1));
      break;
    }
    digits[i] = to;
    if (i == 0 && grow) digits.insert(0, "1");
  }
  if (digits.size() > 1 && digits.front() == '0') digits.erase(0, 1);
  return negative && digits != "0" ? "-" + digits : digits;
}

}  // namespace

TEST_CASE("properties: the table has all of them") {
  CHECK(properties("config").size() + properties("state").size() + properties("features").size() == 333);
}

TEST_CASE("properties: the full configuration is valid but for the flag that nobody defines") {
  CHECK(verdict(valid_config()).empty());
  CHECK(verdict(full_config()) == "/linux/personality/flags: the specification defines no flag");
}

TEST_CASE("properties: every one is in the full configuration or refused") {
  JsonTree tree = full_config();
  for (const Property& property : properties("config")) {
    INFO(property.pointer);
    CHECK((tree.at(property.pointer) != nullptr) != !refused_root(property.pointer).empty());
  }
}

TEST_CASE("properties: each value reaches its place in the struct") {
  auto document = JsonDocument::parse(full_config().print(), "config.json");
  auto spec = load_spec(*document);
  REQUIRE(spec);
  JsonTree dumped = JsonTree::parse(dump_spec(*spec));
  JsonTree full = full_config();
  for (const Property& property : supported_properties()) {
    INFO(property.pointer);
    JsonTree* there = dumped.at(property.pointer);
    REQUIRE(there != nullptr);
    CHECK(there->print() == full.at(property.pointer)->print());
  }
  CHECK(spec->linux.seccomp->source == full.at("/linux/seccomp")->print());
}

TEST_CASE("properties: a value of another type is refused by its pointer") {
  for (const Property& property : supported_properties()) {
    bool text = property.type == "string";
    Change change = with(property, text ? JsonTree::raw("7") : JsonTree::string("x"));
    INFO(change.verdict);
    CHECK(change.verdict.starts_with(cat(change.pointer, ": expected ")));
    CHECK(change.verdict.ends_with(text ? ", found an integer" : ", found a string"));
  }
}

TEST_CASE("properties: null is the same as absent, except in arrays") {
  for (const Property& property : supported_properties()) {
    if (property.pointer.ends_with("[]") || property.pointer.ends_with('>')) continue;
    JsonTree absent = valid_config();
    if (property.pointer == "/linux/personality/flags") absent = full_config();
    absent.remove([&] {
      std::string real;
      REQUIRE(absent.at(property.pointer, real) != nullptr);
      return real;
    }());
    INFO(property.pointer);
    CHECK(with(property, JsonTree::raw("null")).verdict == verdict(absent));
  }
}

TEST_CASE("properties: a required one is missed by its pointer") {
  for (const Property& property : supported_properties()) {
    if (!property.required) continue;
    Change change = with(property, JsonTree::raw("null"));
    CHECK(change.verdict == change.pointer + ": missing");
  }
}

TEST_CASE("properties: numbers keep to their ranges") {
  for (const Property& property : supported_properties()) {
    if (property.type != "integer") continue;
    for (const auto& [limit, step] : {std::pair{property.minimum, -1}, {property.maximum, 1}}) {
      if (limit.empty()) continue;
      Change change = with(property, JsonTree::raw(neighbour(limit, step)));
      INFO(cat(property.pointer, " ", neighbour(limit, step), " ", change.verdict));
      CHECK(change.verdict.starts_with(change.pointer + ": "));
    }
    Change real = with(property, JsonTree::raw("1.5"));
    CHECK(real.verdict == real.pointer + ": expected an integer, found a real number");
  }
}

TEST_CASE("properties: words are taken from their lists alone") {
  for (const Property& property : supported_properties()) {
    if (property.names.empty()) continue;
    Change change = with(property, JsonTree::string("no-such-word"));
    CHECK(change.verdict.starts_with(change.pointer + ": \"no-such-word\" is not one of "));
    for (const std::string& name : property.names) {
      Change known = with(property, JsonTree::string(name));
      INFO(cat(property.pointer, " ", name));
      if (name == "SCMP_ACT_NOTIFY") {
        CHECK(known.verdict.starts_with(known.pointer + ": SCMP_ACT_NOTIFY: handing system calls"));
      } else {
        CHECK(!known.verdict.contains("is not one of"));
      }
    }
  }
}

TEST_CASE("properties: patterns are checked") {
  std::map<std::string, std::string> wrong = {
      {"/process/rlimits/[]/type", "rlimit_as"},
      {"/process/execCPUAffinity/initial", "one"},
      {"/process/execCPUAffinity/final", "0;1"},
      {"/linux/devices/[]/type", "x"},
      {"/linux/resources/hugepageLimits/[]/pageSize", "2M"},
  };
  for (const Property& property : supported_properties()) {
    if (property.pattern.empty()) continue;
    INFO(property.pointer);
    REQUIRE(wrong.contains(property.pointer));
    Change change = with(property, JsonTree::string(wrong[property.pointer]));
    CHECK(change.verdict.starts_with(cat(change.pointer, ": \"", wrong[property.pointer], "\" is not ")));
  }
}

TEST_CASE("properties: no string has a NUL character") {
  for (const Property& property : supported_properties()) {
    if (property.type != "string") continue;
    Change change = with(property, JsonTree::string(std::string("a\0b", 3)));
    INFO(change.verdict);
    CHECK(change.verdict == change.pointer + ": contains a NUL character");
  }
}

TEST_CASE("properties: the refused ones are named with a reason") {
  for (const auto& [pointer, value] : kRefused) {
    JsonTree tree = valid_config();
    size_t slash = pointer.rfind('/');
    JsonTree* parent = tree.at(pointer.substr(0, slash));
    REQUIRE(parent != nullptr);
    parent->members.push_back({pointer.substr(slash + 1), JsonTree::parse(value)});
    CHECK(verdict(tree).starts_with(pointer + ": "));
    CHECK(verdict(tree).ends_with(" is not supported"));
  }
}

TEST_CASE("properties: what nobody knows is ignored, but for the names of clocks") {
  JsonTree tree = valid_config();
  tree.members.push_back({"org.example.future", JsonTree::raw("1")});
  tree.at("/process")->members.push_back({"future", JsonTree::raw("1")});
  CHECK(verdict(tree).empty());
  tree.at("/linux/timeOffsets")->members.push_back({"realtime", JsonTree::parse(R"({"secs": 1})")});
  CHECK(verdict(tree) == "/linux/timeOffsets/realtime: there is no such property");
}

TEST_CASE("properties: of two with one name the last counts") {
  auto load = [](std::string text) {
    auto document = JsonDocument::parse(std::move(text), "t");
    REQUIRE(document);
    auto spec = load_spec(*document);
    REQUIRE(spec);
    return *spec;
  };
  Spec spec = load(R"({"ociVersion": "1.0.0", "process": {"cwd": "/a", "args": ["x", "y"], "terminal": true},
    "process": {"cwd": "/b", "args": ["z"]}, "annotations": {"k": "1", "l": "2", "k": "3"},
    "linux": {"resources": {"rdma": {"m": {"hcaHandles": 1}, "m": {"hcaObjects": 2}}}}})");
  CHECK(spec.process->cwd == "/b");
  CHECK(spec.process->args == std::vector<std::string>{"z"});
  CHECK(!spec.process->terminal);
  CHECK(spec.annotations == std::vector<std::pair<std::string, std::string>>{{"l", "2"}, {"k", "3"}});
  REQUIRE(spec.linux.resources.rdma.size() == 1);
  CHECK(!spec.linux.resources.rdma[0].hca_handles);
}
