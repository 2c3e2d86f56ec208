// Decides when a timeout ends a flow, and whether the flow's entry then stays.
#pragma once

#include <cstdint>

#include "base/units.h"
#include "flow/flow_entry.h"
#include "spanflow/record.h"

namespace spanflow {

// The timeouts of a worker, and the rules that apply the timeouts to an entry. Times are in ns since the epoch.
class FlowTimeouts {
 public:
  struct Deadline {
    std::uint64_t at_ns;
    EndReason reason;
    bool operator==(const Deadline&) const = default;
  };

  // `segments`: see Config::FlowOptions. Without them, only a packet notices that the active timeout has passed.
  FlowTimeouts(Nanoseconds active, Nanoseconds inactive, Nanoseconds tcp_linger, bool segments = true);

  // A fast check that is true for nearly every packet: the segment is open, the packet is not older than the flow's
  // last packet, and no timeout has passed.
  bool simply_continues(const FlowEntry& entry, std::uint64_t time_ns) const {
    const std::uint64_t end_ns = entry.end_ns();
    return entry.state == EntryState::kOpen && time_ns >= end_ns && time_ns - end_ns < inactive_ns_ &&
           time_ns - entry.start_ns() < active_ns_;
  }
  // Returns the time at which the entry ends if no more packets come, and the reason. If the active and the inactive
  // timeout end at the same time, the reason is inactivity.
  Deadline deadline(const FlowEntry& entry, const FlowDetails& details) const;
  // True if a packet of `time_ns` is older than the flow's last packet by a timeout or more. One of the two times is
  // wrong. The flow must end, because a record of both packets would span too much time.
  bool is_too_old(const FlowEntry& entry, std::uint64_t time_ns) const;

  // True if a packet of `time_ns` ends a flow without segments, because the active timeout has passed.
  bool ends_at_packet(const FlowEntry& entry, std::uint64_t time_ns) const {
    return !segments_ && time_ns >= entry.start_ns() && time_ns - entry.start_ns() >= active_ns_;
  }
  // True if the entry stays as a dormant entry when its segment ends. Otherwise the entry is erased.
  static bool becomes_dormant(EntryState state, EndReason reason) {
    return state == EntryState::kOpen && reason == EndReason::kActive;
  }
  // Returns the end reason of an entry that must end before its deadline because of `cause`: kClosed if the connection
  // has closed, otherwise `cause`.
  static EndReason early_end(EntryState state, EndReason cause) {
    return state == EntryState::kClosed ? EndReason::kClosed : cause;
  }
  // Returns the close time to store for a connection that closed at `time_ns`. FlowDetails stores the distance from the
  // close time to the flow's last packet in few bits. If `time_ns` is further back, returns the earliest time that
  // FlowDetails can store.
  static std::uint64_t close_time(const FlowEntry& entry, std::uint64_t time_ns);

 private:
  std::uint64_t active_ns_;
  std::uint64_t inactive_ns_;
  std::uint64_t tcp_linger_ns_;
  bool segments_;
};

}  // namespace spanflow
