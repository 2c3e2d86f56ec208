// The journal of systemd.
#pragma once

#include <memory>
#include <string>

#include "telemetry/log_writer.h"

namespace spanflow {

// True if what is written to standard error goes to journald, $JOURNAL_STREAM names it (systemd.exec(5)), and journald
// can be reached.
bool standard_error_is_journal();

// Entries with fields: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, SPANFLOW_SENSOR_ID if there is one, SPANFLOW_REPEATED if
// > 0. What journald does not take goes to standard error as text. Thread-safe.
std::unique_ptr<LogWriter> make_journal_log(const std::string& sensor_id);

}  // namespace spanflow
