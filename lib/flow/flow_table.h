// The storage of a worker's flows, their hash index, and lists by order of use and by age. The FlowCache decides when a
// flow ends.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/flow_hash.h"
#include "base/index_list.h"
#include "base/zeroed_array.h"
#include "config/config.h"
#include "flow/flow_entry.h"
#include "spanflow/record.h"

namespace spanflow {

// One object per worker; not thread-safe. The constructor allocates all memory. Entries do not move.
//
// The order of use is a segmented LRU (Karedla, Love and Wherry: "Caching strategies to improve disk system
// performance", IEEE Computer 27(3), 1994). A new flow is on probation until begin_conversation(). Flows on probation
// have one order and conversations have another, so that a flood of new flows does not evict conversations.
class FlowTable {
 public:
  struct Found {
    FlowEntry* entry;
    Direction direction;
  };

  // `capacity` is the number of flows. `seed` keys the hash, so that nobody can choose flows that collide. `accounting`
  // says which octets read() reports.
  FlowTable(std::uint32_t capacity, std::uint64_t seed, Accounting accounting = Accounting::kIp);

  std::uint32_t hash(const FlowKey& key) const { return static_cast<std::uint32_t>(hash_(key) >> 32); }
  // Call these two functions some time before find(). prefetch_slot() fetches the home slot of the hash. Later,
  // prefetch_entry() fetches the entry that find() will most likely return, and returns its index, or kNoIndex if no
  // flow has this hash.
  void prefetch_slot(std::uint32_t hash) const { __builtin_prefetch(&slots_[home_slot(hash)]); }
  std::uint32_t prefetch_entry(std::uint32_t hash) const;
  // Fetches an entry, and its place in the order of use.
  void prefetch(std::uint32_t index) const;
  // Fetches also what only the end of a flow needs.
  void prefetch_whole(std::uint32_t index) const;

  // `hash` must be hash(key). `expected` is an earlier result of prefetch_entry() for this hash: find() does not search
  // if the flow is still there. The result's `entry` is nullptr if the flow is not in the table.
  Found find(const FlowKey& key, std::uint32_t hash, std::uint32_t expected = kNoIndex);
  // Makes an entry with this key, on probation and last in the order of use. The table must have room.
  FlowEntry& insert(const FlowKey& key, std::uint32_t hash, std::uint64_t now_ns);
  void erase(FlowEntry& entry);
  // Moves the entry to the end of its order of use, but at most every 100 ms, which is the resolution of the order.
  void touch(FlowEntry& entry, std::uint64_t now_ns);
  // Returns the time at which the entry last moved, in ns, rounded down to a millisecond. The time is correct if it is
  // less than 24 days (2^31 ms) before or after `now_ns`.
  static std::uint64_t touched_ns(const FlowEntry& entry, std::uint64_t now_ns);
  // Returns how long after `time_ns` the entry last moved, in ns; negative if before. Modulo 49 days (2^32 ms).
  static std::int64_t touched_after_ns(const FlowEntry& entry, std::uint64_t time_ns);
  // Moves an entry that is on probation to the end of the conversations.
  void begin_conversation(FlowEntry& entry, std::uint64_t now_ns);

  bool full() const { return size_ == capacity(); }
  std::uint32_t capacity() const { return static_cast<std::uint32_t>(entries_.size()); }
  std::uint32_t size() const { return size_; }
  std::uint32_t index_of(const FlowEntry& entry) const { return static_cast<std::uint32_t>(&entry - &entries_[0]); }
  FlowEntry& at(std::uint32_t index) { return entries_[index]; }
  const FlowEntry& at(std::uint32_t index) const { return entries_[index]; }
  FlowDetails& details(const FlowEntry& entry) { return details_[index_of(entry)]; }
  const FlowDetails& details(const FlowEntry& entry) const { return details_[index_of(entry)]; }

  // Sets the counts and times of the segment to their start values.
  void start_segment(FlowEntry& entry);
  // Increments the segment number, after an active timeout.
  void next_segment(FlowEntry& entry);
  // Returns the entry's element of a side array. The first call for an entry sets the element to zero.
  CounterHighBits& high_bits(FlowEntry& entry);
  Tags& tags(FlowEntry& entry);
  TunnelIds& tunnel_ids(FlowEntry& entry);
  LoadShedding& load_shedding(FlowEntry& entry);
  bool sheds_features(const FlowEntry& entry) const {
    return entry.has_load_shedding && load_shedding_[index_of(entry)].features != 0;
  }
  // True if flow.accounting counts transport or payload octets. The entry has only link and IP octets.
  bool keeps_accounted_octets() const { return accounted_octets_.size() > 0; }
  void add_accounted_octets(const FlowEntry& entry, Direction direction, std::uint64_t octets) {
    accounted_octets_[index_of(entry)].sides[direction_index(direction)] += octets;
  }

  // Fills in `flow`, or one side of it, as records and user metrics see the flow. Does not change flow.metrics.
  void read(const FlowEntry& entry, Flow& flow) const;
  void read(const FlowEntry& entry, Direction direction, FlowSide& side) const;

  // The two orders of use, least recently used flow first.
  IndexList& on_probation() { return on_probation_; }
  IndexList& conversations() { return conversations_; }
  // Returns the index of the least recently used flow of both orders, or kNoIndex if the table is empty. If the first
  // flows of both orders moved in the same millisecond, returns the flow on probation.
  std::uint32_t least_recently_used(std::uint64_t now_ns) const;
  IndexList& by_opening() { return by_opening_; }  // open segments, oldest first
  IndexList& by_close() { return by_close_; }      // closed segments, by the time of close

  // Returns the octets of memory that a table of this capacity takes, without the side arrays.
  static std::size_t octets(std::uint32_t capacity);

 private:
  struct Slot {
    std::uint32_t hash;
    std::uint32_t entry;  // index of the entry plus 1; 0: the slot is free
  };

  static std::uint32_t slots_for(std::uint32_t capacity);
  std::uint32_t slot_count() const { return static_cast<std::uint32_t>(slots_.size()); }
  std::uint32_t home_slot(std::uint32_t hash) const {
    return static_cast<std::uint32_t>(std::uint64_t{hash} * slots_.size() >> 32);
  }
  std::uint32_t after(std::uint32_t slot) const { return slot + 1 == slot_count() ? 0 : slot + 1; }
  // Returns the number of probing steps from the slot `from` to the slot `to`.
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
  ZeroedArray<AccountedOctets> accounted_octets_;  // empty if keeps_accounted_octets() is false
  Accounting accounting_;
  std::uint32_t size_ = 0;
  std::uint32_t unused_ = 0;       // entries from this index on were never used
  std::uint32_t free_ = kNoIndex;  // the first erased entry; use_[index].next links the erased entries
  IndexList on_probation_;
  IndexList conversations_;
  IndexList by_opening_;
  IndexList by_close_;
};

}  // namespace spanflow
