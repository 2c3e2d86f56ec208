#include "dpi/ndpi_metadata.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <initializer_list>

#include "inspect/metadata.h"

namespace spanflow::ndpi {
namespace {

template <std::size_t size>
std::string_view text_of(const char (&text)[size]) {
  return {text, strnlen(text, size)};
}

std::string_view text_of(const char* text) { return text == nullptr ? std::string_view{} : text; }

// The metadata that is being put together.
class Collection {
 public:
  Collection(const MetadataSet& left_out, std::string& octets) : left_out_(left_out), octets_(octets) {}
  template <typename Value>
  void put(Metadata key, const Value& value) {
    if (!left_out_.has(key)) spanflow::put(octets_, key, value);
  }

 private:
  const MetadataSet& left_out_;
  std::string& octets_;
};

// True if nDPI recognised one of these protocols in the payload. Most of nDPI's metadata is in a union that a dissector
// fills. If nDPI only guessed the protocol from ports, no dissector has filled the union, so the union must not be
// read.
bool is_any_of(const FlowState& flow, std::initializer_list<std::uint16_t> protocols) {
  if (flow.confidence != NDPI_CONFIDENCE_DPI) return false;
  return std::ranges::any_of(protocols, [&flow](std::uint16_t protocol) {
    return flow.detected_protocol_stack[0] == protocol || flow.detected_protocol_stack[1] == protocol;
  });
}

// nDPI joins the elements of a list with commas.
void append_list(Collection& found, Metadata key, std::string_view joined) {
  while (!joined.empty()) {
    const std::size_t end = std::min(joined.find(','), joined.size());
    found.put(key, joined.substr(0, end));
    joined.remove_prefix(std::min(end + 1, joined.size()));
  }
}

void append_tls(const FlowState& flow, Collection& found) {
  const auto& tls = flow.protos.tls_quic;
  found.put(Metadata::kJa3Client, text_of(tls.ja3_client));
  found.put(Metadata::kJa3Server, text_of(tls.ja3_server));
  if (tls.ssl_version != 0) {
    std::array<char, 16> name{};
    std::uint8_t unknown = 0;
    found.put(Metadata::kTlsVersion,
              text_of(ndpi_ssl_version2str(name.data(), static_cast<int>(name.size()), tls.ssl_version, &unknown)));
  }
  if (tls.server_cipher != 0) found.put(Metadata::kTlsCipher, text_of(ndpi_cipher2str(tls.server_cipher)));
  append_list(found, Metadata::kTlsAlpn, text_of(tls.alpn));
  found.put(Metadata::kTlsIssuer, text_of(tls.issuerDN));
  found.put(Metadata::kTlsSubject, text_of(tls.subjectDN));
  if (tls.notBefore != 0) found.put(Metadata::kTlsNotBefore, tls.notBefore);
  if (tls.notAfter != 0) found.put(Metadata::kTlsNotAfter, tls.notAfter);
}

void append_dns_answer(const FlowState& flow, Collection& found) {
  constexpr std::uint16_t kA = 1;
  constexpr std::uint16_t kAaaa = 28;
  const auto& dns = flow.protos.dns;
  if (dns.num_answers == 0 || (dns.rsp_type != kA && dns.rsp_type != kAaaa)) return;
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(dns.rsp_type == kA ? AF_INET : AF_INET6, &dns.rsp_addr, text.data(), text.size());
  found.put(Metadata::kDnsAnswer, std::string_view(text.data()));
}

void append_dns(const FlowState& flow, Collection& found) {
  const auto& dns = flow.protos.dns;
  found.put(Metadata::kDnsQuery, text_of(flow.host_server_name));
  found.put(Metadata::kDnsQueryType, dns.query_type);
  if (dns.is_query != 0) return;  // nDPI has seen no reply yet
  found.put(Metadata::kDnsReplyCode, dns.reply_code);
  append_dns_answer(flow, found);
}

// Appends the hash in lower case, because HASSH is published in lower case. If the key exchange spans several TCP
// segments, nDPI 4.2 returns the hash of an empty text; this hash is left out.
void append_hassh(Collection& found, Metadata key, std::string_view hash) {
  constexpr std::string_view kMd5OfNothing = "d41d8cd98f00b204e9800998ecf8427e";
  std::string lower{hash};
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (lower != kMd5OfNothing) found.put(key, lower);
}

void append_ssh(const FlowState& flow, Collection& found) {
  const auto& ssh = flow.protos.ssh;
  found.put(Metadata::kSshClient, text_of(ssh.client_signature));
  found.put(Metadata::kSshServer, text_of(ssh.server_signature));
  append_hassh(found, Metadata::kHasshClient, text_of(ssh.hassh_client));
  append_hassh(found, Metadata::kHasshServer, text_of(ssh.hassh_server));
}

void append_http(const FlowState& flow, Collection& found) {
  found.put(Metadata::kHttpUrl, text_of(flow.http.url));
  if (flow.http.method != NDPI_HTTP_METHOD_UNKNOWN) {
    found.put(Metadata::kHttpMethod, text_of(ndpi_http_method2str(flow.http.method)));
  }
  if (flow.http.response_status_code != 0) found.put(Metadata::kHttpStatus, flow.http.response_status_code);
  found.put(Metadata::kUserAgent, text_of(flow.http.user_agent));
  found.put(Metadata::kContentType, text_of(flow.http.content_type));
}

void append_risks(const FlowState& flow, Collection& found) {
  if (flow.risk == 0) return;
  std::string names;
  for (int risk = 0; risk < NDPI_MAX_RISK; ++risk) {
    if ((flow.risk >> risk & 1) == 0) continue;
    if (!names.empty()) names += ", ";
    names += text_of(ndpi_risk2str(static_cast<ndpi_risk_enum>(risk)));
  }
  found.put(Metadata::kRisks, names);
  std::uint16_t client = 0;
  std::uint16_t server = 0;
  found.put(Metadata::kRiskScore, ndpi_risk2score(flow.risk, &client, &server));
}

}  // namespace

void append_metadata(const FlowState& flow, const MetadataSet& left_out, std::string& octets) {
  Collection found(left_out, octets);
  found.put(Metadata::kServerName, text_of(flow.host_server_name));
  append_http(flow, found);
  if (is_any_of(flow, {NDPI_PROTOCOL_TLS, NDPI_PROTOCOL_DTLS, NDPI_PROTOCOL_QUIC, NDPI_PROTOCOL_MAIL_SMTPS,
                       NDPI_PROTOCOL_MAIL_IMAPS, NDPI_PROTOCOL_MAIL_POPS})) {
    append_tls(flow, found);
  }
  if (is_any_of(flow, {NDPI_PROTOCOL_DNS, NDPI_PROTOCOL_MDNS, NDPI_PROTOCOL_LLMNR})) append_dns(flow, found);
  if (is_any_of(flow, {NDPI_PROTOCOL_SSH})) append_ssh(flow, found);
  append_risks(flow, found);
}

}  // namespace spanflow::ndpi
