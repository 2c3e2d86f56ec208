// Which worker meters a packet, where several workers poll queues of their own.
#pragma once

#include <cstdint>

#include "base/flow_hash.h"
#include "decode/packet.h"

namespace spanflow {

// Every packet of a flow, and every fragment of a datagram, has the same owner worker, whichever queue it arrives in.
class OwnerWorkers {
 public:
  enum class Rule : std::uint8_t {
    // The queues split packets by their IP addresses, both directions alike: the worker that receives a packet owns it.
    // Packets from inside a tunnel are an exception: the split knows only the outer addresses, so one worker would get
    // the whole tunnel. They have owners by kAddresses.
    kReceiver,
    // The queues do not split by addresses: a hash of the (innermost) addresses selects the owner.
    kAddresses,
  };

  OwnerWorkers(Rule rule, std::uint32_t workers) : rule_(rule), workers_(workers) {}

  // The owner of a packet that the worker `receiver` has polled.
  std::uint32_t owner_of(const Packet& packet, std::uint32_t receiver) const {
    if (rule_ == Rule::kReceiver && packet.key.tunnel_type == TunnelType::kNone) return receiver;
    return owner_worker({.ip_src = packet.key.ip_src, .ip_dst = packet.key.ip_dst}, workers_);
  }

 private:
  Rule rule_;
  std::uint32_t workers_;
};

}  // namespace spanflow
