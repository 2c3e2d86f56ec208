#include "generated_source.h"

namespace spanflow::bench {

GeneratedSource::GeneratedSource(Traffic traffic, Marks marks)
    : traffic_(std::move(traffic)), marks_(std::move(marks)) {
  for (const Frame& frame : traffic_.frames()) {
    for (std::size_t place = 0; place < kBurstPackets; ++place) copies_.push_back(frame.octets);
  }
}

Burst GeneratedSource::poll() {
  if (!warm_ && given_ >= marks_.warm_after) {
    warm_ = true;
    marks_.warm();
  }
  std::size_t count = 0;
  while (count < burst_.size()) {
    const auto packet = traffic_.next();
    if (!packet) break;
    std::vector<std::uint8_t>& octets = copies_[packet->frame * kBurstPackets + count];
    traffic_.address(octets, *packet);
    now_ns_ = packet->time_ns;
    burst_[count++] = {.data = octets.data(),
                       .captured = static_cast<std::uint32_t>(octets.size()),
                       .wire = traffic_.frames()[packet->frame].wire,
                       .time_ns = now_ns_};
  }
  given_ += count;
  if (count > 0) return {.state = Burst::State::kPackets, .packets = {burst_.data(), count}, .now_ns = now_ns_};
  if (!ended_) {
    ended_ = true;
    marks_.ended();
  }
  return {.state = Burst::State::kEnd, .now_ns = now_ns_};
}

}  // namespace spanflow::bench
