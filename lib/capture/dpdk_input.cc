#include "capture/dpdk_input.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>

#include "base/error.h"
#include "capture/eal.h"
#include "capture/kernel_interface.h"
#include "telemetry/log.h"

namespace spanflow {
namespace {

constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::uint16_t kRxDescriptors = 4096;
constexpr unsigned kPoolCache = 512;

std::uint64_t wall_clock_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<Nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

// Wall-clock time from the TSC: anchored to the system's clock every second, never going back.
class TscClock {
 public:
  std::uint64_t now_ns() {
    const std::uint64_t cycles = rte_rdtsc();
    if (cycles - anchor_cycles_ >= hertz_) {
      anchor_cycles_ = cycles;
      anchor_ns_ = wall_clock_ns();
    }
    const auto elapsed = static_cast<unsigned __int128>(cycles - anchor_cycles_) * kNanosecondsPerSecond / hertz_;
    last_ns_ = std::max(last_ns_, anchor_ns_ + static_cast<std::uint64_t>(elapsed));
    return last_ns_;
  }

 private:
  std::uint64_t hertz_ = rte_get_tsc_hz();
  std::uint64_t anchor_cycles_ = rte_rdtsc();
  std::uint64_t anchor_ns_ = wall_clock_ns();
  std::uint64_t last_ns_ = 0;
};

std::uint32_t power_of_two_from(std::uint32_t least) {
  std::uint32_t power = 1;
  while (power < least) power *= 2;
  return power;
}

// af_packet's ring: frames large enough for the MTU (its own header takes up to 128 octets of each) as far as a packet
// buffer can be, and as many as asked for, within 64 MiB.
struct PacketRingShape {
  std::uint32_t frame;  // octets; powers of two
  std::uint32_t block;
  std::uint64_t frames;
};

PacketRingShape ring_shape(const Config::Input& input, const KernelInterface& interface) {
  constexpr std::uint32_t kFrameOverhead = 128;
  constexpr std::uint32_t kGreatestFrame = 32'768;
  constexpr std::uint32_t kBlock = 65'536;
  constexpr std::uint64_t kGreatestRing = 64ULL << 20;
  const std::uint32_t needed = power_of_two_from(interface.greatest_frame() + kFrameOverhead);
  const std::uint32_t frame = std::min(kGreatestFrame, std::max(static_cast<std::uint32_t>(input.frame_size), needed));
  const std::uint32_t frames_per_block = kBlock / frame;
  const std::uint64_t frames = std::min<std::uint64_t>(input.ring_frames, kGreatestRing / frame);
  return {frame, kBlock, std::max<std::uint64_t>(1, frames / frames_per_block) * frames_per_block};
}

std::string af_packet_device(const KernelInterface& interface, const PacketRingShape& ring) {
  return fmt::format("net_af_packet0,iface={},blocksz={},framesz={},framecnt={},qpairs=1", interface.name(), ring.block,
                     ring.frame, ring.frames);
}

struct PoolDeleter {
  void operator()(rte_mempool* pool) const { rte_mempool_free(pool); }
};

// One started Ethernet device. What it cannot do is a warning, not an error, where capture works without.
class Port {
 public:
  // `least_room`: octets that a packet buffer must hold at least.
  Port(std::uint16_t id, std::uint16_t wanted_queues, std::uint64_t pool_octets, std::uint32_t least_room) : id_(id) {
    std::array<char, RTE_ETH_NAME_MAX_LEN> name{};
    rte_eth_dev_get_name_by_port(id, name.data());
    name_ = name.data();
    demand(rte_eth_dev_info_get(id, &info_), "cannot be queried");
    spreads_ = wanted_queues > 1 && info_.max_rx_queues >= wanted_queues &&
               (info_.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP)) != 0;
    queues_ = spreads_ ? wanted_queues : 1;
    configure();
    set_up_queues(pool_octets, least_room);
    demand(rte_eth_dev_start(id), "cannot be started");
  }
  ~Port() {
    if (promiscuous_) rte_eth_promiscuous_disable(id_);  // some drivers leave it on
    rte_eth_dev_stop(id_);
    rte_eth_dev_close(id_);
  }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  void make_promiscuous() {
    promiscuous_ = rte_eth_promiscuous_enable(id_) == 0;
    if (!promiscuous_) log().warn("{}: cannot be made promiscuous", name_);
  }

  std::uint16_t id() const { return id_; }
  std::uint16_t queues() const { return queues_; }
  bool spreads() const { return spreads_; }
  bool has_kernel_timestamps() const { return kernel_timestamps_; }

 private:
  void demand(int result, const char* what) const {
    if (result < 0) {
      throw RunError(fmt::format("{}: {}: {} ({})", name_, what, rte_strerror(-result), Eal::last_words()));
    }
  }

  void configure() {
    rte_eth_conf configuration{};
    configuration.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER & info_.rx_offload_capa;
    // Only af_packet's unit is known without asking: the kernel's time in ns.
    if (std::strcmp(info_.driver_name, "net_af_packet") == 0) {
      configuration.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TIMESTAMP & info_.rx_offload_capa;
      kernel_timestamps_ = (configuration.rxmode.offloads & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0;
    }
    // The same two octets all along make Toeplitz symmetric: both directions of a flow get one hash.
    std::array<std::uint8_t, 64> symmetric_key{};
    for (std::size_t i = 0; i < symmetric_key.size(); ++i) symmetric_key[i] = i % 2 == 0 ? 0x6d : 0x5a;
    if (spreads_) {
      configuration.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
      configuration.rx_adv_conf.rss_conf.rss_key = symmetric_key.data();
      configuration.rx_adv_conf.rss_conf.rss_key_len = info_.hash_key_size;
      configuration.rx_adv_conf.rss_conf.rss_hf =
          info_.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP);
    }
    // Nothing is sent, but some drivers (af_xdp) insist on as many queues for it.
    if (rte_eth_dev_configure(id_, queues_, 0, &configuration) < 0) {
      demand(rte_eth_dev_configure(id_, queues_, queues_, &configuration), "cannot be configured");
      send_queues_ = queues_;
    }
  }

  void set_up_queues(std::uint64_t pool_octets, std::uint32_t least_room) {
    std::uint16_t receive = kRxDescriptors;
    std::uint16_t send = 64;
    demand(rte_eth_dev_adjust_nb_rx_tx_desc(id_, &receive, &send), "has no descriptors");
    const int socket = rte_eth_dev_socket_id(id_);
    const std::uint16_t room = data_room(least_room);
    // rte_mempool is best at 2^n - 1; a sixteenth of the memory is left for DPDK itself.
    const std::uint32_t buffers = power_of_two_from(static_cast<std::uint32_t>(
                                      pool_octets / 16 * 15 / queues_ / octets_per_buffer(room) / 2 + 1)) -
                                  1;
    for (std::uint16_t queue = 0; queue < queues_; ++queue) {
      const std::string name = fmt::format("rx-{}-{}", id_, queue);
      rte_mempool* pool =
          rte_pktmbuf_pool_create(name.c_str(), buffers, std::min(kPoolCache, buffers / 2), 0, room, socket);
      if (pool == nullptr) {
        throw RunError(fmt::format("{}: no memory for {} packet buffers: {}; see input.memory", name_, buffers,
                                   rte_strerror(rte_errno)));
      }
      pools_.emplace_back(pool);
      demand(rte_eth_rx_queue_setup(id_, queue, receive, static_cast<unsigned>(socket), nullptr, pool),
             "receive queue cannot be set up");
    }
    for (std::uint16_t queue = 0; queue < send_queues_; ++queue) {
      demand(rte_eth_tx_queue_setup(id_, queue, send, static_cast<unsigned>(socket), nullptr),
             "send queue cannot be set up");
    }
  }

  // Without hugepages a buffer does not cross a page, so it takes whole ones.
  static std::uint64_t octets_per_buffer(std::uint16_t room) {
    constexpr std::uint64_t kPage = 4096;
    constexpr std::uint64_t kPoolOverhead = 128;
    const std::uint64_t octets = room + sizeof(rte_mbuf) + kPoolOverhead;
    return rte_eal_has_hugepages() != 0 ? octets : (octets + kPage - 1) / kPage * kPage;
  }

  // A whole frame in one buffer where the driver cannot scatter.
  std::uint16_t data_room(std::uint32_t least_room) const {
    const bool scatters = (info_.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
    std::uint16_t mtu = 0;
    rte_eth_dev_get_mtu(id_, &mtu);
    const std::uint32_t whole_frame = scatters ? 0 : power_of_two_from(mtu + 150U);
    const std::uint32_t room = std::max<std::uint32_t>({RTE_MBUF_DEFAULT_DATAROOM, least_room, whole_frame});
    return static_cast<std::uint16_t>(std::min<std::uint32_t>(room, 32'768) + RTE_PKTMBUF_HEADROOM);
  }

  std::uint16_t id_;
  std::string name_;
  rte_eth_dev_info info_{};
  bool spreads_ = false;
  bool promiscuous_ = false;
  bool kernel_timestamps_ = false;
  std::uint16_t queues_ = 1;
  std::uint16_t send_queues_ = 0;
  std::vector<std::unique_ptr<rte_mempool, PoolDeleter>> pools_;
};

struct Queue {
  std::uint16_t port;
  std::uint16_t queue;
};

// Polls the queues in turn. Frees a burst's buffers at the next poll.
class DpdkSource : public PacketSource {
 public:
  DpdkSource(std::vector<Queue> queues, int timestamp_offset, std::uint32_t greatest_frame,
             const std::atomic<bool>& stop)
      : queues_(std::move(queues)), timestamp_offset_(timestamp_offset), greatest_frame_(greatest_frame), stop_(stop) {}
  ~DpdkSource() override { free_burst(); }

  void attach_thread() override {
    if (rte_lcore_id() == LCORE_ID_ANY) rte_thread_register();
  }

  Burst poll() override {
    free_burst();
    if (stop_.load(std::memory_order_relaxed)) return {.state = Burst::State::kEnd, .now_ns = now_ns_};
    for (std::size_t tried = 0; tried < queues_.size() && count_ == 0; ++tried) {
      const Queue& queue = queues_[next_queue_];
      next_queue_ = (next_queue_ + 1) % queues_.size();
      count_ = rte_eth_rx_burst(queue.port, queue.queue, buffers_.data(), static_cast<std::uint16_t>(buffers_.size()));
    }
    full_bursts_ = count_ == buffers_.size() ? full_bursts_ + 1 : 0;
    return count_ > 0 ? packets() : idle();
  }

  TimestampSource timestamp_source() const override {
    return timestamp_offset_ >= 0 ? TimestampSource::kKernel : TimestampSource::kTsc;
  }
  bool is_live() const override { return true; }
  std::uint32_t greatest_frame() const override { return greatest_frame_; }
  // Few drivers can say how many packets wait. But each burst that is not full has emptied its queue; once as many
  // packets as the descriptors of a queue have come in full bursts alone, the worker is behind, by nobody knows how
  // much.
  double backlog() const override {
    const double in_full_bursts = static_cast<double>(full_bursts_) * kBurstPackets;
    return std::min(1.0, in_full_bursts / kRxDescriptors);
  }

 private:
  static constexpr int kSpins = 256;                       // empty polls before sleeping
  static constexpr std::uint64_t kBehindNs = 100'000'000;  // a packet may reach us this long after the kernel's time

  Burst packets() {
    empty_polls_ = 0;
    const std::uint64_t now = clock_.now_ns();
    storage_.clear();
    for (std::uint16_t i = 0; i < count_; ++i) packets_[i] = view(*buffers_[i], now);
    now_ns_ = std::max(now_ns_, timestamp_offset_ >= 0 ? packets_[count_ - 1U].time_ns : now);
    return {.state = Burst::State::kPackets, .packets = std::span(packets_).first(count_), .now_ns = now_ns_};
  }

  Burst idle() {
    if (++empty_polls_ > kSpins) {
      std::this_thread::sleep_for(std::chrono::microseconds{50});
    } else {
      rte_pause();
    }
    now_ns_ = std::max(now_ns_, clock_.now_ns() - (timestamp_offset_ >= 0 ? kBehindNs : 0));
    return {.state = Burst::State::kIdle, .now_ns = now_ns_};
  }

  RawPacket view(rte_mbuf& buffer, std::uint64_t now) {
    RawPacket packet{.data = rte_pktmbuf_mtod(&buffer, const std::uint8_t*),
                     .captured = buffer.data_len,
                     .wire = buffer.pkt_len,
                     .time_ns = now};
    if (buffer.nb_segs > 1) join_segments(buffer, packet);
    if (timestamp_offset_ >= 0) packet.time_ns = *RTE_MBUF_DYNFIELD(&buffer, timestamp_offset_, rte_mbuf_timestamp_t*);
    return packet;
  }

  // Copies a frame that came in several segments. The storage has room for a burst of the longest, and does not move.
  void join_segments(const rte_mbuf& buffer, RawPacket& packet) {
    const std::size_t at = storage_.size();
    if (at + buffer.pkt_len > storage_.capacity()) return;  // what the first segment holds must do
    storage_.resize(at + buffer.pkt_len);
    rte_pktmbuf_read(&buffer, 0, buffer.pkt_len, storage_.data() + at);
    packet.data = storage_.data() + at;
    packet.captured = buffer.pkt_len;
  }

  void free_burst() {
    if (count_ > 0) rte_pktmbuf_free_bulk(buffers_.data(), count_);
    count_ = 0;
  }

  std::vector<Queue> queues_;
  int timestamp_offset_;  // of the mbuf's dynamic field; negative: take the TSC
  std::uint32_t greatest_frame_;
  const std::atomic<bool>& stop_;
  std::size_t next_queue_ = 0;
  std::uint16_t count_ = 0;
  int empty_polls_ = 0;
  std::uint32_t full_bursts_ = 0;  // one after the other
  std::uint64_t now_ns_ = 0;
  TscClock clock_;
  std::array<rte_mbuf*, kBurstPackets> buffers_{};
  std::array<RawPacket, kBurstPackets> packets_;
  std::vector<std::uint8_t> storage_ = [] {
    std::vector<std::uint8_t> storage;
    storage.reserve(kBurstPackets * 65'536);
    return storage;
  }();
};

}  // namespace

class DpdkInput::Impl {
 public:
  explicit Impl(const Config& config) : workers_(static_cast<std::uint16_t>(config.workers)) {
    std::vector<std::string> devices = config.input.devices;
    std::uint32_t least_room = 0;
    if (!config.input.interface.empty()) {
      interface_.emplace(config.input.interface);
      warn_about_interface();
      const PacketRingShape ring = ring_shape(config.input, *interface_);
      devices = {af_packet_device(*interface_, ring)};
      least_room = ring.frame;
    }
    eal_.emplace(config.input, devices);
    const std::uint16_t count = rte_eth_dev_count_avail();
    if (count == 0) throw RunError(fmt::format("no DPDK port came up for {}", fmt::join(devices, ", ")));
    std::uint16_t id = 0;
    RTE_ETH_FOREACH_DEV(id) {
      ports_.push_back(std::make_unique<Port>(id, workers_, config.input.memory / count, least_room));
      if (!interface_) ports_.back()->make_promiscuous();
    }
    if (interface_ && !interface_->hold_promiscuous()) {
      log().warn("{}: cannot be made promiscuous", interface_->name());
    }
  }

  std::vector<std::unique_ptr<PacketSource>> make_sources(const std::atomic<bool>& stop) {
    const bool all_spread = std::all_of(ports_.begin(), ports_.end(), [](const auto& port) { return port->spreads(); });
    const std::uint16_t count = all_spread ? workers_ : 1;
    std::vector<std::unique_ptr<PacketSource>> sources;
    for (std::uint16_t source = 0; source < count; ++source) {
      std::vector<Queue> queues;
      for (const auto& port : ports_) {
        for (std::uint16_t queue = source; queue < port->queues(); queue = static_cast<std::uint16_t>(queue + count)) {
          queues.push_back({port->id(), queue});
        }
      }
      sources.push_back(std::make_unique<DpdkSource>(std::move(queues), timestamp_offset(), greatest_frame(), stop));
    }
    return sources;
  }

  void count_losses(Counters& counters) {
    std::uint64_t missed = 0;
    std::uint64_t no_mbuf = 0;
    for (const auto& port : ports_) {
      rte_eth_stats statistics{};
      if (rte_eth_stats_get(port->id(), &statistics) != 0) continue;
      missed += statistics.imissed;
      no_mbuf += statistics.rx_nombuf;
    }
    counters.set(Counter::kPacketsNicMissed, missed);
    counters.set(Counter::kPacketsNoMbuf, no_mbuf);
    if (interface_) counters.add(Counter::kPacketsKernelDropped, interface_->take_dropped());
  }

 private:
  void warn_about_interface() const {
    if (!interface_->is_up()) log().warn("{}: the interface is down, nothing will come from it", interface_->name());
    for (const std::string& offload : interface_->merging_offloads()) {
      log().warn("{}: {} merges frames before they are seen; switch it off: ethtool -K {} {} off", interface_->name(),
                 offload, interface_->name(), offload);
    }
  }

  int timestamp_offset() const {
    const bool kernel =
        std::all_of(ports_.begin(), ports_.end(), [](const auto& port) { return port->has_kernel_timestamps(); });
    return kernel ? rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, nullptr) : -1;
  }

  std::uint32_t greatest_frame() const {
    return interface_ ? interface_->greatest_frame() : std::numeric_limits<std::uint32_t>::max();
  }

  std::uint16_t workers_;
  std::optional<KernelInterface> interface_;
  std::optional<Eal> eal_;
  std::vector<std::unique_ptr<Port>> ports_;
};

DpdkInput::DpdkInput(const Config& config) : impl_(std::make_unique<Impl>(config)) {}
DpdkInput::~DpdkInput() = default;
std::vector<std::unique_ptr<PacketSource>> DpdkInput::make_sources(const std::atomic<bool>& stop) {
  return impl_->make_sources(stop);
}
void DpdkInput::count_losses(Counters& counters) { impl_->count_losses(counters); }

}  // namespace spanflow
