// A shared object with user metrics for tests. Some metrics use each part of the interface; the others fail on purpose.
#include <spanflow/metric.h>

#include <stdexcept>
#include <string>

namespace {

struct CountLarge {
  std::uint64_t packets = 0;
  void on_packet(const spanflow::PacketInfo& packet, spanflow::Flow&) {
    if (packet.size > 666) ++packets;
  }
  double value() const { return static_cast<double>(packets); }
};

// The value is a number with one digit per call: 1 is on_init, 2 is on_packet and 3 is on_expire. A 9 is a call with a
// wrong packet count. The member `text` would leak without a destructor call.
struct Calls {
  std::string text;
  void on_init(spanflow::Flow& flow) { text += flow.src_to_dst.pkts == 0 ? "1" : "9"; }
  void on_packet(const spanflow::PacketInfo&, spanflow::Flow& flow) { text += flow.src_to_dst.pkts > 0 ? "2" : "9"; }
  void on_expire(spanflow::Flow&) { text += "3"; }
  double value() const { return std::stod(text); }
};

// The value is the number of states that exist when a segment ends.
struct LiveStates {
  static inline int live = 0;
  LiveStates() { ++live; }
  ~LiveStates() { --live; }
  void on_packet(const spanflow::PacketInfo&, spanflow::Flow&) {}
  double value() const { return live; }
};

struct EndsAtLarge {
  void on_packet(const spanflow::PacketInfo& packet, spanflow::Flow& flow) {
    if (packet.size > 666) flow.finish();
  }
  double value() const { return 1; }
};

struct ThrowsAtThirteen {
  std::string text = "a state that must be destroyed after a throw";
  void on_packet(const spanflow::PacketInfo& packet, spanflow::Flow&) {
    if (packet.payload_size == 13) throw std::runtime_error("thirteen octets");
  }
  double value() const { return 1; }
};

struct ThrowsAtStart {
  std::string text = "constructed before on_init throws";
  void on_init(spanflow::Flow&) { throw 42; }
  void on_packet(const spanflow::PacketInfo&, spanflow::Flow&) {}
  double value() const { return 1; }
};

struct ThrowsAtEnd {
  void on_packet(const spanflow::PacketInfo&, spanflow::Flow&) {}
  double value() const { throw std::logic_error("no value"); }
};

struct alignas(256) Aligned {
  char octet = 0;
  void on_packet(const spanflow::PacketInfo&, spanflow::Flow&) {}
  double value() const { return static_cast<double>(reinterpret_cast<std::uintptr_t>(this) % 256); }
};

struct alignas(8192) TooAligned {
  void on_packet(const spanflow::PacketInfo&, spanflow::Flow&) {}
  double value() const { return 0; }
};

}  // namespace

SPANFLOW_METRIC(count_pkts_gt_666, CountLarge);
SPANFLOW_METRIC(calls, Calls);
SPANFLOW_METRIC(live_states, LiveStates);
SPANFLOW_METRIC(ends_at_large, EndsAtLarge);
SPANFLOW_METRIC(throws_at_thirteen, ThrowsAtThirteen);
SPANFLOW_METRIC(throws_at_start, ThrowsAtStart);
SPANFLOW_METRIC(throws_at_end, ThrowsAtEnd);
SPANFLOW_METRIC(aligned, Aligned);
SPANFLOW_METRIC(too_aligned, TooAligned);

// Two metrics that the SPANFLOW_METRIC of other versions would export. The first has another ABI number, and the second
// has another size of PacketInfo.
extern "C" {
extern const spanflow::MetricInterface spanflow_metric_of_another_version;
extern const spanflow::MetricInterface spanflow_metric_of_another_packet;
const spanflow::MetricInterface spanflow_metric_of_another_version{.abi = spanflow::kMetricAbi + 1};
const spanflow::MetricInterface spanflow_metric_of_another_packet{.packet_size = sizeof(spanflow::PacketInfo) + 8};
}
