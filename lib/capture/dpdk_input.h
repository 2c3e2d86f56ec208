// DPDK ports as packet sources: kernel interfaces through af_packet, PCI devices, vdevs.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "capture/packet_source.h"
#include "config/config.h"
#include "telemetry/counters.h"

namespace spanflow {

// Owns EAL and the ports. The sources it gives out must be destroyed before it. Constructor and count_losses() by the
// main thread.
class DpdkInput {
 public:
  // Throws RunError if a device cannot be set up.
  explicit DpdkInput(const Config& config);
  ~DpdkInput();

  // One source per worker where the devices spread packets symmetrically themselves; one for all otherwise. They end
  // once `stop` is set.
  std::vector<std::unique_ptr<PacketSource>> make_sources(const std::atomic<bool>& stop);

  // Brings nic_missed, no_mbuf and kernel_dropped up to date.
  void count_losses(Counters& counters);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace spanflow
