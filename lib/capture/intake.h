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

// A source, and how much of the intake its packets still need; the type of the source decides.
struct IntakeInput {
  // The whole intake: nothing has been done to the packets.
  IntakeInput(PacketSource& plain) : source(plain) {}
  // Only decoding.
  IntakeInput(PreparedSource& prepared) : source(prepared), is_prepared(true) {}
  // The whole intake, and packets that another worker owns are handed over to that worker.
  IntakeInput(HandOverEnd& end) : source(end), hand_over(&end) {}

  PacketSource& source;
  bool is_prepared = false;
  HandOverEnd* hand_over = nullptr;
};

// Runs where all packets of a source pass through one thread: in the Distributor if there is one, otherwise in the
// Meter. Not thread-safe; everything that the Intake borrows must outlive it. It counts the packets that are not
// metered. If workers hand packets over to each other, the worker that polled a packet filters it, and the owner worker
// looks for duplicates and fragments.
class Intake {
 public:
  Intake(const Config& config, const IntakeInput& input, const Decoder& decoder, Counters& counters);

  // Applies to the next burst and later ones.
  void set_filter(const Adjustments& adjustments);

  // Gives `consumer` the packets of a burst that are to be metered, in order. Held fragments that are released come
  // between them. Throws RunError if input.filter is not valid for the burst's link type. The consumer has:
  //
  //   Packet& next_packet();  // the place for the next decoded packet; its content is undefined until accept()
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
  // Gives `consumer` all held fragments. To be called at the end of the input, or before time restarts.
  template <typename Consumer>
  void release_all(Consumer& consumer) {
    fragments_.release_all();
    give_released(consumer);
  }

  // Returns the time up to which all packets have been given to the consumer, if all packets up to `now_ns` were taken
  // in.
  std::uint64_t passed_until(std::uint64_t now_ns) const { return fragments_.passed_until(now_ns); }

 private:
  void start(const Burst& burst);
  const Filter* filter_for(LinkType link_type);

  // True if the packet is to be metered now; `packet` is then filled in. Otherwise the packet has been counted, is held
  // or was handed over. Without the attribute, gcc splits the function.
  [[gnu::always_inline]] bool take(const RawPacket& raw, Packet& packet) {
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
  bool refuse(Counter reason);  // always returns false

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
  std::string expression_;  // the value of input.filter
  std::map<LinkType, std::shared_ptr<const Filter>> filters_;
  // The following members are the state of the current burst.
  std::uint32_t longest_ = 0;  // a frame longer than this is counted as over the MTU
  const Filter* filter_ = nullptr;
  HandOverEnd* hand_over_ = nullptr;
  LinkType link_type_ = LinkType::kEthernet;
  Duplicates duplicates_;
  Fragments fragments_;
};

}  // namespace spanflow
