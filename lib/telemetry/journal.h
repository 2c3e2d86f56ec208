// Writes the log to the systemd journal.
#pragma once

#include <memory>
#include <string>

#include "telemetry/log_writer.h"

namespace spanflow {

// True if standard error is connected to journald, as $JOURNAL_STREAM says (systemd.exec(5)), and journald's socket
// exists.
bool standard_error_is_journal();

// An entry has these fields: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, SPANFLOW_SENSOR_ID if it is configured,
// SPANFLOW_REPEATED if it is > 0. An entry that journald does not accept is written to standard error as text.
// Thread-safe.
std::unique_ptr<LogWriter> make_journal_log(const std::string& sensor_id);

}  // namespace spanflow
