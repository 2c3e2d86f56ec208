// The ring through which the kernel gives packets to DPDK's af_packet driver.
#pragma once

#include "capture/kernel_device.h"

namespace spanflow {

// Replaces the packet socket that DPDK's af_packet driver has just opened on an interface by one that is in no fanout
// group. The driver puts its socket into such a group even if it is the only one, and asks the kernel to reassemble
// IPv4 fragments there. Packets would then differ from those on the wire, and the fragments of incomplete datagrams
// would be lost without a count. The new socket has the number of the old one, and its ring is at the same address, so
// the driver does not notice. It has no ring for sending. Must be called before the driver reads its first packet.
// Throws RunError.
void replace_packet_socket(int interface_index, const KernelDevice& device);

}  // namespace spanflow
