// Finds the ClientHello of each TLS flow.
#pragma once

#include <cstdint>
#include <optional>

#include "base/loan_pool.h"
#include "decode/packet.h"
#include "inspect/client_hello.h"
#include "inspect/hello_watch.h"
#include "inspect/segment_buffer.h"
#include "telemetry/counters.h"

namespace spanflow {

// One per worker; not thread-safe. `counters` must outlive it. Most hellos come in one segment and are read in the
// packet. A hello in several segments borrows one of `buffers` buffers (at least 1) until it is complete. When all
// buffers are lent, the watcher takes back the oldest one and gives up the hello of that flow.
class ClientHelloWatcher {
 public:
  ClientHelloWatcher(std::uint32_t buffers, Counters& counters);

  // Reads a TCP packet of the flow. Returns the hello once, for the packet that completes it. The hello is valid until
  // the next call and while the packet is. `syn_sequence` is the sequence number of the sender's SYN, if that was seen.
  // Otherwise the stream is assumed to begin with the first payload.
  std::optional<ClientHello> add(HelloWatch& watch, const Packet& packet, std::optional<std::uint32_t> syn_sequence) {
    if (packet.payload_size == 0 || watch.is_settled(packet.direction)) return std::nullopt;
    return look(watch, packet, syn_sequence);
  }
  // Must be called before a watch is dropped or moved, unless the watch is done().
  void release(HelloWatch& watch);

 private:
  struct Buffer {
    HelloWatch* borrower;
    SegmentBuffer segments;
  };

  std::optional<ClientHello> look(HelloWatch& watch, const Packet& packet, std::optional<std::uint32_t> syn_sequence);
  std::optional<ClientHello> put_together(HelloWatch& watch, Buffer& buffer, std::uint32_t sequence,
                                          const Cursor& payload);
  std::optional<ClientHello> conclude(HelloWatch& watch, Direction direction, const HelloRead& read);
  void settle(HelloWatch& watch, Direction direction);
  void give_up(HelloWatch& watch, Direction direction);
  void call_in(HelloWatch& watch);
  Buffer& lend(HelloWatch& watch, Direction direction, std::uint32_t start);

  Counters& counters_;
  LoanPool<Buffer> buffers_;
  HelloRoom room_;
};

}  // namespace spanflow
