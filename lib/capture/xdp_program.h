// Finds the XDP program that is attached to an interface.
#pragma once

#include <string>

namespace spanflow {

// Returns the program's name, "?" if the kernel does not report a name, or an empty text if there is no program.
std::string xdp_program_on(int interface_index);

}  // namespace spanflow
