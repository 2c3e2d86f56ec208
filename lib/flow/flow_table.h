// The flows of one worker: storage, index and order. When a flow ends is the FlowCache's business.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "base/zeroed_array.h"
#include "flow/flow_key.h"
#include "spanflow/streamer.h"

namespace spanflow {

inline constexpr std::uint32_t kNoIndex = std::numeric_limits<std::uint32_t>::max();

struct Links {
  std::uint32_t previous = kNoIndex;
  std::uint32_t next = kNoIndex;
};

// What nDPI said of a flow.
struct Application {
  std::uint16_t master = 0;
  std::uint16_t app = 0;
  std::uint16_t category = 0;
  std::uint8_t confidence = 0;
  bool guessed = false;
};

enum class EntryState : std::uint8_t {
  kOpen,     // a segment with packets
  kClosed,   // a segment whose TCP connection has closed, kept for late packets
  kDormant,  // cut by the active timeout: no segment, until the next packet opens one
};

enum class DpiProgress : std::uint8_t { kNotStarted, kRunning, kDone };

// TCP packets without payload before the first payload: enough to show nDPI the handshake it would have seen.
struct Handshake {
  static constexpr std::uint8_t kMost = 6;
  std::uint8_t count = 0;
  std::uint8_t sequences_known = 0;  // a bit per direction
  std::uint8_t packets[kMost] = {};  // direction in bit 7, TCP flags FIN..ECE below
};

// How far the search for a TLS ClientHello has come; see ClientHelloWatcher.
struct HelloWatch {
  std::uint32_t buffer = 0;  // plus 1; 0 is none
  std::uint32_t loan = 0;    // which of that buffer's loans
  Direction buffered{};      // the side whose octets are in it
  std::uint8_t settled = 0;  // a bit per direction: nothing is to be found there any more

  static std::uint8_t bit(Direction direction) { return direction == Direction::kSrcToDst ? 1 : 2; }
  bool is_settled(Direction direction) const { return (settled & bit(direction)) != 0; }
  bool done() const { return settled == 3; }
  void give_up() { settled = 3; }
};

struct FlowEntry {
  Flow flow;
  std::uint64_t touched_ns = 0;  // the worker's clock when it last moved in the order of use
  std::uint64_t closed_ns = 0;
  Links use;      // least recently used first
  Links opening;  // open segments by age, or closed ones by time of close
  std::uint32_t hash = 0;
  std::uint32_t initial_sequence[2] = {};  // TCP, by direction; nDPI's replay and the detection of a new connection
  std::uint32_t dpi_state = kNoIndex;
  std::uint32_t metadata = 0;  // its chain in the classifier's MetadataStore
  Application application;
  HelloWatch hello;
  Handshake handshake;
  EntryState state = EntryState::kOpen;
  DpiProgress dpi_progress = DpiProgress::kNotStarted;
  std::uint8_t syn_seen = 0;  // a bit per direction
  std::uint8_t fin_seen = 0;
};

// A doubly linked list through one of the Links of the entries.
class EntryList {
 public:
  EntryList(ZeroedArray<FlowEntry>& entries, Links FlowEntry::*links) : entries_(entries), links_(links) {}

  bool empty() const { return head_ == kNoIndex; }
  std::uint32_t front() const { return head_; }
  std::uint32_t after(std::uint32_t index) const { return (entries_[index].*links_).next; }
  void push_back(std::uint32_t index);
  void remove(std::uint32_t index);

 private:
  ZeroedArray<FlowEntry>& entries_;
  Links FlowEntry::*links_;
  std::uint32_t head_ = kNoIndex;
  std::uint32_t tail_ = kNoIndex;
};

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

  // `entry` is nullptr if the flow is not in the table.
  Found find(const FlowKey& key, std::uint32_t hash);
  // A zeroed entry with this key, last in the order of use. The table must not be full.
  FlowEntry& insert(const FlowKey& key, std::uint32_t hash, std::uint64_t now_ns);
  void erase(FlowEntry& entry);
  // Moves the entry to the end of the order of use, at most every 100 ms: the order is no finer than that.
  void touch(FlowEntry& entry, std::uint64_t now_ns);

  bool full() const { return size_ == entries_.size(); }
  std::uint32_t size() const { return size_; }
  std::uint32_t index_of(const FlowEntry& entry) const { return static_cast<std::uint32_t>(&entry - &entries_[0]); }
  FlowEntry& at(std::uint32_t index) { return entries_[index]; }

  EntryList& by_use() { return by_use_; }
  EntryList& by_opening() { return by_opening_; }
  EntryList& by_close() { return by_close_; }

 private:
  struct Slot {
    std::uint32_t hash;
    std::uint32_t entry;  // plus 1; 0 is free, as zeroed memory is
  };

  std::uint32_t home(std::uint32_t hash) const { return hash & mask_; }
  void release_slot(std::uint32_t slot);

  SymmetricHash hash_;
  ZeroedArray<FlowEntry> entries_;
  ZeroedArray<Slot> slots_;
  std::uint32_t mask_;
  std::uint32_t size_ = 0;
  std::uint32_t unused_ = 0;       // entries from here on were never used
  std::uint32_t free_ = kNoIndex;  // a chain of erased entries through Links::next
  EntryList by_use_;
  EntryList by_opening_;
  EntryList by_close_;
};

}  // namespace spanflow
