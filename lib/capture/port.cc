#include "capture/port.h"

#include <fmt/format.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <bit>
#include <string_view>
#include <thread>

#include "base/error.h"
#include "capture/eal.h"
#include "telemetry/log.h"

namespace spanflow {
namespace {

constexpr std::uint32_t kPoolCache = 512;
// With more descriptors, the CPU cache evicts packets before the worker reads them.
constexpr std::uint16_t kMostDescriptors = 8192;
constexpr std::uint32_t kJumboMtu = 9216;

// These drivers have a fixed number of queues. Every queue delivers packets, so all queues must be polled.
constexpr std::array<std::string_view, 4> kDriversWithFixedQueues = {"net_pcap", "net_af_packet", "net_af_xdp",
                                                                     "net_ring"};

bool has_fixed_queues(const rte_eth_dev_info& info) {
  return std::find(kDriversWithFixedQueues.begin(), kDriversWithFixedQueues.end(), info.driver_name) !=
         kDriversWithFixedQueues.end();
}

// Returns the memory for one packet buffer in octets. Without hugepages, a buffer takes whole pages, because a buffer
// must not cross a page boundary.
std::uint64_t octets_per_buffer(std::uint16_t room) {
  constexpr std::uint64_t kPage = 4096;
  constexpr std::uint64_t kPoolOverhead = 128;
  const std::uint64_t octets = room + sizeof(rte_mbuf) + kPoolOverhead;
  return rte_eal_has_hugepages() != 0 ? octets : (octets + kPage - 1) / kPage * kPage;
}

}  // namespace

std::uint16_t descriptors_for(std::uint32_t buffers, std::uint16_t most) {
  return static_cast<std::uint16_t>(std::min<std::uint32_t>({most, kMostDescriptors, std::bit_floor(buffers)}));
}

Port::Port(std::uint16_t id, std::uint16_t workers, std::uint64_t pool_octets, std::uint32_t least_room) : id_(id) {
  std::array<char, RTE_ETH_NAME_MAX_LEN> name{};
  rte_eth_dev_get_name_by_port(id, name.data());
  name_ = name.data();
  demand(rte_eth_dev_info_get(id, &info_), "cannot be queried");
  by_rss_ = workers > 1 && info_.max_rx_queues >= workers && rss_types(info_.flow_type_rss_offloads) != 0;
  if (by_rss_) queues_ = workers;
  if (has_fixed_queues(info_)) queues_ = std::max<std::uint16_t>(1, info_.max_rx_queues);
  configure();
  set_up_queues(pool_octets, least_room);
  demand(rte_eth_dev_start(id), "cannot be started");
  if (timestamp_source_ == TimestampSource::kNic) start_nic_clock();
  if (workers > 1 && queues_ > 1) check_split();
}

Port::~Port() {
  if (promiscuous_) rte_eth_promiscuous_disable(id_);  // some drivers stay promiscuous when the port stops
  rte_eth_dev_stop(id_);
  rte_eth_dev_close(id_);
}

void Port::make_promiscuous() {
  promiscuous_ = rte_eth_promiscuous_enable(id_) == 0;
  if (!promiscuous_) log().warn("{}: cannot be made promiscuous", name_);
}

LinkState Port::link_state() const {
  if (info_.if_index != 0) return interface_state(info_.if_index);
  if (rte_eth_dev_is_removed(id_) != 0) return LinkState::kGone;
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(id_, &link) != 0) return LinkState::kUnknown;
  return link.link_status == RTE_ETH_LINK_UP ? LinkState::kUp : LinkState::kDown;
}

bool Port::splits_like(const Port& other) const {
  return splits_well_ && other.splits_well_ && layout_.has_value() && layout_ == other.layout_;
}

void Port::demand(int result, const char* what) const {
  if (result < 0) {
    throw RunError(fmt::format("{}: {}: {} ({})", name_, what, rte_strerror(-result), Eal::last_words()));
  }
}

void Port::configure() {
  rte_eth_conf configuration{};
  configuration.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER & info_.rx_offload_capa;
  timestamp_source_ = choose_timestamps();
  if (timestamp_source_ != TimestampSource::kTsc) configuration.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TIMESTAMP;
  if (by_rss_) {
    rss_key_ = symmetric_rss_key(rss_key_octets(info_.hash_key_size));
    configuration.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    configuration.rx_adv_conf.rss_conf = rss_configuration();
  }
  // Accepting jumbo frames costs nothing if the driver can split a frame over several buffers.
  if (scatters()) configuration.rxmode.mtu = std::min<std::uint32_t>(info_.max_mtu, kJumboMtu);
  if (try_to_configure(configuration) == 0) return;
  // Second attempt, with the driver's default MTU and without an RSS key: some drivers accept no key.
  configuration.rxmode.mtu = 0;
  configuration.rx_adv_conf.rss_conf.rss_key = nullptr;
  configuration.rx_adv_conf.rss_conf.rss_key_len = 0;
  demand(try_to_configure(configuration), "cannot be configured");
}

// The timestamps of af_packet are the kernel's time in ns. Other drivers do not say what unit their timestamps have.
// The unit can be measured only if the NIC's clock can be read.
TimestampSource Port::choose_timestamps() const {
  if ((info_.rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP) == 0) return TimestampSource::kTsc;
  if (std::string_view(info_.driver_name) == "net_af_packet") return TimestampSource::kKernel;
  return has_readable_clock(id_) ? TimestampSource::kNic : TimestampSource::kTsc;
}

// Measures the NIC's clock for 100 ms. The first clock line then stays accurate to about 10 us for one second. Later
// clock lines are measured over a second and are more accurate.
void Port::start_nic_clock() {
  constexpr auto kFirstStretch = std::chrono::milliseconds{100};
  read_clock();
  std::this_thread::sleep_for(kFirstStretch);
  if (read_clock()) return;
  timestamp_source_ = TimestampSource::kTsc;
  log().warn("{}: its clock cannot be read, so packets get the time at which they are polled", name_);
}

std::int64_t Port::follow_nic_clock() {
  constexpr auto kBetweenReadings = std::chrono::seconds{1};
  if (timestamp_source_ != TimestampSource::kNic) return 0;
  if (std::chrono::steady_clock::now() - clock_read_ < kBetweenReadings) return 0;
  return read_clock() ? clock_step_ns_ : 0;
}

void Port::follow_wall_clock(std::int64_t lead_ns) {
  if (timestamp_source_ != TimestampSource::kKernel) return;
  clock_line_.set({.ticks = static_cast<std::uint64_t>(lead_ns), .steady_ns = 0});
}

// Reads the NIC's clock. True if the reading has updated the clock line.
bool Port::read_clock() {
  clock_read_ = std::chrono::steady_clock::now();
  const auto reading = read_nic_clock(id_);
  const auto line = reading ? nic_clock_.follow(*reading) : std::nullopt;
  if (!line) return false;
  clock_step_ns_ = step_between(clock_line_.get(), *line);
  clock_line_.set(*line);
  return true;
}

rte_eth_rss_conf Port::rss_configuration() {
  return {.rss_key = rss_key_.data(),
          .rss_key_len = static_cast<std::uint8_t>(rss_key_.size()),
          .rss_hf = rss_types(info_.flow_type_rss_offloads)};
}

// Spanflow sends no packets, so the first attempt has no send queues. Some drivers (af_xdp) require as many send queues
// as receive queues.
int Port::try_to_configure(const rte_eth_conf& configuration) {
  send_queues_ = 0;
  if (rte_eth_dev_configure(id_, queues_, send_queues_, &configuration) == 0) return 0;
  send_queues_ = queues_;
  return rte_eth_dev_configure(id_, queues_, send_queues_, &configuration);
}

void Port::set_up_queues(std::uint64_t pool_octets, std::uint32_t least_room) {
  const std::uint16_t room = data_room(least_room);
  // An rte_mempool uses its memory best with 2^n - 1 buffers. A sixteenth of the memory is left for DPDK itself.
  const auto buffers =
      static_cast<std::uint32_t>(std::bit_floor(pool_octets / 16 * 15 / queues_ / octets_per_buffer(room)) - 1);
  descriptors_ = descriptors_for(buffers, info_.rx_desc_lim.nb_max);
  std::uint16_t send = 64;
  demand(rte_eth_dev_adjust_nb_rx_tx_desc(id_, &descriptors_, &send), "has no such number of descriptors");
  const auto on_node = static_cast<unsigned>(node());
  for (std::uint16_t queue = 0; queue < queues_; ++queue) {
    rte_mempool* pool = make_pool(queue, buffers, room);
    demand(rte_eth_rx_queue_setup(id_, queue, descriptors_, on_node, nullptr, pool), "receive queue cannot be set up");
  }
  for (std::uint16_t queue = 0; queue < send_queues_; ++queue) {
    demand(rte_eth_tx_queue_setup(id_, queue, send, on_node, nullptr), "send queue cannot be set up");
  }
}

// Makes the packet buffers of one queue, on the port's NUMA node.
rte_mempool* Port::make_pool(std::uint16_t queue, std::uint32_t buffers, std::uint16_t room) {
  const std::string name = fmt::format("rx-{}-{}", id_, queue);
  pools_.emplace_back(
      rte_pktmbuf_pool_create(name.c_str(), buffers, std::min(kPoolCache, buffers / 2), 0, room, node()));
  if (pools_.back() == nullptr) {
    throw RunError(fmt::format("{}: no memory for {} packet buffers: {}; see input.memory", name_, buffers,
                               rte_strerror(rte_errno)));
  }
  return pools_.back().get();
}

// Returns the size of a packet buffer in octets. If the driver cannot split a frame over several buffers, one buffer
// must hold the whole frame.
std::uint16_t Port::data_room(std::uint32_t least_room) const {
  std::uint16_t mtu = 0;
  rte_eth_dev_get_mtu(id_, &mtu);
  const std::uint32_t whole_frame = scatters() ? 0 : std::bit_ceil(mtu + 150U);
  const std::uint32_t room = std::max<std::uint32_t>({RTE_MBUF_DEFAULT_DATAROOM, least_room, whole_frame});
  return static_cast<std::uint16_t>(std::min<std::uint32_t>(room, 32'768) + RTE_PKTMBUF_HEADROOM);
}

void Port::check_split() {
  if (!by_rss_) {
    log().info("{}: its {} queues are not split by RSS; each packet goes to the worker of its flow", name_, queues_);
  } else if (directions_meet()) {
    splits_well_ = true;
    log().info("{}: RSS over {} queues, symmetric: both directions of a flow meet in one queue", name_, queues_);
    use_all_queues();
  } else if (request_symmetric_rss(id_, queues_)) {
    splits_well_ = true;
    layout_.reset();  // only the driver knows the layout
    log().info("{}: RSS over {} queues by flow rules, which are symmetric according to the driver", name_, queues_);
  } else {
    log().warn(
        "{}: RSS over {} queues does not bring both directions of a flow to one queue; packets are handed over to the "
        "worker of their addresses",
        name_, queues_);
  }
}

void Port::use_all_queues() {
  if (layout_->uses_all(queues_)) return;
  if (distribute_evenly(id_, layout_->queues.size(), queues_)) layout_ = read_rss_layout(id_);
  if (!layout_ || !layout_->uses_all(queues_)) log().warn("{}: not all of the {} queues get packets", name_, queues_);
}

// True if both directions of a flow reach the same queue. If they do not, sets the RSS key by a separate call and
// checks again, because some drivers ignore the key in the configuration.
bool Port::directions_meet() {
  const auto meet = [this] {
    layout_ = read_rss_layout(id_);
    return layout_ && layout_->directions_meet();
  };
  if (meet()) return true;
  rte_eth_rss_conf configuration = rss_configuration();
  return rte_eth_dev_rss_hash_update(id_, &configuration) == 0 && meet();
}

}  // namespace spanflow
