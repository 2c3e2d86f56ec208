// Where the lines of a sink go: into files, or into a pipe, terminal or device.
#pragma once

#include <memory>
#include <string>

#include "sinks/sink.h"
#include "sinks/text.h"

namespace spanflow {

// Used by the sink's thread, once made.
class Target {
 public:
  Target() = default;
  virtual ~Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  // Whole lines.
  TextBuffer& buffer() { return buffer_; }
  // Writes out the buffer. Throws RunError with what is left still buffered.
  virtual void flush() = 0;
  // As Sink::end().
  virtual void end() {}

 protected:
  TextBuffer buffer_;
};

// `header` is put before the lines of each file. Throws RunError if the path cannot be written, ConfigError if what is
// there cannot be written in the way that the sink asks for.
std::unique_ptr<Target> make_target(const SinkConfig& config, const SinkContext& context, std::string header);

}  // namespace spanflow
