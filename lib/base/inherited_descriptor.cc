#include "base/inherited_descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>

namespace spanflow {
namespace {

namespace fs = std::filesystem;

std::optional<int> number_of(const std::string& text) {
  int number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stop == end && number >= 0 ? std::optional{number} : std::nullopt;
}

bool is_descriptor_folder(const fs::path& folder) {
  if (folder == "/proc/self/fd" || folder == "/dev/fd") return true;
  std::error_code none;
  const fs::path own = fs::canonical("/proc/self/fd", none);
  return !own.empty() && fs::canonical(folder, none) == own;
}

bool allows(int flags, int access) {
  const int mode = flags & O_ACCMODE;
  return mode == O_RDWR || mode == access;
}

// False for a descriptor that this process opened itself. Programs open their descriptors with FD_CLOEXEC, which an
// inherited descriptor cannot have.
bool is_inherited(int number) {
  const int flags = ::fcntl(number, F_GETFD);
  return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

}  // namespace

std::optional<int> inherited_descriptor(const std::string& path, int dash) {
  if (path == "-") return dash;
  constexpr int kMostLinks = 8;
  fs::path at = path;
  for (int links = 0; links < kMostLinks && !at.empty(); ++links) {
    std::error_code none;
    const fs::path folder = fs::absolute(at, none).parent_path();
    if (is_descriptor_folder(folder)) return number_of(at.filename());
    const fs::path target = fs::read_symlink(at, none);
    at = target.empty() ? target : folder / target;
  }
  return std::nullopt;
}

OpenedDescriptor open_inherited(int number, int access) {
  struct stat status {};
  if (::fstat(number, &status) != 0) return {.descriptor = Descriptor{}};
  if (!is_inherited(number) || !allows(::fcntl(number, F_GETFL), access)) {
    errno = EBADF;
    return {.descriptor = Descriptor{}};
  }
  if (!S_ISREG(status.st_mode)) {
    // Opens it again, because O_NONBLOCK on the inherited descriptor would also affect the processes that share it.
    const std::string path = "/proc/self/fd/" + std::to_string(number);
    Descriptor again(::open(path.c_str(), access | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (again) return {.descriptor = std::move(again)};
  }
  // A socket cannot be opened again, nor can a pipe or terminal of another user.
  return {.descriptor = Descriptor(::fcntl(number, F_DUPFD_CLOEXEC, 0)), .may_block = !S_ISREG(status.st_mode)};
}

}  // namespace spanflow
