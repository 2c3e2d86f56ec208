// Capture files as the input of a run.
#pragma once

#include "capture/input.h"

namespace spanflow {

std::unique_ptr<Input> open_file_input(const Config& config, const std::atomic<bool>& stop, Notes& notes);

}  // namespace spanflow
