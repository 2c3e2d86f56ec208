#include "capture/fanout.h"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <vector>

#include "base/flow_hash.h"
#include "capture/packet_socket.h"

namespace spanflow {
namespace {

// --- The program, in the kernel's classic BPF: an accumulator A, an index register X, and some words of memory M ---

using Program = std::vector<sock_filter>;

constexpr std::uint32_t kWord = 4;
constexpr std::uint32_t kVlanTag = 4;
constexpr std::uint32_t kSrcMemory = 0;
constexpr std::uint32_t kDstMemory = 1;
constexpr std::uint32_t kSumMemory = 2;

sock_filter statement(unsigned code, std::uint32_t operand = 0) {
  return {.code = static_cast<std::uint16_t>(code), .jt = 0, .jf = 0, .k = operand};
}

void append(Program& program, const Program& more) { program.insert(program.end(), more.begin(), more.end()); }

// Loads a part of the network header. A packet that is too short ends the program, with socket 0.
sock_filter load_word(std::uint32_t at) {
  return statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(SKF_NET_OFF) + at);
}
sock_filter load_half_word(std::uint32_t at) {
  return statement(BPF_LD | BPF_H | BPF_ABS, static_cast<std::uint32_t>(SKF_NET_OFF) + at);
}

// Mixes the four words of an address as address_hash() does. The words of IPv4 after the first are 0.
Program mix_address(std::uint32_t at, std::uint32_t words, std::uint32_t result) {
  Program program{load_word(at)};
  for (std::uint32_t word = 1; word < 4; ++word) {
    program.push_back(statement(BPF_ALU | BPF_MUL | BPF_K, kAddressFactor));
    if (word >= words) continue;
    program.push_back(statement(BPF_MISC | BPF_TAX));
    program.push_back(load_word(at + word * kWord));
    program.push_back(statement(BPF_ALU | BPF_ADD | BPF_X));
  }
  program.push_back(statement(BPF_ST, result));
  return program;
}

// Returns the number of the packet's socket. The kernel takes the remainder of the division by the number of sockets.
Program return_hash(std::uint32_t src_at, std::uint32_t dst_at, std::uint32_t words) {
  Program program = mix_address(src_at, words, kSrcMemory);
  append(program, mix_address(dst_at, words, kDstMemory));
  append(program, {statement(BPF_LD | BPF_MEM, kSrcMemory), statement(BPF_LDX | BPF_MEM, kDstMemory),
                   statement(BPF_ALU | BPF_ADD | BPF_X), statement(BPF_ST, kSumMemory),
                   statement(BPF_LD | BPF_MEM, kSrcMemory), statement(BPF_ALU | BPF_XOR | BPF_X),
                   statement(BPF_ALU | BPF_MUL | BPF_K, kAddressFactor), statement(BPF_LDX | BPF_MEM, kSumMemory),
                   statement(BPF_ALU | BPF_ADD | BPF_X), statement(BPF_ALU | BPF_MUL | BPF_K, kAddressFactor),
                   statement(BPF_ALU | BPF_RSH | BPF_K, 16), statement(BPF_RET | BPF_A)});
  return program;
}

// Runs `body`, which must return, if A is this EtherType.
void append_case(Program& program, std::uint32_t ethertype, const Program& body) {
  program.push_back(
      {.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 0, .jf = static_cast<std::uint8_t>(body.size()), .k = ethertype});
  append(program, body);
}

// For an IP header at this place in the network header.
void append_ip_cases(Program& program, std::uint32_t at) {
  append_case(program, ETH_P_IP, return_hash(at + 12, at + 16, 1));
  append_case(program, ETH_P_IPV6, return_hash(at + 8, at + 24, 4));
}

// The kernel has removed the first VLAN tag, so a network header that is a VLAN tag is the second one.
Program owner_program() {
  Program after_tag{load_half_word(2)};
  append_ip_cases(after_tag, kVlanTag);
  after_tag.push_back(statement(BPF_RET | BPF_K, 0));

  Program program{statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PROTOCOL))};
  append_ip_cases(program, 0);
  for (const std::uint32_t tag : {ETH_P_8021Q, ETH_P_8021AD}) append_case(program, tag, after_tag);
  program.push_back(statement(BPF_RET | BPF_K, 0));
  return program;
}

// --- The group ---

int group_of(int socket) {
  int group = 0;
  socklen_t size = sizeof group;
  ::getsockopt(socket, SOL_PACKET, PACKET_FANOUT, &group, &size);
  return group & 0xffff;
}

}  // namespace

void share_packets(std::span<const int> sockets) {
  constexpr int kUnique = PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_UNIQUEID;
  set_packet_option(sockets.front(), PACKET_FANOUT, kUnique << 16, "it cannot share the packets");
  Program program = owner_program();
  const sock_fprog compiled{.len = static_cast<std::uint16_t>(program.size()), .filter = program.data()};
  set_packet_option(sockets.front(), PACKET_FANOUT_DATA, compiled,
                    "the kernel refuses the program that shares the packets");
  const int joined = PACKET_FANOUT_CBPF << 16 | group_of(sockets.front());
  for (const int socket : sockets.subspan(1))
    set_packet_option(socket, PACKET_FANOUT, joined, "it cannot join the others");
}

}  // namespace spanflow
