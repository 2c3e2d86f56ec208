// A packet source that reads capture files, one after the other.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "capture/packet_source.h"
#include "telemetry/notes.h"

namespace spanflow {

// Opens the first file and checks that the others can be opened. Throws RunError. "-" is standard input. A file that is
// cut short is read to its end, and a note reports this. The source ends once `stop` is set.
std::unique_ptr<RetainableSource> make_capture_source(std::vector<std::string> paths, const std::atomic<bool>& stop,
                                                      Notes& notes);

}  // namespace spanflow
