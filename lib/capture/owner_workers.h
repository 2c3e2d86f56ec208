// Says which worker meters a packet when each worker polls queues of its own.
#pragma once

#include <cstdint>

#include "base/flow_hash.h"
#include "decode/packet.h"

namespace spanflow {

// All packets of a flow, and all fragments of a datagram, have the same owner worker, in whichever queue they arrive.
class OwnerWorkers {
 public:
  enum class Rule : std::uint8_t {
    // The queues split packets by their IP addresses, and both directions of a flow alike: the worker that receives a
    // packet owns it. Packets from inside a tunnel are an exception. The queues split them by the outer addresses only,
    // so one worker would get the whole tunnel; kAddresses applies to them.
    kReceiver,
    // The queues do not split by addresses: a hash of the innermost addresses selects the owner.
    kAddresses,
  };

  OwnerWorkers(Rule rule, std::uint32_t workers) : rule_(rule), workers_(workers) {}

  // Returns the owner of a packet that the worker `receiver` has polled.
  std::uint32_t owner_of(const Packet& packet, std::uint32_t receiver) const {
    if (rule_ == Rule::kReceiver && packet.key.tunnel_type == TunnelType::kNone) return receiver;
    return owner_worker({.ip_src = packet.key.ip_src, .ip_dst = packet.key.ip_dst}, workers_);
  }

 private:
  Rule rule_;
  std::uint32_t workers_;
};

}  // namespace spanflow
