#include "capture/packet_lane.h"

#include <algorithm>

namespace spanflow {

bool PacketLane::append(const RawPacket& raw, LinkType link_type, std::uint64_t now_ns, const PacketMemory& memory) {
  if (has_packets() && !has_room(raw.captured, link_type)) pass_on(now_ns);
  if (!start_block()) return false;
  PacketBlock& block = *filling_;
  block.link_type = link_type;
  block.captured += raw.captured;
  block.packets.push_back(raw);
  if (memory == nullptr) {
    copy_octets(block.packets.back());
  } else if (block.memory.empty() || block.memory.back() != memory) {
    block.memory.push_back(memory);
  }
  return true;
}

void PacketLane::copy_octets(RawPacket& packet) {
  std::vector<std::uint8_t>& octets = filling_->octets;
  const std::size_t at = octets.size();
  const std::size_t captured = std::min<std::size_t>(packet.captured, octets.capacity() - at);
  octets.insert(octets.end(), packet.data, packet.data + captured);
  packet.data = octets.data() + at;
  packet.captured = static_cast<std::uint32_t>(captured);
}

bool PacketLane::has_room(std::size_t octets, LinkType link_type) const {
  return filling_->link_type == link_type && filling_->packets.size() < filling_->packets.capacity() &&
         filling_->captured + octets <= filling_->octets.capacity();
}

bool PacketLane::start_block() {
  if (filling_ != nullptr) return true;
  filling_ = ring_.take_empty();
  if (filling_ == nullptr) return false;
  filling_->octets.clear();
  filling_->packets.clear();
  filling_->memory.clear();
  filling_->captured = 0;
  return true;
}

bool PacketLane::pass_on(std::uint64_t now_ns) {
  if (!start_block()) return false;
  filling_->now_ns = now_ns;
  ring_.push(filling_);
  filling_ = nullptr;
  return true;
}

Burst PacketLane::poll() {
  if (!take_block()) return {.state = Burst::State::kIdle, .now_ns = now_ns_};
  const auto rest = std::span<const RawPacket>(reading_->packets).subspan(next_);
  const auto burst = rest.first(std::min(rest.size(), kBurstPackets));
  next_ += burst.size();
  prefetch_headers(burst);
  // The lane reaches the block's time only when poll() returns the block's last packet.
  if (next_ == reading_->packets.size()) now_ns_ = std::max(now_ns_, reading_->now_ns);
  return {.state = burst.empty() ? Burst::State::kIdle : Burst::State::kPackets,
          .packets = burst,
          .link_type = reading_->link_type,
          .now_ns = now_ns_};
}

// Keeps the current block while it has unread packets. Otherwise gives that block back and takes the next block. False
// if there is no next block.
bool PacketLane::take_block() {
  if (reading_ != nullptr && next_ < reading_->packets.size()) return true;
  if (reading_ != nullptr) ring_.give_back(reading_);
  reading_ = ring_.pop();
  next_ = 0;
  return reading_ != nullptr;
}

}  // namespace spanflow
