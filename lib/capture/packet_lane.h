// A queue of packets from one thread to another.
#pragma once

#include <cstdint>
#include <vector>

#include "base/block_ring.h"
#include "capture/packet_source.h"

namespace spanflow {

// Packets, and copies of their octets or references to them. The constructor allocates the memory for packets and
// copies.
struct PacketBlock {
  // If packets have fewer octets than this, a block has its maximum number of packets before its octets are used up.
  static constexpr std::size_t kOctetsPerPacket = 64;

  explicit PacketBlock(std::size_t capacity) {
    octets.reserve(capacity);
    packets.reserve(capacity / kOctetsPerPacket);
  }

  std::vector<std::uint8_t> octets;  // neither vector is ever reallocated, because `packets` points into `octets`
  std::vector<RawPacket> packets;    // all packets have the same link type
  std::vector<PacketMemory> memory;  // holds the octets that are not copied; used by the producer only
  std::size_t captured = 0;          // number of octets of all packets
  LinkType link_type = LinkType::kEthernet;
  std::uint64_t now_ns = 0;  // all packets up to this time are in this block or in earlier blocks
};

// Owns its blocks. Only one thread may call the producer's functions, and only one thread may call the consumer's
// functions. No function waits.
class PacketLane {
 public:
  PacketLane(std::size_t blocks, std::size_t octets_per_block) : ring_(blocks, octets_per_block) {}

  // --- Producer ---

  // Adds a packet to the current block. If the packet does not fit or has another link type, first passes the current
  // block on with the time `now_ns`, and starts another block. Keeps a reference to `memory`, which holds the octets of
  // the packet. If it is nullptr, copies the octets; those of a packet that is larger than a whole block are cut. False
  // if the consumer holds all blocks.
  bool append(const RawPacket& raw, LinkType link_type, std::uint64_t now_ns, const PacketMemory& memory = nullptr);
  // Passes the current block on to the consumer, even if the block is empty. All packets up to `now_ns` must have been
  // appended. An empty block carries only this time. False if the consumer holds all blocks.
  bool pass_on(std::uint64_t now_ns);
  bool has_packets() const { return filling_ != nullptr && !filling_->packets.empty(); }
  // True if the consumer has read all blocks that were passed on.
  bool consumer_waits() const { return ring_.empty_blocks() + (filling_ != nullptr ? 1 : 0) == ring_.blocks(); }

  // --- Consumer ---

  // Returns the next packets of the oldest block, or an idle burst if the lane has no packets.
  Burst poll();
  // Returns the share of the blocks that have been passed on but not yet read, from 0 to 1.
  double backlog() const { return static_cast<double>(ring_.full_blocks()) / static_cast<double>(ring_.blocks()); }
  // True if the last poll() found no block.
  bool was_empty() const { return reading_ == nullptr; }

 private:
  bool has_room(std::size_t octets, LinkType link_type) const;
  bool start_block();
  void copy_octets(RawPacket& packet);
  bool take_block();

  BlockRing<PacketBlock> ring_;
  PacketBlock* filling_ = nullptr;  // the current block, used by the producer only

  // Only the consumer uses the next three members, so they do not share a cache line with filling_.
  alignas(64) PacketBlock* reading_ = nullptr;
  std::size_t next_ = 0;
  std::uint64_t now_ns_ = 0;
};

}  // namespace spanflow
