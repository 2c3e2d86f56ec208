// Shows on the terminal how much of the capture files has been read.
#pragma once

#include "pipeline/pipeline.h"

namespace spanflow {

// Not thread-safe. Draws only if standard error is a terminal.
class ProgressBar {
 public:
  // If `wanted` is false, the object draws nothing.
  explicit ProgressBar(bool wanted);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void draw(const Pipeline& pipeline);

 private:
  bool wanted_;
  bool drawn_ = false;
};

}  // namespace spanflow
