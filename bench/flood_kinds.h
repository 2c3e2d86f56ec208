// Hostile traffic: floods that cost a flow meter as much as possible. The same seed gives the same packets.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace spanflow::bench {

// The packets of a flood are copies of a few frames, each changed by `alter` to be packet number `number` of the flood.
struct Flood {
  // `random` has the same value in each run for the same number and seed.
  using Alter = void (*)(std::span<std::uint8_t> octets, std::uint64_t number, std::uint64_t random);

  std::string_view name;
  std::string_view help;
  std::uint64_t packets_per_s;                         // offered, by the timestamps of the packets
  std::vector<std::vector<std::uint8_t>> (*frames)();  // packet n is a copy of frame n modulo their number
  Alter alter;
  std::string_view setting = {};  // an option of spanflowd that the flood aims at; empty: the defaults
};

std::span<const Flood> floods();
// Throws std::invalid_argument if there is no such flood. The message lists the known names.
const Flood& flood_named(std::string_view name);

}  // namespace spanflow::bench
