#include "capture/kernel_interface.h"

#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <set>

#include "base/error.h"
#include "capture/xdp_program.h"

namespace spanflow {
namespace {

class ControlSocket {
 public:
  ControlSocket() : descriptor_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}
  explicit ControlSocket(const std::string& interface) : ControlSocket() {
    std::strncpy(request_.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  }
  ~ControlSocket() { ::close(descriptor_); }
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  // Selects an interface by its index, because it may have been renamed. False: errno has the reason.
  bool select(unsigned index) {
    request_.ifr_ifindex = static_cast<int>(index);
    return ask(SIOCGIFNAME);
  }

  bool ask(unsigned long what) { return ::ioctl(descriptor_, what, &request_) == 0; }
  ifreq& request() { return request_; }

  // Returns an ethtool flag word, or 0 if the driver does not support the command.
  std::uint32_t ethtool(std::uint32_t command) {
    ethtool_value value{.cmd = command, .data = 0};
    request_.ifr_data = reinterpret_cast<char*>(&value);
    return ask(SIOCETHTOOL) ? value.data : 0;
  }

  // Returns the number of combined channels, or 0 if the driver reports none.
  std::uint32_t combined_channels() {
    ethtool_channels channels{};
    channels.cmd = ETHTOOL_GCHANNELS;
    request_.ifr_data = reinterpret_cast<char*>(&channels);
    return ask(SIOCETHTOOL) ? channels.combined_count : 0;
  }

 private:
  int descriptor_;
  ifreq request_{};
};

bool is_packet_socket_on(int descriptor, int interface_index) {
  int domain = 0;
  socklen_t size = sizeof domain;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_PACKET) return false;
  sockaddr_ll address{};
  size = sizeof address;
  return ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
         address.sll_ifindex == interface_index;
}

std::uint32_t count_receive_queues(const std::string& interface) {
  std::error_code none;
  std::uint32_t count = 0;
  for (const auto& queue : std::filesystem::directory_iterator("/sys/class/net/" + interface + "/queues", none)) {
    if (queue.path().filename().string().starts_with("rx-")) ++count;
  }
  return std::max(1U, count);
}

bool is_address_of_host(const sockaddr* address) {
  if (address == nullptr) return false;
  if (address->sa_family == AF_INET) {
    const auto ip = ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr);
    return ip >> 16 != 0xa9fe;  // not link-local (169.254.0.0/16)
  }
  return address->sa_family == AF_INET6 &&
         !IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
}

bool has_addresses(const std::string& interface) {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return false;
  bool found = false;
  for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
    if (interface == each->ifa_name && is_address_of_host(each->ifa_addr)) found = true;
  }
  ::freeifaddrs(all);
  return found;
}

}  // namespace

LinkState interface_state(unsigned index) {
  ControlSocket control;
  if (!control.select(index)) return errno == ENODEV ? LinkState::kGone : LinkState::kUnknown;
  if (!control.ask(SIOCGIFFLAGS)) return LinkState::kUnknown;
  return (control.request().ifr_flags & IFF_UP) != 0 ? LinkState::kUp : LinkState::kDown;
}

std::uint32_t mtu_of_interface(unsigned index) {
  ControlSocket control;
  return control.select(index) && control.ask(SIOCGIFMTU) ? static_cast<std::uint32_t>(control.request().ifr_mtu) : 0;
}

std::vector<int> packet_sockets_on(int interface_index) {
  std::vector<int> sockets;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", none)) {
    const int descriptor = std::atoi(entry.path().filename().c_str());
    if (is_packet_socket_on(descriptor, interface_index)) sockets.push_back(descriptor);
  }
  return sockets;
}

bool KernelInterface::exists(const std::string& name) { return ::if_nametoindex(name.c_str()) != 0; }

KernelInterface::KernelInterface(const std::string& name)
    : facts_{.name = name}, index_(static_cast<int>(::if_nametoindex(name.c_str()))) {
  if (index_ == 0) throw RunError(name + ": no such network interface");
  ControlSocket control(name);
  facts_.mtu = mtu_of_interface(static_cast<unsigned>(index_));
  facts_.is_up = interface_state(static_cast<unsigned>(index_)) != LinkState::kDown;
  if (control.ethtool(ETHTOOL_GGRO) != 0) facts_.merging_offloads.emplace_back("gro");
  const std::uint32_t flags = control.ethtool(ETHTOOL_GFLAGS);
  if ((flags & ETH_FLAG_LRO) != 0) facts_.merging_offloads.emplace_back("lro");
  facts_.strips_vlan_tags = (flags & ETH_FLAG_RXVLAN) != 0;
  facts_.receive_queues = count_receive_queues(name);
  facts_.combined_channels = control.combined_channels();
  facts_.has_addresses = has_addresses(name);
  facts_.xdp_program = xdp_program_on(index_);
}

KernelInterface::~KernelInterface() {
  if (promiscuous_socket_ >= 0) ::close(promiscuous_socket_);
}

bool KernelInterface::hold_promiscuous() {
  promiscuous_socket_ = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);  // protocol 0: the socket receives no packets
  const packet_mreq membership{.mr_ifindex = index_, .mr_type = PACKET_MR_PROMISC, .mr_alen = 0, .mr_address = {}};
  return ::setsockopt(promiscuous_socket_, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof membership) == 0;
}

void KernelInterface::watch_drops() { watched_sockets_ = packet_sockets_on(index_); }

std::uint64_t KernelInterface::take_dropped() const {
  std::uint64_t dropped = 0;
  for (const int descriptor : watched_sockets_) {
    tpacket_stats statistics{};
    socklen_t size = sizeof statistics;
    if (::getsockopt(descriptor, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) == 0) {
      dropped += statistics.tp_drops;
    }
  }
  return dropped;
}

namespace {

struct Claims {
  std::mutex mutex;
  std::set<std::string> names;
};

Claims& claims() {
  static Claims claims;
  return claims;
}

}  // namespace

InterfaceClaim::InterfaceClaim(const std::string& name) : name_(name) {
  const std::lock_guard lock(claims().mutex);
  if (!claims().names.insert(name).second) throw RunError(name + ": another capture of this process reads from it");
}

InterfaceClaim::~InterfaceClaim() {
  const std::lock_guard lock(claims().mutex);
  claims().names.erase(name_);
}

}  // namespace spanflow
