// Brings packets to their owner workers where several workers poll queues of their own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "capture/backoff.h"
#include "capture/owner_workers.h"
#include "capture/packet_lane.h"
#include "capture/packet_source.h"
#include "telemetry/counters.h"

namespace spanflow {

class HandOverEnd;

// Owns a lane from each worker to each other worker. The workers poll its ends (make_end) instead of the sources; the
// ends must be destroyed before it. All calls are made by the main thread, except for leave(), which is thread-safe.
class HandOver {
 public:
  // For two workers or more. `idle`: how a worker waits that has nothing to do.
  HandOver(const OwnerWorkers& owner_workers, std::uint32_t workers, const Backoff::Steps& idle);
  ~HandOver();

  // The end of one worker. `source` must not wait itself; it and `counters`, the worker's, must outlive the end.
  std::unique_ptr<HandOverEnd> make_end(std::uint32_t worker, PacketSource& source, Counters& counters);
  // This worker hands over nothing more: it has ended, or failed. No end gives kEnd before all workers have left.
  void leave(std::uint32_t worker) { has_left_[worker].store(true, std::memory_order_release); }

 private:
  friend class HandOverEnd;

  PacketLane& lane(std::uint32_t from, std::uint32_t to) { return *lanes_[from * workers_ + to]; }
  bool has_left(std::uint32_t worker) const { return has_left_[worker].load(std::memory_order_acquire); }

  const OwnerWorkers owner_workers_;
  const std::uint32_t workers_;
  const Backoff::Steps idle_;
  std::vector<std::unique_ptr<PacketLane>> lanes_;  // from * workers_ + to
  std::vector<std::atomic<bool>> has_left_;
};

// The source that one worker polls: its own queues and the lanes from the other workers, in turn. Used by that worker's
// thread only.
//
// Time: the time of a lane is that of its sender's queues when all their packets for this worker had been passed on. A
// worker's time is the minimum of its own queues' and its lanes', so no flow ends while packets are on their way to it.
class HandOverEnd final : public PacketSource {
 public:
  HandOverEnd(HandOver& hand_over, std::uint32_t worker, PacketSource& source, Counters& counters);

  // False if this worker owns the packet. Otherwise the packet is on its way to its owner, or counted as lost.
  [[gnu::always_inline]] bool send_to_owner(const RawPacket& raw, const Packet& packet, LinkType link_type) {
    const std::uint32_t owner = hand_over_.owner_workers_.owner_of(packet, worker_);
    if (owner == worker_) return false;
    send(owner, raw, link_type);
    return true;
  }

  void attach_thread() override { source_.attach_thread(); }
  Burst poll() override;
  TimestampSource timestamp_source() const override { return source_.timestamp_source(); }
  bool is_live() const override { return source_.is_live(); }
  std::uint32_t greatest_frame() const override { return source_.greatest_frame(); }
  double backlog() const override;

 private:
  void send(std::uint32_t owner, const RawPacket& raw, LinkType link_type);
  void pass_on();
  Burst poll_own();
  void end_own();
  Burst poll_lane(std::uint32_t from);
  void finish(std::uint32_t from);
  std::uint64_t reached_ns();

  HandOver& hand_over_;
  const std::uint32_t worker_;
  PacketSource& source_;
  Counters& counters_;
  Backoff backoff_;
  std::uint32_t turn_;        // the worker whose packets are polled next
  std::uint32_t unfinished_;  // workers from which packets may still come, this one included
  bool own_ended_ = false;
  std::vector<std::uint64_t> reached_ns_;  // the time of each worker, as far as it is known to this one
  std::uint64_t passed_on_until_ns_ = 0;
  std::uint64_t time_passed_on_ns_ = 0;
  std::uint64_t now_ns_ = 0;
  std::uint64_t end_ns_ = 0;
};

}  // namespace spanflow
