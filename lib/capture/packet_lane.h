// A queue of packets from one thread to one other thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/block_ring.h"
#include "capture/packet_source.h"

namespace spanflow {

// Packets and their octets. Memory for both is allocated only once.
struct PacketBlock {
  // With packets shorter than this, a block has its most packets before its octets are used up.
  static constexpr std::size_t kOctetsPerPacket = 64;

  explicit PacketBlock(std::size_t capacity) {
    octets.reserve(capacity);
    packets.reserve(capacity / kOctetsPerPacket);
  }

  std::vector<std::uint8_t> octets;  // neither vector grows beyond its capacity, so that no packet moves
  std::vector<RawPacket> packets;    // all packets have the same link type
  LinkType link_type = LinkType::kEthernet;
  std::uint64_t now_ns = 0;
  bool time_restarts = false;  // true: time restarts before the first packet
};

// Owns its blocks. One thread may call the producer's functions, and one thread the consumer's. No function waits.
class PacketLane {
 public:
  PacketLane(std::size_t blocks, std::size_t octets_per_block) : ring_(blocks, octets_per_block) {}

  // --- Producer ---

  // Copies a packet, cut to the size of a block. If the packet does not fit in the current block, that block is passed
  // on first, with the time `now_ns`. False if the consumer holds all blocks.
  bool append(const RawPacket& raw, LinkType link_type, std::uint64_t now_ns);
  // Passes on the current block, even if it is empty. An empty block carries only the time up to which all packets have
  // been appended. False if the consumer holds all blocks.
  bool pass_on(std::uint64_t now_ns);
  // Packets that are appended from now on belong to a new time, see Burst::time_restarts. False if the consumer holds
  // all blocks.
  bool restart_time();
  bool has_packets() const { return filling_ != nullptr && !filling_->packets.empty(); }
  // True if the consumer has read all blocks that were passed on.
  bool consumer_waits() const { return ring_.empty_blocks() + (filling_ != nullptr ? 1 : 0) == ring_.blocks(); }

  // --- Consumer ---

  // Returns the next packets of the oldest block, or an idle burst if there are none.
  Burst poll();
  // Returns the share of the blocks that are full and not yet read.
  double backlog() const { return static_cast<double>(ring_.full_blocks()) / static_cast<double>(ring_.blocks()); }
  // True if the last poll() found no block.
  bool was_empty() const { return reading_ == nullptr; }

 private:
  bool has_room(std::size_t octets, LinkType link_type) const;
  bool start_block();
  bool take_block();

  BlockRing<PacketBlock> ring_;
  PacketBlock* filling_ = nullptr;

  alignas(64) PacketBlock* reading_ = nullptr;  // used by the consumer only
  std::size_t next_ = 0;
  std::uint64_t now_ns_ = 0;
};

}  // namespace spanflow
