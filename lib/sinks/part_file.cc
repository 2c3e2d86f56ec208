#include "sinks/part_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "sinks/file_name.h"

namespace spanflow {
namespace {

constexpr std::uint64_t kWriteBehindOctets = 8U << 20;

// Renames the file if the name `to` is free. Returns 0, or the value of errno.
int rename_where_free(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // Some file systems, such as NFS, do not support RENAME_NOREPLACE.
  if (::access(to.c_str(), F_OK) == 0) return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

// Syncs the folder, so that the new name survives a power loss. Ignores errors, because not every file system supports
// this.
void sync_folder_of(const std::string& path) {
  const auto name = path.rfind('/') + 1;
  const std::string folder = name == 0 ? "." : path.substr(0, name);
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

PartFile::PartFile(std::string path) : path_(std::move(path)) {
  // If another process has completed (renamed) the file between open() and flock(), opens the path again.
  for (open(); !is_at_its_path(); open()) ::close(descriptor_);
}

PartFile::~PartFile() {
  if (descriptor_ < 0) return;
  if (size() == 0) ::unlink(part_path().c_str());
  ::close(descriptor_);
}

void PartFile::open() {
  // O_NONBLOCK: opening a named pipe must not wait.
  descriptor_ = ::open(part_path().c_str(), O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
  const bool is_link = descriptor_ < 0 && errno == ELOOP;
  if (descriptor_ < 0 && !is_link) fail(errno);
  if (is_link || !is_own_file()) {
    if (descriptor_ >= 0) ::close(descriptor_);
    throw RunError(path_ + ": cannot be written: " + part_path() + " is a link, or is not a file of this user");
  }
  // An error other than EWOULDBLOCK is ignored, because some file systems do not support locks.
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(descriptor_);
  throw RunError(path_ + ": cannot be written: another process writes " + part_path());
}

bool PartFile::is_own_file() const {
  struct stat status {};
  return ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == ::geteuid() &&
         status.st_nlink <= 1;  // 0: another process has just removed it
}

bool PartFile::is_at_its_path() const {
  struct stat opened {};
  struct stat there {};
  return ::fstat(descriptor_, &opened) == 0 && ::lstat(part_path().c_str(), &there) == 0 &&
         opened.st_ino == there.st_ino && opened.st_dev == there.st_dev;
}

std::uint64_t PartFile::size() const {
  struct stat status {};
  ::fstat(descriptor_, &status);
  return static_cast<std::uint64_t>(status.st_size);
}

std::string PartFile::read(std::uint64_t offset, std::size_t octets) const {
  std::string text(octets, '\0');
  const ssize_t count = ::pread(descriptor_, text.data(), octets, static_cast<off_t>(offset));
  if (count < 0) throw RunError(part_path() + ": cannot be read: " + std::strerror(errno));
  text.resize(static_cast<std::size_t>(count));
  return text;
}

void PartFile::resize(std::uint64_t size) {
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) fail(errno);
}

std::size_t PartFile::write_some(std::string_view octets) {
  for (;;) {
    const ssize_t count = ::write(descriptor_, octets.data(), octets.size());
    if (count > 0) {
      unstarted_ += static_cast<std::uint64_t>(count);
      write_behind();
      return static_cast<std::size_t>(count);
    }
    if (count == 0) fail(ENOSPC);
    if (errno != EINTR) fail(errno);
  }
}

// Starts the kernel's writeback early, so that the fsync() of the complete file is short.
void PartFile::write_behind() {
  if (unstarted_ < kWriteBehindOctets) return;
  // Ignores errors: not every file system supports this call, and sync() follows in any case.
  ::sync_file_range(descriptor_, 0, 0, SYNC_FILE_RANGE_WRITE);
  unstarted_ = 0;
}

void PartFile::sync() {
  if (::fsync(descriptor_) != 0) fail(errno);
}

std::string PartFile::complete(unsigned number) {
  sync();
  for (;; ++number) {
    std::string name = numbered(path_, number);
    const int error = rename_where_free(part_path(), name);
    if (error == 0) {
      done(name);
      return name;
    }
    if (error != EEXIST) fail(error);
  }
}

std::string PartFile::complete_replacing() {
  sync();
  if (::rename(part_path().c_str(), path_.c_str()) != 0) fail(errno);
  done(path_);
  return path_;
}

void PartFile::remove() {
  ::unlink(part_path().c_str());
  ::close(descriptor_);
  descriptor_ = -1;
}

void PartFile::done(const std::string& name) {
  sync_folder_of(name);
  ::close(descriptor_);
  descriptor_ = -1;
}

void PartFile::fail(int error) const { throw RunError(path_ + ": cannot be written: " + std::strerror(error)); }

}  // namespace spanflow
