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
  std::uint32_t combined_channels = 0;  // queues that receive and send; 0: the driver does not say
  // Removes VLAN tags from frames and delivers them as metadata.
  bool strips_vlan_tags = false;
  // Has IP addresses other than link-local ones, so the host itself uses it.
  bool has_addresses = false;
  std::string xdp_program;  // that is attached to it; empty: none
  // Receive offloads that are on and merge frames: captured frames are then not the frames on the wire.
  std::vector<std::string> merging_offloads;

  // Longest frame that can be on the wire: the MTU, Ethernet and two VLAN tags.
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

  // As of construction.
  const InterfaceFacts& facts() const { return facts_; }

  // Makes the interface promiscuous as long as this object lives. The kernel undoes this even after a crash, which it
  // does not with the flag that DPDK's af_packet sets. False if refused.
  bool hold_promiscuous();

  // Packets that the kernel dropped since the last call because the rings of this process's packet sockets on the
  // interface were full. The sockets are found among the process's descriptors, because DPDK's af_packet has no such
  // count.
  std::uint64_t take_dropped() const;

 private:
  InterfaceFacts facts_;
  int index_ = 0;
  int promiscuous_socket_ = -1;
};

}  // namespace spanflow
