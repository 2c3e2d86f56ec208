// All histograms of the program, in one list. A histogram counts how many values fell in each range.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string_view>

namespace spanflow {

enum class HistogramId : std::uint8_t { kPacketsToVerdict, kExportLag, kNameAge };

struct HistogramInfo {
  HistogramId id;
  std::string_view name;
  std::string_view unit;
  std::string_view help;
  // Inclusive upper bounds of the ranges, ascending, in the histogram's unit. One more range, without an upper bound,
  // follows.
  std::span<const std::uint64_t> bounds;
};

inline constexpr auto kPacketBounds = std::to_array<std::uint64_t>({1, 2, 3, 4, 6, 8, 12, 16, 24, 32});
inline constexpr auto kLagBounds =
    std::to_array<std::uint64_t>({10'000'000, 50'000'000, 100'000'000, 250'000'000, 500'000'000, 1'000'000'000,
                                  2'500'000'000, 5'000'000'000, 10'000'000'000, 30'000'000'000, 60'000'000'000});

inline constexpr auto kAgeBounds =
    std::to_array<std::uint64_t>({1'000'000, 10'000'000, 100'000'000, 1'000'000'000, 10'000'000'000, 60'000'000'000,
                                  300'000'000'000, 3'600'000'000'000});

inline constexpr std::array kHistograms = {
    HistogramInfo{HistogramId::kPacketsToVerdict, "dpi.packets_to_verdict", "packets",
                  "packets that nDPI saw of each flow that it classified, including the handshake", kPacketBounds},
    HistogramInfo{HistogramId::kExportLag, "records.export_lag_ns", "ns",
                  "time from when a record of a live input was due until it was handed to the sinks", kLagBounds},
    HistogramInfo{HistogramId::kNameAge, "names.age_ns", "ns",
                  "time from the DNS reply to the start of a flow that got its name from the reply", kAgeBounds}};

static_assert([] {
  for (std::size_t i = 0; i < kHistograms.size(); ++i) {
    if (kHistograms[i].id != static_cast<HistogramId>(i)) return false;
  }
  return true;
}());

constexpr const HistogramInfo& info(HistogramId histogram) { return kHistograms[static_cast<std::size_t>(histogram)]; }

struct HistogramValues {
  static constexpr std::size_t kMostRanges = std::max(kPacketBounds.size(), kLagBounds.size()) + 1;

  std::array<std::uint64_t, kMostRanges> counts{};  // one count per range
  std::uint64_t sum = 0;                            // sum of all values

  std::uint64_t count() const { return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}); }
};

using AllHistograms = std::array<HistogramValues, kHistograms.size()>;

// One thread may write; any thread may read.
class Histogram {
 public:
  void add(std::span<const std::uint64_t> bounds, std::uint64_t value) {
    std::size_t range = 0;
    while (range < bounds.size() && value > bounds[range]) ++range;
    increase(counts_[range], 1);
    increase(sum_, value);
  }

  void add_to(HistogramValues& values) const {
    for (std::size_t i = 0; i < counts_.size(); ++i) values.counts[i] += counts_[i].load(std::memory_order_relaxed);
    values.sum += sum_.load(std::memory_order_relaxed);
  }

 private:
  static void increase(std::atomic<std::uint64_t>& number, std::uint64_t by) {
    number.store(number.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  std::array<std::atomic<std::uint64_t>, HistogramValues::kMostRanges> counts_{};
  std::atomic<std::uint64_t> sum_{0};
};

}  // namespace spanflow
