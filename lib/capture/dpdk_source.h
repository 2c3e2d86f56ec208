// A packet source that polls receive queues of DPDK ports.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "capture/backoff.h"
#include "capture/nic_clock.h"
#include "capture/packet_source.h"
#include "capture/tsc_clock.h"

namespace spanflow {

struct RxQueue {
  std::uint16_t port;
  std::uint16_t queue;
  const SharedClockLine* clock_line;  // maps the timestamps of the queue's packets to steady time
};

// Says which clock the packets' timestamps come from, and where an mbuf holds the timestamp. If an mbuf does not have
// the timestamp flag, its packet gets the time of the TSC.
struct Timestamps {
  TimestampSource source = TimestampSource::kTsc;
  int offset = -1;         // offset in octets of the timestamp field in an mbuf
  std::uint64_t flag = 0;  // bit in ol_flags of an mbuf; 0: mbufs have no timestamps
};

// Polls the queues in turn. Each poll() frees the mbufs of the previous burst. The ports must outlive the source.
class DpdkSource : public PacketSource {
 public:
  // `idle` says how poll() waits when no packets arrive. `wall_lead_ns` is how far the wall clock is ahead of steady
  // time. The source ends once `stop` is set.
  DpdkSource(std::vector<RxQueue> queues, const Timestamps& timestamps, std::uint32_t greatest_frame,
             const Backoff::Steps& idle, const std::atomic<std::int64_t>& wall_lead_ns, const std::atomic<bool>& stop);
  ~DpdkSource() override { free_burst(); }

  void attach_thread() override;
  Burst poll() override;
  TimestampSource timestamp_source() const override { return timestamps_.source; }
  bool is_live() const override { return true; }
  std::int64_t wall_lead_ns() const override { return wall_lead_ns_.load(std::memory_order_relaxed); }
  std::uint32_t greatest_frame() const override { return greatest_frame_; }
  double backlog() const override;

 private:
  Burst packets(const RxQueue& queue);
  Burst idle();
  void view(rte_mbuf& buffer, std::uint64_t now, const ClockLine& line, RawPacket& packet);
  bool has_timestamps() const { return timestamps_.flag != 0; }
  void join_segments(const rte_mbuf& buffer, RawPacket& packet);
  void free_burst();

  const std::vector<RxQueue> queues_;
  const Timestamps timestamps_;
  const std::uint32_t greatest_frame_;
  const std::atomic<std::int64_t>& wall_lead_ns_;
  const std::atomic<bool>& stop_;
  Backoff backoff_;
  TscClock clock_;
  std::size_t next_queue_ = 0;
  std::uint16_t count_ = 0;
  std::uint32_t full_bursts_ = 0;  // number of consecutive full bursts
  std::uint64_t now_ns_ = 0;
  std::array<rte_mbuf*, kBurstPackets> buffers_{};
  std::array<RawPacket, kBurstPackets> packets_;
  std::vector<std::uint8_t> storage_;  // holds the joined octets of frames that came in several mbufs
};

}  // namespace spanflow
