// Brings packets to their home where several workers poll queues of their own.
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

// Owns a lane from each worker to each other. Its ends (make_end) are what the workers poll, instead of the sources,
// and must be destroyed before it. All calls by the main thread but leave(), which is thread-safe.
class HandOver {
 public:
  // Two workers or more. `idle`: how one waits that has nothing to do.
  HandOver(const OwnerWorkers& owner_workers, std::uint32_t workers, const Backoff::Steps& idle);
  ~HandOver();

  // The end of one worker. `source` must not wait itself; it and `counters`, the worker's, must outlive the end.
  std::unique_ptr<HandOverEnd> make_end(std::uint32_t worker, PacketSource& source, Counters& counters);
  // This worker hands over nothing more: it has ended, or failed. Until all have left, none ends.
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

// What one worker polls: its own queues and what the others have for it, in turn. Its thread's alone.
//
// Time: a lane's has come as far as its sender's queues had when all that was found in them for this worker had been
// passed on. A worker's is the least of its own and its lanes', so no flow ends that packets are on their way to.
class HandOverEnd final : public PacketSource {
 public:
  HandOverEnd(HandOver& hand_over, std::uint32_t worker, PacketSource& source, Counters& counters);

  // False if the packet is at home here. Otherwise it is on its way, or counted as lost.
  [[gnu::always_inline]] bool send_to_owner(const RawPacket& raw, const Packet& packet, LinkType link_type) {
    const std::uint32_t home = hand_over_.owner_workers_.owner_of(packet, worker_);
    if (home == worker_) return false;
    send(home, raw, link_type);
    return true;
  }

  void attach_thread() override { source_.attach_thread(); }
  Burst poll() override;
  TimestampSource timestamp_source() const override { return source_.timestamp_source(); }
  bool is_live() const override { return source_.is_live(); }
  std::uint32_t greatest_frame() const override { return source_.greatest_frame(); }
  HandOverEnd* hand_over() override { return this; }
  double backlog() const override;

 private:
  void send(std::uint32_t home, const RawPacket& raw, LinkType link_type);
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
  std::uint32_t turn_;        // the worker whose packets are looked for next
  std::uint32_t unfinished_;  // workers from which packets may still come, this one included
  bool own_ended_ = false;
  std::vector<std::uint64_t> reached_ns_;  // the time of each worker, as far as it is known here
  std::uint64_t passed_on_until_ns_ = 0;
  std::uint64_t time_passed_on_ns_ = 0;
  std::uint64_t now_ns_ = 0;
  std::uint64_t end_ns_ = 0;
};

}  // namespace spanflow
