// Reads the metadata that nDPI has found in a flow's packets.
#pragma once

#include <string>

#include "dpi/ndpi_api.h"

namespace spanflow::ndpi {

// Appends the metadata that `flow` has so far to `octets`, encoded as dpi/metadata.h describes.
void append_metadata(const FlowState& flow, std::string& octets);

}  // namespace spanflow::ndpi
