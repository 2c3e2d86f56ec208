// The DPDK device by which a kernel interface is captured from.
#pragma once

#include <cstdint>
#include <string>

#include "capture/kernel_interface.h"
#include "config/config.h"

namespace spanflow {

struct KernelDevice {
  std::string device;    // a vdev string for EAL
  std::uint32_t frame;   // octets of the longest frame that it gives, the driver's own header included
  std::uint64_t frames;  // that its ring holds
};

KernelDevice af_packet_device(const Config::Input& input, const KernelInterface& interface);

}  // namespace spanflow
