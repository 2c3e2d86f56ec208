// Initialises DPDK's Environment Abstraction Layer (EAL) from the configuration. No other code initialises EAL.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace spanflow {

// Returns the argument vector for EAL. With these arguments, EAL probes a PCI device only if `devices` names the
// device. By default, EAL probes all PCI devices and might take the host's own network card. `hugepages` says whether
// EAL uses hugepages.
std::vector<std::string> eal_arguments(const Config::Input& input, const std::vector<std::string>& devices,
                                       bool hugepages);

// True if `device` is a PCI address, with or without device arguments. False for a vdev string.
bool is_pci_device(const std::string& device);

// True if at least `octets` octets of hugepages are reserved and free.
bool hugepages_available(std::uint64_t octets);

// A process may make at most one Eal, because DPDK cannot be initialised twice. All ports must be closed before the Eal
// is destroyed.
class Eal {
 public:
  // If EAL cannot be initialised, throws RunError with the text of last_words().
  Eal(const Config::Input& input, const std::vector<std::string>& devices);
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  // Returns DPDK's version, for example "22.11.4".
  static std::string version();
  // Returns the last log message of libbpf or libxdp, the libraries of the af_xdp driver. If there is none, returns the
  // last log message of DPDK. Error messages about a failed DPDK call contain this text.
  static std::string last_words();
};

}  // namespace spanflow
