// Cgroup::apply(): decides every write first, then does them, then the devices.
#include <sys/sysinfo.h>

#include <array>
#include <cerrno>

#include "base/io.h"
#include "cgroups/controllers.h"
#include "cgroups/devices.h"
#include "cgroups/manager.h"

namespace shoji {
namespace {

Failure refuse(const KnobWrite& write, Kind kind, int err, std::string_view cause) {
  return std::unexpected(Error{kind, err, cat("limit ", write.limit, ": ", cause)});
}

// Why the container has not been given a controller, as the end of a sentence.
std::string missing_controller(const Place* place, Controller controller) {
  std::string_view name = controller_name(controller, place != nullptr && place->unified);
  std::string text = cat("this host has no ", name, " controller for the container: ");
  if (place == nullptr) return text + "no mounted cgroup hierarchy has it";
  std::string offer = place->mount + "/cgroup.controllers";
  auto offered = read_file(offer);
  if (offered && !parse_controllers(offered->substr(0, offered->find('\n'))).has(controller)) {
    return text + quote(offer) + " does not list it";
  }
  if (!place->withheld.empty()) return text + place->withheld;
  return text + "a parent cgroup does not hand it down";
}

// One write, or two for a knob with another name on this kernel. The error carries the errno.
Result<> try_write(const Place& place, const KnobWrite& write) {
  std::string text = write.text;
  if (write.keep_first_word) {
    TRY_ASSIGN(std::string present, read_knob(place, write.file));
    text = cat(present.substr(0, present.find(' ')), ' ', write.text);
  }
  auto done = write_knob(place, write.file, text);
  if (!done && done.error().err == ENOENT && !write.other_file.empty()) {
    return write_knob(place, write.other_file, write.other_text);
  }
  return done;
}

bool host_has_swap() {
  struct sysinfo info{};
  return sysinfo(&info) != 0 || info.totalswap > 0;
}

// "memory.current" or its v1 name says how much was in the way.
std::string usage_text(const Place& place) {
  auto usage = read_knob(place, place.unified ? "memory.current" : "memory.usage_in_bytes");
  return usage ? cat(*usage, " bytes are in use") : "more is in use";
}

Result<> explain(const Place& place, const KnobWrite& write, const Error& error) {
  bool absent = error.err == ENOENT;
  if (absent && (write.is_default || write.is_extra)) return {};
  if (absent && write.needs_swap && !host_has_swap()) return {};
  if (absent) {
    return refuse(
        write, Kind::kUnsupported, error.err,
        cat("this kernel has no ", write.file, write.other_file.empty() ? "" : " and no ", write.other_file));
  }
  // cgroup-v1/memory.rst: the kernel reclaims, and answers EBUSY if that was not enough.
  if (error.err == EBUSY && write.file == "memory.limit_in_bytes") {
    return refuse(write, Kind::kState, error.err, usage_text(place));
  }
  if (write.file.starts_with("cpuset.") && error.err != EBUSY) {
    const char* what = write.file == "cpuset.cpus" ? "cpus" : "mems";
    auto has =
        read_knob(place, place.unified ? cat("cpuset.", what, ".effective") : cat("cpuset.effective_", what));
    if (has)
      return refuse(write, Kind::kInvalid, error.err,
                    cat(write.file, " takes only what the parent cgroup has, ", quote(*has)));
  }
  // io.max and blkio.throttle.* look the disk up.
  if (error.err == ENODEV && write.limit.starts_with("blockIO")) {
    return refuse(write, Kind::kInvalid, error.err, "there is no such disk");
  }
  return refuse(write, Kind::kSystem, error.err, error.text);
}

// Lowering memory.max below the usage makes the kernel kill at once where v1 would refuse (runc issue 3509).
// So the difference is reclaimed first (memory.reclaim, Linux 5.19), and what cannot be reclaimed is an
// error.
Result<> make_room(const Place& place, const KnobWrite& write) {
  uint64_t limit = std::strtoull(write.text.c_str(), nullptr, 10);
  for (bool reclaimed : {false, true}) {
    auto text = read_knob(place, "memory.current");
    if (!text) return {};  // explained by the write itself
    uint64_t usage = std::strtoull(text->c_str(), nullptr, 10);
    if (usage <= limit) return {};
    if (!reclaimed)
      ignore(write_knob(place, "memory.reclaim", cat(usage - limit)), "EAGAIN: partly; looked at next");
  }
  return refuse(write, Kind::kState, EBUSY, usage_text(place));
}

// The kernel answers EINVAL to a value that contradicts another one still in force (memory above memory+swap,
// burst above quota). Those are written again, once, after the rest of the controller.
Result<> write_all_knobs(const Place& place, const KnobWrites& writes, bool alive) {
  std::vector<const KnobWrite*> again;
  for (const KnobWrite& write : writes) {
    if (alive && write.is_memory_max && place.unified) TRY(make_room(place, write));
    auto done = try_write(place, write);
    if (done) continue;
    if (done.error().err == EINVAL && writes.size() > 1) {
      again.push_back(&write);
    } else {
      TRY(explain(place, write, done.error()));
    }
  }
  for (const KnobWrite* write : again) {
    if (auto done = try_write(place, *write); !done) TRY(explain(place, *write, done.error()));
  }
  return {};
}

struct Task {
  Place* place = nullptr;
  KnobWrites writes;
};

Result<> add_task(std::vector<Task>& tasks, std::vector<Place>& places, const ControllerRow& row,
                  const Resources& resources) {
  Task task{place_of(places, row.controller), {}};
  bool on_v2 = task.place != nullptr && task.place->unified;
  TRY((on_v2 ? row.plan_v2 : row.plan_v1)(resources, task.writes));
  if (task.writes.empty()) return {};
  if (task.place != nullptr) {
    TRY(open_place(*task.place));
    TRY(load_controllers(*task.place));
    if (task.place->controllers.has(row.controller)) {
      tasks.push_back(std::move(task));
      return {};
    }
  }
  std::string limits;
  for (const KnobWrite& write : task.writes) {
    if (!write.is_default && !write.is_extra) limits += cat(limits.empty() ? "" : ", ", write.limit);
  }
  if (limits.empty()) return {};
  return fail(Kind::kUnsupported,
              cat("limit ", limits, ": ", missing_controller(task.place, row.controller)));
}

// linux.resources.unified names v2 files, so their controllers have to be there.
Result<> add_unified_task(std::vector<Task>& tasks, std::vector<Place>& places, const Resources& resources) {
  Task task;
  TRY(plan_unified(resources, task.writes));
  if (task.writes.empty()) return {};
  if (places.empty() || !places.front().unified) {
    return refuse(task.writes.front(), Kind::kUnsupported, 0, "this host has no cgroup v2 hierarchy");
  }
  task.place = &places.front();
  TRY(open_place(*task.place));
  TRY(load_controllers(*task.place));
  for (const KnobWrite& write : task.writes) {
    ControllerSet of_key = parse_controllers(write.file.substr(0, write.file.find('.')));
    if (task.place->controllers.contains(of_key) || has_knob(*task.place, write.file)) continue;
    for (const ControllerRow& row : controller_rows()) {
      if (!of_key.has(row.controller)) continue;
      const Place* bound = place_of(places, row.controller);
      std::string cause = bound->unified ? missing_controller(bound, row.controller)
                                         : cat("this host has the ", controller_name(row.controller, true),
                                               " controller in cgroup v1, on ", quote(bound->mount));
      return refuse(write, Kind::kUnsupported, 0, cause);
    }
  }
  tasks.push_back(std::move(task));
  return {};
}

}  // namespace

// Nothing is written unless all limits can be expressed and have their controller.
Result<> Cgroup::apply(const Resources& resources, Occasion occasion) {
  bool alive = occasion == Occasion::kUpdate;
  std::vector<Task> tasks;
  for (const ControllerRow& row : controller_rows()) TRY(add_task(tasks, places_, row, resources));
  TRY(add_unified_task(tasks, places_, resources));
  std::vector<DevicePermission> devices;
  if (!alive || !resources.devices.empty()) {
    TRY_ASSIGN(devices, device_permissions(resources.devices));
  }
  for (const Task& task : tasks) TRY(write_all_knobs(*task.place, task.writes, alive));
  if (devices.empty()) return {};
  Place* place = place_of(places_, Controller::kDevices);
  if (place == nullptr) {
    if (allows_every_device(devices)) return {};
    return fail(Kind::kUnsupported,
                "limit devices: this host has neither cgroup v2 nor the v1 devices controller");
  }
  TRY(open_place(*place));
  return place->unified ? attach_device_filter(*place, devices) : write_device_list(*place, devices);
}

}  // namespace shoji
