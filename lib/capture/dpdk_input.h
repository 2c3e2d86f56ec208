// DPDK ports as packet sources: kernel interfaces through af_packet or af_xdp, PCI devices, vdevs.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "capture/eal.h"
#include "capture/input.h"
#include "capture/kernel_device.h"
#include "capture/kernel_interface.h"

namespace spanflow {

class Port;
struct Timestamps;

// Owns the devices and their ports.
class DpdkInput : public Input {
 public:
  // Throws RunError if a device cannot be set up.
  DpdkInput(const Config& config, const std::atomic<bool>& stop);
  ~DpdkInput() override;

  // Makes one source per worker if the ports together have at least one queue per worker. Otherwise makes one source
  // for all workers.
  std::vector<std::unique_ptr<PacketSource>> make_sources() override;
  std::optional<OwnerWorkers> owner_workers() const override;
  // The sleeps are so short that no queue fills up while a worker sleeps.
  Backoff::Steps idle() const override;
  void warn_if_distant(int cpu) const override;
  void update() override;
  std::vector<PortCounts> port_counts() const override;

 private:
  void open_ports(const Config& config);
  void follow_clocks();
  void read_counts();
  void check_links();
  void check_mtu();
  void note_step(std::string_view clock, std::int64_t step_ns);
  void warn_about_interface() const;
  bool have_queue_per_worker() const;
  bool split_alike() const;
  Timestamps timestamps() const;
  std::uint32_t greatest_frame() const;

  const std::atomic<bool>& stop_;
  std::atomic<std::int64_t> wall_lead_ns_{0};
  const std::uint16_t workers_;
  const bool busy_poll_;
  const bool enters_tunnels_;
  std::optional<InterfaceClaim> claim_;
  std::optional<KernelInterface> interface_;
  std::uint32_t greatest_mtu_ = 0;  // of interface_, since the start
  std::optional<KernelDevice> interface_device_;
  std::optional<Eal> eal_;
  std::vector<std::unique_ptr<Port>> ports_;
  mutable std::mutex counts_mutex_;
  std::vector<PortCounts> counts_;  // counts_[i] is for ports_[i]; guarded by counts_mutex_
};

std::unique_ptr<Input> open_dpdk_input(const Config& config, const std::atomic<bool>& stop, Notes& notes);

}  // namespace spanflow
