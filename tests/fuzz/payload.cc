// The readers of payload (TLS, DTLS, QUIC, DNS, HTTP, SSH), through the Inspector. The input is a sequence of payloads
// of one flow, in the format of packet_sequence.h. The first octet of a payload says how it comes, see Form.
#include "base/flow_hash.h"
#include "inspect/inspector.h"
#include "packet_sequence.h"
#include "require.h"
#include "support/quic_packets.h"

namespace spanflow::fuzz {
namespace {

constexpr std::array<std::uint16_t, 8> kPorts = {443, 80, 53, 22, 853, 5353, 8080, 40'001};
constexpr std::uint8_t kUdp = 8;        // this bit of the variant selects UDP, the bits below select the port
constexpr std::uint8_t kSynsSeen = 16;  // this bit says that both SYNs were captured

// The bits of a payload's first octet.
enum Form : std::uint8_t {
  kFromServer = 1,
  kGap = 2,       // 100 octets of the stream are missing before the payload
  kRepeats = 4,   // the payload begins 10 octets before the end of the one before
  kProtect = 8,   // the payload has the frames of an Initial packet of QUIC
  kVersion2 = 16  // of QUIC
};

// One flow after the other, as a worker's Inspector has them.
class Flow {
 public:
  explicit Flow(const SequenceHead& head)
      : is_udp_((head.variant & kUdp) != 0), syns_seen_((head.variant & kSynsSeen) != 0) {
    key_.ip_version = 4;
    key_.ip_src.bytes = {10, 0, 0, 1};
    key_.ip_dst.bytes = {10, 0, 0, 2};
    key_.src_port = 40'000;
    key_.dst_port = kPorts[head.variant % kPorts.size()];
    key_.ip_protocol = is_udp_ ? protocol::kUdp : protocol::kTcp;
  }

  void show(const RawPacket& raw) {
    if (raw.captured == 0) return;
    const std::uint8_t form = raw.data[0];
    if ((form & kProtect) == 0) return show(raw, form, {raw.data + 1, raw.captured - 1});
    const std::string frames(reinterpret_cast<const char*>(raw.data + 1), raw.captured - 1);
    if (frames.size() > kMostFrames) return;
    const std::string packet =
        testing::initial_packet({.version = quic_version((form & kVersion2) != 0 ? 0x6b3343cf : 1),
                                 .from_client = (form & kFromServer) == 0,
                                 .number = number_++ % 128},
                                frames);
    show(raw, form, {reinterpret_cast<const std::uint8_t*>(packet.data()), packet.size()});
  }

  // Ends the flow, and checks what the readers found.
  void end() {
    inspector().release(state_);
    FlowMetadata metadata;
    store().read(kIndex, metadata.octets);
    metadata.note_keys();
    inspector().add_dns_name(kIndex, key_, time_ns_, metadata);
    metadata.note_keys();
    check(metadata);
    store().release(kIndex);
  }

 private:
  static constexpr std::uint32_t kIndex = 1;
  static constexpr std::size_t kMostFrames = 16'000;  // the greatest length of the packet's encoding

  static Counters& counters() {
    static Counters counters;
    return counters;
  }
  static MetadataStore& store() {
    static MetadataStore store(1 << 20, 4, counters());
    return store;
  }
  static Inspector& inspector() {
    static NameCache names(1024, 1);
    static Inspector inspector(ReaderSet::all(), store(), &names, counters());
    return inspector;
  }

  void show(const RawPacket& raw, std::uint8_t form, std::span<const std::uint8_t> payload) {
    const Direction direction = (form & kFromServer) != 0 ? Direction::kDstToSrc : Direction::kSrcToDst;
    std::uint32_t& next = next_[direction_index(direction)];
    if ((form & kGap) != 0) next += 100;
    if ((form & kRepeats) != 0) next -= 10;
    Packet packet;
    packet.key = direction == Direction::kSrcToDst ? key_ : spanflow::reversed(key_);
    packet.direction = direction;
    packet.time_ns = time_ns_ = raw.time_ns;
    packet.ip = payload.data();
    packet.ip_captured = static_cast<std::uint32_t>(payload.size());
    constexpr std::uint32_t kMostPayload = 0xffff;
    packet.payload_size = std::min(std::max(raw.wire, packet.ip_captured), kMostPayload);
    packet.ip_size = packet.transport_size = packet.payload_size;
    packet.tcp_seq = next;
    packet.tcp_flags = tcp::kAck;
    next += packet.payload_size;
    if (!Inspector::wants(state_, packet)) return;
    const auto syn = syns_seen_ && !is_udp_ ? std::optional(kInitial) : std::nullopt;
    inspector().inspect({kIndex, state_, BiflowDirection::kInitiator, syn}, packet);
  }

  static void check(const FlowMetadata& metadata) {
    constexpr std::size_t kMostText = 8192;
    std::size_t read = 0;
    for (unsigned number = 0; number <= static_cast<unsigned>(Metadata::kRiskScore); ++number) {
      const auto key = static_cast<Metadata>(number);
      metadata.for_each(key, [&](std::string_view text) {
        ++read;
        require(text.size() <= kMostText || key == Metadata::kDnsOpen, "a text has at most 8192 octets");
      });
    }
    std::size_t items = 0;
    for (std::size_t at = 0; at < metadata.octets.size(); at = metadata.after(at)) ++items;
    require(items == read, "each item of the metadata has a key");
  }

  static constexpr std::uint32_t kInitial = 0xffffff00;  // the sequence numbers wrap

  const bool is_udp_;
  const bool syns_seen_;
  FlowKey key_;
  InspectionState state_;
  std::array<std::uint32_t, kDirections> next_{kInitial + 1, kInitial + 1};
  std::uint64_t time_ns_ = 0;
  std::size_t number_ = 0;
};

}  // namespace
}  // namespace spanflow::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spanflow::fuzz;
  static GuardedPackets memory;
  SequenceReader sequence({data, size});
  Flow flow(sequence.head());
  for (const spanflow::RawPacket& payload : memory.place(sequence)) flow.show(payload);
  flow.end();
  return 0;
}
