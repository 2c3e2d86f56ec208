#include <atomic>
#include <stdexcept>

#include "base/flow_hash.h"
#include "capture/capture_source.h"
#include "conversations.h"
#include "frame.h"

namespace spanflow::bench {
namespace {

// Collects the flows of all captures. It compares each packet with all flows, so the captures should have few flows.
class Recorder {
 public:
  void add(const RawPacket& raw, const Packet& packet) {
    if (packet.is_fragment() || (packet.tcp_flags & (tcp::kFin | tcp::kRst)) != 0) return;
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (const auto direction = match(keys_[i], packet.key)) {
        conversations_[i].frames.push_back(make_frame(raw, packet, *direction == Direction::kSrcToDst));
        return;
      }
    }
    keys_.push_back(packet.key);
    conversations_.push_back({.frames = {make_frame(raw, packet, true)}});
  }

  // Only the second half of each conversation repeats, because the first half has the start of the connection.
  std::vector<Conversation> take() {
    for (Conversation& conversation : conversations_) conversation.steady = conversation.frames.size() / 2;
    return std::move(conversations_);
  }

 private:
  std::vector<FlowKey> keys_;
  std::vector<Conversation> conversations_;
};

}  // namespace

std::vector<Conversation> recorded_conversations(const std::vector<std::string>& captures) {
  const std::atomic<bool> stop{false};
  Notes notes;
  Counters counters;
  const auto source = make_capture_source(captures, stop, notes, counters);
  const Decoder decoder(TunnelSet::all(), VlanKey::kInner);
  Recorder recorder;
  for (Burst burst = source->poll(); burst.state != Burst::State::kEnd; burst = source->poll()) {
    if (burst.link_type != LinkType::kEthernet) throw std::invalid_argument("only Ethernet captures can be repeated");
    for (const RawPacket& raw : burst.packets) {
      Packet packet;
      if (decoder.decode(raw, burst.link_type, packet) == Counter::kPacketsMetered) recorder.add(raw, packet);
    }
  }
  return recorder.take();
}

}  // namespace spanflow::bench
