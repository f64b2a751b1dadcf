// snapshot, rollback, remove a snapshot, clone. The order everywhere: the facts say what is about to be (pending), then it
// happens, then the facts say that it has. settle() finishes or undoes what a killed verb left.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "base/io.h"
#include "images/quota/quota.h"
#include "images/roots/copy_tree.h"
#include "images/roots/in_use.h"
#include "images/roots/make_root.h"
#include "images/roots/root_plan.h"
#include "images/roots/upper.h"

namespace shoji::images {
namespace {

struct OpenRoot {
  RootDir dir;
  RootFacts facts;
};

Result<OpenRoot> open_settled(const Store& store, std::string_view name) {
  TRY_ASSIGN(RootDir dir, RootDir::lock(store, name));
  TRY_ASSIGN(RootFacts facts, settle(store, dir));
  if (is_limited(facts.root.options)) TRY(activate_limited_directory(dir.disk()));
  return OpenRoot{std::move(dir), std::move(facts)};
}

Result<std::vector<Snapshot>::iterator> find_snapshot(Root& root, std::string_view name) {
  auto found = std::ranges::find(root.snapshots, name, &Snapshot::name);
  if (found != root.snapshots.end()) return found;
  return fail(Kind::kNotFound, cat("root ", quote(root.name), " has no snapshot ", quote(name)));
}

// One layer more must still mount: the root would be lost otherwise.
Result<> check_depth(const Store& store, const Root& root) {
  TRY_ASSIGN(OverlayPlan plan, plan_root(store, root, UpperUse::kUpper));
  size_t layers = plan.lowers.size() + plan.data.size();
  if (layers < kOverlayLayerLimit) return {};
  return fail(Kind::kState,
              cat("root ", quote(root.name), " has ", layers,
                  " layers, and overlayfs takes no more: make an image of it, and a root of that"));
}

// The upper becomes a layer of the root, without a copy.
Result<std::string> freeze(const Store& store, OpenRoot& open) {
  RootFacts& facts = open.facts;
  TRY(check_depth(store, facts.root));
  TRY_ASSIGN(std::string id, new_frozen_id(is_limited(facts.root.options)));
  facts.root.frozen.push_back(id);
  facts.pending = {id};
  TRY(open.dir.save(facts, true));
  TRY(make_frozen(store, open.dir.name(), id));
  TRY(freeze_upper(store, open.dir, id));
  facts.pending.clear();
  return id;
}

// A layer with what is in the upper now, for somebody else than the root.
Result<> copy_layer(const Store& store, const std::string& from, const std::string& owner,
                    const std::string& id) {
  TRY(make_frozen(store, owner, id));
  std::string tree = cat(store.path(), "/", frozen_path(owner, id));
  // Complete when it has its name.
  TRY(copy_upper_tree(from, tree + ".new"));
  if (rename((tree + ".new").c_str(), tree.c_str()) == 0) return {};
  return fail_errno(errno, cat("rename ", quote(tree + ".new")));
}

Result<Snapshot> take(const Store& store, OpenRoot& open, std::string_view name) {
  Snapshot snapshot{std::string(name), time(nullptr), {}};
  bool untouched = open.facts.root.options.read_only || !was_ever_mounted(open.dir.disk());
  TRY_ASSIGN(bool used, upper_in_use(store, open.dir));
  if (!untouched && !used) TRY(freeze(store, open));
  snapshot.frozen = open.facts.root.frozen;
  if (untouched || !used) return snapshot;
  TRY_ASSIGN(std::string id, new_frozen_id(is_limited(open.facts.root.options)));
  open.facts.pending = {id};
  TRY(open.dir.save(open.facts, true));
  TRY(copy_layer(store, open.dir.disk("upper"), open.dir.name(), id));
  open.facts.pending.clear();
  snapshot.frozen.push_back(id);
  return snapshot;
}

// Saves facts after a change that may have made frozen uppers needless, and removes those.
Result<> save_and_drop(const Store& store, OpenRoot& open, const std::vector<std::string>& used_before) {
  std::vector<std::string> used = used_frozen(open.facts.root);
  open.facts.pending.clear();
  std::ranges::set_difference(used_before, used, std::back_inserter(open.facts.pending));
  TRY(open.dir.save(open.facts, true));
  if (open.facts.pending.empty() && !open.facts.reset_upper) return {};
  TRY(settle(store, open.dir));
  return {};
}

// What a clone stands on: the layers that it shares, and copies of those that nobody else can have.
struct CloneLayers {
  std::vector<std::string> frozen;                          // of the clone
  std::vector<std::pair<std::string, std::string>> copies;  // from where, id
};

Result<CloneLayers> layers_for_clone(const Store& store, OpenRoot& open) {
  CloneLayers layers;
  bool untouched = open.facts.root.options.read_only || !was_ever_mounted(open.dir.disk());
  bool copy = is_limited(open.facts.root.options);
  if (!untouched && !copy) {
    TRY_ASSIGN(copy, upper_in_use(store, open.dir));
  }
  if (!untouched && !copy) {
    TRY(freeze(store, open));
    TRY(open.dir.save(open.facts, true));
  }
  auto add_copy = [&](const std::string& from) -> Result<> {
    TRY_ASSIGN(std::string id, new_frozen_id(false));
    layers.copies.emplace_back(from, id);
    layers.frozen.push_back(id);
    return {};
  };
  for (const std::string& id : open.facts.root.frozen) {
    if (is_private_frozen(id)) {
      TRY(add_copy(cat(store.path(), "/", frozen_path(open.dir.name(), id))));
    } else {
      layers.frozen.push_back(id);
    }
  }
  if (!untouched && copy) TRY(add_copy(open.dir.disk("upper")));
  return layers;
}

// A file with the facts of the clone, for RootDir::save_like(): the origin's own, or one beside the layer on top.
std::string file_with(const Store& store, const OpenRoot& open, const RootFacts& clone) {
  std::string text = print_facts(clone);
  if (text == print_facts(open.facts)) return open.dir.path("facts.json");
  if (clone.root.frozen.empty()) return "";
  std::string path = cat(store.path(), "/frozen/", clone.root.frozen.back(), "/clone.json");
  auto there = read_file(path);
  if (there && *there == text) return path;
  return write_file_atomically(path, text) ? path : "";
}

}  // namespace

Result<> snapshot_root(const Store& store, std::string_view name, std::string_view snapshot) {
  TRY(check_name("snapshot", snapshot));
  TRY_ASSIGN(OpenRoot open, open_settled(store, name));
  if (find_snapshot(open.facts.root, snapshot))
    return fail(Kind::kExists, cat("root ", quote(name), " has a snapshot ", quote(snapshot)));
  TRY_ASSIGN(Snapshot taken, take(store, open, snapshot));
  open.facts.root.snapshots.push_back(std::move(taken));
  return open.dir.save(open.facts, true);
}

Result<> rollback_root(const Store& store, std::string_view name, std::string_view snapshot) {
  TRY_ASSIGN(OpenRoot open, open_settled(store, name));
  TRY_ASSIGN(auto found, find_snapshot(open.facts.root, snapshot));
  TRY_ASSIGN(bool used, upper_in_use(store, open.dir));
  if (used)
    return fail(Kind::kState, cat("root ", quote(name), " is mounted: a rollback needs it unmounted"));
  std::vector<std::string> used_before = used_frozen(open.facts.root);
  open.facts.root.frozen = found->frozen;
  open.facts.reset_upper = !open.facts.root.options.read_only;
  return save_and_drop(store, open, used_before);
}

Result<> remove_snapshot(const Store& store, std::string_view name, std::string_view snapshot) {
  TRY_ASSIGN(OpenRoot open, open_settled(store, name));
  TRY_ASSIGN(auto found, find_snapshot(open.facts.root, snapshot));
  std::vector<std::string> used_before = used_frozen(open.facts.root);
  open.facts.root.snapshots.erase(found);
  return save_and_drop(store, open, used_before);
}

Result<Root> clone_root(const Store& store, std::string_view from, std::string_view to) {
  TRY(check_name("root", to));
  TRY_ASSIGN(OpenRoot open, open_settled(store, from));
  // Before the other root's lock is waited for, so that two clones in opposite directions do not wait for each other.
  if (read_root_facts(store, std::string(to))) return fail(Kind::kExists, cat("root ", quote(to), " exists"));
  TRY_ASSIGN(CloneLayers layers, layers_for_clone(store, open));
  RootFacts facts = open.facts;
  facts.root.name = to;
  facts.root.frozen = layers.frozen;
  facts.root.snapshots.clear();
  facts.root.mounted_at.clear();
  auto take_layers = [&](RootDir& dir) -> Result<> {
    for (const auto& [path, id] : layers.copies) TRY(copy_layer(store, path, dir.name(), id));
    for (const std::string& id : layers.frozen) TRY(add_user(store, dir.name(), id));
    return {};
  };
  TRY(make_root(store, facts, file_with(store, open, facts), take_layers));
  return facts.root;
}

}  // namespace shoji::images
