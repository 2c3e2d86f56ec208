// Hands packets over to their owner workers when each worker polls queues of its own.
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

// Owns a lane from each worker to each other worker. Each worker polls a HandOverEnd (see make_end) instead of its
// source. All HandOverEnds must be destroyed before the HandOver. Any thread may call leave(). Only the main thread
// calls the other public functions.
class HandOver {
 public:
  // `workers` must be at least 2. `idle` says how a worker waits when there are no packets.
  HandOver(const OwnerWorkers& owner_workers, std::uint32_t workers, const Backoff::Steps& idle);
  ~HandOver();

  // Makes the HandOverEnd that `worker` polls instead of `source`. `source` must not wait in poll(), because packets
  // may wait in the lanes. `source` and the worker's `counters` must outlive the returned object.
  std::unique_ptr<HandOverEnd> make_end(std::uint32_t worker, PacketSource& source, Counters& counters);
  // Call this when `worker` has ended or failed, and hands over no more packets. A HandOverEnd returns kEnd only after
  // all workers have left.
  void leave(std::uint32_t worker) { has_left_[worker].store(true, std::memory_order_release); }

 private:
  friend class HandOverEnd;

  PacketLane& lane(std::uint32_t from, std::uint32_t to) { return *lanes_[from * workers_ + to]; }
  bool has_left(std::uint32_t worker) const { return has_left_[worker].load(std::memory_order_acquire); }

  const OwnerWorkers owner_workers_;
  const std::uint32_t workers_;
  const Backoff::Steps idle_;
  std::vector<std::unique_ptr<PacketLane>> lanes_;  // index: from * workers_ + to; nullptr if from == to
  std::vector<std::atomic<bool>> has_left_;
};

// The source that one worker polls. poll() returns packets of the worker's own source and of the lanes from the other
// workers, in turn. Only the thread of this worker may use the HandOverEnd.
//
// Each lane has a time. The worker has received all packets up to this time that the sender of the lane had for the
// worker. The worker's time (Burst::now_ns) is the minimum of the times of its own source and of all its lanes. So no
// flow times out while a packet of the flow is still in a lane.
class HandOverEnd final : public PacketSource {
 public:
  HandOverEnd(HandOver& hand_over, std::uint32_t worker, PacketSource& source, Counters& counters);

  // Returns false if this worker owns the packet. Otherwise sends the packet to its owner worker and returns true. If
  // the lane is full, the packet is lost and counted.
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
  std::int64_t wall_lead_ns() const override { return source_.wall_lead_ns(); }
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
  std::uint32_t unfinished_;  // number of workers, including this worker, that may still send packets
  bool own_ended_ = false;
  std::vector<std::uint64_t> reached_ns_;  // [w]: all packets up to this time from worker w have come
  std::uint64_t passed_on_until_ns_ = 0;   // the lanes have all packets of the worker's own source up to this time
  std::uint64_t time_passed_on_ns_ = 0;    // value of passed_on_until_ns_ when empty blocks were last due
  std::uint64_t now_ns_ = 0;               // last result of reached_ns()
  std::uint64_t end_ns_ = 0;               // latest time of all finished workers
};

}  // namespace spanflow
