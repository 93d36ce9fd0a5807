#include "config/places.hpp"

#include <charconv>

#include "base/ip_address.hpp"

namespace config {
namespace {

using namespace std::string_view_literals;

bool is_port(std::string_view text) {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    // bfdd refuses 65535.
    return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port < 65'535;
}

bool is_family(std::string_view text, base::Family family) {
    const auto address = base::IpAddress::parse(text);
    return address && address->family == family;
}

}  // namespace

bool is_ipv4_place(std::string_view text) {
    const auto colon = text.find(':');
    return is_family(text.substr(0, colon), base::Family::v4) &&
           (colon == std::string_view::npos || is_port(text.substr(colon + 1)));
}

bool is_ipv6_place(std::string_view text) {
    const auto close = text.find(']');
    if (!text.starts_with('[') || close == std::string_view::npos) return false;
    const auto rest = text.substr(close + 1);
    return is_family(text.substr(1, close - 1), base::Family::v6) &&
           (rest.empty() || (rest.starts_with(':') && is_port(rest.substr(1))));
}

bool has_port(std::string_view text) {
    return text.starts_with('[') ? !text.ends_with(']') : text.find(':') != std::string_view::npos;
}

bool is_any_address(std::string_view text) {
    const bool v6 = text.starts_with('[');
    const auto host = v6 ? text.substr(1, text.find(']') - 1) : text.substr(0, text.find(':'));
    const auto address = base::IpAddress::parse(host);
    return address && address->is_unspecified();
}

}  // namespace config
