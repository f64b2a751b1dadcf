// The document of `network apply`.
#include "cli/net/attach_request.h"
#include "spec/field_table.h"

namespace shoji::cli::net {

// Found by the field tables through the types' own namespace.
using namespace field_table;

namespace {

struct NetworkWords : op::AttachmentWords {
  std::string network;
};
struct PartitionWords {
  std::string partition, netns;
  bool make_netns = false;
  std::vector<NetworkWords> networks;
};
struct ApplyWords {
  std::vector<PartitionWords> attach;
  std::vector<std::string> release;
};

// A member that NetworkWords has from its base.
template <auto Member>
constexpr Row word(std::string_view name) {
  return {name,
          [](Json value, void* object) { return read(value, static_cast<NetworkWords*>(object)->*Member); }};
}

Result<> read(Json value, NetworkWords& out) {
  using Words = op::AttachmentWords;
  static constexpr Row kRows[] = {
      field<&NetworkWords::network>("network", kRequired),
      word<&Words::interface>("interface"),
      word<&Words::addresses>("addresses"),
      word<&Words::mac>("mac"),
      word<&Words::default_route>("defaultRoute"),
      word<&Words::publish>("publish"),
      word<&Words::rules>("rules"),
      word<&Words::allow>("allow"),
      word<&Words::deny>("deny"),
      word<&Words::rate_in>("rateIn"),
      word<&Words::rate_out>("rateOut"),
      word<&Words::burst_in>("burstIn"),
      word<&Words::burst_out>("burstOut"),
  };
  return load_object(value, kRows, &out, Unknown::kRefuse);
}

Result<> read(Json value, PartitionWords& out) {
  static constexpr Row kRows[] = {
      field<&PartitionWords::partition>("partition", kRequired),
      field<&PartitionWords::netns>("netns"),
      field<&PartitionWords::make_netns>("makeNetns"),
      field<&PartitionWords::networks>("networks", kRequired),
  };
  return load_object(value, kRows, &out, Unknown::kRefuse);
}

constexpr Row kDocument[] = {
    field<&ApplyWords::attach>("attach"),
    field<&ApplyWords::release>("release"),
};

Result<> at(const std::string& pointer, Result<> result) {
  if (!result) return Failure(within(pointer, result.error()));
  return {};
}

Result<PartitionPlan> plan_of(const PartitionWords& words, const std::string& pointer) {
  TRY(at(pointer + "/partition", shoji::net::check_partition_name(words.partition)));
  PartitionPlan plan;
  plan.request.partition = words.partition;
  plan.request.netns = words.netns;
  plan.request.make_netns = words.make_netns;
  if (!words.netns.empty() && words.netns[0] != '/')
    return fail(Kind::kInvalid, cat(pointer, "/netns: ", quote(words.netns), " is not an absolute path"));
  for (size_t i = 0; i < words.networks.size(); ++i) {
    std::string here = cat(pointer, "/networks/", i);
    Result<shoji::net::NetworkChoice> choice = shoji::net::parse_choice(words.networks[i].network);
    if (!choice) return Failure(within(here + "/network", choice.error()));
    TRY_ASSIGN(shoji::net::AttachRequest request, read_words(words.networks[i], WordSource::document(here)));
    plan.choices.push_back(*choice);
    if (!choice->attaches()) continue;
    request.network = shoji::net::print_choice(*choice);
    plan.request.networks.push_back(std::move(request));
  }
  TRY(at(pointer + "/networks", shoji::net::check_choices(words.partition, plan.choices)));
  return plan;
}

}  // namespace

Result<ApplyDocument> read_apply_document(std::string text, std::string_view source) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(text), source));
  ApplyWords words;
  if (Result<> loaded = load_object(document.root(), kDocument, &words, Unknown::kRefuse); !loaded)
    return Failure(within(source, loaded.error()));
  ApplyDocument out;
  for (size_t i = 0; i < words.attach.size(); ++i) {
    Result<PartitionPlan> plan = plan_of(words.attach[i], cat("/attach/", i));
    if (!plan) return Failure(within(source, plan.error()));
    for (size_t j = 0; j < i; ++j)
      if (words.attach[j].partition == words.attach[i].partition)
        return fail(Kind::kInvalid,
                    cat(source, ": /attach/", i, "/partition: ", quote(words.attach[i].partition),
                        " is there already, at /attach/", j));
    out.attach.push_back(std::move(*plan));
  }
  for (size_t i = 0; i < words.release.size(); ++i)
    if (Result<> checked = shoji::net::check_partition_name(words.release[i]); !checked)
      return Failure(within(cat(source, ": /release/", i), checked.error()));
  out.release = std::move(words.release);
  return out;
}

}  // namespace shoji::cli::net
