#include "sinks/stream_target.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace spanflow {

StreamTarget::StreamTarget(std::string path, const std::string& header, const std::atomic<bool>& abandon)
    : path_(std::move(path)), abandon_(abandon) {
  TextWriter out(buffer_);
  out.append(header);
  out.finish();
  open();
}

StreamTarget::~StreamTarget() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void StreamTarget::open() {
  constexpr int kFlags = O_WRONLY | O_NONBLOCK | O_CLOEXEC;
  if (path_ == "-") {
    // If the parent process closed standard output, descriptor 1 may now be a file opened for reading, such as the
    // capture file.
    const int flags = ::fcntl(STDOUT_FILENO, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) fail(EBADF);
    // Opens the file again, because O_NONBLOCK on descriptor 1 would also affect the processes that share its open file
    // description.
    descriptor_ = ::open("/proc/self/fd/1", kFlags | O_APPEND);
    if (descriptor_ < 0) descriptor_ = ::dup(STDOUT_FILENO);  // a socket cannot be reopened, so writing to it may block
  } else {
    descriptor_ = ::open(path_.c_str(), kFlags | O_TRUNC);
  }
  if (descriptor_ < 0 && errno != ENXIO) fail(errno);  // ENXIO: the named pipe has no reader yet
}

void StreamTarget::flush() {
  if (descriptor_ < 0) open();
  if (descriptor_ < 0 && buffer_.size() > 0) fail(ENXIO);
  while (written_ < buffer_.size()) {
    const ssize_t count = ::write(descriptor_, buffer_.data() + written_, buffer_.size() - written_);
    if (count >= 0) {
      written_ += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      wait_writable();
    } else if (errno != EINTR) {
      fail(errno);
    }
  }
  buffer_.clear();
  written_ = 0;
}

void StreamTarget::wait_writable() const {
  constexpr int kLookUpMs = 100;
  pollfd waiting{.fd = descriptor_, .events = POLLOUT, .revents = 0};
  while (::poll(&waiting, 1, kLookUpMs) == 0) {
    if (abandon_.load(std::memory_order_relaxed)) {
      throw RunError(shown() + ": cannot be written: its reader does not read");
    }
  }
}

void StreamTarget::fail(int error) const {
  throw RunError(shown() + ": cannot be written: " +
                 (error == ENXIO || error == EPIPE ? "nobody reads it" : std::strerror(error)));
}

}  // namespace spanflow
