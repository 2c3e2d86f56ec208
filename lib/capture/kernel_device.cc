#include "capture/kernel_device.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <string_view>

#include "base/error.h"
#include "telemetry/log.h"
#include "version.h"

namespace spanflow {
namespace {

// AF_XDP requires that a packet buffer fits in one page. Besides the frame, the page holds the following octets: 64 for
// the mempool's header, 128 for the mbuf, 128 for DPDK's headroom, 256 for AF_XDP's headroom (for XDP programs), and up
// to 64 for padding. The mempool uses padding to spread the buffers over the memory channels.
constexpr std::uint32_t kPageOfXdp = 4096;
constexpr std::uint32_t kBufferOverhead = 64 + 128 + 128 + 64;
constexpr std::uint32_t kXdpHeadroom = 256;
constexpr std::uint32_t kGreatestXdpFrame = kPageOfXdp - kBufferOverhead - kXdpHeadroom;

constexpr std::string_view kOwnProgram = "xsk_def_prog";  // name of libxdp's default XDP program

// Returns the number of queues that the af_xdp driver polls, starting with queue 0: all combined queues, or only queue
// 0 if the interface reports no combined queues.
std::uint32_t queues_by_af_xdp(const InterfaceFacts& interface) { return std::max(1U, interface.combined_channels); }

void warn_about_af_xdp(const InterfaceFacts& interface) {
  if (interface.has_addresses) {
    log().warn("{}: it has IP addresses, but with af_xdp the host itself receives nothing from it", interface.name);
  }
  if (interface.strips_vlan_tags) {
    log().warn("{}: it removes VLAN tags, which are then lost with af_xdp; switch this off: ethtool -K {} rxvlan off",
               interface.name, interface.name);
  }
}

}  // namespace

// Each queue has a ring of the kernel's. The ring consists of blocks, and a block consists of frames. A frame has room
// for the longest packet of the interface and for af_packet's header (up to 128 octets), but is at most 32 KiB long,
// like a packet buffer. The number of frames is input.ring_frames, but a ring takes at most 64 MiB. Sizes of frames and
// blocks are powers of two.
KernelDevice af_packet_device(const Config::Input& input, std::uint16_t workers, const InterfaceFacts& interface) {
  constexpr std::uint32_t kFrameOverhead = 128;
  constexpr std::uint32_t kGreatestFrame = 32'768;
  constexpr std::uint32_t kBlock = 65'536;
  constexpr std::uint64_t kGreatestRing = 64ULL << 20;
  constexpr std::uint16_t kMostQueues = 16;
  const std::uint32_t needed = std::bit_ceil(interface.greatest_frame() + kFrameOverhead);
  const std::uint32_t frame = std::min(kGreatestFrame, std::max(static_cast<std::uint32_t>(input.frame_size), needed));
  const std::uint32_t per_block = kBlock / frame;
  const std::uint64_t wanted = std::min<std::uint64_t>(input.ring_frames, kGreatestRing / frame);
  const std::uint64_t frames = std::max<std::uint64_t>(1, wanted / per_block) * per_block;
  const std::uint16_t queues = workers <= kMostQueues ? workers : 1;
  return {.device = fmt::format("net_af_packet0,iface={},blocksz={},framesz={},framecnt={},qpairs={}", interface.name,
                                kBlock, frame, frames, queues),
          .frame = frame,
          .block = kBlock,
          .frames = frames,
          .queues = queues};
}

// The device uses AF_XDP's zero-copy mode if the interface's kernel driver supports this mode. DPDK's driver uses only
// half of the fill ring, so this half is the capacity of a queue.
KernelDevice af_xdp_device(const InterfaceFacts& interface) {
  constexpr std::uint64_t kUsableFillRing = 2048;
  const std::uint32_t queues = queues_by_af_xdp(interface);
  return {.device = fmt::format("net_af_xdp0,iface={},start_queue=0,queue_count={}", interface.name, queues),
          .frame = interface.greatest_frame() + kXdpHeadroom,
          .block = 0,
          .frames = kUsableFillRing,
          .queues = queues};
}

// libxdp looks up XDP programs by their id. This look-up requires CAP_SYS_ADMIN; CAP_BPF is not enough.
XdpAbility xdp_ability() {
  XdpAbility ability{.build_has_it = !kSelfContained};
  const int descriptor = ::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
  ability.kernel_has_it = descriptor >= 0 || errno != EAFNOSUPPORT;
  if (descriptor >= 0) ::close(descriptor);
  constexpr std::uint32_t kNeeded = 1U << CAP_NET_ADMIN | 1U << CAP_NET_RAW | 1U << CAP_SYS_ADMIN;
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  ability.permitted = ::syscall(SYS_capget, &header, sets.data()) == 0 && (sets.front().effective & kNeeded) == kNeeded;
  return ability;
}

std::string obstacle_to_af_xdp(const InterfaceFacts& interface, const XdpAbility& ability) {
  if (!ability.build_has_it) return "this build of spanflow has no driver for it";
  if (!ability.kernel_has_it) return "the kernel has no AF_XDP sockets";
  if (!ability.permitted) return "the process needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN";
  if (interface.greatest_frame() > kGreatestXdpFrame) {
    return fmt::format("its MTU is {}, but af_xdp allows at most {}, because a frame must fit in a page", interface.mtu,
                       interface.mtu - (interface.greatest_frame() - kGreatestXdpFrame));
  }
  // When the af_xdp driver closes, it removes whatever XDP program the interface has. Only libxdp's default program may
  // be removed, because a killed run has left this program behind.
  if (!interface.xdp_program.empty() && interface.xdp_program != kOwnProgram) {
    return fmt::format("it has an XDP program already ({}): ip link set {} xdp off", interface.xdp_program,
                       interface.name);
  }
  const std::uint32_t heard = queues_by_af_xdp(interface);
  if (interface.receive_queues > heard) {
    return fmt::format("it has {} receive queues, and packets of all but the first {} would be lost: see ethtool -L",
                       interface.receive_queues, heard);
  }
  return "";
}

KernelDevice kernel_device(const Config::Input& input, std::uint16_t workers, const InterfaceFacts& interface) {
  if (input.driver != KernelDriver::kAfXdp) {
    if (input.driver == KernelDriver::kAuto) {
      log().info(
          "{}: af_packet captures the packets; af_xdp, which takes packets away from the kernel, is used only if "
          "input.driver says so",
          interface.name);
    }
    return af_packet_device(input, workers, interface);
  }
  if (const std::string obstacle = obstacle_to_af_xdp(interface, xdp_ability()); !obstacle.empty()) {
    throw RunError(fmt::format("{}: cannot be captured with af_xdp: {}", interface.name, obstacle));
  }
  warn_about_af_xdp(interface);
  return af_xdp_device(interface);
}

}  // namespace spanflow
