// A queue of packets from one thread to one other thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/block_ring.h"
#include "capture/packet_source.h"

namespace spanflow {

// Packets with their octets. Memory for both is allocated once.
struct PacketBlock {
  static constexpr std::size_t kOctetsPerPacket = 64;  // if packets are shorter, a block is full before its octets are

  explicit PacketBlock(std::size_t capacity) {
    octets.reserve(capacity);
    packets.reserve(capacity / kOctetsPerPacket);
  }

  std::vector<std::uint8_t> octets;  // neither ever grows beyond its capacity, so that nothing moves
  std::vector<RawPacket> packets;    // all of one link type
  LinkType link_type = LinkType::kEthernet;
  std::uint64_t now_ns = 0;
  bool time_restarts = false;  // before the first packet
};

// Owns its blocks. Exactly one thread calls the producer's functions and one the consumer's; no function waits.
class PacketLane {
 public:
  PacketLane(std::size_t blocks, std::size_t octets_per_block) : ring_(blocks, octets_per_block) {}

  // --- Producer ---

  // Copies a packet, cut to the size of a block. If the current block has no room for it, that block is passed on
  // first, with the time `now_ns`. False if the consumer has all blocks.
  bool append(const RawPacket& raw, LinkType link_type, std::uint64_t now_ns);
  // Passes on the current block, even if it is empty: then it carries only the time up to which all packets have been
  // appended. False if the consumer has all blocks.
  bool pass_on(std::uint64_t now_ns);
  // Packets appended from now on are from a new time, see Burst. False if the consumer has all blocks.
  bool restart_time();
  bool has_packets() const { return filling_ != nullptr && !filling_->packets.empty(); }
  // The consumer has read all blocks that were passed on.
  bool consumer_waits() const { return ring_.empty_blocks() + (filling_ != nullptr ? 1 : 0) == ring_.blocks(); }

  // --- Consumer ---

  // The next packets of the oldest block; an idle burst if there are none.
  Burst poll();
  // Share of the blocks that are full and not yet read.
  double backlog() const { return static_cast<double>(ring_.full_blocks()) / static_cast<double>(ring_.blocks()); }
  // The last poll() found no block.
  bool was_empty() const { return reading_ == nullptr; }

 private:
  bool has_room(std::size_t octets, LinkType link_type) const;
  bool start_block();
  bool take_block();

  BlockRing<PacketBlock> ring_;
  PacketBlock* filling_ = nullptr;

  alignas(64) PacketBlock* reading_ = nullptr;  // the consumer's
  std::size_t next_ = 0;
  std::uint64_t now_ns_ = 0;
};

}  // namespace spanflow
