// The XDP program that is attached to an interface.
#pragma once

#include <string>

namespace spanflow {

// Its name, "?" where the kernel does not tell; empty if there is none.
std::string xdp_program_on(int interface_index);

}  // namespace spanflow
