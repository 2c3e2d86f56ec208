// A DPDK Ethernet device that has been started.
#pragma once

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/kernel_interface.h"
#include "capture/nic_clock.h"
#include "capture/rss.h"
#include "spanflow/record.h"

namespace spanflow {

// Returns the number of descriptors for a queue. `most` is the maximum of the driver. `buffers` is the number of packet
// buffers of the queue, and must be 2^n - 1. The result is `most`, but at most 8192 and at most half of the buffers.
// The other half of the buffers holds packets that are being processed.
std::uint16_t descriptors_for(std::uint32_t buffers, std::uint16_t most);

// Owns the device's queues and packet buffers. If the device lacks an ability that is not essential for the capture,
// the port only logs a warning. Used by the main thread.
class Port {
 public:
  // If the device can split packets over `workers` queues by RSS, the port gets this number of queues. `pool_octets` is
  // the memory for the packet buffers of all queues. `least_room` is the minimum size of a packet buffer in octets.
  // Throws RunError if the device cannot be set up.
  Port(std::uint16_t id, std::uint16_t workers, std::uint64_t pool_octets, std::uint32_t least_room);
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  void make_promiscuous();

  std::uint16_t id() const { return id_; }
  std::uint16_t queues() const { return queues_; }
  const std::string& name() const { return name_; }
  // Returns the device's NUMA node; negative: any node.
  int node() const { return rte_eth_dev_socket_id(id_); }
  // Returns the capacity of a queue in packets.
  std::uint16_t descriptors() const { return descriptors_; }
  // Returns the state of the kernel's interface if the device has one, otherwise the state of the device itself.
  LinkState link_state() const;
  // Returns the clock that packet times come from: the kernel's clock, the NIC's clock or the TSC. With the TSC, a
  // packet gets the time at which it is polled.
  TimestampSource timestamp_source() const { return timestamp_source_; }
  // Returns the line that maps the packets' timestamps to steady time. Thread-safe.
  const SharedClockLine& clock_line() const { return clock_line_; }
  // If packet times come from the NIC's clock, reads this clock again, at most once a second. Returns how far the NIC's
  // clock has stepped since the last reading, in ns; 0: it has not.
  std::int64_t follow_nic_clock();
  // If packet times come from the kernel, whose clock is the wall clock, takes in how far the wall clock is ahead of
  // steady time.
  void follow_wall_clock(std::int64_t lead_ns);

  // True if the port selects the queue by the IP addresses, and puts both directions of a flow in the same queue.
  bool splits_well() const { return splits_well_; }
  // True if both ports split well, and both would put a packet in the queue with the same number.
  bool splits_like(const Port& other) const;

 private:
  struct PoolDeleter {
    void operator()(rte_mempool* pool) const { rte_mempool_free(pool); }
  };

  void demand(int result, const char* what) const;
  void configure();
  TimestampSource choose_timestamps() const;
  void start_nic_clock();
  bool read_clock();
  rte_eth_rss_conf rss_configuration();
  int try_to_configure(const rte_eth_conf& configuration);
  void set_up_queues(std::uint64_t pool_octets, std::uint32_t least_room);
  rte_mempool* make_pool(std::uint16_t queue, std::uint32_t buffers, std::uint16_t room);
  bool scatters() const { return (info_.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) != 0; }
  std::uint16_t data_room(std::uint32_t least_room) const;
  void check_split();
  bool directions_meet();
  void use_all_queues();

  std::uint16_t id_;
  std::string name_;
  rte_eth_dev_info info_{};
  bool by_rss_ = false;
  std::vector<std::uint8_t> rss_key_;
  std::uint16_t queues_ = 1;
  std::uint16_t send_queues_ = 0;
  std::uint16_t descriptors_ = 0;
  std::vector<std::unique_ptr<rte_mempool, PoolDeleter>> pools_;
  std::optional<RssLayout> layout_;
  bool splits_well_ = false;
  bool promiscuous_ = false;
  TimestampSource timestamp_source_ = TimestampSource::kTsc;
  NicClock nic_clock_;
  std::chrono::steady_clock::time_point clock_read_;
  std::int64_t clock_step_ns_ = 0;  // step of the NIC's clock that the last reading found
  SharedClockLine clock_line_;
};

}  // namespace spanflow
