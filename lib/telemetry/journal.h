// Writes the log to the systemd journal.
#pragma once

#include <memory>
#include <string>

#include "telemetry/log_writer.h"

namespace spanflow {

// True if standard error is connected to journald and journald's socket exists. $JOURNAL_STREAM has the device and
// inode of the connection (systemd.exec(5)).
bool standard_error_is_journal();

// Returns a thread-safe writer. Each entry has the fields MESSAGE, PRIORITY and SYSLOG_IDENTIFIER. SPANFLOW_SENSOR_ID
// is added if a sensor id is configured, and SPANFLOW_REPEATED if the number of repetitions is > 0. If journald does
// not accept an entry, the writer writes it to standard error as text.
std::unique_ptr<LogWriter> make_journal_log(const std::string& sensor_id);

}  // namespace spanflow
