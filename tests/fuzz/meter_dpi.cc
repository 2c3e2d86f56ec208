// A whole worker with nDPI, which no sanitizer has instrumented. The captured octets of a packet end before a page that
// cannot be read, so a read beyond them ends the process. One nDPI module sees all inputs, as in a long run; an input
// that is a finding only after others needs these too.
#include "metered.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spanflow::fuzz;
  static Metered meter(
      [] {
        spanflow::Config config = meter_config(0);
        config.dpi.enabled = true;
        config.dpi.max_flows = 16;  // fewer than flows, so that the classifier gives flows up
        return config;
      }(),
      false);
  static GuardedPackets memory;
  SequenceReader sequence({data, size});
  const auto packets = memory.place(sequence);
  meter.run(sequence.head(), packets);
  return 0;
}
