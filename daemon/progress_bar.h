// A line on the terminal that shows the progress in the capture files.
#pragma once

#include "pipeline/pipeline.h"

namespace spanflow {

// For one thread. Draws only if standard error is a terminal.
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
