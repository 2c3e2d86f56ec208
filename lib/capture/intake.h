// Decides what happens to a packet before its flow is looked up: filter, decoder, owner worker, duplicates and
// fragments, in this order.
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

// A source together with the part of the intake that is still to be done; its type decides.
struct IntakeInput {
  // All of it: nothing has been done to the packets.
  IntakeInput(PacketSource& plain) : source(plain) {}
  // Decoding only.
  IntakeInput(PreparedSource& prepared) : source(prepared), is_prepared(true) {}
  // All of it, but packets that another worker owns are handed over to it.
  IntakeInput(HandOverEnd& end) : source(end), hand_over(&end) {}

  PacketSource& source;
  bool is_prepared = false;
  HandOverEnd* hand_over = nullptr;
};

// Runs where all packets of a source pass through one thread: in the Distributor if there is one, otherwise in the
// Meter. Not thread-safe; everything that it borrows must outlive it. It counts the packets that are not to be metered.
// Where workers hand over to each other, a packet is filtered by the worker that polled it; its owner looks for
// duplicates and fragments.
class Intake {
 public:
  Intake(const Config& config, const IntakeInput& input, const Decoder& decoder, Counters& counters);

  // Applies from the next burst on.
  void set_filter(const Adjustments& adjustments);

  // Gives `consumer` the packets of a burst that are to be metered, in order, with the fragments that were held and are
  // released between them. Throws RunError if input.filter is not valid for the burst's link type. The consumer has:
  //
  //   Packet& next_packet();  // the next packet is decoded to it; its content is undefined until accept()
  //   void accept(const RawPacket& raw, LinkType link_type);  // the packet in next_packet() is to be metered
  //   void finish_accepted();  // the octets of the packets accepted so far are about to become invalid
  template <typename Consumer>
  [[gnu::always_inline]] void take_burst(const Burst& burst, Consumer& consumer) {
    start(burst);
    for (const RawPacket& raw : burst.packets) {
      if (fragments_.may_release(raw.time_ns)) [[unlikely]] {
        fragments_.meet(raw.time_ns);
        give_released(consumer);
      }
      if (take(raw, consumer.next_packet())) consumer.accept(raw, burst.link_type);
    }
    expire_fragments(burst);
    give_released(consumer);
  }
  // Gives `consumer` all fragments that are held: at the end of the input, or before time restarts.
  template <typename Consumer>
  void release_all(Consumer& consumer) {
    fragments_.release_all();
    give_released(consumer);
  }

  // The time up to which all packets have been given out, if all up to `now_ns` have been taken.
  std::uint64_t passed_until(std::uint64_t now_ns) const { return fragments_.passed_until(now_ns); }

 private:
  void start(const Burst& burst);
  const Filter* filter_for(LinkType link_type);

  // True with `packet` filled in if it is to be metered now; otherwise it has been counted, is held or was handed over.
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
  bool follow_fragment(const RawPacket& raw, Packet& packet);
  bool refuse(Counter reason);  // false

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
  HandOverEnd* const end_;
  const std::uint32_t greatest_frame_;
  std::string expression_;  // input.filter
  std::map<LinkType, std::shared_ptr<const Filter>> filters_;
  // State of the current burst:
  std::uint32_t longest_ = 0;  // a longer frame is counted
  const Filter* filter_ = nullptr;
  HandOverEnd* hand_over_ = nullptr;
  LinkType link_type_ = LinkType::kEthernet;
  Duplicates duplicates_;
  Fragments fragments_;
};

}  // namespace spanflow
