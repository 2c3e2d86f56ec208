// The extension module spanflow._core.
#include <pybind11/pybind11.h>

#include "version.h"

namespace spanflow::python {

PYBIND11_MODULE(_core, module) { module.attr("version") = kVersion; }

}  // namespace spanflow::python
