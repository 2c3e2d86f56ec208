// Writes to a pipe, terminal or device, in large blocks. A wait for the reader ends soon after `abandon` becomes true,
// except if standard output is a socket.
#pragma once

#include <atomic>
#include <string>

#include "sinks/target.h"

namespace spanflow {

class StreamTarget : public Target {
 public:
  // `path`: "-" is standard output. A named pipe without a reader is opened later, by flush(). Throws RunError.
  // `abandon` must outlive the target.
  StreamTarget(std::string path, const std::string& header, const std::atomic<bool>& abandon);
  ~StreamTarget() override;

  void flush() override;

 private:
  void open();
  void wait_writable() const;
  [[noreturn]] void fail(int error) const;
  std::string shown() const { return path_ == "-" ? "standard output" : path_; }

  std::string path_;
  const std::atomic<bool>& abandon_;
  int descriptor_ = -1;      // -1: not open yet
  std::size_t written_ = 0;  // number of octets of buffer_ that an incomplete flush() has written
};

}  // namespace spanflow
