#include "capture/dpdk_input.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rte_ethdev.h>
#include <rte_mbuf_dyn.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "base/error.h"
#include "base/steady_time.h"
#include "capture/dpdk_source.h"
#include "capture/numa.h"
#include "capture/packet_ring.h"
#include "capture/port.h"
#include "telemetry/log.h"

namespace spanflow {

DpdkInput::DpdkInput(const Config& config, const std::atomic<bool>& stop)
    : stop_(stop),
      workers_(static_cast<std::uint16_t>(config.workers)),
      busy_poll_(config.input.busy_poll),
      enters_tunnels_(!config.decode.tunnels.empty()) {
  if (!config.input.interface.empty()) {
    claim_.emplace(config.input.interface);
    interface_.emplace(config.input.interface);
    greatest_mtu_ = interface_->facts().mtu;
    warn_about_interface();
    interface_device_ = kernel_device(config.input, workers_, interface_->facts());
  }
  open_ports(config);
  if (interface_ && !interface_->hold_promiscuous()) {
    log().warn("{}: cannot be made promiscuous", config.input.interface);
  }
}

DpdkInput::~DpdkInput() = default;

void DpdkInput::warn_about_interface() const {
  const InterfaceFacts& facts = interface_->facts();
  if (!facts.is_up) log().warn("{}: the interface is down, so no packets will arrive", facts.name);
  for (const std::string& offload : facts.merging_offloads) {
    log().warn("{}: {} merges frames before spanflow sees them; switch it off: ethtool -K {} {} off", facts.name,
               offload, facts.name, offload);
  }
}

void DpdkInput::open_ports(const Config& config) {
  const std::vector<std::string> devices =
      interface_device_ ? std::vector{interface_device_->device} : config.input.devices;
  const std::uint32_t least_room = interface_device_ ? interface_device_->frame : 0;
  eal_.emplace(config.input, devices);
  if (interface_device_ && interface_device_->block != 0) {
    replace_packet_sockets(interface_->index(), *interface_device_);
  }
  if (interface_) interface_->watch_drops();
  const std::size_t count = eal_->ports().size();
  if (count == 0) throw RunError(fmt::format("DPDK has no port for {}", fmt::join(devices, ", ")));
  for (const std::uint16_t id : eal_->ports()) {
    ports_.push_back(std::make_unique<Port>(id, workers_, config.input.memory / count, least_room));
    if (!interface_) ports_.back()->make_promiscuous();
    counts_.push_back({.name = interface_ ? config.input.interface : ports_.back()->name(),
                       .is_up = ports_.back()->link_state() != LinkState::kDown});
  }
}

std::vector<std::unique_ptr<PacketSource>> DpdkInput::make_sources() {
  std::vector<std::vector<RxQueue>> queues(have_queue_per_worker() ? workers_ : 1);
  std::size_t next = 0;
  for (const auto& port : ports_) {
    // If RSS splits several ports alike, queue n of each of these ports gets the same flows. So source n gets queue n
    // of every port that RSS splits well.
    if (port->splits_well()) next = 0;
    for (std::uint16_t queue = 0; queue < port->queues(); ++queue) {
      queues[next++ % queues.size()].push_back({port->id(), queue, &port->clock_line()});
    }
  }
  // If there are owner workers, the HandOverEnd waits instead of the source.
  const Backoff::Steps waiting = owner_workers() ? Backoff::Steps{} : idle();
  std::vector<std::unique_ptr<PacketSource>> sources;
  for (auto& queues_of_source : queues) {
    sources.push_back(std::make_unique<DpdkSource>(std::move(queues_of_source), timestamps(), greatest_frame(), waiting,
                                                   wall_lead_ns_, stop_));
  }
  return sources;
}

bool DpdkInput::have_queue_per_worker() const {
  std::size_t queues = 0;
  for (const auto& port : ports_) queues += port->queues();
  return queues >= workers_;
}

std::optional<OwnerWorkers> DpdkInput::owner_workers() const {
  if (workers_ == 1 || !have_queue_per_worker()) return std::nullopt;
  if (!split_alike()) return OwnerWorkers{OwnerWorkers::Rule::kAddresses, workers_};
  if (enters_tunnels_) return OwnerWorkers{OwnerWorkers::Rule::kReceiver, workers_};
  return std::nullopt;
}

// True if all ports put the packets of a flow in the queue with the same number. Several ports may receive packets of
// the same flow, and one worker must get all packets of a flow.
bool DpdkInput::split_alike() const {
  const Port& first = *ports_.front();
  return first.splits_well() &&
         std::all_of(ports_.begin() + 1, ports_.end(), [&first](const auto& port) { return port->splits_like(first); });
}

// At the packet rates below, no queue fills up during the longest sleep. Higher packet rates need input.busy_poll.
Backoff::Steps DpdkInput::idle() const {
  constexpr std::uint64_t kNicPacketsPerMicrosecond = 20;
  constexpr std::uint64_t kKernelPacketsPerMicrosecond = 5;
  constexpr std::uint64_t kLongestMicroseconds = 2000;
  if (busy_poll_) return {};
  std::uint64_t filled_in = kLongestMicroseconds;
  for (const auto& port : ports_) {
    filled_in =
        std::min<std::uint64_t>(filled_in, interface_device_ ? interface_device_->frames / kKernelPacketsPerMicrosecond
                                                             : port->descriptors() / kNicPacketsPerMicrosecond);
  }
  return {.longest_sleep = Backoff::Microseconds{std::max<std::uint64_t>(1, filled_in)}};
}

void DpdkInput::warn_if_distant(int cpu) const {
  const int node = node_of_cpu(cpu);
  for (const auto& port : ports_) {
    if (node < 0 || port->node() < 0 || node == port->node()) continue;
    log().warn("{}: the port is on NUMA node {}, but CPU {} of a worker is on node {}; see input.cores", port->name(),
               port->node(), cpu, node);
  }
}

// Flows are timed by steady time. Here the wall clock and the clocks of the NICs are compared with it.
void DpdkInput::follow_clocks() {
  const std::int64_t lead_ns = wall_clock_lead_ns();
  if (const std::int64_t step_ns = lead_ns - wall_lead_ns_; std::abs(step_ns) >= kLeastClockStepNs) {
    wall_lead_ns_ = lead_ns;
    note_step("the system's clock", step_ns);
    for (const auto& port : ports_) port->follow_wall_clock(lead_ns);
  }
  for (const auto& port : ports_) {
    const std::int64_t step_ns = port->follow_nic_clock();
    if (step_ns != 0) note_step(fmt::format("the clock of {}", port->name()), step_ns);
  }
}

// Throws RunError if an interface or device was removed: it gives no packets any more, even if another interface gets
// its name. The service manager then starts spanflowd again.
void DpdkInput::check_links() {
  const std::string_view what = interface_ ? "interface" : "device";
  for (std::size_t at = 0; at < ports_.size(); ++at) {
    const std::string& name = counts_[at].name;
    const LinkState state = ports_[at]->link_state();
    if (state == LinkState::kGone) throw RunError(fmt::format("{}: the {} was removed", name, what));
    const bool is_up = state == LinkState::kUp;
    const std::lock_guard lock(counts_mutex_);
    if (state == LinkState::kUnknown || counts_[at].is_up == is_up) continue;
    counts_[at].is_up = is_up;
    log().warn("{}: the {} is {}", name, what, is_up ? "up again" : "down, so no packets will arrive");
  }
}

// The buffers were chosen for the MTU at the start. The kernel's packet sockets cut longer frames without a word.
void DpdkInput::check_mtu() {
  if (!interface_) return;
  const std::uint32_t mtu = interface_->mtu();
  if (mtu <= greatest_mtu_) return;
  greatest_mtu_ = mtu;
  log().warn("{}: the MTU has grown from {} to {}: until the next start, longer frames are lost or counted too short",
             interface_->facts().name, interface_->facts().mtu, mtu);
}

void DpdkInput::note_step(std::string_view clock, std::int64_t step_ns) {
  counters_.add(Counter::kTimeStepped);
  log().warn("{} was set {} by {:.3f} s; flows go on, and records have the new time", clock,
             step_ns < 0 ? "back" : "forward", static_cast<double>(std::abs(step_ns)) / 1e9);
}

void DpdkInput::update() {
  follow_clocks();
  read_counts();
  check_links();
  check_mtu();
}

void DpdkInput::read_counts() {
  const std::lock_guard lock(counts_mutex_);
  for (std::size_t at = 0; at < ports_.size(); ++at) {
    rte_eth_stats statistics{};
    if (rte_eth_stats_get(ports_[at]->id(), &statistics) != 0) continue;
    counts_[at].received = statistics.ipackets;
    counts_[at].nic_missed = statistics.imissed;
    counts_[at].no_mbuf = statistics.rx_nombuf;
    counts_[at].nic_errors = statistics.ierrors;
  }
  if (interface_) counts_.front().kernel_dropped += interface_->take_dropped();
}

std::vector<PortCounts> DpdkInput::port_counts() const {
  const std::lock_guard lock(counts_mutex_);
  return counts_;
}

// Uses the ports' timestamps only if all ports have the same timestamp source, because the times of a flow's packets
// are compared. Otherwise packets get the time of the TSC.
Timestamps DpdkInput::timestamps() const {
  Timestamps timestamps{.source = ports_.front()->timestamp_source()};
  const bool alike = std::all_of(ports_.begin(), ports_.end(), [&timestamps](const auto& port) {
    return port->timestamp_source() == timestamps.source;
  });
  if (!alike || timestamps.source == TimestampSource::kTsc) return {};
  if (rte_mbuf_dyn_rx_timestamp_register(&timestamps.offset, &timestamps.flag) != 0) return {};
  return timestamps;
}

std::uint32_t DpdkInput::greatest_frame() const {
  return interface_ ? interface_->facts().greatest_frame() : std::numeric_limits<std::uint32_t>::max();
}

std::unique_ptr<Input> open_dpdk_input(const Config& config, const std::atomic<bool>& stop, Notes& /*notes*/) {
  return std::make_unique<DpdkInput>(config, stop);
}

}  // namespace spanflow
