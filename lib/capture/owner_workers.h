// Which worker meters a packet, where several workers poll queues of their own.
#pragma once

#include <cstdint>

#include "base/flow_hash.h"
#include "decode/packet.h"

namespace spanflow {

// Every packet of a flow has one home, whichever queue it came in by, and so has every fragment of a datagram.
class OwnerWorkers {
 public:
  enum class Rule : std::uint8_t {
    // The queues split packets by their IP addresses, both directions alike: a packet is at home where it landed. Only
    // what comes out of a tunnel is not, whose addresses the split has not seen: a tunnel would be on one worker.
    kLanding,
    // The queues do not: a hash of the (innermost) addresses says it.
    kAddresses,
  };

  OwnerWorkers(Rule rule, std::uint32_t workers) : rule_(rule), workers_(workers) {}

  // Of a packet that the worker `landed` has polled.
  std::uint32_t owner_of(const Packet& packet, std::uint32_t landed) const {
    if (rule_ == Rule::kLanding && packet.key.tunnel_type == TunnelType::kNone) return landed;
    return owner_worker({.ip_src = packet.key.ip_src, .ip_dst = packet.key.ip_dst}, workers_);
  }

 private:
  Rule rule_;
  std::uint32_t workers_;
};

}  // namespace spanflow
