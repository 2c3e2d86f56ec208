// Texts that records point to: kept once each, for the life of the process.
#pragma once

#include <string_view>

namespace spanflow {

// Thread-safe; takes a lock, so for texts met now and then (a new label, a sensor's name), not per packet.
std::string_view intern(std::string_view text);

}  // namespace spanflow
