// What is decided of a packet before its flow is looked for: filter, decoder, home, duplicates and fragments, in this
// order.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "capture/filter.h"
#include "capture/hand_over.h"
#include "capture/packet_source.h"
#include "config/adjustments.h"
#include "config/config.h"
#include "decode/decoder.h"
#include "decode/duplicates.h"
#include "decode/fragments.h"
#include "telemetry/counters.h"

namespace spanflow {

// Stands where all packets of a source are in one thread: in the Distributor if there is one, otherwise in the Meter.
// Not thread-safe; all that it borrows must outlive it. Counts what it keeps: packets that are not to be metered. Of a
// worker's share it only decodes: the rest has been done. Where workers hand over to each other, a packet is filtered
// by the one that polled it; duplicates and fragments are looked for at its home.
class Intake {
 public:
  Intake(const Config& config, PacketSource& source, const Decoder& decoder, Counters& counters);

  // From the next burst on.
  void set_filter(const Adjustments& adjustments);
  // Before a burst's packets. Throws RunError if input.filter means nothing on its link type.
  void start(const Burst& burst);
  // True with `packet` filled in if it is to be metered now; otherwise it has been counted, is held or
  // was handed over.
  [[gnu::always_inline]] bool take(const RawPacket& raw, Packet& packet) {  // gcc would rather split it
    if (raw.wire > longest_) [[unlikely]]
      counters_.add(Counter::kPacketsOverMtu);
    if (filter_ != nullptr && !filter_->matches(raw)) return refuse(Counter::kIgnoredFiltered);
    const Counter outcome = decoder_.decode(raw, link_type_, packet);
    if (outcome != Counter::kPacketsMetered) [[unlikely]]
      return refuse(outcome);
    if (hand_over_ != nullptr && hand_over_->send_to_owner(raw, packet, link_type_)) return false;
    if (duplicates_.has_seen(packet)) return refuse(Counter::kIgnoredDuplicate);
    if (packet.is_fragment()) [[unlikely]]
      return follow_fragment(raw, packet);
    return true;
  }

  // Before each packet: true if fragments that were held may go on before a packet of this time. Then meet() it and
  // take them all.
  bool may_release(std::uint64_t time_ns) const { return fragments_.may_release(time_ns); }
  void meet(std::uint64_t time_ns) { fragments_.meet(time_ns); }
  // After a burst's packets; then take what is released.
  void finish(const Burst& burst);
  // The end, or the end of a time: nothing is held any longer.
  void release_all() { fragments_.release_all(); }
  // The next fragment to be metered now, with `packet` filled in, or nullptr. Valid until the next take().
  const Fragments::Held* take_released(Packet& packet);

  // The time up to which all packets have been given out, where all have come up to `now_ns`.
  std::uint64_t passed_until(std::uint64_t now_ns) const { return fragments_.passed_until(now_ns); }

 private:
  const Filter* filter_for(LinkType link_type);
  bool follow_fragment(const RawPacket& raw, Packet& packet);
  bool refuse(Counter reason);  // false

  const Decoder& decoder_;
  Counters& counters_;
  const bool is_share_;
  const bool is_live_;
  HandOverEnd* const end_;
  const std::uint32_t greatest_frame_;
  std::string expression_;  // of the filter
  std::map<LinkType, std::shared_ptr<const Filter>> filters_;
  // Of the burst:
  std::uint32_t longest_ = 0;  // a frame that is longer is counted
  const Filter* filter_ = nullptr;
  HandOverEnd* hand_over_ = nullptr;
  LinkType link_type_ = LinkType::kEthernet;
  Duplicates duplicates_;
  Fragments fragments_;
};

}  // namespace spanflow
