// A PacketSource that delivers the packets of a vector.
#pragma once

#include <vector>

#include "capture/packet_clock.h"
#include "capture/packet_source.h"
#include "support/packet_builder.h"

namespace spanflow::testing {

// All packets must have the same link type. The time of a burst is the time of the newest packet so far, as
// PacketClock accepts it.
class VectorSource : public PacketSource {
 public:
  struct Options {
    std::size_t burst = kBurstPackets;  // number of packets per burst
    bool live = false;
    bool idle_between_bursts = false;  // true: a poll without packets comes before each burst
    std::uint32_t greatest_frame = std::numeric_limits<std::uint32_t>::max();
    std::vector<double> backlog;  // backlog() after each burst; 0 after further bursts
  };

  explicit VectorSource(std::vector<TestPacket> packets) : VectorSource(std::move(packets), Options{}) {}
  VectorSource(std::vector<TestPacket> packets, const Options& options)
      : packets_(std::move(packets)), options_(options) {}

  Burst poll() override {
    if (options_.idle_between_bursts && !idled_) {
      idled_ = true;
      return {.state = Burst::State::kIdle, .now_ns = clock_.now_ns()};
    }
    idled_ = false;
    if (next_ == packets_.size()) return {.state = Burst::State::kEnd, .now_ns = clock_.end_ns()};
    burst_.clear();
    ++bursts_;
    while (next_ < packets_.size() && burst_.size() < options_.burst) {
      burst_.push_back(packets_[next_++].raw());
      RawPacket& packet = burst_.back();
      packet.behind_ns = static_cast<std::int64_t>(clock_.advance(packet.time_ns) - packet.time_ns);
    }
    return {.state = Burst::State::kPackets,
            .packets = burst_,
            .link_type = packets_.front().link_type,
            .now_ns = clock_.now_ns()};
  }

  TimestampSource timestamp_source() const override { return TimestampSource::kFile; }
  bool is_live() const override { return options_.live; }
  std::uint32_t greatest_frame() const override { return options_.greatest_frame; }
  double backlog() const override {
    return bursts_ == 0 || bursts_ > options_.backlog.size() ? 0 : options_.backlog[bursts_ - 1];
  }

 private:
  const std::vector<TestPacket> packets_;
  const Options options_;
  std::vector<RawPacket> burst_;
  std::size_t next_ = 0;
  std::size_t bursts_ = 0;
  bool idled_ = false;
  PacketClock clock_;
};

}  // namespace spanflow::testing
