#include "metrics/features.h"

#include <algorithm>

#include "base/units.h"

namespace spanflow {

Features::Features(const Config::Features& options, std::uint32_t capacity, Counters& counters)
    : counters_(counters),
      early_packets_(static_cast<std::uint32_t>(options.splt)),
      statistics_(options.statistics ? capacity : 0),
      millisecond_gaps_(options.statistics && options.millisecond_gaps ? capacity : 0),
      early_counts_(early_packets_ > 0 ? capacity : 0),
      packets_(static_cast<std::size_t>(early_packets_) * capacity),
      connections_(options.tcp ? capacity : 0),
      holes_(options.tcp ? capacity : 0) {}

void Features::start_flow(std::uint32_t index) {
  if (connections_.size() > 0) connections_[index] = {};
}

void Features::start_segment(std::uint32_t index) {
  if (statistics_.size() > 0) statistics_[index] = {};
  if (millisecond_gaps_.size() > 0) millisecond_gaps_[index] = {};
  if (early_packets_ > 0) early_counts_[index] = 0;
  if (connections_.size() > 0) connections_[index].start_segment();
}

void Features::add(std::uint32_t index, const Packet& packet, std::uint64_t size) {
  if (millisecond_gaps_.size() > 0) add_millisecond_gaps(index, packet);
  if (statistics_.size() > 0) {
    Statistics& statistics = statistics_[index];
    add(statistics.sides[static_cast<int>(packet.direction)], packet, size);
    add(statistics.both, packet, size);
  }
  if (early_packets_ > 0 && early_counts_[index] < early_packets_) add_early(index, packet, size);
  if (connections_.size() > 0 && packet.key.ip_protocol == protocol::kTcp) follow_connection(index, packet);
}

void Features::follow_connection(std::uint32_t index, const Packet& packet) {
  const TcpConnection::Progress progress = connections_[index].add(packet, holes_[index]);
  if (progress == TcpConnection::Progress::kNone) return;
  counters_.add(Counter::kTcpAcks);
  if (progress == TcpConnection::Progress::kUnseen) counters_.add(Counter::kTcpAcksOfUnseen);
}

void Features::add(Side& side, const Packet& packet, std::uint64_t size) {
  side.sizes.add(size);
  // If a packet is older than an earlier packet, the gap counts as 0.
  if (side.pkts > 0) side.gaps.add(packet.time_ns - std::min(packet.time_ns, side.last_ns));
  ++side.pkts;
  side.last_ns = std::max(side.last_ns, packet.time_ns);
  for (int bit = 0; bit < 8; ++bit) side.tcp_flag_pkts[bit] += packet.tcp_flags >> bit & 1;
}

// Must be called before add() adds the packet to the statistics, because `last_ns` must be the time of the previous
// packet.
void Features::add_millisecond_gaps(std::uint32_t index, const Packet& packet) {
  const Statistics& statistics = statistics_[index];
  MillisecondGaps& gaps = millisecond_gaps_[index];
  const auto add_gap = [&packet](Series& series, const Side& side) {
    if (side.pkts == 0) return;
    const std::uint64_t last_ms = side.last_ns / kNanosecondsPerMillisecond;
    series.add(std::max(packet.time_ns / kNanosecondsPerMillisecond, last_ms) - last_ms);
  };
  const int direction = static_cast<int>(packet.direction);
  add_gap(gaps.sides[direction], statistics.sides[direction]);
  add_gap(gaps.both, statistics.both);
}

void Features::add_early(std::uint32_t index, const Packet& packet, std::uint64_t size) {
  EarlyPacket* packets = &packets_[static_cast<std::size_t>(index) * early_packets_];
  std::uint32_t& count = early_counts_[index];
  const std::uint64_t last_ns = count == 0 ? 0 : packets[count - 1].time_ns;
  packets[count++] = {.time_ns = std::max(packet.time_ns, last_ns),
                      .size = static_cast<std::uint32_t>(size),
                      .direction = packet.direction};
}

void Features::describe(std::uint32_t index, FlowExtras& extras) const {
  extras.has_statistics = statistics_.size() > 0;
  if (extras.has_statistics) {
    const Statistics& statistics = statistics_[index];
    extras.statistics = {.bidirectional = describe(statistics.both),
                         .src_to_dst = describe(statistics.sides[0]),
                         .dst_to_src = describe(statistics.sides[1])};
  }
  if (millisecond_gaps_.size() > 0) {
    const MillisecondGaps& gaps = millisecond_gaps_[index];
    extras.statistics.bidirectional.inter_arrival_ms = gaps.both.distribution();
    extras.statistics.src_to_dst.inter_arrival_ms = gaps.sides[0].distribution();
    extras.statistics.dst_to_src.inter_arrival_ms = gaps.sides[1].distribution();
  }
  extras.has_tcp_quality = connections_.size() > 0 && connections_[index].seen();
  if (extras.has_tcp_quality) connections_[index].describe(extras.tcp_quality);
  extras.early_packets.clear();
  extras.early_packets_kept = early_packets_;
  if (early_packets_ == 0) return;
  const EarlyPacket* first = &packets_[static_cast<std::size_t>(index) * early_packets_];
  extras.early_packets.assign(first, first + early_counts_[index]);
}

void Features::describe_nothing(FlowExtras& extras) {
  extras.has_statistics = extras.has_tcp_quality = false;
  extras.early_packets.clear();
  extras.early_packets_kept = 0;
}

SideStatistics Features::describe(const Side& side) {
  SideStatistics described{.packet_size = side.sizes.distribution(), .inter_arrival = side.gaps.distribution()};
  std::copy(std::begin(side.tcp_flag_pkts), std::end(side.tcp_flag_pkts), described.tcp_flag_pkts.begin());
  return described;
}

}  // namespace spanflow
