// Looks up the NUMA nodes of CPUs.
#pragma once

#include <filesystem>

namespace spanflow {

// Returns the NUMA node of a CPU according to the kernel's folder `cpus`; negative if the node is unknown.
int node_of_cpu(int cpu, const std::filesystem::path& cpus = "/sys/devices/system/cpu");

}  // namespace spanflow
