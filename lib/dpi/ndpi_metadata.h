// Reads the metadata that nDPI has found in a flow's packets.
#pragma once

#include <string>

#include "dpi/ndpi_api.h"
#include "inspect/metadata.h"

namespace spanflow::ndpi {

// Appends the metadata that `flow` has so far to `octets`, encoded as inspect/metadata.h describes, without the keys in
// `left_out`.
void append_metadata(const FlowState& flow, const MetadataSet& left_out, std::string& octets);

}  // namespace spanflow::ndpi
