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

// Owns a lane from each worker to each other worker. The workers poll its ends (see make_end) instead of the sources.
// The ends must be destroyed before the HandOver. The main thread makes all calls, except for leave(), which is
// thread-safe.
class HandOver {
 public:
  // `workers` is at least 2. `idle` says how a worker without work waits.
  HandOver(const OwnerWorkers& owner_workers, std::uint32_t workers, const Backoff::Steps& idle);
  ~HandOver();

  // Makes the HandOverEnd that `worker` polls instead of `source`. `source` must not wait in poll(). `source` and the
  // worker's `counters` must outlive the returned object.
  std::unique_ptr<HandOverEnd> make_end(std::uint32_t worker, PacketSource& source, Counters& counters);
  // To be called when this worker has ended or failed, and hands over no more packets. No end returns kEnd before all
  // workers have left.
  void leave(std::uint32_t worker) { has_left_[worker].store(true, std::memory_order_release); }

 private:
  friend class HandOverEnd;

  PacketLane& lane(std::uint32_t from, std::uint32_t to) { return *lanes_[from * workers_ + to]; }
  bool has_left(std::uint32_t worker) const { return has_left_[worker].load(std::memory_order_acquire); }

  const OwnerWorkers owner_workers_;
  const std::uint32_t workers_;
  const Backoff::Steps idle_;
  std::vector<std::unique_ptr<PacketLane>> lanes_;  // the index is from * workers_ + to
  std::vector<std::atomic<bool>> has_left_;
};

// The source that one worker polls: its own queues and the lanes from the other workers, in turn. Only that worker's
// thread may use the end.
//
// The time of a lane is the time that its sender's queues had reached when all of their packets for this worker had
// been passed on. A worker's time is the minimum over its own queues and its lanes, so no flow ends while packets are
// on their way to the worker.
class HandOverEnd final : public PacketSource {
 public:
  HandOverEnd(HandOver& hand_over, std::uint32_t worker, PacketSource& source, Counters& counters);

  // False if this worker owns the packet. Otherwise the packet was sent to its owner, or was lost and counted.
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
  std::uint32_t unfinished_;  // workers, including this one, from which packets may still come
  bool own_ended_ = false;
  std::vector<std::uint64_t> reached_ns_;  // by worker: the time that the worker is known to have reached
  std::uint64_t passed_on_until_ns_ = 0;
  std::uint64_t time_passed_on_ns_ = 0;
  std::uint64_t now_ns_ = 0;
  std::uint64_t end_ns_ = 0;
};

}  // namespace spanflow
