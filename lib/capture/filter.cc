#include "capture/filter.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "decode/link_types.h"

namespace spanflow {
namespace {

int dlt_of(LinkType link_type) {
  const auto row = std::ranges::find(link_types(), link_type, &LinkTypeRow::type);
  return row->dlt;
}

// Compiles `expression` into `program`. Returns libpcap's error text, or an empty text on success.
std::string compile(const std::string& expression, LinkType link_type, bpf_program& program) {
  constexpr int kSnapLength = 262'144;
  constexpr std::size_t kLongest = 65'536;
  if (expression.size() > kLongest) return fmt::format("longer than {} octets", kLongest);
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> dead(pcap_open_dead(dlt_of(link_type), kSnapLength), pcap_close);
  const bool failed = pcap_compile(dead.get(), &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0;
  return failed ? pcap_geterr(dead.get()) : "";
}

}  // namespace

struct Filter::Program {
  bpf_program bpf{};
  ~Program() { pcap_freecode(&bpf); }
};

std::string filter_error(const std::string& expression) {
  bpf_program program{};
  std::string error = compile(expression, LinkType::kEthernet, program);
  if (error.empty()) pcap_freecode(&program);
  return error;
}

Filter::Filter(const std::string& expression, LinkType link_type, std::string_view option)
    : program_(std::make_unique<Program>()) {
  const std::string error = compile(expression, link_type, program_->bpf);
  if (!error.empty())
    throw RunError(
        fmt::format("{}: \"{}\" cannot be used on this input: {}", option, shortened(expression), shortened(error)));
}

Filter::~Filter() = default;
Filter::Filter(Filter&&) noexcept = default;

bool Filter::matches(const RawPacket& packet) const {
  return bpf_filter(program_->bpf.bf_insns, packet.data, packet.wire, packet.captured) != 0;
}

}  // namespace spanflow
