#include "capture/filter.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include "base/error.h"

namespace spanflow {
namespace {

int pcap_link_type(LinkType link_type) {
  switch (link_type) {
    case LinkType::kEthernet:
      return DLT_EN10MB;
    case LinkType::kRawIp:
      return DLT_RAW;
    case LinkType::kNull:
      return DLT_NULL;
    case LinkType::kLoop:
      return DLT_LOOP;
    case LinkType::kLinuxCooked:
      return DLT_LINUX_SLL;
    case LinkType::kLinuxCooked2:
      return DLT_LINUX_SLL2;
    case LinkType::kPpp:
      return DLT_PPP;
  }
  return DLT_EN10MB;
}

// Compiles `expression` into `program`. Returns libpcap's error text, or an empty text on success.
std::string compile(const std::string& expression, LinkType link_type, bpf_program& program) {
  constexpr int kSnapLength = 262'144;
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> dead(pcap_open_dead(pcap_link_type(link_type), kSnapLength),
                                                            pcap_close);
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
    throw RunError(fmt::format("{}: \"{}\" cannot be used on this input: {}", option, expression, error));
}

Filter::~Filter() = default;
Filter::Filter(Filter&&) noexcept = default;

bool Filter::matches(const RawPacket& packet) const {
  return bpf_filter(program_->bpf.bf_insns, packet.data, packet.wire, packet.captured) != 0;
}

}  // namespace spanflow
