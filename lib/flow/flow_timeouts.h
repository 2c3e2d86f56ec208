// Decides when time ends a flow, and what happens to its entry then.
#pragma once

#include <cstdint>

#include "base/units.h"
#include "flow/flow_entry.h"
#include "spanflow/record.h"

namespace spanflow {

// The timeouts of a worker, and the rules for applying them to an entry. Times are in ns since the epoch.
class FlowTimeouts {
 public:
  struct Deadline {
    std::uint64_t at_ns;
    EndReason reason;
    bool operator==(const Deadline&) const = default;
  };

  FlowTimeouts(Nanoseconds active, Nanoseconds inactive, Nanoseconds tcp_linger);

  // True for nearly every packet: the segment is open, and no timeout has passed at the packet's time.
  bool simply_continues(const FlowEntry& entry, std::uint64_t time_ns) const {
    const std::uint64_t end_ns = entry.end_ns();
    return entry.state == EntryState::kOpen && time_ns >= end_ns && time_ns - end_ns < inactive_ns_ &&
           time_ns - entry.start_ns() < active_ns_;
  }
  // Returns when the entry ends if no more packets come, and why. If both timeouts end at the same time, the reason is
  // inactivity.
  Deadline deadline(const FlowEntry& entry, const FlowDetails& details) const;
  // True if a packet of `time_ns` is older than the flow's last packet by a timeout or more. A record of both packets
  // would span too much time. One of the two times is wrong, so the flow ends.
  bool is_too_old(const FlowEntry& entry, std::uint64_t time_ns) const;
  // True if the time of the flow's last packet is more than the inactive timeout after `now_ns`, and no packet has come
  // since `touched_ns`, at least one inactive timeout ago. That time is wrong, so the flow ends. Packets that other
  // workers hand over may be ahead of the time that all workers have reached, but only by a little.
  bool is_stuck_ahead(const FlowEntry& entry, std::uint64_t touched_ns, std::uint64_t now_ns) const;

  // True if the entry waits for the next segment when its segment has ended. Otherwise the entry is forgotten.
  static bool becomes_dormant(EntryState state, EndReason reason) {
    return state == EntryState::kOpen && reason == EndReason::kActive;
  }
  // Returns the end reason of an entry that must end before its deadline because of `cause`.
  static EndReason early_end(EntryState state, EndReason cause) {
    return state == EntryState::kClosed ? EndReason::kClosed : cause;
  }
  // Returns the time to store for a connection that closed at `time_ns`. This is a later time if FlowDetails cannot
  // store a time so long before the flow's last packet.
  static std::uint64_t close_time(const FlowEntry& entry, std::uint64_t time_ns);

 private:
  std::uint64_t active_ns_;
  std::uint64_t inactive_ns_;
  std::uint64_t tcp_linger_ns_;
};

}  // namespace spanflow
