// Says which worker meters a packet when each worker polls queues of its own.
#pragma once

#include <cstdint>

#include "base/flow_hash.h"
#include "decode/packet.h"

namespace spanflow {

// All packets of a flow have the same owner worker. All fragments of a datagram also have the same owner worker. The
// queue in which a packet arrives makes no difference.
class OwnerWorkers {
 public:
  enum class Rule : std::uint8_t {
    // Use this if the ports select the queue by the IP addresses and put both directions of a flow in one queue. The
    // worker that receives a packet owns the packet. Packets inside a tunnel are an exception. The port sees only the
    // outer addresses, so one worker would get the whole tunnel. kAddresses applies to these packets.
    kReceiver,
    // Use this for all other ports. A hash of the innermost IP addresses selects the owner worker.
    kAddresses,
  };

  OwnerWorkers(Rule rule, std::uint32_t workers) : rule_(rule), workers_(workers) {}

  // Returns the owner worker of a packet that the worker `receiver` has polled.
  std::uint32_t owner_of(const Packet& packet, std::uint32_t receiver) const {
    if (rule_ == Rule::kReceiver && packet.key.tunnel_type == TunnelType::kNone) return receiver;
    return address_worker(packet.key.ip_src, packet.key.ip_dst, workers_);
  }

 private:
  Rule rule_;
  std::uint32_t workers_;
};

}  // namespace spanflow
