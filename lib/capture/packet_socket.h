// What is asked of the kernel's packet sockets (packet(7)) behind DPDK's af_packet driver.
#pragma once

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/error.h"

namespace spanflow {

// Throws RunError, with the reason in errno, if `done` is false.
inline void demand_of_packet_socket(bool done, std::string_view what) {
  if (!done) throw RunError(fmt::format("the packet socket of af_packet: {}: {}", what, std::strerror(errno)));
}

// Sets an option of the level SOL_PACKET. Throws RunError with the text `refusal` if the kernel refuses it.
template <class T>
void set_packet_option(int socket, int option, const T& value, std::string_view refusal) {
  demand_of_packet_socket(::setsockopt(socket, SOL_PACKET, option, &value, sizeof value) == 0, refusal);
}

}  // namespace spanflow
