// Shows on the terminal how far the capture files are read.
#pragma once

#include "pipeline/pipeline.h"

namespace spanflow {

// Only one thread may use an object. Draws only if standard error is a terminal.
class ProgressBar {
 public:
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
