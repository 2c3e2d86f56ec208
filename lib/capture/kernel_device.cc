#include "capture/kernel_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace spanflow {

// Frames large enough for the MTU (af_packet's own header takes up to 128 octets of each) as far as a packet buffer can
// be, and as many as asked for, within 64 MiB. Frames and blocks are powers of two.
KernelDevice af_packet_device(const Config::Input& input, const KernelInterface& interface) {
  constexpr std::uint32_t kFrameOverhead = 128;
  constexpr std::uint32_t kGreatestFrame = 32'768;
  constexpr std::uint32_t kBlock = 65'536;
  constexpr std::uint64_t kGreatestRing = 64ULL << 20;
  const std::uint32_t needed = std::bit_ceil(interface.greatest_frame() + kFrameOverhead);
  const std::uint32_t frame = std::min(kGreatestFrame, std::max(static_cast<std::uint32_t>(input.frame_size), needed));
  const std::uint32_t per_block = kBlock / frame;
  const std::uint64_t wanted = std::min<std::uint64_t>(input.ring_frames, kGreatestRing / frame);
  const std::uint64_t frames = std::max<std::uint64_t>(1, wanted / per_block) * per_block;
  return {.device = fmt::format("net_af_packet0,iface={},blocksz={},framesz={},framecnt={},qpairs=1", interface.name(),
                                kBlock, frame, frames),
          .frame = frame,
          .frames = frames};
}

}  // namespace spanflow
