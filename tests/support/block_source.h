// A PacketSource whose packets stay valid in blocks of memory, like those of a capture file.
#pragma once

#include <array>
#include <atomic>
#include <vector>

#include "base/error.h"
#include "base/octet_blocks.h"
#include "capture/packet_source.h"
#include "support/packet_builder.h"

namespace spanflow::testing {

// A source that puts each burst into a block. It reuses the block if nobody else holds a reference to it.
class BlockSource : public PacketSource {
 public:
  explicit BlockSource(std::vector<TestPacket> packets) : packets_(std::move(packets)) {}

  Burst poll() override {
    ++polls;
    if (polls == idle_at) return {.state = Burst::State::kIdle, .now_ns = now_ns_};
    if (polls == fail_at) throw RunError("x.pcap: cannot be read");
    if (next_ == packets_.size()) return {.state = Burst::State::kEnd, .now_ns = now_ns_};
    block_ = blocks_.renew(std::move(block_));
    std::size_t count = 0;
    for (std::size_t used = 0; count < raw_.size() && next_ < packets_.size(); ++count, ++next_) {
      raw_[count] = packets_[next_].raw();
      std::copy_n(raw_[count].data, raw_[count].captured, block_->data() + used);
      raw_[count].data = block_->data() + used;
      used += raw_[count].captured;
    }
    now_ns_ = raw_[count - 1].time_ns;
    return {.state = Burst::State::kPackets, .packets = std::span(raw_).first(count), .now_ns = now_ns_};
  }
  PacketMemory memory() const override { return block_; }
  TimestampSource timestamp_source() const override { return TimestampSource::kFile; }
  bool is_live() const override { return false; }
  double progress() const override { return 0.25; }

  std::atomic<int> polls{0};
  int idle_at = 0;
  int fail_at = 0;

 private:
  const std::vector<TestPacket> packets_;
  std::size_t next_ = 0;
  std::uint64_t now_ns_ = 0;
  std::array<RawPacket, 7> raw_;
  OctetBlocks blocks_{64 * 1024};
  OctetBlocks::Block block_ = blocks_.take();
};

}  // namespace spanflow::testing
