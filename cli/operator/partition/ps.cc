#include <time.h>

#include "cli/human.h"
#include "cli/operator/handed_over.h"
#include "cli/operator/partition/world.h"
#include "cli/operator/verbs.h"

namespace shoji::cli::op {

namespace {

struct PsOptions : ListOptions {
  bool all = false;
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};

using View = PartitionView;

std::string uptime_text(const View& view) {
  int64_t now = time(nullptr);
  if (view.run && view.run->pid != 0) return cat("up ", human_age(now - view.run->started));
  if (view.exit) return cat(view.exit->reason, ", ", human_age(now - view.exit->finished), " ago");
  return "never ran";
}

Field name_of(const View& view) {
  return {view.definition.document.name};
}
Field id_of(const View& view) {
  return {view.definition.id.substr(0, 12)};
}
Field image_of(const View& view) {
  return {view.definition.document.image.empty() ? view.definition.document.rootfs
                                                 : view.definition.document.image};
}
Field status_of(const View& view) {
  return {std::string(status_name(view.status))};
}
Field since_of(const View& view) {
  return {uptime_text(view)};
}
Field pid_of(const View& view) {
  if (!view.run || view.run->pid == 0) return {};
  return {int64_t{view.run->pid}};
}
Field ports_of(const View& view) {
  std::vector<std::string> ports;
  std::string text;
  for (const PartitionNetwork& network : view.definition.document.networks)
    for (const std::string& port : network.publish) {
      text += cat(text.empty() ? "" : ", ", port);
      ports.push_back(port);
    }
  return {ports, text};
}
Field restarts_of(const View& view) {
  return {uint64_t{view.run ? view.run->restarts : 0}};
}
Field exit_of(const View& view) {
  if (!view.exit) return {};
  return {int64_t{view.exit->code}};
}
Field created_of(const View& view) {
  return {utc_time(view.definition.created)};
}

constexpr Column kColumns[] = {
    column<name_of>("name", "of the partition"),
    column<image_of>("image", "that it was made of"),
    column<status_of>("status",
                      "created, running, paused, restarting, exited or unkept (its keeper is gone)"),
    column<since_of>("since", "how long, or how it ended"),
    column<ports_of>("ports", "published"),
    more_column<id_of>("id", "the beginning of its id"),
    more_column<pid_of>("pid", "of its first process"),
    more_column<restarts_of>("restarts", "since it was started"),
    more_column<exit_of>("exit", "code of its last end"),
    more_column<created_of>("created", "when it was made"),
};

Result<> PsOptions::check(const Arguments& /*arguments*/) const {
  return check_list(kColumns);
}

constexpr auto kOptions = list_options<PsOptions>(std::array{
    option<&PsOptions::all>("all", 'a', "also those that do not run"),
});

Result<int> ps(const Globals& globals, PsOptions& options, Arguments& /*arguments*/) {
  TRY_ASSIGN(std::vector<std::string> names, open_partitions(globals).names());
  std::vector<View> views;
  for (const std::string& name : names) {
    auto view = view_partition(globals, name);
    if (!view && view.error().kind == Kind::kNotFound) continue;  // removed meanwhile
    if (!view) return Failure(view.error());
    bool runs = view->status != PartitionStatus::kCreated && view->status != PartitionStatus::kExited;
    if (runs || options.all) views.push_back(std::move(*view));
  }
  TRY(print(listing(kColumns, options, views)));
  return kExitOk;
}

}  // namespace

constinit const Verb ps_verb = {
    .name = "ps",
    .summary = "list partitions",
    .description = "   Fields: name, image, status, since, ports, id, pid, restarts, exit, created.",
    .options = kOptions,
    .max_arguments = 0,
    .run = parse_and_run<PsOptions, ps>,
};

}  // namespace shoji::cli::op
