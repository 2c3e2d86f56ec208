#include "support/application_packets.h"

#include <cstdint>

#include "support/tls_octets.h"

namespace spanflow::testing {
namespace {

std::string handshake_record(std::uint8_t type, const std::string& body) {
  return be8(22) + be16(0x0303) + sized16(handshake_message(type, body));
}

}  // namespace

std::string tls_client_hello(std::string_view server_name) {
  const std::string extensions = server_name_extension(std::string(server_name)) +
                                 extension(10, sized16(be16(0x001d) + be16(0x0017))) +  // supported_groups
                                 extension(13, sized16(be16(0x0403) + be16(0x0804))) +  // signature_algorithms
                                 extension(43, sized8(be16(0x0304) + be16(0x0303)));    // supported_versions
  const std::string ciphers = be16(0x1301) + be16(0x1302) + be16(0xc02f);
  const std::string body = be16(0x0303) + std::string(32, 'R') + sized8(std::string(32, 'S')) + sized16(ciphers) +
                           sized8(be8(0)) + sized16(extensions);
  return handshake_record(1, body);
}

std::string tls_server_hello() {
  const std::string extensions = extension(43, be16(0x0304));
  const std::string body =
      be16(0x0303) + std::string(32, 'r') + sized8(std::string(32, 'S')) + be16(0x1301) + be8(0) + sized16(extensions);
  return handshake_record(2, body);
}

std::string http_get(std::string_view host) {
  return "GET /index.html HTTP/1.1\r\nHost: " + std::string(host) + "\r\nUser-Agent: test/1.0\r\nAccept: */*\r\n\r\n";
}

std::string http_response() {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\nServer: test\r\n\r\nhello";
}

std::string dns_query(std::string_view name) {
  std::string labels;
  while (!name.empty()) {
    const auto dot = name.find('.');
    labels += sized8(std::string(name.substr(0, dot)));
    name = dot == std::string_view::npos ? std::string_view{} : name.substr(dot + 1);
  }
  constexpr std::uint16_t kRecursionDesired = 0x0100;
  return be16(0x1234) + be16(kRecursionDesired) + be16(1) + be16(0) + be16(0) + be16(0) + labels + be8(0) + be16(1) +
         be16(1);
}

}  // namespace spanflow::testing
