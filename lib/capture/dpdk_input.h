// DPDK ports as packet sources: kernel interfaces through af_packet or af_xdp, PCI devices, vdevs.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "capture/backoff.h"
#include "capture/eal.h"
#include "capture/kernel_device.h"
#include "capture/kernel_interface.h"
#include "capture/owner_workers.h"
#include "capture/packet_source.h"
#include "capture/port_counts.h"
#include "config/config.h"

namespace spanflow {

class Port;
struct Timestamps;

// Owns EAL and the ports. The sources it gives out must be destroyed before it. Constructor, read_port_counts() and
// follow_nic_clocks() by the main thread.
class DpdkInput {
 public:
  // Throws RunError if a device cannot be set up.
  explicit DpdkInput(const Config& config);
  ~DpdkInput();

  // One source per worker where the devices have that many queues; otherwise one for all. They end once `stop` is set.
  // Those with owner_workers() do not wait themselves when nothing comes.
  std::vector<std::unique_ptr<PacketSource>> make_sources(const std::atomic<bool>& stop) const;
  // Where the packets of several sources are at home; nothing if always where they came in.
  std::optional<OwnerWorkers> owner_workers() const;
  // How to wait when nothing comes, so that no queue is full before it is looked at again.
  Backoff::Steps idle() const;

  // Warns if a worker on this CPU is far from a port.
  void warn_if_distant(int cpu) const;
  // Brings port_counts() up to date.
  void read_port_counts();
  std::vector<PortCounts> port_counts() const;  // thread-safe
  // Keeps the times that NICs take to the wall clock; to be called at least every second.
  void follow_nic_clocks();

 private:
  void open_ports(const Config& config);
  void open_interface(const Config& config);
  void warn_about_interface() const;
  bool have_queue_per_worker() const;
  bool split_alike() const;
  Timestamps timestamps() const;
  std::uint32_t greatest_frame() const;

  const std::uint16_t workers_;
  const bool busy_poll_;
  const bool enters_tunnels_;
  std::optional<KernelInterface> interface_;
  std::optional<KernelDevice> interface_device_;
  std::optional<Eal> eal_;
  std::vector<std::unique_ptr<Port>> ports_;
  mutable std::mutex counts_mutex_;
  std::vector<PortCounts> counts_;  // of ports_
};

}  // namespace spanflow
