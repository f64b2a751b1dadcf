#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"
#include "base/path.h"
#include "images/store/durable.h"
#include "images/store/scratch.h"
#include "images/store/store.h"

namespace shoji::images {

// A file in leases/, locked as long as the lease lives: lines with the purpose and when it began, then a digest a line.
struct Lease::State {
  const Store* store;
  std::string name;  // "leases/..."
  Scratch file;
};

Lease::Lease(std::unique_ptr<State> state) : state_(std::move(state)) {}
Lease::Lease(Lease&&) noexcept = default;
Lease& Lease::operator=(Lease&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
Lease::~Lease() {
  if (state_ != nullptr) unlinkat(state_->store->dir(), state_->name.c_str(), 0);
}

Result<Lease> Lease::take(const Store& store, std::string_view purpose) {
  // The file is locked before it appears in leases/, so that no sweep takes it for a dead process' one.
  TRY_ASSIGN(Scratch file, Scratch::make_file(store, "lease"));
  // The filesystem's clock, which the sweep compares with.
  struct stat st{};
  if (fstat(file.fd(), &st) != 0) return fail_errno(errno, cat("inspect ", quote(file.path())));
  TRY(write_all(file.fd(), cat(quote(purpose), "\nsince ", st.st_ctim.tv_sec, '\n'), file.path()));
  std::string name = cat("leases/", base_name(file.path()));
  TRY(file.publish(name));
  return Lease(std::make_unique<State>(&store, std::move(name), std::move(file)));
}

Result<> Lease::hold(const Digest& digest) {
  TRY_ASSIGN(UniqueFd no_sweep, hold_sweeping_off(*state_->store));
  return write_all(state_->file.fd(), digest.text() + "\n", state_->name);
}

}  // namespace shoji::images
