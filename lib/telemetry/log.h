// The program's log: spdlog to standard error. Never used by a thread that touches packets.
#pragma once

#include <spdlog/logger.h>

namespace spanflow {

// Thread-safe. Lines read "spanflowd: warning: text".
spdlog::logger& log();

// debug, info, warning or error.
void set_log_level(const std::string& level);

// Text from the wire, a file name or a library made fit for one line: control characters become \xNN.
std::string printable(std::string_view text);

}  // namespace spanflow
