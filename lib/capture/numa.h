// Which CPUs are near which devices.
#pragma once

#include <filesystem>

namespace spanflow {

// The NUMA node of a CPU as the kernel tells it in `cpus`; negative if it does not.
int node_of_cpu(int cpu, const std::filesystem::path& cpus = "/sys/devices/system/cpu");

}  // namespace spanflow
