#include "sinks/stream_target.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/inherited_descriptor.h"

namespace spanflow {

StreamTarget::StreamTarget(std::string path, const std::string& header, const std::atomic<bool>& abandon)
    : path_(std::move(path)), abandon_(abandon) {
  TextWriter out(buffer_);
  out.append(header);
  out.finish();
  open();
}

void StreamTarget::open() {
  if (const auto number = inherited_descriptor(path_, STDOUT_FILENO)) {
    auto [descriptor, may_block] = open_inherited(*number, O_WRONLY);
    descriptor_ = std::move(descriptor);
    may_block_ = may_block;
  } else {
    descriptor_ = Descriptor(::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_TRUNC));
  }
  if (!descriptor_ && errno != ENXIO) fail(errno);  // ENXIO: the named pipe has no reader yet
}

void StreamTarget::flush() {
  if (!descriptor_) open();
  if (!descriptor_ && buffer_.size() > 0) fail(ENXIO);
  while (written_ < buffer_.size()) {
    if (may_block_) wait_writable();
    if (!write_some()) wait_writable();
  }
  buffer_.clear();
  written_ = 0;
}

// False if there is no room for more octets now.
bool StreamTarget::write_some() {
  // If poll() says that a pipe is writable, it takes PIPE_BUF octets without blocking.
  const std::size_t left = buffer_.size() - written_;
  const std::size_t octets = may_block_ ? std::min<std::size_t>(left, PIPE_BUF) : left;
  const ssize_t count = ::write(descriptor_.get(), buffer_.data() + written_, octets);
  if (count >= 0) {
    written_ += static_cast<std::size_t>(count);
    return true;
  }
  if (errno == EAGAIN) return false;
  if (errno != EINTR) fail(errno);
  return true;
}

void StreamTarget::wait_writable() const {
  constexpr int kLookUpMs = 100;
  pollfd waiting{.fd = descriptor_.get(), .events = POLLOUT, .revents = 0};
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
