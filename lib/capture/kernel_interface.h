// The kernel's view of a network interface.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace spanflow {

// The properties that decide how an interface can be captured from.
struct InterfaceFacts {
  std::string name;
  std::uint32_t mtu = 0;
  bool is_up = false;
  std::uint32_t receive_queues = 1;
  std::uint32_t combined_channels = 0;  // queues that both receive and send; 0: the driver does not report them
  // True if the interface removes VLAN tags from frames and delivers them as metadata.
  bool strips_vlan_tags = false;
  // True if the interface has IP addresses other than link-local ones, so that the host itself uses the interface.
  bool has_addresses = false;
  std::string xdp_program;  // name of the XDP program on the interface; empty: none
  // The receive offloads that are on and merge frames. Captured frames then differ from the frames on the wire.
  std::vector<std::string> merging_offloads;

  // Returns the length of the longest frame on the wire: the MTU, the Ethernet header and two VLAN tags.
  std::uint32_t greatest_frame() const { return mtu + 14 + 8; }
};

class KernelInterface {
 public:
  // Throws RunError if there is no such interface.
  explicit KernelInterface(const std::string& name);
  ~KernelInterface();
  KernelInterface(const KernelInterface&) = delete;
  KernelInterface& operator=(const KernelInterface&) = delete;

  static bool exists(const std::string& name);

  // Returns the facts at the time of construction.
  const InterfaceFacts& facts() const { return facts_; }

  // Makes the interface promiscuous as long as this object lives; false if the kernel refuses. The kernel undoes this
  // even after a crash, but does not undo the flag that DPDK's af_packet sets.
  bool hold_promiscuous();

  // Returns the packets that the kernel dropped since the last call because the rings of this process's packet sockets
  // on the interface were full. DPDK's af_packet does not count them, so the sockets are looked up among the process's
  // descriptors.
  std::uint64_t take_dropped() const;

 private:
  InterfaceFacts facts_;
  int index_ = 0;
  int promiscuous_socket_ = -1;
};

}  // namespace spanflow
