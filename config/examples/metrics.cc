// Metrics in a shared object; docs/metrics.md explains them.
//
//   g++ -std=c++20 -O2 -shared -fPIC $(pkg-config --cflags spanflow) metrics.cc -o metrics.so
//
//   metrics:
//     - {name: size_entropy, plugin: ./metrics.so}
//     - {name: until_first_answer_ns, plugin: ./metrics.so}
#include <spanflow/metric.h>

#include <array>
#include <cmath>

// Shannon entropy, in bits, of the packet sizes in steps of 64 octets: 0 if all packets are in one step.
struct SizeEntropy {
  std::array<std::uint32_t, 32> packets{};
  std::uint32_t all = 0;

  void on_packet(const spanflow::PacketInfo& packet, spanflow::Flow&) {
    const std::size_t step = packet.size / 64;
    ++packets[step < packets.size() ? step : packets.size() - 1];
    ++all;
  }
  double value() const {
    double bits = 0;
    for (const std::uint32_t count : packets) {
      const double share = static_cast<double>(count) / all;
      if (count > 0) bits -= share * std::log2(share);
    }
    return bits;
  }
};
SPANFLOW_METRIC(size_entropy, SizeEntropy);

// The time until the other side answers. The metric ends the flow with the answer, so each question and answer gets its
// own record.
struct UntilFirstAnswer {
  double nanoseconds = spanflow::kNoValue;

  void on_packet(const spanflow::PacketInfo& packet, spanflow::Flow& flow) {
    if (packet.direction == spanflow::Direction::kSrcToDst) return;
    nanoseconds = static_cast<double>(packet.time_ns - flow.start_ns);
    flow.finish();
  }
  double value() const { return nanoseconds; }
};
SPANFLOW_METRIC(until_first_answer_ns, UntilFirstAnswer);
