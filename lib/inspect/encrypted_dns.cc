#include "inspect/encrypted_dns.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "decode/packet.h"

namespace spanflow {
namespace {

// Public resolvers, as they document their addresses for DNS over HTTPS. A name also stands for the names below it.
constexpr std::array<std::string_view, 22> kResolvers = {"dns.google",
                                                         "dns.google.com",
                                                         "cloudflare-dns.com",
                                                         "one.one.one.one",
                                                         "dns.quad9.net",
                                                         "dns9.quad9.net",
                                                         "dns10.quad9.net",
                                                         "dns11.quad9.net",
                                                         "doh.opendns.com",
                                                         "doh.familyshield.opendns.com",
                                                         "dns.adguard.com",
                                                         "dns.adguard-dns.com",
                                                         "dns.nextdns.io",
                                                         "doh.cleanbrowsing.org",
                                                         "dns.mullvad.net",
                                                         "doh.mullvad.net",
                                                         "doh.dns.sb",
                                                         "dns.alidns.com",
                                                         "doh.pub",
                                                         "doh.360.cn",
                                                         "freedns.controld.com",
                                                         "doh.dns.apple.com"};

// Sorts out most names before all resolvers are compared.
constexpr bool may_be_resolver(std::string_view name) {
  const auto has = [name](std::string_view part) { return name.find(part) != std::string_view::npos; };
  return has("dns") || has("doh") || has("one.one");
}
static_assert(std::ranges::all_of(kResolvers, may_be_resolver));

bool is_resolver(std::string_view name) {
  if (!may_be_resolver(name)) return false;
  return std::ranges::any_of(kResolvers, [name](std::string_view resolver) {
    if (!name.ends_with(resolver)) return false;
    return name.size() == resolver.size() || name[name.size() - resolver.size() - 1] == '.';
  });
}

bool is_http(std::string_view protocol) { return protocol == "h2" || protocol == "h3" || protocol == "http/1.1"; }

}  // namespace

void note_encrypted_dns(std::uint16_t server_port, std::uint8_t ip_protocol, Findings& findings) {
  constexpr std::uint16_t kDnsOverTls = 853;  // and over QUIC
  bool dot = server_port == kDnsOverTls && ip_protocol == protocol::kTcp;
  bool doq = server_port == kDnsOverTls && findings.has(Metadata::kQuicVersion);
  bool http = false;
  findings.for_each(Metadata::kTlsAlpn, [&](std::string_view protocol) {
    dot |= protocol == "dot";
    doq |= protocol == "doq" || protocol.starts_with("doq-");
    http |= is_http(protocol);
  });
  if (dot) return findings.put(Metadata::kDnsProtocol, "dot");
  if (doq) return findings.put(Metadata::kDnsProtocol, "doq");
  if (http && is_resolver(findings.text(Metadata::kTlsServerName))) findings.put(Metadata::kDnsProtocol, "doh");
}

}  // namespace spanflow
