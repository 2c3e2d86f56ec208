// The DPDK device that captures from a kernel interface.
#pragma once

#include <cstdint>
#include <string>

#include "capture/kernel_interface.h"
#include "config/config.h"

namespace spanflow {

struct KernelDevice {
  std::string device;    // a vdev string for EAL
  std::uint32_t frame;   // octets of the longest frame that it delivers, with the kernel's header before it
  std::uint64_t frames;  // capacity of one of its queues: the kernel drops frames beyond that
};

KernelDevice af_packet_device(const Config::Input& input, const InterfaceFacts& interface);
KernelDevice af_xdp_device(const InterfaceFacts& interface);

// Whether this process and its kernel can use AF_XDP.
struct XdpAbility {
  bool kernel_has_it = true;
  bool permitted = true;
};
XdpAbility xdp_ability();

// Why AF_XDP cannot deliver the packets, or not all of them; empty if it can.
std::string obstacle_to_af_xdp(const InterfaceFacts& interface, const XdpAbility& ability);

// The device for input.driver; logs which one and why. Throws RunError if the interface cannot be used with that
// driver.
KernelDevice kernel_device(const Config::Input& input, const InterfaceFacts& interface);

}  // namespace spanflow
