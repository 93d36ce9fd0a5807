// An address of this host with a port, as text: where we listen, or where bfdd does.
#pragma once

#include <string_view>

namespace config {

bool is_ipv4_place(std::string_view text);  // "A.B.C.D" or "A.B.C.D:PORT"
bool is_ipv6_place(std::string_view text);  // "[X::Y]" or "[X::Y]:PORT"
// Of one of these two:
bool has_port(std::string_view text);
bool is_any_address(std::string_view text);  // 0.0.0.0 or ::

}  // namespace config
