#include "inspect/client_hello_watcher.h"

#include <cassert>

namespace spanflow {
namespace {

// Returns the sequence number of the first octet of the payload. In a SYN with payload (RFC 7413), the SYN itself takes
// one sequence number before the payload.
std::uint32_t payload_sequence(const Packet& packet) {
  return packet.tcp_seq + ((packet.tcp_flags & tcp::kSyn) != 0 ? 1 : 0);
}

}  // namespace

ClientHelloWatcher::ClientHelloWatcher(std::uint32_t buffers, Counters& counters)
    : counters_(counters), buffers_(buffers) {
  assert(buffers > 0 && buffers <= HelloWatch::kMostBuffers);
}

std::optional<ClientHello> ClientHelloWatcher::look(HelloWatch& watch, const Packet& packet,
                                                    std::optional<std::uint32_t> syn_sequence) {
  const Cursor payload = payload_of(packet);
  const std::uint32_t sequence = payload_sequence(packet);
  const bool borrows = watch.buffer != 0;
  if (borrows && watch.buffered == direction_index(packet.direction)) {
    return put_together(watch, buffers_[watch.buffer - 1U], sequence, payload);
  }

  const std::uint32_t start = syn_sequence ? *syn_sequence + 1 : sequence;
  if (sequence == start) {
    const HelloRead read = read_client_hello(payload, room_);
    if (read.verdict != HelloVerdict::kNeedMore) return conclude(watch, packet.direction, read);
  }
  // A flow borrows only one buffer, and the direction that needs a buffer first is taken for the client. The search in
  // this direction ends if the other direction has the buffer, or if no octets of this payload were captured.
  if (borrows || payload.captured() == 0) {
    settle(watch, packet.direction);
    return std::nullopt;
  }
  return put_together(watch, lend(watch, packet.direction, start), sequence, payload);
}

std::optional<ClientHello> ClientHelloWatcher::put_together(HelloWatch& watch, Buffer& buffer, std::uint32_t sequence,
                                                            const Cursor& payload) {
  const auto direction = static_cast<Direction>(watch.buffered);
  const bool whole = payload.captured() == payload.wire();
  if (!whole || !buffer.segments.add(sequence, payload)) {
    give_up(watch, direction);
    return std::nullopt;
  }
  const HelloRead read = read_client_hello(buffer.segments.stream(), room_);
  if (read.verdict != HelloVerdict::kNeedMore) return conclude(watch, direction, read);
  if (buffer.segments.full()) give_up(watch, direction);
  return std::nullopt;
}

std::optional<ClientHello> ClientHelloWatcher::conclude(HelloWatch& watch, Direction direction, const HelloRead& read) {
  settle(watch, direction);
  if (read.verdict == HelloVerdict::kNo) return std::nullopt;
  counters_.add(Counter::kDpiHelloRead);
  settle(watch, reversed(direction));
  return read.hello;
}

void ClientHelloWatcher::settle(HelloWatch& watch, Direction direction) {
  watch.settled |= direction_bit(direction);
  if (watch.buffer != 0 && watch.buffered == direction_index(direction)) release(watch);
}

void ClientHelloWatcher::give_up(HelloWatch& watch, Direction direction) {
  counters_.add(Counter::kDpiHelloGivenUp);
  settle(watch, direction);
}

void ClientHelloWatcher::release(HelloWatch& watch) {
  if (watch.buffer != 0) buffers_.take_back(watch.buffer - 1U);
  watch.buffer = 0;
}

// Takes the buffer back from a flow that still uses it, and ends the search in the direction of the buffered octets.
void ClientHelloWatcher::call_in(HelloWatch& watch) {
  counters_.add(Counter::kDpiHelloPoolFull);
  settle(watch, static_cast<Direction>(watch.buffered));
}

ClientHelloWatcher::Buffer& ClientHelloWatcher::lend(HelloWatch& watch, Direction direction, std::uint32_t start) {
  if (buffers_.all_lent()) call_in(*buffers_[buffers_.oldest()].borrower);
  const std::uint32_t index = buffers_.lend();
  Buffer& buffer = buffers_[index];
  buffer.segments.start(start);
  buffer.borrower = &watch;
  watch.buffer = static_cast<std::uint16_t>(index + 1);
  watch.buffered = static_cast<std::uint16_t>(direction);
  return buffer;
}

}  // namespace spanflow
