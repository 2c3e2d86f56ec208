// The flows of one worker: storage, index and order. When a flow ends is the FlowCache's business.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/flow_hash.h"
#include "base/index_list.h"
#include "base/zeroed_array.h"
#include "flow/flow_entry.h"
#include "spanflow/record.h"

namespace spanflow {

// One per worker; not thread-safe. Preallocated: nothing is allocated after construction. Entries do not move.
class FlowTable {
 public:
  struct Found {
    FlowEntry* entry;
    Direction direction;
  };

  // `seed` keys the hash, so that nobody can choose flows that collide.
  FlowTable(std::uint32_t capacity, std::uint64_t seed);

  std::uint32_t hash(const FlowKey& key) const { return static_cast<std::uint32_t>(hash_(key) >> 32); }
  // Two passes over a burst before find(): first the slot, then the entry that it names. The second gives the entry's
  // index, kNoIndex if there is none.
  void prefetch_slot(std::uint32_t hash) const { __builtin_prefetch(&slots_[home(hash)]); }
  std::uint32_t prefetch_entry(std::uint32_t hash) const;

  // `hash` is always that of the key. `entry` is nullptr if the flow is not in the table.
  Found find(const FlowKey& key, std::uint32_t hash);
  // A new entry with this key, on probation, last in the order of use. The table must not be full.
  FlowEntry& insert(const FlowKey& key, std::uint32_t hash, std::uint64_t now_ns);
  void erase(FlowEntry& entry);
  // Moves the entry to the end of the order of use, at most every 100 ms: the order is no finer than that. The clock
  // must not go back while there are entries.
  void touch(FlowEntry& entry, std::uint64_t now_ns);
  // When that was, to the millisecond and if it is not 49 days ago; 0 if the clock did not know the time.
  static std::uint64_t touched_ns(const FlowEntry& entry, std::uint64_t now_ns);
  // Moves an entry that was on probation to the end of the conversations.
  void begin_conversation(FlowEntry& entry, std::uint64_t now_ns);

  bool full() const { return size_ == capacity(); }
  std::uint32_t capacity() const { return static_cast<std::uint32_t>(entries_.size()); }
  std::uint32_t size() const { return size_; }
  std::uint32_t index_of(const FlowEntry& entry) const { return static_cast<std::uint32_t>(&entry - &entries_[0]); }
  FlowEntry& at(std::uint32_t index) { return entries_[index]; }

  FlowDetails& details(const FlowEntry& entry) { return details_[index_of(entry)]; }
  const FlowDetails& details(const FlowEntry& entry) const { return details_[index_of(entry)]; }
  // Counts an active cut.
  void next_segment(FlowEntry& entry);
  // What few entries have: they start zeroed when they are first asked for.
  CounterHighBits& high_bits(FlowEntry& entry);
  Tags& tags(FlowEntry& entry);
  TunnelIds& tunnel_ids(FlowEntry& entry);
  LoadShedding& load_shedding(FlowEntry& entry);
  // The same to read: nullptr if the entry has none.
  const CounterHighBits* find_high_bits(const FlowEntry& entry) const;
  const Tags* find_tags(const FlowEntry& entry) const;
  const TunnelIds* find_tunnel_ids(const FlowEntry& entry) const;
  const LoadShedding* find_load_shedding(const FlowEntry& entry) const;

  // Orders of use: there is one of conversations and one of all others, so that either can make room.
  IndexList& on_probation() { return on_probation_; }
  IndexList& conversations() { return conversations_; }
  // Of both, by when they were touched; those on probation first in the same millisecond. kNoIndex if there is none.
  std::uint32_t least_recently_used(std::uint64_t now_ns) const;
  IndexList& by_opening() { return by_opening_; }  // open segments by age
  IndexList& by_close() { return by_close_; }      // closed ones by time of close

  // The memory that a table takes whose flows have none of what few have.
  static std::size_t octets(std::uint32_t capacity);

 private:
  struct Slot {
    std::uint32_t hash;
    std::uint32_t entry;  // plus 1; 0 is free, as zeroed memory is
  };

  static std::uint32_t slots_for(std::uint32_t capacity);
  std::uint32_t slot_count() const { return static_cast<std::uint32_t>(slots_.size()); }
  std::uint32_t home(std::uint32_t hash) const {
    return static_cast<std::uint32_t>(std::uint64_t{hash} * slots_.size() >> 32);
  }
  std::uint32_t after(std::uint32_t slot) const { return slot + 1 == slot_count() ? 0 : slot + 1; }
  // Steps of probing from one slot to another.
  std::uint32_t distance(std::uint32_t from, std::uint32_t to) const {
    return to >= from ? to - from : to + slot_count() - from;
  }
  void release_slot(std::uint32_t slot);
  IndexList& order_of(const FlowEntry& entry) { return entry.is_conversation ? conversations_ : on_probation_; }
  void move_to(IndexList& order, FlowEntry& entry, std::uint64_t now_ns);

  SymmetricHash hash_;
  ZeroedArray<FlowEntry> entries_;
  ZeroedArray<FlowDetails> details_;
  ZeroedArray<Links> use_;
  ZeroedArray<Links> opening_;
  ZeroedArray<Slot> slots_;
  ZeroedArray<CounterHighBits> high_bits_;
  ZeroedArray<Tags> tags_;
  ZeroedArray<TunnelIds> tunnel_ids_;
  ZeroedArray<LoadShedding> load_shedding_;
  std::uint32_t size_ = 0;
  std::uint32_t unused_ = 0;       // entries from here on were never used
  std::uint32_t free_ = kNoIndex;  // a chain of erased entries through Links::next of their use
  IndexList on_probation_;
  IndexList conversations_;
  IndexList by_opening_;
  IndexList by_close_;
};

}  // namespace spanflow
