// Initialises DPDK's Environment Abstraction Layer (EAL) from the configuration. No other code initialises EAL.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"

namespace spanflow {

// Returns the argument vector for EAL. With these arguments, EAL probes a PCI device only if `devices` names the
// device. By default, EAL probes all PCI devices and might take the host's own network card. `hugepages` says whether
// EAL uses hugepages. Other devices than PCI devices are not in the arguments: they are added later.
std::vector<std::string> eal_arguments(const Config::Input& input, const std::vector<std::string>& devices,
                                       bool hugepages);

// True if `device` is a PCI address, with or without device arguments. False for a vdev string.
bool is_pci_device(const std::string& device);

// True if at least `octets` octets of hugepages are reserved and free.
bool hugepages_available(std::uint64_t octets);

// The devices of one input. DPDK can be initialised only once in a process. So the first object initialises EAL, with
// its own memory and PCI devices, and EAL stays until the process ends. Objects that come later share it. All ports
// must be closed before the object is destroyed.
class Eal {
 public:
  // If EAL cannot be initialised or a device cannot be added, throws RunError with the text of last_words().
  Eal(const Config::Input& input, const std::vector<std::string>& devices);
  // Removes the devices, except PCI devices.
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  // Returns the numbers of the devices' ports.
  const std::vector<std::uint16_t>& ports() const { return ports_; }

  // Returns DPDK's version, for example "22.11.4".
  static std::string version();
  // Returns the last log message of libbpf or libxdp, the libraries of the af_xdp driver. If there is none, returns the
  // last log message of DPDK. Error messages about a failed DPDK call contain this text.
  static std::string last_words();

 private:
  void add(const std::string& device);
  void remove_added();

  std::vector<std::string> added_;  // the names of devices that are not PCI devices
  std::vector<std::uint16_t> ports_;
};

}  // namespace spanflow
