// A whole worker without nDPI: from the intake to the records. The ledgers balance after each input.
#include <array>

#include "metered.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spanflow::fuzz;
  constexpr unsigned kLive = kMeterVariants;  // this bit of the variant selects a live source
  static std::array<std::unique_ptr<Metered>, 2 * kMeterVariants> meters;
  static GuardedPackets memory;
  SequenceReader sequence({data, size});
  const auto packets = memory.place(sequence);
  const unsigned variant = sequence.head().variant % meters.size();
  if (!meters[variant]) {
    meters[variant] = std::make_unique<Metered>(meter_config(variant % kMeterVariants), (variant & kLive) != 0);
  }
  meters[variant]->run(sequence.head(), packets);
  return 0;
}
