// A file, pipe or terminal that is written in large blocks and never waited for without end.
#pragma once

#include <atomic>
#include <string>

#include "sinks/text.h"

namespace spanflow {

class FileTarget {
 public:
  // `path` "-" is standard output. A regular file is created or emptied. A named pipe is opened once it has a reader.
  // Throws RunError. `abandon` must outlive the target.
  FileTarget(std::string path, const std::atomic<bool>& abandon);
  ~FileTarget();
  FileTarget(const FileTarget&) = delete;
  FileTarget& operator=(const FileTarget&) = delete;

  TextBuffer& buffer() { return buffer_; }
  // Writes out the buffer. Throws RunError with what is left still buffered.
  void flush();

 private:
  void open();
  void wait_writable() const;
  [[noreturn]] void fail(int error) const;
  std::string shown() const { return path_ == "-" ? "standard output" : path_; }

  std::string path_;
  const std::atomic<bool>& abandon_;
  int descriptor_ = -1;
  std::size_t written_ = 0;  // of buffer_, by a flush that did not get through
  TextBuffer buffer_;
};

}  // namespace spanflow
