// Meters packets as one worker does, or as several workers do that share them.
#pragma once

#include <vector>

#include "config/config.h"
#include "support/flow_harness.h"
#include "support/packet_builder.h"

namespace spanflow::testing {

// A packet that an Intake has given out. At that moment the Intake had given out all packets up to `until_ns`, a time
// of the input's clock.
struct TakenIn {
  TestPacket packet;
  FlowKey key;
  std::uint64_t until_ns;
};

// Returns the packets that a new Intake gives out.
std::vector<TakenIn> taken_in(const Config& config, const std::vector<TestPacket>& packets);

// Workers that meter packets of an Intake. May be used for several runs.
class SplitWorkers {
 public:
  SplitWorkers(const Config& config, std::uint32_t workers, bool names = false);

  // Returns the records of all packets. Each packet goes to the worker that owns its flow. If `sweeps` is true, every
  // worker sweeps after each packet, with a random budget of 0 to 3 flows.
  std::vector<FlowRecord> records_of(const std::vector<TakenIn>& packets, bool sweeps);

 private:
  std::vector<std::unique_ptr<FlowHarness>> workers_;
};

}  // namespace spanflow::testing
