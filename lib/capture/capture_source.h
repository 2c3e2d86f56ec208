// A packet source that reads capture files, one after the other.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "capture/packet_source.h"
#include "telemetry/notes.h"

namespace spanflow {

// Opens the first path if it is a regular file, and checks that all paths are readable. Throws RunError if a path
// cannot be opened or read. The path "-" is standard input. If a file is cut short, the source reads the file to its
// end and adds a note to `notes`. The source ends once `stop` is set.
std::unique_ptr<RetainableSource> make_capture_source(std::vector<std::string> paths, const std::atomic<bool>& stop,
                                                      Notes& notes);

}  // namespace spanflow
