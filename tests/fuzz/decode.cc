// The path of a packet to its flow: the decoder with tunnels, fragments and duplicates.
#include "capture/intake.h"
#include "capture/packet_clock.h"
#include "packet_sequence.h"
#include "require.h"

namespace spanflow::fuzz {
namespace {

// An Intake has what it needs of its source in its constructor.
class NoSource : public PacketSource {
 public:
  Burst poll() override { return {.state = Burst::State::kEnd}; }
  TimestampSource timestamp_source() const override { return TimestampSource::kFile; }
  bool is_live() const override { return false; }
};

Config config_of(unsigned variant) {
  Config config;
  config.decode.fragments = 16;  // few, so that they run out
  if ((variant & 1) != 0) config.decode.deduplicate = std::chrono::milliseconds{1};
  config.flow.vlan_key = (variant & 2) != 0 ? VlanKey::kBoth : VlanKey::kInner;
  return config;
}
constexpr unsigned kVariants = 4;

// Gives sequences to one Intake, one after the other, because a new Intake costs more than a sequence. The fragments of
// a sequence are released at its end. Only the memory of duplicates stays, so the next sequence begins later by more
// than their window.
class Intaken {
 public:
  explicit Intaken(unsigned variant)
      : config_(config_of(variant)),
        decoder_(config_.decode.tunnels, config_.flow.vlan_key),
        intake_(config_, source_, decoder_, counters_) {}

  void take(const SequenceHead& head, std::span<RawPacket> packets) {
    PacketClock clock;
    for (RawPacket& packet : packets) {
      packet.time_ns += begin_ns_;
      packet.behind_ns = static_cast<std::int64_t>(clock.advance(packet.time_ns) - packet.time_ns);
    }
    const std::uint64_t before = accounted();
    intake_.take_burst({.state = Burst::State::kPackets, .packets = packets, .link_type = head.link_type}, *this);
    intake_.release_all(*this);
    require(accounted() - before == packets.size(), "every packet is metered, ignored or malformed");
    require(counters_.get(Counter::kFragmentsHeld) == 0, "no fragment is held after the end");
    begin_ns_ += kBetweenSequencesNs;
  }

 private:
  friend class spanflow::Intake;
  static constexpr std::uint64_t kBetweenSequencesNs = 10'000'000;

  Packet& next_packet() { return packet_; }
  void accept(const RawPacket& raw, LinkType) {
    ++accepted_;
    const std::uint8_t* end = raw.data + raw.captured;
    require(raw.data <= packet_.ip && packet_.ip + packet_.ip_captured <= end, "the IP packet is in the frame");
    require(packet_.ethernet == nullptr || (raw.data <= packet_.ethernet && packet_.ethernet + 14 <= end),
            "the Ethernet header is in the frame");
    require(packet_.payload_size <= packet_.transport_size && packet_.transport_size <= packet_.ip_size,
            "each layer is within the one below");
    require(packet_.key.ip_version == 4 || packet_.key.ip_version == 6, "the packet is IP");
    const Cursor payload = payload_of(packet_);
    require(payload.captured() == 0 || payload.data() + payload.captured() <= end, "the payload is in the frame");
  }
  void finish_accepted() {}

  std::uint64_t accounted() const { return accepted_ + counters_.get(Counter::kPacketsReceived); }

  const Config config_;
  NoSource source_;
  const Decoder decoder_;
  Counters counters_;
  Intake intake_;
  Packet packet_;
  std::uint64_t accepted_ = 0;
  std::uint64_t begin_ns_ = 0;
};

}  // namespace
}  // namespace spanflow::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spanflow::fuzz;
  static Intaken variants[kVariants] = {Intaken(0), Intaken(1), Intaken(2), Intaken(3)};
  static GuardedPackets memory;
  SequenceReader sequence({data, size});
  const auto packets = memory.place(sequence);
  variants[sequence.head().variant % kVariants].take(sequence.head(), packets);
  return 0;
}
