#include "inspect/client_hello_watcher.h"

#include <cassert>

namespace spanflow {
namespace {

// A SYN takes a sequence number of its own, before that of the payload it may carry (RFC 7413).
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
  if (borrows && watch.buffered == static_cast<int>(packet.direction)) {
    return put_together(watch, buffers_[watch.buffer - 1U], sequence, payload);
  }

  const std::uint32_t start = syn_sequence ? *syn_sequence + 1 : sequence;
  if (sequence == start) {
    const HelloRead read = read_client_hello(payload, room_);
    if (read.verdict != HelloVerdict::kNeedMore) return conclude(watch, packet.direction, read);
  }
  // One buffer per flow, for the side that began like a client; and no segments that are cut short from the start.
  if (borrows || payload.captured() == 0) {
    settle(watch, packet.direction);
    return std::nullopt;
  }
  return put_together(watch, lend(watch, packet.direction, start), sequence, payload);
}

std::optional<ClientHello> ClientHelloWatcher::put_together(HelloWatch& watch, Lent& lent, std::uint32_t sequence,
                                                            const Cursor& payload) {
  const auto direction = static_cast<Direction>(watch.buffered);
  const bool whole = payload.captured() == payload.wire();
  if (!whole || !lent.segments.add(sequence, payload)) {
    give_up(watch, direction);
    return std::nullopt;
  }
  const HelloRead read = read_client_hello(lent.segments.stream(), room_);
  if (read.verdict != HelloVerdict::kNeedMore) return conclude(watch, direction, read);
  if (lent.segments.full()) give_up(watch, direction);
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
  watch.settled |= HelloWatch::bit(direction);
  if (watch.buffer != 0 && watch.buffered == static_cast<int>(direction)) release(watch);
}

void ClientHelloWatcher::give_up(HelloWatch& watch, Direction direction) {
  counters_.add(Counter::kDpiHelloGivenUp);
  settle(watch, direction);
}

void ClientHelloWatcher::release(HelloWatch& watch) {
  if (watch.buffer != 0) take_back(watch.buffer - 1U);
  watch.buffer = 0;
}

// Takes the buffer of a flow that has not come to an end with it.
void ClientHelloWatcher::call_in(HelloWatch& watch) {
  counters_.add(Counter::kDpiHelloPoolFull);
  settle(watch, static_cast<Direction>(watch.buffered));
}

ClientHelloWatcher::Lent& ClientHelloWatcher::lend(HelloWatch& watch, Direction direction, std::uint32_t start) {
  const std::uint32_t index = take_buffer();
  Lent& lent = buffers_[index];
  lent.age = {.previous = newest_, .next = kNoIndex};
  (newest_ == kNoIndex ? oldest_ : buffers_[newest_].age.next) = index;
  newest_ = index;
  lent.segments.start(start);
  lent.borrower = &watch;
  watch.buffer = static_cast<std::uint16_t>(index + 1);
  watch.buffered = static_cast<std::uint16_t>(direction);
  return lent;
}

std::uint32_t ClientHelloWatcher::take_buffer() {
  if (free_ == kNoIndex && unused_ == buffers_.size()) call_in(*buffers_[oldest_].borrower);
  if (free_ == kNoIndex) return unused_++;
  const std::uint32_t index = free_;
  free_ = buffers_[index].age.next;
  return index;
}

void ClientHelloWatcher::take_back(std::uint32_t index) {
  Lent& lent = buffers_[index];
  (lent.age.previous == kNoIndex ? oldest_ : buffers_[lent.age.previous].age.next) = lent.age.next;
  (lent.age.next == kNoIndex ? newest_ : buffers_[lent.age.next].age.previous) = lent.age.previous;
  lent.age.next = free_;
  free_ = index;
}

}  // namespace spanflow
