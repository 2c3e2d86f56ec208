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

// One object per worker; not thread-safe. `buffers` is from 1 to HelloWatch::kMostBuffers. `counters` must outlive the
// object. Most hellos come in one TCP segment, and the watcher reads them in the packet. A hello in several TCP
// segments borrows a buffer until the hello is complete. If all buffers are lent, the watcher takes back the buffer
// that was lent first, and gives up the hello of that flow.
class ClientHelloWatcher {
 public:
  ClientHelloWatcher(std::uint32_t buffers, Counters& counters);

  // Reads a TCP packet of the flow. Returns the hello once, for the packet that completes it. The hello is valid until
  // the next call, and only while the packet is valid. `syn_sequence` is the sequence number of the SYN in the
  // direction of the packet. If it is nullopt, the stream is assumed to begin with the first payload.
  std::optional<ClientHello> add(HelloWatch& watch, const Packet& packet, std::optional<std::uint32_t> syn_sequence) {
    if (packet.payload_size == 0 || watch.is_settled(packet.direction)) return std::nullopt;
    return look(watch, packet, syn_sequence);
  }
  // Returns the borrowed buffer, if any, to the pool. Must be called before the watch is destroyed or moved. A watch
  // that is done() has no buffer, so it needs no call.
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
