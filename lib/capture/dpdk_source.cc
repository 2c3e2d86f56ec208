#include "capture/dpdk_source.h"

#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf_dyn.h>

#include <algorithm>

namespace spanflow {
namespace {

constexpr std::size_t kLongestFrame = 65'536;
constexpr std::uint64_t kBehindNs = 100'000'000;  // assumed maximum delay between a packet's timestamp and its poll

// False while the timestamps' clock has been set, but the line does not follow yet. The packet then gets the time at
// which it is polled.
bool is_believable(std::uint64_t time_ns, std::uint64_t now_ns) {
  constexpr std::uint64_t kLongestInQueueNs = 10'000'000'000;
  constexpr std::uint64_t kMostAheadNs = 20'000'000;
  return time_ns + kLongestInQueueNs >= now_ns && time_ns <= now_ns + kMostAheadNs;
}

}  // namespace

DpdkSource::DpdkSource(std::vector<RxQueue> queues, const Timestamps& timestamps, std::uint32_t greatest_frame,
                       const Backoff::Steps& idle, const std::atomic<std::int64_t>& wall_lead_ns,
                       const std::atomic<bool>& stop)
    : queues_(std::move(queues)),
      timestamps_(timestamps),
      greatest_frame_(greatest_frame),
      wall_lead_ns_(wall_lead_ns),
      stop_(stop),
      backoff_(idle) {
  // The storage must never reallocate, because packets point into it. A burst of the longest frames fits in it.
  storage_.reserve(kBurstPackets * kLongestFrame);
}

void DpdkSource::attach_thread() {
  // Registration gives the thread an lcore id. With an lcore id, the thread can use the per-lcore caches of mempools.
  if (rte_lcore_id() == LCORE_ID_ANY) rte_thread_register();
}

Burst DpdkSource::poll() {
  free_burst();
  if (stop_.load(std::memory_order_relaxed)) return {.state = Burst::State::kEnd, .now_ns = now_ns_};
  const RxQueue* queue = nullptr;
  for (std::size_t tried = 0; tried < queues_.size() && count_ == 0; ++tried) {
    queue = &queues_[next_queue_];
    next_queue_ = (next_queue_ + 1) % queues_.size();
    count_ = rte_eth_rx_burst(queue->port, queue->queue, buffers_.data(), static_cast<std::uint16_t>(buffers_.size()));
  }
  full_bursts_ = count_ == buffers_.size() ? full_bursts_ + 1 : 0;
  return count_ > 0 ? packets(*queue) : idle();
}

// Estimates the backlog from consecutive full bursts, because few drivers can report how many packets wait in a queue.
// A burst that is not full has emptied its queue: the backlog is 0. If consecutive full bursts had as many packets as a
// queue usually has descriptors, the worker is behind by an unknown amount: the backlog is 1.
double DpdkSource::backlog() const {
  constexpr double kUsualDescriptors = 4096;
  return std::min(1.0, static_cast<double>(full_bursts_) * kBurstPackets / kUsualDescriptors);
}

Burst DpdkSource::packets(const RxQueue& queue) {
  backoff_.reset();
  const std::uint64_t now = clock_.now_ns();
  const ClockLine line = queue.clock_line->get();
  storage_.clear();
  for (std::uint16_t i = 0; i < count_; ++i) view(*buffers_[i], now, line, packets_[i]);
  now_ns_ = std::max(now_ns_, packets_[count_ - 1U].time_ns);
  return {.state = Burst::State::kPackets, .packets = std::span(packets_).first(count_), .now_ns = now_ns_};
}

Burst DpdkSource::idle() {
  backoff_.wait();
  now_ns_ = std::max(now_ns_, clock_.now_ns() - (has_timestamps() ? kBehindNs : 0));
  return {.state = Burst::State::kIdle, .now_ns = now_ns_};
}

// Fills in `packet` in place. Copying a finished RawPacket would load its fields in other widths than they were stored
// in, and the CPU cannot forward such stores to the loads.
void DpdkSource::view(rte_mbuf& buffer, std::uint64_t now, const ClockLine& line, RawPacket& packet) {
  packet.data = rte_pktmbuf_mtod(&buffer, const std::uint8_t*);
  packet.captured = buffer.data_len;
  packet.wire = buffer.pkt_len;
  packet.time_ns = now;
  packet.behind_ns = 0;
  packet.transport = {};
  if (buffer.nb_segs > 1) join_segments(buffer, packet);
  if ((buffer.ol_flags & timestamps_.flag) != 0) {
    const std::uint64_t time_ns =
        line.steady_time(*RTE_MBUF_DYNFIELD(&buffer, timestamps_.offset, rte_mbuf_timestamp_t*));
    if (is_believable(time_ns, now)) packet.time_ns = time_ns;
  }
}

void DpdkSource::join_segments(const rte_mbuf& buffer, RawPacket& packet) {
  const std::size_t at = storage_.size();
  if (at + buffer.pkt_len > storage_.capacity()) return;  // no room: `packet` keeps only the first mbuf
  storage_.resize(at + buffer.pkt_len);
  rte_pktmbuf_read(&buffer, 0, buffer.pkt_len, storage_.data() + at);
  packet.data = storage_.data() + at;
  packet.captured = buffer.pkt_len;
}

void DpdkSource::free_burst() {
  if (count_ > 0) rte_pktmbuf_free_bulk(buffers_.data(), count_);
  count_ = 0;
}

}  // namespace spanflow
