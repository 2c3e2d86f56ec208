// DPDK's Environment Abstraction Layer: set up once, from the configuration, in one place.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace spanflow {

// The argument vector for EAL. PCI devices are touched only if `devices` names them: EAL would otherwise probe, and
// might take, the host's own network card.
std::vector<std::string> eal_arguments(const Config::Input& input, const std::vector<std::string>& devices,
                                       bool hugepages);

// True if `device` is a PCI address, with or without arguments, and not a vdev string.
bool is_pci_device(const std::string& device);

// True if as many octets of hugepages are reserved and free.
bool hugepages_available(std::uint64_t octets);

// At most one in the life of a process: DPDK cannot be initialised twice. Destroy it after every port is closed.
class Eal {
 public:
  // Throws RunError with the last message of EAL.
  Eal(const Config::Input& input, const std::vector<std::string>& devices);
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  // DPDK's version, as "22.11.4".
  static std::string version();
  // The last log message of the library below DPDK's driver (libbpf, libxdp), or of DPDK itself if there is none. For
  // messages about a call that failed.
  static std::string last_words();
};

}  // namespace spanflow
