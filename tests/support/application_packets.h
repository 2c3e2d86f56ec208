// Payloads that nDPI knows.
#pragma once

#include <string>
#include <string_view>

namespace spanflow::testing {

// A TLS 1.3 ClientHello that asks for `server_name`.
std::string tls_client_hello(std::string_view server_name);
// A ServerHello that takes the connection up.
std::string tls_server_hello();
std::string http_get(std::string_view host);
std::string http_response();
// A query for the address of `name`, such as "www.example.com".
std::string dns_query(std::string_view name);

}  // namespace spanflow::testing
