// What the kernel knows about a network interface.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace spanflow {

class KernelInterface {
 public:
  // Throws RunError if there is no such interface.
  explicit KernelInterface(const std::string& name);
  ~KernelInterface();
  KernelInterface(const KernelInterface&) = delete;
  KernelInterface& operator=(const KernelInterface&) = delete;

  static bool exists(const std::string& name);

  const std::string& name() const { return name_; }
  std::uint32_t mtu() const { return mtu_; }
  bool is_up() const { return is_up_; }
  // Receive offloads that are on and merge frames, so that what is captured is not what was on the wire.
  const std::vector<std::string>& merging_offloads() const { return merging_offloads_; }
  // Longest frame that can be on the wire: the MTU, Ethernet and two VLAN tags.
  std::uint32_t greatest_frame() const { return mtu_ + 14 + 8; }

  // Receives every frame on the link, not only those to the interface's own address, as long as this object lives: the
  // kernel takes it back even after a crash, which it does not with the flag that DPDK's af_packet sets. False if
  // refused.
  bool hold_promiscuous();

  // Packets that the kernel dropped since the last call because the rings of this process's packet sockets on the
  // interface were full. The sockets are found among the process's descriptors: DPDK's af_packet keeps no such count.
  std::uint64_t take_dropped() const;

 private:
  std::string name_;
  int index_ = 0;
  std::uint32_t mtu_ = 0;
  bool is_up_ = false;
  int promiscuous_socket_ = -1;
  std::vector<std::string> merging_offloads_;
};

}  // namespace spanflow
