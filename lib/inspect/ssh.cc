#include "inspect/ssh.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/digest.h"
#include "base/hex.h"
#include "inspect/vectors.h"

namespace spanflow {
namespace {

constexpr std::string_view kBannerStart = "SSH-";
constexpr std::size_t kMostBanner = 255;  // octets with the end of the line (RFC 4253, section 4.2)

struct SshPhase {
  enum : std::uint8_t { kBanner, kKeyExchange };
};

// The lists of algorithms in a key exchange that HASSH uses, by the order in the message (RFC 4253, section 7.1).
struct Algorithms {
  static constexpr std::size_t kLists = 8;
  std::array<std::string_view, kLists> lists;

  std::string_view key_exchange() const { return lists[0]; }
  std::string_view encryption(bool of_client) const { return lists[of_client ? 2 : 3]; }
  std::string_view mac(bool of_client) const { return lists[of_client ? 4 : 5]; }
  std::string_view compression(bool of_client) const { return lists[of_client ? 6 : 7]; }
};

// Reads the lists in the payload of a packet. Returns nullopt if it is not a key exchange.
std::optional<Algorithms> algorithms_in(Cursor payload) {
  constexpr std::uint8_t kKexInit = 20;
  constexpr std::size_t kCookie = 16;
  const auto type = take_u8(payload);
  if (!type || *type != kKexInit || !take(payload, kCookie)) return std::nullopt;
  Algorithms algorithms;
  for (std::string_view& list : algorithms.lists) {
    const auto length = take_be32(payload);
    const auto names = length ? take(payload, *length) : std::nullopt;
    if (!names) return std::nullopt;
    list = text_of(*names);
  }
  return algorithms;
}

ReadStep read_banner(const Reading& reading) {
  const std::string_view text = text_of(reading.octets);
  const std::size_t end = text.substr(0, kMostBanner).find('\n');
  if (end == std::string_view::npos && text.size() < kMostBanner && !reading.is_last) return ReadStep::need_more();
  std::string_view banner = text.substr(0, std::min(end, kMostBanner));
  if (banner.ends_with('\r')) banner.remove_suffix(1);
  reading.findings().put(reading.from_client ? Metadata::kSshClient : Metadata::kSshServer, banner);
  reading.side.phase = SshPhase::kKeyExchange;
  return end == std::string_view::npos ? ReadStep::done() : ReadStep::read(end + 1);
}

ReadStep read_key_exchange(const Reading& reading) {
  Cursor rest = reading.octets;
  const auto packet_length = take_be32(rest);
  if (!packet_length) return ReadStep::need_more();
  if (*packet_length > kMostMessage - sizeof *packet_length) return ReadStep::done();
  auto packet = take(rest, *packet_length);
  if (!packet) return ReadStep::need_more();
  const auto padding = take_u8(*packet);
  const auto algorithms = padding ? algorithms_in(*packet) : std::nullopt;
  if (!algorithms) return ReadStep::done();
  const bool client = reading.from_client;
  std::string& text = reading.work.text;
  text = algorithms->key_exchange();
  for (const std::string_view list :
       {algorithms->encryption(client), algorithms->mac(client), algorithms->compression(client)}) {
    text += ';';
    text += list;
  }
  reading.findings().put(client ? Metadata::kHasshClient : Metadata::kHasshServer, hex_of(md5(text)).view());
  return ReadStep::done();
}

}  // namespace

StartsWith starts_with_ssh(const Cursor& stream) {
  const std::string_view text = text_of(stream);
  const std::size_t both = std::min(text.size(), kBannerStart.size());
  if (text.substr(0, both) != kBannerStart.substr(0, both)) return StartsWith::kNo;
  return both == kBannerStart.size() ? StartsWith::kYes : StartsWith::kNeedMore;
}

ReadStep read_ssh(const Reading& reading) {
  return reading.side.phase == SshPhase::kBanner ? read_banner(reading) : read_key_exchange(reading);
}

}  // namespace spanflow
