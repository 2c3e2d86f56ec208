// The DPDK device by which a kernel interface is captured from.
#pragma once

#include <cstdint>
#include <string>

#include "capture/kernel_interface.h"
#include "config/config.h"

namespace spanflow {

struct KernelDevice {
  std::string device;    // a vdev string for EAL
  std::uint32_t frame;   // octets of the longest frame that it gives, with what the kernel puts before it
  std::uint64_t frames;  // that wait in one of its queues until the kernel drops any
};

KernelDevice af_packet_device(const Config::Input& input, const InterfaceFacts& interface);
KernelDevice af_xdp_device(const InterfaceFacts& interface);

// What a process and its kernel can do with AF_XDP.
struct XdpAbility {
  bool kernel_has_it = true;
  bool permitted = true;
};
XdpAbility xdp_ability();

// Why packets cannot come by AF_XDP, or not all of them; empty: they can.
std::string obstacle_to_af_xdp(const InterfaceFacts& interface, const XdpAbility& ability);

// The device for input.driver; says in the log which and why. Throws RunError if it cannot be that one.
KernelDevice kernel_device(const Config::Input& input, const InterfaceFacts& interface);

}  // namespace spanflow
