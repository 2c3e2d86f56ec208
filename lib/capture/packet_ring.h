// The rings through which the kernel gives packets to DPDK's af_packet driver.
#pragma once

#include "capture/kernel_device.h"

namespace spanflow {

// Replaces the packet sockets that DPDK's af_packet driver has just opened on an interface, one for each queue. The
// driver puts its sockets into a fanout group, even a single one, and asks the kernel to reassemble IPv4 fragments
// there. Packets would then differ from those on the wire, and the fragments of incomplete datagrams would be lost
// without a count. A new socket has the number of the old one, and its ring is at the same address, so the driver does
// not notice. It has no ring for sending. Several new sockets share the packets as share_packets() says, in the order
// of the queues. Must be called before the driver reads its first packet. Throws RunError.
void replace_packet_sockets(int interface_index, const KernelDevice& device);

}  // namespace spanflow
