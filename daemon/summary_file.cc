#include "summary_file.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/inherited_descriptor.h"

namespace spanflow {

SummaryFile::SummaryFile(std::string path) : path_(std::move(path)) {
  if (path_.empty()) return;
  if (const auto number = inherited_descriptor(path_, STDOUT_FILENO)) {
    is_inherited_ = true;
    descriptor_ = open_inherited(*number, O_WRONLY).descriptor;
  } else {
    // Read access too: a named pipe that has no reader could not be opened for writing only.
    descriptor_ = Descriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0666));
  }
  if (!descriptor_) fail(std::strerror(errno));
}

void SummaryFile::write(std::string_view text) const {
  if (path_.empty()) return;
  if (!is_inherited_ && ::ftruncate(descriptor_.get(), 0) != 0 && errno != EINVAL) {  // EINVAL: not a regular file
    fail(std::strerror(errno));
  }
  while (!text.empty()) write_some(text);
}

void SummaryFile::write_some(std::string_view& text) const {
  constexpr int kPatienceMs = 5000;
  pollfd waiting{.fd = descriptor_.get(), .events = POLLOUT, .revents = 0};
  if (::poll(&waiting, 1, kPatienceMs) == 0) fail("its reader does not read");
  const ssize_t count = ::write(descriptor_.get(), text.data(), text.size());
  if (count >= 0) {
    text.remove_prefix(static_cast<std::size_t>(count));
  } else if (errno != EAGAIN && errno != EINTR) {
    fail(std::strerror(errno));
  }
}

void SummaryFile::fail(const char* reason) const {
  throw RunError((path_ == "-" ? "standard output" : path_) + ": cannot be written: " + reason);
}

}  // namespace spanflow
