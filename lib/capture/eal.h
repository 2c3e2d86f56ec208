// DPDK's Environment Abstraction Layer: set up once, from the configuration, in one place.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace spanflow {

// The argument vector EAL gets. PCI devices are touched only if `devices` names them: EAL would otherwise probe, and
// may take, the host's own network card.
std::vector<std::string> eal_arguments(const Config::Input& input, const std::vector<std::string>& devices,
                                       bool hugepages);

// True if `device` is a PCI address, with or without arguments, and not a vdev string.
bool is_pci_device(const std::string& device);

// Pages reserved and free, and a mount of hugetlbfs.
bool hugepages_available(std::uint64_t octets);

// At most one in a process's life: DPDK cannot be initialised twice. Destroy it after every port is closed.
class Eal {
 public:
  // Throws RunError with what EAL said last.
  Eal(const Config::Input& input, const std::vector<std::string>& devices);
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  // DPDK's, as "22.11.4".
  static std::string version();
  // What DPDK logged last, or rather a library below its driver, for messages about a call that failed.
  static std::string last_words();
};

}  // namespace spanflow
