// Processes a packet before its flow is looked up. The steps, in this order: filter, decode, hand over to the owner
// worker, search for duplicates, assign fragments to flows.
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

// A source, and the steps of the intake that its packets still need. The type of the source selects the steps.
struct IntakeInput {
  // All steps except the hand-over.
  IntakeInput(PacketSource& plain) : source(plain) {}
  // Only the decoding: another thread has done all other steps.
  IntakeInput(PreparedSource& prepared) : source(prepared), is_prepared(true) {}
  // All steps. Packets that another worker owns are handed over to that worker.
  IntakeInput(HandOverEnd& end) : source(end), hand_over(&end) {}

  PacketSource& source;
  bool is_prepared = false;
  HandOverEnd* hand_over = nullptr;  // nullptr: no packets are handed over
};

// The Distributor and each Meter have an Intake. If there is a Distributor, all packets pass through its Intake, and
// the Meters only decode. Otherwise all packets of a source pass through the Intake of one Meter. If workers hand
// packets over to each other, the worker that polls a packet filters the packet, and the owner worker looks for
// duplicates and fragments. The Intake counts the packets that are not metered. Not thread-safe. `input.source`,
// `decoder` and `counters` must outlive the Intake.
class Intake {
 public:
  Intake(const Config& config, const IntakeInput& input, const Decoder& decoder, Counters& counters);

  // Sets input.filter for the next burst and all later bursts.
  void set_filter(const Adjustments& adjustments);

  // Gives `consumer` the packets of a burst that are to be metered, in their order. Held fragments that are released
  // during the burst come between these packets. Throws RunError if input.filter is invalid for the burst's link type.
  // The consumer must have these functions:
  //
  //   Packet& next_packet();  // returns the memory for the next packet; the content is undefined until accept()
  //   void accept(const RawPacket& raw, LinkType link_type);  // meters or passes on the packet in next_packet()
  //   void finish_accepted();  // called before the octets of the accepted packets become invalid
  template <typename Consumer>
  [[gnu::always_inline]] void take_burst(const Burst& burst, Consumer& consumer) {
    start(burst);
    for (const RawPacket& raw : burst.packets) {
      if (fragments_.may_release(raw.clock_ns())) [[unlikely]] {
        fragments_.expire(raw.clock_ns());
        give_released(consumer);
      }
      if (take(raw, consumer.next_packet())) consumer.accept(raw, burst.link_type);
    }
    expire_fragments(burst);
    give_released(consumer);
  }
  // Gives `consumer` all held fragments. Call this at the end of the input.
  template <typename Consumer>
  void release_all(Consumer& consumer) {
    fragments_.release_all();
    give_released(consumer);
  }

  // Returns the time up to which the consumer has all packets. All packets up to `now_ns` must have been taken in. The
  // result is earlier than `now_ns` while an older fragment is held.
  std::uint64_t passed_until(std::uint64_t now_ns) const { return fragments_.passed_until(now_ns); }

 private:
  void start(const Burst& burst);
  const Filter* filter_for(LinkType link_type);

  // True if the packet is to be metered now; `packet` is then filled in. False if the packet was refused and counted,
  // is a held fragment, or was handed over. Without always_inline, gcc splits the function and inlines only a part.
  [[gnu::always_inline]] bool take(const RawPacket& raw, Packet& packet) {
    if (raw.wire > longest_) [[unlikely]]
      counters_.add(Counter::kPacketsOverMtu);
    if (filter_ != nullptr && !filter_->matches(raw)) return refuse(Counter::kIgnoredFiltered);
    const Counter outcome = decoder_.decode(raw, link_type_, packet);
    if (outcome != Counter::kPacketsMetered) [[unlikely]]
      return refuse(outcome, packet);
    if ((packet.in_fragment || packet.later_fragment) && !is_prepared_) [[unlikely]] {
      if (!take_tunnel_fragment(raw, packet)) return false;
    }
    if (hand_over_ != nullptr && hand_over_->send_to_owner(raw, packet, link_type_)) return false;
    if (duplicates_.has_seen(packet)) return refuse(Counter::kIgnoredDuplicate);
    if (packet.is_fragment()) [[unlikely]]
      return follow_fragment(raw, packet);
    return true;
  }
  bool take_tunnel_fragment(const RawPacket& raw, const Packet& packet);
  bool follow_fragment(const RawPacket& raw, Packet& packet);
  // These functions count the packet for `reason` and always return false.
  bool refuse(Counter reason);
  bool refuse(Counter reason, const Packet& packet);

  void expire_fragments(const Burst& burst);
  template <typename Consumer>
  void give_released(Consumer& consumer) {
    while (const Fragments::Held* held = take_released(consumer.next_packet())) {
      consumer.accept(held->raw, held->link_type);
    }
    consumer.finish_accepted();
  }
  const Fragments::Held* take_released(Packet& packet);

  const Decoder& decoder_;
  Counters& counters_;
  const bool is_prepared_;
  const bool is_live_;
  HandOverEnd* const end_;  // nullptr: no packets are handed over
  const std::uint32_t greatest_frame_;
  std::string expression_;  // the value of input.filter
  std::map<LinkType, std::shared_ptr<const Filter>> filters_;
  // The next four members are for the current burst.
  std::uint32_t longest_ = 0;         // a frame of more octets than this counts as over the MTU
  const Filter* filter_ = nullptr;    // nullptr: all packets match
  HandOverEnd* hand_over_ = nullptr;  // nullptr: the packets of this burst are not handed over
  LinkType link_type_ = LinkType::kEthernet;
  Duplicates duplicates_;
  const Decoder outer_decoder_;  // decodes a fragment itself, and not the packet of a tunnel in it
  Fragments fragments_;
};

}  // namespace spanflow
