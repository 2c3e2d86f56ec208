#include "trace.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

namespace spanflow::bench {
namespace {

struct Quantile {
  double length;  // packets
  double share;   // of all flows that have at most so many packets
};

// From the data that the authors published with the paper. The length of the longest flow is assumed.
constexpr std::array<Quantile, 11> kLengths = {{{1, 0.478326},
                                                {2, 0.653421},
                                                {4, 0.748933},
                                                {8, 0.841319},
                                                {10, 0.865086},
                                                {100, 0.973478},
                                                {1'000, 0.994544},
                                                {10'000, 0.998922},
                                                {100'000, 0.999896},
                                                {1'000'000, 0.999998},
                                                {10'000'000, 1}}};

constexpr double kUsualGapS = 0.05;
constexpr double kLongestFlowS = 300;
constexpr std::uint64_t kFirstPackets = 16;  // more than classification needs of nearly every flow
constexpr std::size_t kAlike = 8;            // number of conversations from which a flow gets one

double uniform(std::uint64_t number) { return static_cast<double>(number >> 11) * 0x1p-53; }

std::uint64_t in_ns(double seconds) { return static_cast<std::uint64_t>(seconds * 1e9); }

// Chooses conversations by their length.
class Conversations {
 public:
  explicit Conversations(std::span<const Traffic::Range> ranges) : ranges_(ranges.begin(), ranges.end()) {
    std::ranges::stable_sort(ranges_, {}, &Traffic::Range::count);
  }

  // Returns one of the shortest conversations with at least so many packets, or one of the longest.
  const Traffic::Range& choose(std::uint64_t packets, std::uint64_t number) const {
    const std::size_t alike = std::min(kAlike, ranges_.size());
    const auto first = std::ranges::lower_bound(ranges_, packets, {}, &Traffic::Range::count);
    const auto index = std::min(static_cast<std::size_t>(first - ranges_.begin()), ranges_.size() - alike);
    return ranges_[index + number % alike];
  }

 private:
  std::vector<Traffic::Range> ranges_;
};

// Times are in seconds from the start of the window.
struct TraceFlow {
  std::uint64_t id;
  const Traffic::Range* conversation;
  double start_s;
  double gap_s;
  std::uint64_t packets;

  double end_s() const { return start_s + static_cast<double>(packets - 1) * gap_s; }
  // Returns the number of packets before this time.
  std::uint64_t packets_before(double time_s) const {
    if (time_s <= start_s) return 0;
    return std::min(packets, static_cast<std::uint64_t>((time_s - start_s) / gap_s) + 1);
  }
};

class Scheduler {
 public:
  Scheduler(double window_s, double idle_s, std::uint64_t start_ns)
      : window_s_(window_s), idle_s_(idle_s), start_ns_(start_ns) {}

  void add(const TraceFlow& flow) {
    if (flow.end_s() < -idle_s_) return;
    ++schedule_.flows;
    const std::uint64_t before = flow.packets_before(0);
    if (before > 0) fill(flow, before);
    const std::uint64_t end = flow.packets_before(window_s_);
    for (std::uint64_t position = before; position < end; ++position) {
      put(flow, position, flow.start_s + static_cast<double>(position) * flow.gap_s);
    }
  }

  TraceSchedule take() {
    std::ranges::stable_sort(schedule_.packets, {}, &Traffic::Packet::time_ns);
    return std::move(schedule_);
  }

 private:
  void fill(const TraceFlow& flow, std::uint64_t before) {
    const bool goes_on = before < flow.packets;
    const double last_s = flow.start_s + static_cast<double>(before - 1) * flow.gap_s;
    const std::uint64_t first = goes_on ? 0 : before - 1;
    const std::uint64_t end = goes_on ? std::min(before, kFirstPackets) : before;
    for (std::uint64_t position = first; position < end; ++position) put(flow, position, last_s);
    schedule_.before += end - first;
  }

  void put(const TraceFlow& flow, std::uint64_t position, double time_s) {
    schedule_.packets.push_back({.frame = flow.conversation->frame_at(position),
                                 .flow = flow.id,
                                 .time_ns = start_ns_ + in_ns(time_s + idle_s_)});
  }

  const double window_s_;
  const double idle_s_;
  const std::uint64_t start_ns_;
  TraceSchedule schedule_;
};

// Returns the length in packets of the flow at this place of all flows in order of length; 0 <= `share` < 1.
std::uint64_t length_at(double share) {
  const auto upper = std::ranges::upper_bound(kLengths, share, {}, &Quantile::share);
  if (upper == kLengths.begin()) return 1;
  // Between two rows, the number of longer flows is inversely proportional to the length (a Pareto distribution).
  const auto lower = std::prev(upper);
  const double part = (share - lower->share) / (upper->share - lower->share);
  const double inverse = (1 - part) / lower->length + part / upper->length;
  return static_cast<std::uint64_t>(std::ceil(1 / inverse));
}

// Returns the mean of these lengths, in packets.
double mean_length() {
  constexpr int kSamples = 10'000'000;  // the longest flows are two in a million
  static const double mean = [] {
    double sum = 0;
    for (int i = 0; i < kSamples; ++i) sum += static_cast<double>(length_at((i + 0.5) / kSamples));
    return sum / kSamples;
  }();
  return mean;
}

}  // namespace

TraceSchedule make_trace(const TrafficOptions& options, std::span<const Traffic::Range> conversations,
                         std::uint64_t start_ns, const std::function<std::uint64_t(std::uint64_t)>& random) {
  const auto rate = static_cast<double>(options.packets_per_s);
  const double window_s = static_cast<double>(options.packets) / rate;
  const auto idle_s = static_cast<double>(options.idle_s);
  const double flows_per_s = rate / mean_length();
  const double first_s = -kLongestFlowS - idle_s;
  const auto flows = static_cast<std::uint64_t>((window_s - first_s) * flows_per_s);
  const Conversations by_length(conversations);
  Scheduler scheduler(window_s, idle_s, start_ns);
  for (std::uint64_t id = 0; id < flows; ++id) {
    const std::uint64_t packets = length_at(uniform(random(3 * id)));
    const double start_s = first_s + (static_cast<double>(id) + uniform(random(3 * id + 1))) / flows_per_s;
    scheduler.add({.id = id,
                   .conversation = &by_length.choose(packets, random(3 * id + 2)),
                   .start_s = start_s,
                   .gap_s = std::min(kUsualGapS, kLongestFlowS / static_cast<double>(packets)),
                   .packets = packets});
  }
  return scheduler.take();
}

}  // namespace spanflow::bench
