// The state of a flow's classification.
#pragma once

#include <array>
#include <cstdint>

#include "base/directions.h"

namespace spanflow {

enum class DpiProgress : std::uint8_t { kNotStarted, kRunning, kDone };

// By direction: the sequence number that a TCP connection began with.
using InitialSequence = std::array<std::uint32_t, kDirections>;

// TCP packets without payload before the first payload: enough to show nDPI the handshake that it has not seen.
struct Handshake {
  static constexpr std::uint8_t kMost = 6;
  DpiProgress progress : 2 = DpiProgress::kNotStarted;
  std::uint8_t count : 3 = 0;
  std::uint8_t sequences_known : 2 = 0;  // a bit per direction
  std::uint8_t packets[kMost] = {};      // direction in bit 7, TCP flags FIN..ECE below
};

// nDPI's answer for a flow.
struct Verdict {
  std::uint32_t label = 0;  // application and category, in the Classifier's list
  std::uint8_t confidence = 0;
  bool guessed = false;
  bool cut_short = false;  // overload: nDPI got fewer packets than it might have had
};

// Belongs to the Classifier. Every flow has one, so its three states share 8 octets; each begins with the progress,
// which says which of them it is. Metadata is the number of a chain in the MetadataStore.
class FlowInspection {
 public:
  static constexpr std::uint32_t kMostStates = 1U << 30;
  static constexpr std::uint32_t kMostLabels = 1U << 22;
  static constexpr std::uint32_t kMostConfidences = 1U << 6;

  FlowInspection() : handshake_() {}

  DpiProgress progress() const { return handshake_.progress; }
  // Only with kNotStarted.
  Handshake& handshake() { return handshake_; }
  const Handshake& handshake() const { return handshake_; }
  // Only with kRunning: the flow's state in the StatePool.
  std::uint32_t state() const { return running_.state; }
  // Only with kDone.
  Verdict verdict() const {
    return {.label = done_.label,
            .confidence = static_cast<std::uint8_t>(done_.confidence),
            .guessed = done_.guessed != 0,
            .cut_short = done_.cut_short != 0};
  }
  // Not with kNotStarted.
  std::uint32_t& metadata() { return progress() == DpiProgress::kRunning ? running_.metadata : done_.metadata; }
  std::uint32_t metadata() const { return progress() == DpiProgress::kRunning ? running_.metadata : done_.metadata; }

  void start(std::uint32_t state, std::uint32_t metadata) {
    running_.progress = DpiProgress::kRunning;
    running_.state = state;
    running_.metadata = metadata;
  }
  void conclude(const Verdict& verdict, std::uint32_t metadata) {
    done_.progress = DpiProgress::kDone;
    done_.label = verdict.label;
    done_.confidence = verdict.confidence;
    done_.guessed = verdict.guessed ? 1 : 0;
    done_.cut_short = verdict.cut_short ? 1 : 0;
    done_.metadata = metadata;
  }

 private:
  struct Running {
    DpiProgress progress : 2;
    std::uint32_t state : 30;
    std::uint32_t metadata;
  };
  struct Done {
    DpiProgress progress : 2;
    std::uint32_t label : 22;
    std::uint32_t confidence : 6;
    std::uint32_t guessed : 1;
    std::uint32_t cut_short : 1;
    std::uint32_t metadata;
  };

  // The common initial sequence of standard-layout structures may be read through any of them.
  union {
    Handshake handshake_;
    Running running_;
    Done done_;
  };
};
static_assert(sizeof(FlowInspection) == 8);

}  // namespace spanflow
