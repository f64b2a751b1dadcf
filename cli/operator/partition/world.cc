#include "cli/operator/partition/world.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"
#include "base/pidfd.h"
#include "runtime/container.h"
#include "runtime/keeper/control.h"

namespace shoji::cli::op {

namespace {

// shoji-net says what went wrong on its standard error: `shoji: network apply: SENTENCE`.
std::string sentence_of(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  for (std::string_view opening : {"shoji: ", "network apply: "})
    if (text.starts_with(opening)) text.erase(0, opening.size());
  return text.substr(0, text.find('\n'));
}

Result<> apply_networks(const Globals& globals, const std::string& document) {
  TRY_ASSIGN(Captured done, run_net_program(globals, {"network", "apply", "-"}, document));
  if (done.status == 0) return {};
  std::string sentence = sentence_of(done.err);
  return fail(Kind::kState, sentence.empty() ? cat("shoji-net: ", status_text(done.status)) : sentence);
}

// What another of our own processes is to see of the command line.
std::vector<std::string> own_words(const Globals& globals) {
  std::vector<std::string> out = {"shoji", "--root", globals.root, "--run", globals.run};
  if (!globals.store.empty()) out.insert(out.end(), {"--store", globals.store});
  if (!globals.config.empty()) out.insert(out.end(), {"--config", globals.config});
  return out;
}

}  // namespace

World::World(images::Store store, const Globals& globals)
    : images(std::move(store)),
      world{.partitions = open_partitions(globals),
            .images = &images,
            .root = globals.root,
            .run = globals.run,
            .apply_networks = [&globals](const std::string& document) {
              return apply_networks(globals, document);
            }} {}

PartitionStore open_partitions(const Globals& globals) {
  return {globals.root, globals.run};
}

std::string containers_of(const Globals& globals) {
  return globals.run + "/containers";
}

std::string control_of(const Globals& globals, std::string_view name) {
  return cat(open_partitions(globals).run_directory(name), "/control");
}

Result<Kept> start_keeper(const Globals& globals, const std::string& name) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "pipe");
  UniqueFd ours(ends[0]), theirs(ends[1]);
  std::vector<std::string> words = own_words(globals);
  words.insert(words.end(), {"keeper", name, "--report", std::to_string(theirs.get())});
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = fork();
  if (child < 0) return fail_errno(errno, "fork");
  if (child == 0) {
    fcntl(theirs.get(), F_SETFD, 0);
    execve("/proc/self/exe", argv.data(), environ);
    _exit(127);
  }
  theirs.reset();
  std::string said;
  char letter = 0;
  while (read(ours.get(), &letter, 1) == 1 && letter != '\n') said += letter;
  if (said == "ok") return Kept{std::move(ours), child};
  return fail(Kind::kState, said.empty() ? "its keeper ended without a word" : said);
}

Result<Kept> start_partition(const Globals& globals, const World& world,
                             const PartitionDefinition& definition) {
  Result<> prepared = prepare_run(world.world, definition);
  Result<Kept> started =
      prepared ? start_keeper(globals, definition.document.name) : Failure(prepared.error());
  if (!started) ignore(clean_run(world.world, definition), "the first error counts; the next verb cleans");
  return started;
}

Result<> stop_partition(const Globals& globals, const std::string& name, std::string_view signal,
                        uint64_t milliseconds) {
  auto answer = ask_keeper(control_of(globals, name), cat("stop ", signal, ' ', milliseconds));
  // Nobody keeps it: a new keeper finds the program, or what is left of it.
  if (!answer && answer.error().kind == Kind::kNotFound) {
    TRY(start_keeper(globals, name));
    answer = ask_keeper(control_of(globals, name), cat("stop ", signal, ' ', milliseconds));
    if (!answer && answer.error().kind == Kind::kNotFound) return {};  // it had ended
  }
  if (!answer) return Failure(answer.error());
  return {};
}

Result<> remove_partition(const World& world, const PartitionStore::Locked& locked) {
  TRY_ASSIGN(PartitionDefinition definition, world.world.partitions.load(locked.name));
  TRY(clean_run(world.world, definition));
  if (definition.document.rootfs.empty()) {
    Result<> gone = images::remove_root(world.images, locked.name);
    if (!gone && gone.error().kind != Kind::kNotFound) return gone;
  }
  return world.world.partitions.remove(locked);
}

Result<PartitionView> view_partition(const Globals& globals, const std::string& name) {
  PartitionStore store = open_partitions(globals);
  PartitionView out;
  TRY_ASSIGN(out.definition, store.load(name));
  TRY_ASSIGN(out.run, store.load_run(name));
  TRY_ASSIGN(out.exit, store.load_exit(name));
  if (!out.run) {
    out.status = out.exit ? PartitionStatus::kExited : PartitionStatus::kCreated;
    return out;
  }
  TRY_ASSIGN(auto keeper, pidfd_of(out.run->keeper, out.run->keeper_started));
  auto container = view_container(containers_of(globals), out.definition.id);
  bool paused = container && container->status == Status::kPaused;
  TRY_ASSIGN(auto program, pidfd_of(out.run->pid, out.run->pid_started));
  out.status = paused    ? PartitionStatus::kPaused
               : program ? (keeper ? PartitionStatus::kRunning : PartitionStatus::kUnkept)
               : keeper  ? PartitionStatus::kRestarting
                         : PartitionStatus::kExited;
  return out;
}

}  // namespace shoji::cli::op
