#include "flow/flow_table.h"

#include <bit>
#include <cassert>

namespace spanflow {
namespace {

constexpr std::uint64_t kUseOrderGrain = 100'000'000;  // ns

// At most two thirds full, where linear probing is short.
std::uint32_t slots_for(std::uint32_t capacity) {
  return static_cast<std::uint32_t>(std::bit_ceil(static_cast<std::uint64_t>(capacity) * 3 / 2 + 1));
}

}  // namespace

void EntryList::push_back(std::uint32_t index) {
  Links& links = entries_[index].*links_;
  links = {.previous = tail_, .next = kNoIndex};
  if (tail_ == kNoIndex) {
    head_ = index;
  } else {
    (entries_[tail_].*links_).next = index;
  }
  tail_ = index;
}

void EntryList::remove(std::uint32_t index) {
  const Links links = entries_[index].*links_;
  (links.previous == kNoIndex ? head_ : (entries_[links.previous].*links_).next) = links.next;
  (links.next == kNoIndex ? tail_ : (entries_[links.next].*links_).previous) = links.previous;
}

FlowTable::FlowTable(std::uint32_t capacity, std::uint64_t seed)
    : hash_(seed),
      entries_(capacity),
      slots_(slots_for(capacity)),
      mask_(static_cast<std::uint32_t>(slots_.size() - 1)),
      by_use_(entries_, &FlowEntry::use),
      by_opening_(entries_, &FlowEntry::opening),
      by_close_(entries_, &FlowEntry::opening) {}

std::uint32_t FlowTable::prefetch_entry(std::uint32_t hash) const {
  const Slot& slot = slots_[home(hash)];
  if (slot.entry == 0) return kNoIndex;
  const auto* entry = reinterpret_cast<const char*>(&entries_[slot.entry - 1]);
  __builtin_prefetch(entry);
  __builtin_prefetch(entry + 64);
  __builtin_prefetch(entry + 128);
  return slot.entry - 1;
}

FlowTable::Found FlowTable::find(const FlowKey& key, std::uint32_t hash) {
  for (std::uint32_t at = home(hash); slots_[at].entry != 0; at = (at + 1) & mask_) {
    if (slots_[at].hash != hash) continue;
    FlowEntry& entry = entries_[slots_[at].entry - 1];
    if (const auto direction = match(entry.flow, key)) return {&entry, *direction};
  }
  return {nullptr, Direction::kSrcToDst};
}

FlowEntry& FlowTable::insert(const FlowKey& key, std::uint32_t hash, std::uint64_t now_ns) {
  assert(!full());
  std::uint32_t index = free_;
  if (index != kNoIndex) {
    free_ = entries_[index].use.next;
  } else {
    index = unused_++;
  }
  ++size_;
  std::uint32_t at = home(hash);
  while (slots_[at].entry != 0) at = (at + 1) & mask_;
  slots_[at] = {hash, index + 1};
  FlowEntry& entry = entries_[index];
  entry = FlowEntry{};
  static_cast<FlowKey&>(entry.flow) = key;
  entry.hash = hash;
  entry.touched_ns = now_ns;
  by_use_.push_back(index);
  return entry;
}

void FlowTable::erase(FlowEntry& entry) {
  const std::uint32_t index = index_of(entry);
  std::uint32_t at = home(entry.hash);
  while (slots_[at].entry != index + 1) at = (at + 1) & mask_;
  release_slot(at);
  by_use_.remove(index);
  entry.use.next = free_;
  free_ = index;
  --size_;
}

// Closes the gap by moving back what probing had pushed behind it, so that no tombstones are needed.
void FlowTable::release_slot(std::uint32_t slot) {
  std::uint32_t gap = slot;
  for (std::uint32_t at = (gap + 1) & mask_; slots_[at].entry != 0; at = (at + 1) & mask_) {
    const std::uint32_t distance_from_home = (at - home(slots_[at].hash)) & mask_;
    const std::uint32_t distance_from_gap = (at - gap) & mask_;
    if (distance_from_home < distance_from_gap) continue;
    slots_[gap] = slots_[at];
    gap = at;
  }
  slots_[gap] = {};
}

void FlowTable::touch(FlowEntry& entry, std::uint64_t now_ns) {
  if (now_ns < entry.touched_ns + kUseOrderGrain) return;
  entry.touched_ns = now_ns;
  const std::uint32_t index = index_of(entry);
  by_use_.remove(index);
  by_use_.push_back(index);
}

}  // namespace spanflow
