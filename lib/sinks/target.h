// The output of a sink that writes lines: files, or a pipe, terminal or device.
#pragma once

#include <cstdint>
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

  // The text to write. It must consist of whole lines.
  TextBuffer& buffer() { return buffer_; }
  // Writes the buffered text. If it throws RunError, the text that is not yet written stays in the buffer.
  virtual void flush() = 0;
  // See Sink::end().
  virtual void end() {}
  // Returns the number of lines that were written since the last call, but are lost now.
  virtual std::uint64_t take_lost_lines() { return 0; }

 protected:
  TextBuffer buffer_;
};

// Each file begins with the text `header`. Throws RunError if the path cannot be written. Throws ConfigError if the
// path is a pipe, terminal or device and the settings ask for rotation or compression.
std::unique_ptr<Target> make_target(const FileSettings& settings, const SinkContext& context, std::string header);

}  // namespace spanflow
