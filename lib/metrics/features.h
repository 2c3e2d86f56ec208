// The optional features of flows. They are stored outside the flow table, so that a feature that is off costs no memory
// and no time.
#pragma once

#include <cstdint>

#include "base/zeroed_array.h"
#include "config/config.h"
#include "decode/packet.h"
#include "metrics/series.h"
#include "metrics/tcp_quality.h"
#include "spanflow/record.h"
#include "telemetry/counters.h"

namespace spanflow {

// One object per worker; not thread-safe. The arrays are parallel to the worker's flow table, which has `capacity`
// entries: `index` is the index of the flow's entry. `counters` must outlive the object.
class Features {
 public:
  Features(const Config::Features& options, std::uint32_t capacity, Counters& counters);

  static bool any(const Config::Features& options) { return options.statistics || options.splt > 0 || options.tcp; }
  // True if records have extras: values of features, or metadata.
  static bool give_extras(const Config& config) { return any(config.features) || config.keeps_metadata(); }

  void prefetch(std::uint32_t index) const {
    if (connections_.size() > 0) __builtin_prefetch(&connections_[index]);
  }
  void start_flow(std::uint32_t index);
  void start_segment(std::uint32_t index);
  // `size` is the size of the packet in octets, as flow.accounting defines it.
  void add(std::uint32_t index, const Packet& packet, std::uint64_t size);
  void describe(std::uint32_t index, FlowExtras& extras) const;
  // For a flow without features: clears the feature values in `extras`, which still come from an earlier record.
  static void describe_nothing(FlowExtras& extras);

 private:
  struct Side {
    Series sizes;
    Series gaps;
    std::uint64_t pkts;
    std::uint64_t last_ns;           // greatest packet time of this side
    std::uint64_t tcp_flag_pkts[8];  // number of packets with each TCP flag, FIN first
  };
  struct Statistics {
    Side sides[2];
    Side both;
  };
  struct MillisecondGaps {
    Series sides[2];
    Series both;
  };

  static void add(Side& side, const Packet& packet, std::uint64_t size);
  void follow_connection(std::uint32_t index, const Packet& packet);
  void add_millisecond_gaps(std::uint32_t index, const Packet& packet);
  static SideStatistics describe(const Side& side);
  void add_early(std::uint32_t index, const Packet& packet, std::uint64_t size);

  Counters& counters_;
  const std::uint32_t early_packets_;  // number of early packets that are kept per segment
  ZeroedArray<Statistics> statistics_;
  ZeroedArray<MillisecondGaps> millisecond_gaps_;
  ZeroedArray<std::uint32_t> early_counts_;
  ZeroedArray<EarlyPacket> packets_;  // early_packets_ elements for each entry of the flow table
  ZeroedArray<TcpConnection> connections_;
  ZeroedArray<TcpConnection::Holes> holes_;
};

}  // namespace spanflow
