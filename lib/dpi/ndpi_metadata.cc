#include "dpi/ndpi_metadata.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <initializer_list>

#include "dpi/metadata.h"

namespace spanflow::ndpi {
namespace {

template <std::size_t size>
std::string_view text_of(const char (&text)[size]) {
  return {text, strnlen(text, size)};
}

std::string_view text_of(const char* text) { return text == nullptr ? std::string_view{} : text; }

// True if nDPI recognised one of these protocols in the payload. Most of nDPI's metadata is in a union that a dissector
// fills. If nDPI only guessed the protocol from ports, no dissector has filled the union, so the union must not be
// read.
bool is_any_of(const FlowState& flow, std::initializer_list<std::uint16_t> protocols) {
  if (flow.confidence != NDPI_CONFIDENCE_DPI) return false;
  return std::ranges::any_of(protocols, [&flow](std::uint16_t protocol) {
    return flow.detected_protocol_stack[0] == protocol || flow.detected_protocol_stack[1] == protocol;
  });
}

void append_tls(const FlowState& flow, std::string& octets) {
  const auto& tls = flow.protos.tls_quic;
  put(octets, Metadata::kJa3Client, text_of(tls.ja3_client));
  put(octets, Metadata::kJa3Server, text_of(tls.ja3_server));
  if (tls.ssl_version != 0) {
    std::array<char, 16> name{};
    std::uint8_t unknown = 0;
    put(octets, Metadata::kTlsVersion,
        text_of(ndpi_ssl_version2str(name.data(), static_cast<int>(name.size()), tls.ssl_version, &unknown)));
  }
  if (tls.server_cipher != 0) put(octets, Metadata::kTlsCipher, text_of(ndpi_cipher2str(tls.server_cipher)));
  put(octets, Metadata::kTlsAlpn, text_of(tls.alpn));
  put(octets, Metadata::kTlsIssuer, text_of(tls.issuerDN));
  put(octets, Metadata::kTlsSubject, text_of(tls.subjectDN));
  if (tls.notBefore != 0) put(octets, Metadata::kTlsNotBefore, tls.notBefore);
  if (tls.notAfter != 0) put(octets, Metadata::kTlsNotAfter, tls.notAfter);
}

void append_dns_answer(const FlowState& flow, std::string& octets) {
  constexpr std::uint16_t kA = 1;
  constexpr std::uint16_t kAaaa = 28;
  const auto& dns = flow.protos.dns;
  if (dns.num_answers == 0 || (dns.rsp_type != kA && dns.rsp_type != kAaaa)) return;
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(dns.rsp_type == kA ? AF_INET : AF_INET6, &dns.rsp_addr, text.data(), text.size());
  put(octets, Metadata::kDnsAnswer, text.data());
}

void append_dns(const FlowState& flow, std::string& octets) {
  const auto& dns = flow.protos.dns;
  put(octets, Metadata::kDnsQuery, text_of(flow.host_server_name));
  put(octets, Metadata::kDnsQueryType, dns.query_type);
  if (dns.is_query != 0) return;  // nDPI has seen no reply yet
  put(octets, Metadata::kDnsReplyCode, dns.reply_code);
  append_dns_answer(flow, octets);
}

// Appends the hash in lower case, because HASSH is published in lower case. If the key exchange spans several TCP
// segments, nDPI 4.2 returns the hash of an empty text; this hash is left out.
void append_hassh(std::string& octets, Metadata key, std::string_view hash) {
  constexpr std::string_view kMd5OfNothing = "d41d8cd98f00b204e9800998ecf8427e";
  std::string lower{hash};
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (lower != kMd5OfNothing) put(octets, key, lower);
}

void append_ssh(const FlowState& flow, std::string& octets) {
  const auto& ssh = flow.protos.ssh;
  put(octets, Metadata::kSshClient, text_of(ssh.client_signature));
  put(octets, Metadata::kSshServer, text_of(ssh.server_signature));
  append_hassh(octets, Metadata::kHasshClient, text_of(ssh.hassh_client));
  append_hassh(octets, Metadata::kHasshServer, text_of(ssh.hassh_server));
}

void append_http(const FlowState& flow, std::string& octets) {
  put(octets, Metadata::kHttpUrl, text_of(flow.http.url));
  if (flow.http.method != NDPI_HTTP_METHOD_UNKNOWN) {
    put(octets, Metadata::kHttpMethod, text_of(ndpi_http_method2str(flow.http.method)));
  }
  if (flow.http.response_status_code != 0) put(octets, Metadata::kHttpStatus, flow.http.response_status_code);
  put(octets, Metadata::kUserAgent, text_of(flow.http.user_agent));
  put(octets, Metadata::kContentType, text_of(flow.http.content_type));
}

void append_risks(const FlowState& flow, std::string& octets) {
  if (flow.risk == 0) return;
  std::string names;
  for (int risk = 0; risk < NDPI_MAX_RISK; ++risk) {
    if ((flow.risk >> risk & 1) == 0) continue;
    if (!names.empty()) names += ", ";
    names += text_of(ndpi_risk2str(static_cast<ndpi_risk_enum>(risk)));
  }
  put(octets, Metadata::kRisks, names);
  std::uint16_t client = 0;
  std::uint16_t server = 0;
  put(octets, Metadata::kRiskScore, ndpi_risk2score(flow.risk, &client, &server));
}

}  // namespace

void append_metadata(const FlowState& flow, std::string& octets) {
  put(octets, Metadata::kServerName, text_of(flow.host_server_name));
  append_http(flow, octets);
  if (is_any_of(flow, {NDPI_PROTOCOL_TLS, NDPI_PROTOCOL_DTLS, NDPI_PROTOCOL_QUIC, NDPI_PROTOCOL_MAIL_SMTPS,
                       NDPI_PROTOCOL_MAIL_IMAPS, NDPI_PROTOCOL_MAIL_POPS})) {
    append_tls(flow, octets);
  }
  if (is_any_of(flow, {NDPI_PROTOCOL_DNS, NDPI_PROTOCOL_MDNS, NDPI_PROTOCOL_LLMNR})) append_dns(flow, octets);
  if (is_any_of(flow, {NDPI_PROTOCOL_SSH})) append_ssh(flow, octets);
  append_risks(flow, octets);
}

}  // namespace spanflow::ndpi
