// The kernel's view of a network interface.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace spanflow {

// The properties of an interface that decide how its packets can be captured.
struct InterfaceFacts {
  std::string name;
  std::uint32_t mtu = 0;
  bool is_up = false;
  std::uint32_t receive_queues = 1;
  std::uint32_t combined_channels = 0;  // number of queues that both receive and send; 0: the driver reports none
  // True if the interface removes VLAN tags from frames and delivers them as metadata.
  bool strips_vlan_tags = false;
  // True if the interface has IP addresses other than link-local ones, so that the host itself uses the interface.
  bool has_addresses = false;
  std::string xdp_program;  // name of the XDP program on the interface; "?": unknown name; empty: no program
  // The active receive offloads that merge frames ("gro", "lro"). With such an offload, the captured frames differ from
  // the frames on the wire.
  std::vector<std::string> merging_offloads;

  // Returns the length in octets of the longest frame on the wire: the MTU, the Ethernet header and two VLAN tags.
  std::uint32_t greatest_frame() const { return mtu + 14 + 8; }
};

// kGone: the interface or device was removed. kUnknown: its state cannot be read.
enum class LinkState : std::uint8_t { kUp, kDown, kGone, kUnknown };

// Returns the state of the interface with this index. Another interface that has its name now does not count.
LinkState interface_state(unsigned index);
// Returns 0 if the MTU cannot be read.
std::uint32_t mtu_of_interface(unsigned index);
// Returns the descriptors of this process's packet sockets on an interface. DPDK's af_packet does not expose its
// sockets.
std::vector<int> packet_sockets_on(int interface_index);

class KernelInterface {
 public:
  // Throws RunError if no interface has this name.
  explicit KernelInterface(const std::string& name);
  ~KernelInterface();
  KernelInterface(const KernelInterface&) = delete;
  KernelInterface& operator=(const KernelInterface&) = delete;

  static bool exists(const std::string& name);

  int index() const { return index_; }
  // Returns the present MTU, or 0 if it cannot be read.
  std::uint32_t mtu() const { return mtu_of_interface(static_cast<unsigned>(index_)); }
  // Returns the properties that the interface had when this object was constructed.
  const InterfaceFacts& facts() const { return facts_; }

  // Makes the interface promiscuous as long as this object exists. False if the kernel refuses. The kernel ends this
  // promiscuous mode even if the process crashes. If DPDK's af_packet set the mode instead, the mode would stay on
  // after a crash.
  bool hold_promiscuous();

  // Finds the packet sockets that this process now has on the interface, for take_dropped().
  void watch_drops();
  // Returns the number of packets that the kernel has dropped since the last call, because a ring of the watched
  // sockets was full. DPDK's af_packet does not report these drops, so this function asks the kernel.
  std::uint64_t take_dropped() const;

 private:
  InterfaceFacts facts_;
  int index_ = 0;
  int promiscuous_socket_ = -1;
  std::vector<int> watched_sockets_;  // owned by the driver
};

// The right to capture from an interface. Only one capture of a process at a time may have it, because the sockets of
// two captures could not be told apart.
class InterfaceClaim {
 public:
  // Throws RunError if another capture of the process has it.
  explicit InterfaceClaim(const std::string& name);
  ~InterfaceClaim();
  InterfaceClaim(const InterfaceClaim&) = delete;
  InterfaceClaim& operator=(const InterfaceClaim&) = delete;

 private:
  const std::string name_;
};

}  // namespace spanflow
