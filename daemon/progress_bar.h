// A line on the terminal that shows how far a capture file has been read.
#pragma once

#include "pipeline/pipeline.h"

namespace spanflow {

// One thread. Draws nothing unless standard error is a terminal.
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
