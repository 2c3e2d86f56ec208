// A PacketSource that generates its packets with Traffic.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "capture/packet_source.h"
#include "traffic.h"

namespace spanflow::bench {

// Keeps one copy of every frame for each position in a burst, so poll() writes only the addresses of each packet.
class GeneratedSource : public PacketSource {
 public:
  // Callbacks, which the polling thread calls once each: `warm` before the first burst after `warm_after` packets, and
  // `ended` after the last packet.
  struct Marks {
    std::uint64_t warm_after = 0;
    std::function<void()> warm = [] {};
    std::function<void()> ended = [] {};
  };

  GeneratedSource(Traffic traffic, Marks marks);

  Burst poll() override;
  TimestampSource timestamp_source() const override { return TimestampSource::kFile; }
  bool is_live() const override { return false; }

  const Traffic& traffic() const { return traffic_; }

 private:
  Traffic traffic_;
  Marks marks_;
  std::vector<std::vector<std::uint8_t>> copies_;  // kBurstPackets copies of each frame
  std::array<RawPacket, kBurstPackets> burst_;
  std::uint64_t given_ = 0;
  std::uint64_t now_ns_ = 0;
  bool warm_ = false;
  bool ended_ = false;
};

}  // namespace spanflow::bench
