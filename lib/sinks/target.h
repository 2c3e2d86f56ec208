// The output of a sink that writes lines: files, or a pipe, terminal or device.
#pragma once

#include <memory>
#include <string>

#include "sinks/file_settings.h"
#include "sinks/text.h"

namespace spanflow {

// After construction, only the sink's thread uses a target.
class Target {
 public:
  Target() = default;
  virtual ~Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  // Text to write, in whole lines.
  TextBuffer& buffer() { return buffer_; }
  // Writes the buffer. On RunError the rest stays buffered.
  virtual void flush() = 0;
  // As Sink::end().
  virtual void end() {}

 protected:
  TextBuffer buffer_;
};

// `header` begins each file. Throws RunError if the path cannot be written, ConfigError if it is not a file and the
// settings need one.
std::unique_ptr<Target> make_target(const FileSettings& settings, const SinkContext& context, std::string header);

}  // namespace spanflow
