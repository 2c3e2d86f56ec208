// Packet sockets that share the packets of an interface: PACKET_FANOUT of packet(7).
#pragma once

#include <span>

namespace spanflow {

// Puts the packet sockets, which must be bound to one interface, into a new fanout group. The kernel then gives each
// packet to one of them. It runs a program on the packet that computes address_worker(), so socket n gets the packets
// that worker n owns. The program finds the addresses of IPv4 and IPv6, also after two VLAN tags. Socket 0 gets all
// other packets. Without the flags for fragments (DEFRAG) and full rings (ROLLOVER), the kernel changes no packet and
// splits no flow. Throws RunError.
void share_packets(std::span<const int> sockets);

}  // namespace spanflow
