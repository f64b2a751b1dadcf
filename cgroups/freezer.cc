// Cgroup::freeze(), thaw(), frozen().
//
// Where there is a v2 hierarchy its cgroup.freeze is used, also on hybrid hosts: it needs no controller,
// tells when it is done, and a process frozen by it can be killed. A process frozen by the v1 controller
// cannot, until it is thawed.
#include <string>

#include "cgroups/manager.h"
#include "cgroups/processes.h"

namespace shoji {
namespace {

constexpr std::chrono::seconds kPatience{10};
constexpr const char* kLegacyState = "freezer.state";

Failure unsupported() {
  return fail(Kind::kUnsupported,
              "this host has neither cgroup v2 nor the v1 freezer controller, so nothing can be paused");
}

Failure timed_out(const Place& place) {
  return fail(Kind::kState, cat("freeze cgroup ", quote(place.dir), ": not all processes came to a halt in ",
                                kPatience.count(), " s (one may be in an uninterruptible system call)"));
}

// The v1 freezer stays FREEZING while a process forks away from it; writing FROZEN again catches the
// newcomers (Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst).
Result<> freeze_legacy(const Place& place) {
  Backoff backoff(std::chrono::steady_clock::now() + kPatience);
  do {
    TRY(write_knob(place, kLegacyState, "FROZEN"));
    TRY_ASSIGN(std::string state, read_knob(place, kLegacyState));
    if (state == "FROZEN") return {};
  } while (backoff.wait());
  TRY(write_knob(place, kLegacyState, "THAWED"));
  return timed_out(place);
}

Result<> freeze_unified(const Place& place) {
  TRY(write_knob(place, "cgroup.freeze", "1"));
  TRY_ASSIGN(bool done, wait_for_event(place, "frozen", true, std::chrono::steady_clock::now() + kPatience));
  if (done) return {};
  TRY(write_knob(place, "cgroup.freeze", "0"));
  return timed_out(place);
}

// A host that has no cgroup.freeze (before Linux 5.2) pauses by the v1 controller if it has that.
Place* legacy_freezer(std::vector<Place>& places) {
  for (Place& place : places) {
    if (!place.unified && place.controllers.has(Controller::kFreezer)) return &place;
  }
  return nullptr;
}

}  // namespace

Result<> Cgroup::freeze() {
  if (Place* place = unified()) {
    TRY(open_place(*place));
    auto done = freeze_unified(*place);
    if (done || done.error().kind != Kind::kNotFound) return done;
  }
  Place* place = legacy_freezer(places_);
  if (place == nullptr) return unsupported();
  TRY(open_place(*place));
  return freeze_legacy(*place);
}

// Both are thawed: some other tool may have used the other one.
Result<> Cgroup::thaw() {
  bool any = false;
  if (Place* place = unified()) {
    TRY(open_place(*place));
    auto done = write_knob(*place, "cgroup.freeze", "0");
    if (!done && done.error().kind != Kind::kNotFound) return done;
    any = done.has_value();
  }
  if (Place* place = legacy_freezer(places_)) {
    TRY(open_place(*place));
    TRY(write_knob(*place, kLegacyState, "THAWED"));
    any = true;
  }
  return any ? Result<>{} : unsupported();
}

Result<bool> Cgroup::frozen() {
  if (Place* place = unified()) {
    TRY(open_place(*place));
    auto state = read_knob(*place, "cgroup.freeze");
    if (!state && state.error().kind != Kind::kNotFound) return std::unexpected(std::move(state).error());
    if (state && *state == "1") return true;
  }
  if (Place* place = legacy_freezer(places_)) {
    TRY(open_place(*place));
    TRY_ASSIGN(std::string state, read_knob(*place, kLegacyState));
    if (state != "THAWED") return true;
  }
  return false;
}

}  // namespace shoji
