// Writes to a pipe, terminal, device or inherited descriptor, in large blocks. A wait for the reader ends soon after
// `abandon` becomes true.
#pragma once

#include <atomic>
#include <string>

#include "base/descriptor.h"
#include "sinks/target.h"

namespace spanflow {

class StreamTarget : public Target {
 public:
  // `path`: "-" is standard output; see inherited_descriptor(). A named pipe without a reader is opened later, by
  // flush(). Throws RunError. `abandon` must outlive the target.
  StreamTarget(std::string path, const std::string& header, const std::atomic<bool>& abandon);

  void flush() override;

 private:
  void open();
  bool write_some();
  void wait_writable() const;
  [[noreturn]] void fail(int error) const;
  std::string shown() const { return path_ == "-" ? "standard output" : path_; }

  std::string path_;
  const std::atomic<bool>& abandon_;
  Descriptor descriptor_;    // empty: not open yet
  bool may_block_ = false;   // true: write() blocks if the reader has no room
  std::size_t written_ = 0;  // number of octets of buffer_ that an incomplete flush() has written
};

}  // namespace spanflow
