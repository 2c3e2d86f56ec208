#include "capture/packet_ring.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "base/error.h"
#include "capture/fanout.h"
#include "capture/packet_socket.h"

namespace spanflow {
namespace {

// Returns the memory to which the rings of a packet socket are mapped; empty if there is none.
std::span<std::byte> memory_of(int socket) {
  struct stat facts {};
  if (::fstat(socket, &facts) != 0) return {};
  const std::string name = fmt::format(" socket:[{}]", facts.st_ino);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    void* begin = nullptr;
    void* end = nullptr;
    if (!line.ends_with(name) || std::sscanf(line.c_str(), "%p-%p", &begin, &end) != 2) continue;
    return {static_cast<std::byte*>(begin), static_cast<std::byte*>(end)};
  }
  return {};
}

bool map_fixed(std::span<std::byte> memory, int flags, int socket) {
  return ::mmap(memory.data(), memory.size(), PROT_READ | PROT_WRITE, MAP_FIXED | flags, socket, 0) != MAP_FAILED;
}

struct Rings {
  int socket = -1;
  std::span<std::byte> memory;  // one half for receiving, one for sending
};

// Finds the sockets of the driver, in the order of its queues: it opens one after the other, so their numbers ascend.
// The process may have other packet sockets on the interface.
std::vector<Rings> find_rings(int interface_index, const KernelDevice& device) {
  std::vector<Rings> found;
  for (const int socket : packet_sockets_on(interface_index)) {
    const auto memory = memory_of(socket);
    if (memory.size() == 2 * device.frames * device.frame) found.push_back({socket, memory});
  }
  if (found.size() != device.queues) throw RunError("the packet sockets of af_packet cannot be found");
  std::ranges::sort(found, {}, &Rings::socket);
  return found;
}

void set_ring(int socket, std::span<std::byte> memory, const KernelDevice& device) {
  const tpacket_req ring{.tp_block_size = device.block,
                         .tp_block_nr = static_cast<unsigned>(memory.size() / device.block),
                         .tp_frame_size = device.frame,
                         .tp_frame_nr = static_cast<unsigned>(device.frames)};
  set_packet_option(socket, PACKET_VERSION, static_cast<int>(TPACKET_V2), "its version cannot be set");
  set_packet_option(socket, PACKET_RX_RING, ring, "it cannot have a ring");
  demand_of_packet_socket(map_fixed(memory, MAP_SHARED | MAP_LOCKED, socket), "its ring cannot be mapped");
}

// A socket with this filter gets no packets.
void refuse_packets(int socket) {
  sock_filter refuse = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{.len = 1, .filter = &refuse};
  demand_of_packet_socket(::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0,
                          "it cannot have a filter");
}

void accept_packets(int socket) {
  const int unused = 0;
  demand_of_packet_socket(::setsockopt(socket, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused) == 0,
                          "its filter stays");
}

void replace(const Rings& rings, int interface_index, const KernelDevice& device) {
  const auto [socket, memory] = rings;
  // Without a protocol, the new socket receives no packets until it is bound.
  const Descriptor replacement(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  demand_of_packet_socket(bool{replacement}, "there is no other");
  // The old ring has to be given back first, so that there is memory for the new one.
  demand_of_packet_socket(map_fixed(memory, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1),
                          "its memory cannot be replaced");
  demand_of_packet_socket(::dup3(replacement.get(), socket, O_CLOEXEC) == socket, "it cannot be replaced");
  set_ring(socket, memory.first(memory.size() / 2), device);
  refuse_packets(socket);
  const sockaddr_ll address{.sll_family = AF_PACKET,
                            .sll_protocol = htons(ETH_P_ALL),
                            .sll_ifindex = interface_index,
                            .sll_hatype = 0,
                            .sll_pkttype = 0,
                            .sll_halen = 0,
                            .sll_addr = {}};
  demand_of_packet_socket(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
                          "it cannot be bound");
}

}  // namespace

void replace_packet_sockets(int interface_index, const KernelDevice& device) {
  std::vector<int> sockets;
  for (const Rings& rings : find_rings(interface_index, device)) {
    replace(rings, interface_index, device);
    sockets.push_back(rings.socket);
  }
  // Only a bound socket can share, and until it does, it would get every packet. So all refuse packets until then.
  if (sockets.size() > 1) share_packets(sockets);
  for (const int socket : sockets) accept_packets(socket);
}

}  // namespace spanflow
