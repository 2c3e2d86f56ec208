// Payloads that nDPI recognises.
#pragma once

#include <string>
#include <string_view>

namespace spanflow::testing {

// A TLS 1.3 ClientHello that asks for `server_name`.
std::string tls_client_hello(std::string_view server_name);
// A TLS 1.3 ServerHello that answers tls_client_hello().
std::string tls_server_hello();
std::string http_get(std::string_view host);
std::string http_response();
// A query for the address of `name`, such as "www.example.com".
std::string dns_query(std::string_view name);

}  // namespace spanflow::testing
