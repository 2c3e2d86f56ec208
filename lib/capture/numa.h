// NUMA nodes of CPUs.
#pragma once

#include <filesystem>

namespace spanflow {

// The NUMA node of a CPU according to the kernel's folder `cpus`; negative if it is unknown.
int node_of_cpu(int cpu, const std::filesystem::path& cpus = "/sys/devices/system/cpu");

}  // namespace spanflow
