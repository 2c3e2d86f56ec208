// Finds the ClientHello of each TLS flow.
#pragma once

#include <cstdint>
#include <optional>

#include "base/zeroed_array.h"
#include "decode/packet.h"
#include "flow/flow_entry.h"
#include "inspect/client_hello.h"
#include "inspect/segment_buffer.h"
#include "telemetry/counters.h"

namespace spanflow {

// One per worker; not thread-safe. `counters` must outlive it. A hello that comes in one segment, as most do, is read
// in the packet. Only one that does not borrows one of `buffers` buffers, at least 1, until it is there; when all are
// out, the oldest loan is called in, and its flow's hello given up.
class ClientHelloWatcher {
 public:
  ClientHelloWatcher(std::uint32_t buffers, Counters& counters);

  // Looks at a TCP packet of the flow. Gives the hello once, with the packet that completes it; it is valid until the
  // next call, while the packet is. `syn_sequence` is the sequence number of the sender's SYN, if that was seen:
  // without it the stream is taken to begin with the first payload.
  std::optional<ClientHello> add(HelloWatch& watch, const Packet& packet, std::optional<std::uint32_t> syn_sequence) {
    if (packet.payload_size == 0 || watch.is_settled(packet.direction)) return std::nullopt;
    return look(watch, packet, syn_sequence);
  }
  // Must be called before a watch that is not done() is dropped or moved.
  void release(HelloWatch& watch);

 private:
  struct Lent {
    Links age;
    HelloWatch* borrower;
    SegmentBuffer segments;
  };

  std::optional<ClientHello> look(HelloWatch& watch, const Packet& packet, std::optional<std::uint32_t> syn_sequence);
  std::optional<ClientHello> put_together(HelloWatch& watch, Lent& lent, std::uint32_t sequence, const Cursor& payload);
  std::optional<ClientHello> conclude(HelloWatch& watch, Direction direction, const HelloRead& read);
  void settle(HelloWatch& watch, Direction direction);
  void give_up(HelloWatch& watch, Direction direction);
  void call_in(HelloWatch& watch);
  Lent& lend(HelloWatch& watch, Direction direction, std::uint32_t start);
  std::uint32_t take_buffer();
  void take_back(std::uint32_t index);

  Counters& counters_;
  ZeroedArray<Lent> buffers_;
  std::uint32_t unused_ = 0;
  std::uint32_t free_ = kNoIndex;  // a chain through Links::next
  std::uint32_t oldest_ = kNoIndex;
  std::uint32_t newest_ = kNoIndex;
  HelloRoom room_;
};

}  // namespace spanflow
