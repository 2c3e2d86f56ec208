// The Classifier's state of one flow.
#pragma once

#include <array>
#include <cstdint>

#include "base/directions.h"

namespace spanflow {

enum class DpiProgress : std::uint8_t { kNotStarted, kRunning, kDone };

// The initial sequence numbers of a TCP connection, by direction_index().
using InitialSequence = std::array<std::uint32_t, kDirections>;

// The TCP packets before the first payload. The Classifier rebuilds these packets for nDPI when the classification
// starts.
struct Handshake {
  static constexpr std::uint8_t kMost = 6;
  DpiProgress progress : 2 = DpiProgress::kNotStarted;
  std::uint8_t count : 3 = 0;
  std::uint8_t sequences_known : 2 = 0;  // one bit per direction: 1 if its initial sequence number is known
  std::uint8_t packets[kMost] = {};      // bit 7: 1 from dst to src; bits 0 to 6: TCP flags FIN to ECE
};

// nDPI's result for a flow.
struct Verdict {
  std::uint32_t label = 0;      // index of the application and category names in the Classifier's list
  std::uint8_t confidence = 0;  // a value of ndpi_confidence_t
  bool guessed = false;         // true: nDPI has guessed, because it did not recognise the payload
  bool cut_short = false;       // true: because of overload, nDPI got fewer packets than usual
};

// Only the Classifier changes a FlowInspection. Every flow has a FlowInspection, so its size is only 8 octets: a union
// of one struct for each value of DpiProgress. Each struct begins with `progress`, which tells the structs apart.
class FlowInspection {
 public:
  static constexpr std::uint32_t kMostStates = 1U << 30;
  static constexpr std::uint32_t kMostLabels = 1U << 22;
  static constexpr std::uint32_t kMostConfidences = 1U << 6;

  FlowInspection() : handshake_() {}

  DpiProgress progress() const { return handshake_.progress; }
  // Requires the progress kNotStarted.
  Handshake& handshake() { return handshake_; }
  const Handshake& handshake() const { return handshake_; }
  // Requires the progress kRunning. Returns the index of the flow's state in the StatePool.
  std::uint32_t state() const { return running_.state; }
  // Requires the progress kDone.
  Verdict verdict() const {
    return {.label = done_.label,
            .confidence = static_cast<std::uint8_t>(done_.confidence),
            .guessed = done_.guessed != 0,
            .cut_short = done_.cut_short != 0};
  }
  void start(std::uint32_t state) {
    running_.progress = DpiProgress::kRunning;
    running_.state = state;
  }
  void conclude(const Verdict& verdict) {
    done_.progress = DpiProgress::kDone;
    done_.label = verdict.label;
    done_.confidence = verdict.confidence;
    done_.guessed = verdict.guessed ? 1 : 0;
    done_.cut_short = verdict.cut_short ? 1 : 0;
  }

 private:
  struct Running {
    DpiProgress progress : 2;
    std::uint32_t state : 30;
  };
  struct Done {
    DpiProgress progress : 2;
    std::uint32_t label : 22;
    std::uint32_t confidence : 6;
    std::uint32_t guessed : 1;
    std::uint32_t cut_short : 1;
  };

  // `progress` is the common initial sequence of these standard-layout structs. C++ therefore allows reading `progress`
  // through any member of the union.
  union {
    Handshake handshake_;
    Running running_;
    Done done_;
  };
};
static_assert(sizeof(FlowInspection) == 8);

}  // namespace spanflow
