// Keeps one copy of each text for the life of the process, so that records can refer to it.
#pragma once

#include <string_view>

namespace spanflow {

// Thread-safe. The function takes a lock: call it for rare texts (a new label, a sensor's name), not for every packet.
std::string_view intern(std::string_view text);

}  // namespace spanflow
