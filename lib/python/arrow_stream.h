// The records of a run as an Arrow C stream: https://arrow.apache.org/docs/format/CStreamInterface.html
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "python/run.h"
#include "sinks/arrow.h"

namespace spanflow::python {

// Returns a capsule "arrow_array_stream" (the PyCapsule protocol of Arrow). An array has at most `rows` rows. A live
// capture gives what it has at least every `delay`. The stream owns the run.
pybind11::capsule arrow_stream(std::shared_ptr<Run> run, std::size_t rows, AddressForm addresses,
                               std::chrono::milliseconds delay);

}  // namespace spanflow::python
