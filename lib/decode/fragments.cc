#include "decode/fragments.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace spanflow {

Fragments::Fragments(std::uint64_t capacity, Nanoseconds timeout, std::uint64_t seed, Counters& counters)
    : timeout_ns_(static_cast<std::uint64_t>(timeout.count())),
      hash_(seed),
      counters_(counters),
      datagrams_(capacity),
      buckets_(capacity == 0 ? 0 : std::bit_ceil(capacity * 2)),
      // One additional slot: if all other slots are in use, hold() releases the oldest fragment and stores the new one.
      // The released fragment must stay in its slot until it is taken.
      held_(capacity == 0 ? 0 : capacity + 1),
      octets_(held_.size() * kHeldOctets) {}

bool Fragments::follow(const RawPacket& raw, LinkType link_type, Packet& packet) {
  if (datagrams_.size() == 0) return true;
  if (packet.first_fragment) {
    note_first(packet, packet.transport());
    settle();
    return true;
  }
  const FlowKey key = key_of(packet);
  const std::uint32_t known = find(key, packet);
  if (known != kNone && datagrams_[known].transport.known) {
    packet.take(datagrams_[known].transport);
  } else {
    hold(raw, link_type, known != kNone ? known : add(key, packet));
    settle();
    return false;
  }
  settle();
  return true;
}

// Returns the key that all fragments of a datagram share. It has no ports. For IPv6 it has no next header either,
// because the next header may differ between fragments (RFC 8200).
FlowKey Fragments::key_of(const Packet& packet) {
  FlowKey key = packet.key;
  key.src_port = key.dst_port = 0;
  if (key.ip_version == 6) key.ip_protocol = 0;
  return key;
}

std::uint32_t& Fragments::bucket(const FlowKey& key, std::uint32_t id) {
  return buckets_[fold(hash_(key), id + 0x9e3779b97f4a7c15) & (buckets_.size() - 1)];
}

std::uint32_t Fragments::find(const FlowKey& key, const Packet& packet) {
  for (std::uint32_t at = bucket(key, packet.fragment_id); at != 0; at = datagrams_[at - 1].next) {
    const Datagram& datagram = datagrams_[at - 1];
    if (datagram.id != packet.fragment_id || !equal(words_of(datagram.key), words_of(key))) continue;
    if (!is_over(datagram.clock_ns, packet.clock_ns())) return at - 1;
    remove(at - 1);
    break;
  }
  return kNone;
}

std::uint32_t Fragments::add(const FlowKey& key, const Packet& packet) {
  const auto index = static_cast<std::uint32_t>(added_++ % datagrams_.size());
  if (datagrams_[index].key.ip_version != 0) remove(index);
  std::uint32_t& head = bucket(key, packet.fragment_id);
  datagrams_[index] = {.key = key,
                       .id = packet.fragment_id,
                       .transport = {},
                       .clock_ns = packet.clock_ns(),
                       .next = head,
                       .oldest = kNone,
                       .newest = kNone};
  head = index + 1;
  return index;
}

// Forgets a datagram. Its held fragments become orphans.
void Fragments::remove(std::uint32_t index) {
  Datagram& datagram = datagrams_[index];
  release(datagram);
  std::uint32_t* link = &bucket(datagram.key, datagram.id);
  while (*link != index + 1) link = &datagrams_[*link - 1].next;
  *link = datagram.next;
  datagram.key.ip_version = 0;  // marks the element as unused
}

void Fragments::note_first(const Packet& packet, const DatagramTransport& transport) {
  const FlowKey key = key_of(packet);
  std::uint32_t known = find(key, packet);
  // The first fragment is already known: it came twice, or a later datagram has reused the identification.
  if (known != kNone && datagrams_[known].transport.known) {
    remove(known);
    known = kNone;
  }
  Datagram& datagram = datagrams_[known != kNone ? known : add(key, packet)];
  datagram.transport = transport;
  datagram.clock_ns = packet.clock_ns();
  release(datagram);
}

void Fragments::note_tunnel(const Packet& outer) {
  if (datagrams_.size() == 0) return;
  DatagramTransport transport = outer.transport();
  transport.in_tunnel = true;
  note_first(outer, transport);
  settle();
}

bool Fragments::is_of_tunnel(const Packet& later) {
  if (datagrams_.size() == 0) return false;
  const std::uint32_t known = find(key_of(later), later);
  settle();
  return known != kNone && datagrams_[known].transport.in_tunnel;
}

void Fragments::hold(const RawPacket& raw, LinkType link_type, std::uint32_t index) {
  if (held_end_ - held_begin_ == held_.size() - 1) orphan_oldest();
  const auto slot = static_cast<std::uint32_t>(held_end_++ % held_.size());
  std::uint8_t* octets = &octets_[static_cast<std::size_t>(slot) * kHeldOctets];
  const std::uint32_t captured = std::min(raw.captured, kHeldOctets);
  std::memcpy(octets, raw.data, captured);
  held_[slot] = {.raw = raw, .link_type = link_type, .waiting = true, .datagram = index, .next = kNone};
  held_[slot].raw.data = octets;
  held_[slot].raw.captured = captured;
  Datagram& datagram = datagrams_[index];
  datagram.clock_ns = raw.clock_ns();
  (datagram.newest == kNone ? datagram.oldest : held_[datagram.newest].next) = slot;
  datagram.newest = slot;
  counters_.add(Counter::kFragmentsHeld);
}

// Releases the held fragments of a datagram in their order. If the first fragment is known, the released fragments get
// its ports.
void Fragments::release(Datagram& datagram) {
  for (std::uint32_t slot = datagram.oldest; slot != kNone;) {
    Held& held = held_[slot];
    held.raw.transport = datagram.transport;
    held.waiting = false;
    append_released(std::exchange(slot, held.next));
  }
  datagram.oldest = datagram.newest = kNone;
}

// Releases the oldest held fragment without ports, unless it has been released already. It is the first in the list of
// its datagram, because that list is in order of arrival.
void Fragments::orphan_oldest() {
  const auto slot = static_cast<std::uint32_t>(held_begin_++ % held_.size());
  Held& held = held_[slot];
  if (!held.waiting) return;
  Datagram& datagram = datagrams_[held.datagram];
  datagram.oldest = held.next;
  if (datagram.oldest == kNone) datagram.newest = kNone;
  held.waiting = false;
  append_released(slot);
}

void Fragments::append_released(std::uint32_t slot) {
  if (!held_[slot].raw.transport.known) counters_.add(Counter::kFragmentsOrphaned);
  held_[slot].next = kNone;
  (last_released_ == kNone ? first_released_ : held_[last_released_].next) = slot;
  last_released_ = slot;
}

void Fragments::expire(std::uint64_t clock_ns) {
  while (held_begin_ != held_end_ && is_over(oldest_held().raw.clock_ns(), clock_ns)) {
    orphan_oldest();
    settle();
  }
}

// True if the timeout that began at `since_ns` is over.
bool Fragments::is_over(std::uint64_t since_ns, std::uint64_t clock_ns) const {
  return clock_ns >= since_ns + timeout_ns_;
}

void Fragments::release_all() {
  while (held_begin_ != held_end_) orphan_oldest();
  for (std::uint32_t i = 0; i < std::min<std::uint64_t>(added_, datagrams_.size()); ++i) {
    if (datagrams_[i].key.ip_version != 0) remove(i);
  }
  settle();
}

const Fragments::Held* Fragments::take_released() {
  if (first_released_ == kNone) return nullptr;
  const Held& held = held_[first_released_];
  first_released_ = held.next;
  if (first_released_ == kNone) last_released_ = kNone;
  counters_.subtract(Counter::kFragmentsHeld);
  settle();
  return &held;
}

// Moves the front of the ring to the oldest fragment that still waits, and updates the time for may_release().
void Fragments::settle() {
  while (held_begin_ != held_end_ && !oldest_held().waiting) ++held_begin_;
  if (first_released_ != kNone) {
    due_ns_ = 0;
  } else {
    due_ns_ = held_begin_ == held_end_ ? kNever : oldest_held().raw.clock_ns() + timeout_ns_;
  }
}

std::uint64_t Fragments::passed_until(std::uint64_t now_ns) const {
  return held_begin_ == held_end_ ? now_ns : std::min(now_ns, oldest_held().raw.clock_ns());
}

}  // namespace spanflow
