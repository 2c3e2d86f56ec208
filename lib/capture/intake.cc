#include "capture/intake.h"

#include "base/random_seed.h"

namespace spanflow {

Intake::Intake(const Config& config, const IntakeInput& input, const Decoder& decoder, Counters& counters)
    : decoder_(decoder),
      counters_(counters),
      is_prepared_(input.is_prepared),
      is_live_(input.source.is_live()),
      end_(input.hand_over),
      greatest_frame_(input.source.greatest_frame()),
      expression_(config.input.filter),
      duplicates_(is_prepared_ ? Nanoseconds{0} : config.decode.deduplicate, random_seed()),
      outer_decoder_(config.decode.tunnels, config.flow.vlan_key, config.decode.tunnel_ports,
                     Decoder::AtFragments::kStay),
      fragments_(is_prepared_ ? 0 : config.decode.fragments, config.decode.fragment_timeout, random_seed(), counters) {}

void Intake::start(const Burst& burst) {
  if (burst.packets.empty()) return;
  link_type_ = burst.link_type;
  longest_ = burst.handed_over ? std::numeric_limits<std::uint32_t>::max() : greatest_frame_;
  filter_ = burst.handed_over ? nullptr : filter_for(link_type_);
  hand_over_ = burst.handed_over ? nullptr : end_;
}

void Intake::set_filter(const Adjustments& adjustments) {
  expression_ = adjustments.filter;
  filters_.clear();
  filters_.emplace(LinkType::kEthernet, adjustments.ethernet_filter);
}

const Filter* Intake::filter_for(LinkType link_type) {
  if (is_prepared_ || expression_.empty()) return nullptr;
  const auto [place, is_new] = filters_.try_emplace(link_type);
  if (is_new) place->second = std::make_shared<const Filter>(expression_, link_type, "input.filter");
  return place->second.get();
}

bool Intake::follow_fragment(const RawPacket& raw, Packet& packet) {
  if (raw.transport.known) packet.take(raw.transport);
  return fragments_.follow(raw, link_type_, packet);
}

// Handles a packet that is in a fragment of an outer packet, or that may be one. Returns false if the packet was
// refused.
bool Intake::take_tunnel_fragment(const RawPacket& raw, const Packet& packet) {
  if (!packet.in_fragment) return !fragments_.is_of_tunnel(packet) || refuse(Counter::kIgnoredTunnelFragment);
  Packet outer;
  if (outer_decoder_.decode(raw, link_type_, outer) == Counter::kPacketsMetered) fragments_.note_tunnel(outer);
  return true;
}

bool Intake::refuse(Counter reason) {
  counters_.add(Counter::kPacketsReceived);
  counters_.add(reason);
  return false;
}

bool Intake::refuse(Counter reason, const Packet& packet) {
  if (reason == Counter::kIgnoredUnknownEtherType) counters_.note_ether_type(packet.ether_type);
  return refuse(reason);
}

void Intake::expire_fragments(const Burst& burst) {
  if (is_live_ && burst.state == Burst::State::kIdle && burst.now_ns != 0) fragments_.expire(burst.now_ns);
}

const Fragments::Held* Intake::take_released(Packet& packet) {
  while (const Fragments::Held* held = fragments_.take_released()) {
    if (held->raw.transport.in_tunnel) {
      refuse(Counter::kIgnoredTunnelFragment);
      continue;
    }
    const Counter outcome = decoder_.decode(held->raw, held->link_type, packet);
    if (outcome == Counter::kPacketsMetered) {
      if (held->raw.transport.known) packet.take(held->raw.transport);
      return held;
    }
    refuse(outcome);  // the headers are longer than the octets that Fragments has kept
  }
  return nullptr;
}

}  // namespace spanflow
