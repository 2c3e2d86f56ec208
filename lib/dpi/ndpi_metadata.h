// What nDPI read out of a flow's packets, as metadata.
#pragma once

#include <string>

#include "dpi/ndpi_api.h"

namespace spanflow::ndpi {

// Appends what `flow` has so far to `octets`, which dpi/metadata.h describes.
void append_metadata(const FlowState& flow, std::string& octets);

}  // namespace spanflow::ndpi
