#include "capture/xdp_program.h"

#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace spanflow {
namespace {

// Searches `length` octets of netlink attributes for the type `type`. Returns nullptr if no attribute has this type.
const rtattr* find_attribute(const rtattr* attribute, std::size_t length, unsigned type) {
  auto left = static_cast<int>(length);
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if ((attribute->rta_type & ~static_cast<unsigned>(NLA_F_NESTED)) == type) return attribute;
  }
  return nullptr;
}

struct LinkRequest {
  nlmsghdr header;
  ifinfomsg link;
};

// Returns the id of the interface's XDP program from the kernel's answer; 0: no program.
std::uint32_t program_in(const nlmsghdr& answer) {
  if (answer.nlmsg_type != RTM_NEWLINK) return 0;
  const auto* link = static_cast<const ifinfomsg*>(NLMSG_DATA(&answer));
  const rtattr* xdp = find_attribute(IFLA_RTA(link), IFLA_PAYLOAD(&answer), IFLA_XDP);
  if (xdp == nullptr) return 0;
  const rtattr* id = find_attribute(static_cast<const rtattr*>(RTA_DATA(xdp)), RTA_PAYLOAD(xdp), IFLA_XDP_PROG_ID);
  std::uint32_t number = 0;
  if (id != nullptr) std::memcpy(&number, RTA_DATA(id), sizeof number);
  return number;
}

std::uint32_t program_number(int interface_index) {
  const int descriptor = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  LinkRequest request{};
  request.header = {.nlmsg_len = sizeof request,
                    .nlmsg_type = RTM_GETLINK,
                    .nlmsg_flags = NLM_F_REQUEST,
                    .nlmsg_seq = 1,
                    .nlmsg_pid = 0};
  request.link.ifi_index = interface_index;
  alignas(nlmsghdr) std::array<char, 32'768> answer{};
  std::uint32_t number = 0;
  if (::send(descriptor, &request, sizeof request, 0) >= 0) {
    const auto size = ::recv(descriptor, answer.data(), answer.size(), 0);
    const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data());
    if (size > 0 && NLMSG_OK(header, static_cast<std::size_t>(size))) number = program_in(*header);
  }
  ::close(descriptor);
  return number;
}

int bpf(bpf_cmd command, bpf_attr& attributes) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

}  // namespace

std::string xdp_program_on(int interface_index) {
  const std::uint32_t number = program_number(interface_index);
  if (number == 0) return "";
  bpf_attr by_number{};
  by_number.prog_id = number;
  const int program = bpf(BPF_PROG_GET_FD_BY_ID, by_number);
  if (program < 0) return "?";
  bpf_prog_info info{};
  bpf_attr about{};
  about.info.bpf_fd = static_cast<std::uint32_t>(program);
  about.info.info_len = sizeof info;
  about.info.info = reinterpret_cast<std::uint64_t>(&info);
  const bool told = bpf(BPF_OBJ_GET_INFO_BY_FD, about) == 0 && info.name[0] != '\0';
  ::close(program);
  return told ? info.name : "?";
}

}  // namespace spanflow
