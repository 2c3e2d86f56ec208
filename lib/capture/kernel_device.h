// The DPDK device that captures from a kernel interface.
#pragma once

#include <cstdint>
#include <string>

#include "capture/kernel_interface.h"
#include "config/config.h"

namespace spanflow {

struct KernelDevice {
  std::string device;  // a vdev string for EAL
  // octets of the longest frame that the device delivers, with the kernel's header before the frame
  std::uint32_t frame;
  std::uint64_t frames;  // capacity of one of the device's queues; the kernel drops frames beyond it
};

KernelDevice af_packet_device(const Config::Input& input, const InterfaceFacts& interface);
KernelDevice af_xdp_device(const InterfaceFacts& interface);

// Says whether this process and its kernel can use AF_XDP.
struct XdpAbility {
  bool kernel_has_it = true;
  bool permitted = true;
};
XdpAbility xdp_ability();

// Says why AF_XDP would deliver no packets, or only some; empty if it delivers all.
std::string obstacle_to_af_xdp(const InterfaceFacts& interface, const XdpAbility& ability);

// Returns the device for input.driver, and logs which device and why. Throws RunError if the interface cannot be used
// with that driver.
KernelDevice kernel_device(const Config::Input& input, const InterfaceFacts& interface);

}  // namespace spanflow
