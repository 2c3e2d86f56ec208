// The DPDK device that captures from a kernel interface.
#pragma once

#include <cstdint>
#include <string>

#include "capture/kernel_interface.h"
#include "config/config.h"

namespace spanflow {

struct KernelDevice {
  std::string device;  // a vdev string for EAL
  // octets that a packet buffer needs for the longest frame and for the header or headroom before the frame
  std::uint32_t frame;
  std::uint32_t block;   // octets of a block of af_packet's ring; 0: the device has no such ring
  std::uint64_t frames;  // capacity of each queue in frames; when a queue is full, the kernel drops frames
  std::uint32_t queues;
};

// The device has a queue for each worker, if the driver has so many.
KernelDevice af_packet_device(const Config::Input& input, std::uint16_t workers, const InterfaceFacts& interface);
KernelDevice af_xdp_device(const InterfaceFacts& interface);

// Says whether this build, this process and its kernel can use AF_XDP.
struct XdpAbility {
  bool build_has_it = true;
  bool kernel_has_it = true;
  bool permitted = true;
};
XdpAbility xdp_ability();

// Returns the reason why AF_XDP would not deliver all packets of the interface; empty if AF_XDP delivers all packets.
std::string obstacle_to_af_xdp(const InterfaceFacts& interface, const XdpAbility& ability);

// Returns the device for input.driver. For kAuto, logs which driver is used and why. For kAfXdp, logs warnings if
// needed, and throws RunError if AF_XDP would not deliver all packets of the interface.
KernelDevice kernel_device(const Config::Input& input, std::uint16_t workers, const InterfaceFacts& interface);

}  // namespace spanflow
