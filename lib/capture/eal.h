// DPDK's Environment Abstraction Layer (EAL): the only place that initialises it, from the configuration.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace spanflow {

// Returns the argument vector for EAL. EAL may probe a PCI device only if `devices` names it: by default EAL probes all
// devices, and might take the host's own network card.
std::vector<std::string> eal_arguments(const Config::Input& input, const std::vector<std::string>& devices,
                                       bool hugepages);

// True if `device` is a PCI address, with or without arguments. False for a vdev string.
bool is_pci_device(const std::string& device);

// True if at least `octets` octets of hugepages are reserved and free.
bool hugepages_available(std::uint64_t octets);

// At most one may be made in a process, because DPDK cannot be initialised twice. Destroy it after every port is
// closed.
class Eal {
 public:
  // Throws RunError with EAL's last message.
  Eal(const Config::Input& input, const std::vector<std::string>& devices);
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  // Returns DPDK's version, for example "22.11.4".
  static std::string version();
  // Returns the last log message of the library that DPDK's driver uses (libbpf, libxdp), or else of DPDK itself. This
  // is for messages about a call that failed.
  static std::string last_words();
};

}  // namespace spanflow
