// Passes the log to Python's module logging, as logger "spanflow".
#pragma once

namespace spanflow::python {

void log_to_python();

}  // namespace spanflow::python
