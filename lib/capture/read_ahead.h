// Reads a capture in a separate thread, some thousand packets ahead of the worker.
#pragma once

#include <array>
#include <atomic>
#include <exception>
#include <memory>

#include "base/block_ring.h"
#include "base/standby_thread.h"
#include "capture/packet_source.h"

namespace spanflow {

// Owns the source, which must have memory(). Copies only the RawPackets, not the octets that they point to.
class ReadAhead : public PacketSource {
 public:
  explicit ReadAhead(std::unique_ptr<PacketSource> source);
  // The object may be destroyed before the source has ended.
  ~ReadAhead() override;

  void attach_thread() override;
  Burst poll() override;
  TimestampSource timestamp_source() const override { return source_->timestamp_source(); }
  bool is_live() const override { return source_->is_live(); }
  double progress() const override { return source_->progress(); }

 private:
  struct Block {
    Burst burst;
    std::array<RawPacket, kBurstPackets> packets;
    PacketMemory memory;         // used by the reading thread only
    std::exception_ptr failure;  // set instead of a burst if the source failed
  };

  void run();
  Block* take_empty();
  void read(Block& block);
  Block& wait_for_block();

  const std::unique_ptr<PacketSource> source_;
  BlockRing<Block> ring_;
  Block* block_ = nullptr;  // the block of the last burst; a block with kEnd is never given back
  std::atomic<bool> given_up_{false};
  StandbyThread thread_{"read ahead", [this] { run(); }};  // last, because it uses the other members
};

}  // namespace spanflow
