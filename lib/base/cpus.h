// The CPUs that a thread may run on.
#pragma once

#include <sched.h>

#include <vector>

namespace spanflow {

// Returns the CPUs in the calling thread's affinity mask, in ascending order.
inline std::vector<int> allowed_cpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  }
  return cpus;
}

}  // namespace spanflow
