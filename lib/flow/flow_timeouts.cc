#include "flow/flow_timeouts.h"

#include <algorithm>

namespace spanflow {
namespace {

// Half of the time span that FlowDetails can store. The other half is for late packets, which move the end of the flow
// away from its close time.
constexpr std::uint64_t kMostLinger = FlowDetails::kMostSinceClose / 2;

std::uint64_t nanoseconds(Nanoseconds duration) { return static_cast<std::uint64_t>(duration.count()); }

}  // namespace

FlowTimeouts::FlowTimeouts(Nanoseconds active, Nanoseconds inactive, Nanoseconds tcp_linger, bool segments)
    : active_ns_(nanoseconds(active)),
      inactive_ns_(nanoseconds(inactive)),
      tcp_linger_ns_(std::min(nanoseconds(tcp_linger), kMostLinger)),
      segments_(segments) {}

FlowTimeouts::Deadline FlowTimeouts::deadline(const FlowEntry& entry, const FlowDetails& details) const {
  const std::uint64_t end_ns = entry.end_ns();
  const std::uint64_t inactive = end_ns + inactive_ns_;
  const std::uint64_t active = entry.start_ns() + active_ns_;
  switch (entry.state) {
    case EntryState::kDormant:
      return {inactive, EndReason::kInactive};
    case EntryState::kClosed:
      return {std::min({details.closed_ns(end_ns) + tcp_linger_ns_, active, inactive}), EndReason::kClosed};
    case EntryState::kOpen:
      break;
  }
  return segments_ && active < inactive ? Deadline{active, EndReason::kActive}
                                        : Deadline{inactive, EndReason::kInactive};
}

bool FlowTimeouts::is_too_old(const FlowEntry& entry, std::uint64_t time_ns) const {
  const std::uint64_t end_ns = entry.end_ns();
  return time_ns < end_ns && (end_ns - time_ns >= inactive_ns_ || end_ns - time_ns >= active_ns_);
}

std::uint64_t FlowTimeouts::close_time(const FlowEntry& entry, std::uint64_t time_ns) {
  return std::max(time_ns, entry.end_ns() - std::min(entry.end_ns(), kMostLinger));
}

}  // namespace spanflow
