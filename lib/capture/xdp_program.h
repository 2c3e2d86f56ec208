// The XDP program that is attached to an interface.
#pragma once

#include <string>

namespace spanflow {

// Its name, or "?" if the kernel does not report one; empty if there is no program.
std::string xdp_program_on(int interface_index);

}  // namespace spanflow
