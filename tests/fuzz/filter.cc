// Filter expressions: the input has a link type, the length of an expression, the expression, and a packet.
#include "capture/filter.h"

#include <memory>

#include "base/error.h"
#include "no_names.h"
#include "octets.h"
#include "require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spanflow;
  fuzz::Octets input(data, size);
  const LinkType link_type = link_types()[input.u8() % link_types().size()].type;
  const std::string expression(input.text(input.u8()));
  const auto octets = input.rest();
  // An exactly sized block, so that the address sanitizer finds a read beyond its end.
  const auto packet = std::make_unique<std::uint8_t[]>(octets.size());
  std::ranges::copy(octets, packet.get());
  const bool is_valid = filter_error(expression).empty();
  try {
    const Filter filter(expression, link_type, "input.filter");
    const auto captured = static_cast<std::uint32_t>(octets.size());
    filter.matches({.data = packet.get(), .captured = captured, .wire = captured});
    fuzz::require(is_valid || link_type != LinkType::kEthernet, "filter_error() names each error");
  } catch (const RunError&) {
    fuzz::require(!is_valid || link_type != LinkType::kEthernet, "filter_error() accepts only valid expressions");
  }
  return 0;
}
