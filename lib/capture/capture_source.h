// A packet source that reads capture files, one after the other.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "capture/packet_source.h"
#include "telemetry/counters.h"
#include "telemetry/notes.h"

namespace spanflow {

// If there is only one path, throws RunError if it cannot be opened. If one of several files cannot be read, a note
// says so and the file is skipped; the source then throws RunError at its end. The path "-" is standard input. If a
// file is cut short, the source reads the file to its end and adds a note to `notes`. The source ends once `stop` is
// set. Only the thread that polls the source writes to `counters`.
std::unique_ptr<PacketSource> make_capture_source(std::vector<std::string> paths, const std::atomic<bool>& stop,
                                                  Notes& notes, Counters& counters);

}  // namespace spanflow
