#include "runtime/init_image.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"

extern "C" const char shoji_init_image[];
extern "C" const char shoji_init_image_end[];

namespace shoji {
namespace {

constexpr unsigned kMfdExec = 0x10;  // since Linux 6.3; older kernels answer EINVAL
constexpr size_t kPage = 4096;
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

Result<> fill(int fd, std::string_view plan, size_t plan_offset) {
  static constexpr char kPadding[kPage] = {};
  std::string_view image(shoji_init_image, static_cast<size_t>(shoji_init_image_end - shoji_init_image));
  iovec parts[] = {{const_cast<char*>(image.data()), image.size()},
                   {const_cast<char*>(kPadding), plan_offset - image.size()},
                   {const_cast<char*>(plan.data()), plan.size()}};
  size_t whole = plan_offset + plan.size();
  ssize_t n = writev(fd, parts, 3);
  if (n < 0) return fail_errno(errno, "write the init program");
  if (static_cast<size_t>(n) == whole) return {};
  // A short write happens on very large plans only; the rest is plan.
  auto done = static_cast<size_t>(n);
  if (done < plan_offset) return fail_errno(EIO, "write the init program");
  return write_all(fd, plan.substr(done - plan_offset), "the init program");
}

int open_memfd() {
  int fd = memfd_create("shoji-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | kMfdExec);
  if (fd < 0 && errno == EINVAL) fd = memfd_create("shoji-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  return fd;
}

// A file in a tmpfs that is mounted nowhere, opened again read-only: writing descriptors forbid execution (ETXTBSY).
Result<UniqueFd> write_tmpfs_file(std::string_view plan, size_t plan_offset) {
  auto refused = [] { return fail_errno(errno, "make a file for the init program"); };
  UniqueFd fs(static_cast<int>(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  if (!fs || syscall(SYS_fsconfig, fs.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return refused();
  UniqueFd mount(static_cast<int>(syscall(SYS_fsmount, fs.get(), FSMOUNT_CLOEXEC, 0)));
  if (!mount) return refused();
  UniqueFd file(openat(mount.get(), "shoji-init", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0500));
  if (!file) return refused();
  TRY(fill(file.get(), plan, plan_offset));
  UniqueFd readable(openat(mount.get(), "shoji-init", O_RDONLY | O_CLOEXEC));
  if (!readable) return refused();
  return readable;
}

}  // namespace

Result<InitProgram> make_init_program(std::string_view plan) {
  auto image_size = static_cast<size_t>(shoji_init_image_end - shoji_init_image);
  InitProgram program;
  program.plan_offset = (image_size + kPage - 1) & ~(kPage - 1);
  program.plan_size = plan.size();
  program.fd = UniqueFd(open_memfd());
  if (!program.fd) {
    TRY_ASSIGN(program.fd, write_tmpfs_file(plan, program.plan_offset));
    return program;
  }
  TRY(fill(program.fd.get(), plan, program.plan_offset));
  if (fcntl(program.fd.get(), F_ADD_SEALS, kSeals) != 0) return fail_errno(errno, "seal the init program");
  return program;
}

}  // namespace shoji
