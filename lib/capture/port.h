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

#include "capture/nic_clock.h"
#include "capture/rss.h"
#include "spanflow/record.h"

namespace spanflow {

// How many of a queue's packet buffers wait in it: as many as its driver can, and no more than half of them, so that
// the others can be on their way.
std::uint16_t descriptors_for(std::uint32_t buffers, std::uint16_t most);

// Owns the device's queues and packet buffers. What it cannot do is a warning, not an error, where capture works
// without. Main thread.
class Port {
 public:
  // `workers`: queues to have, where it can split packets over so many. `least_room`: octets that a packet buffer must
  // hold at least. Throws RunError if the device cannot be set up.
  Port(std::uint16_t id, std::uint16_t workers, std::uint64_t pool_octets, std::uint32_t least_room);
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  void make_promiscuous();

  std::uint16_t id() const { return id_; }
  std::uint16_t queues() const { return queues_; }
  const std::string& name() const { return name_; }
  // NUMA node that it is on; negative: any.
  int node() const { return rte_eth_dev_socket_id(id_); }
  // Packets that a queue holds until it is polled.
  std::uint16_t descriptors() const { return descriptors_; }
  // Who can take its packets' times: the kernel, the NIC or, from the TSC, whoever polls it.
  TimestampSource timestamp_source() const { return timestamp_source_; }
  // What maps timestamps of its packets to wall-clock time. Any thread.
  const SharedClockLine& clock_line() const { return clock_line_; }
  // Where the NIC takes the times: reads its clock again, once a second at most.
  void follow_nic_clock();

  // Its queues are split by IP addresses, both directions of a flow alike.
  bool splits_well() const { return splits_well_; }
  // True if what lands on a queue here would land on the same queue there.
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
  SharedClockLine clock_line_;
};

}  // namespace spanflow
