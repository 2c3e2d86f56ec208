// Stands in for journal.cc in a build without the programs, which does not need libsystemd.
#include "telemetry/journal.h"

namespace spanflow {

bool standard_error_is_journal() { return false; }

std::unique_ptr<LogWriter> make_journal_log(const std::string& /*sensor_id*/) { return make_text_log(); }

}  // namespace spanflow
