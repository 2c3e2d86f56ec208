#include "dpi/client_hello_watcher.h"

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
  assert(buffers > 0);
}

std::optional<ClientHello> ClientHelloWatcher::look(HelloWatch& watch, const Packet& packet,
                                                    std::optional<std::uint32_t> syn_sequence) {
  const Cursor payload = payload_of(packet);
  const std::uint32_t sequence = payload_sequence(packet);
  Lent* lent = lent_to(watch);
  if (lent != nullptr && watch.buffered == packet.direction) return put_together(watch, *lent, sequence, payload);
  if (watch.is_settled(packet.direction)) return std::nullopt;  // by the loss of its buffer

  const std::uint32_t start = syn_sequence ? *syn_sequence + 1 : sequence;
  if (sequence == start) {
    const HelloRead read = read_client_hello(payload, room_);
    if (read.verdict != HelloVerdict::kNeedMore) return conclude(watch, packet.direction, read);
  }
  // One buffer per flow, for the side that began like a client; and no segments that are cut short from the start.
  if (lent != nullptr || payload.captured() == 0) {
    settle(watch, packet.direction);
    return std::nullopt;
  }
  return put_together(watch, lend(watch, packet.direction, start), sequence, payload);
}

std::optional<ClientHello> ClientHelloWatcher::put_together(HelloWatch& watch, Lent& lent, std::uint32_t sequence,
                                                            const Cursor& payload) {
  const Direction direction = watch.buffered;
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
  if (watch.buffer != 0 && watch.buffered == direction) release(watch);
}

void ClientHelloWatcher::give_up(HelloWatch& watch, Direction direction) {
  counters_.add(Counter::kDpiHelloGivenUp);
  settle(watch, direction);
}

void ClientHelloWatcher::release(HelloWatch& watch) {
  if (lent_to(watch) != nullptr) take_back(watch.buffer - 1);
  watch.buffer = 0;
}

// The buffer that the flow still has; nullptr if it has none, or it was called in.
ClientHelloWatcher::Lent* ClientHelloWatcher::lent_to(HelloWatch& watch) {
  if (watch.buffer == 0) return nullptr;
  Lent& lent = buffers_[watch.buffer - 1];
  if (lent.loan == watch.loan) return &lent;
  watch.settled |= HelloWatch::bit(watch.buffered);
  watch.buffer = 0;
  return nullptr;
}

ClientHelloWatcher::Lent& ClientHelloWatcher::lend(HelloWatch& watch, Direction direction, std::uint32_t start) {
  const std::uint32_t index = take_buffer();
  Lent& lent = buffers_[index];
  lent.age = {.previous = newest_, .next = kNoIndex};
  (newest_ == kNoIndex ? oldest_ : buffers_[newest_].age.next) = index;
  newest_ = index;
  lent.segments.start(start);
  watch.buffer = index + 1;
  watch.loan = ++lent.loan;
  watch.buffered = direction;
  return lent;
}

std::uint32_t ClientHelloWatcher::take_buffer() {
  if (free_ == kNoIndex && unused_ == buffers_.size()) {
    counters_.add(Counter::kDpiHelloPoolFull);
    take_back(oldest_);
  }
  if (free_ == kNoIndex) return unused_++;
  const std::uint32_t index = free_;
  free_ = buffers_[index].age.next;
  return index;
}

void ClientHelloWatcher::take_back(std::uint32_t index) {
  Lent& lent = buffers_[index];
  ++lent.loan;
  (lent.age.previous == kNoIndex ? oldest_ : buffers_[lent.age.previous].age.next) = lent.age.next;
  (lent.age.next == kNoIndex ? newest_ : buffers_[lent.age.next].age.previous) = lent.age.previous;
  lent.age.next = free_;
  free_ = index;
}

}  // namespace spanflow
