// [endpoint], and the key `endpoints` of an [[adjacency]]: where a peer may be reached, for the feed `endpoint`.
#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "config/feeders.hpp"
#include "config/tables.hpp"

namespace config {
namespace {

using namespace std::string_view_literals;

constexpr std::array endpoint_keys{"fail_back"sv, "resolve"sv, "kick"sv};
constexpr std::string_view feed = "endpoint";
constexpr std::size_t most_endpoints = 8;

// A name that DNS may know. One that ends in a number is no name but an address gone wrong (RFC 3696 §2).
bool is_host_name(std::string_view text) {
    constexpr std::size_t longest = 253;
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_';
    };
    if (text.empty() || text.size() > longest || text.front() == '-' || text.front() == '.') return false;
    if (text.ends_with('.')) text.remove_suffix(1);
    const auto last = text.substr(text.rfind('.') + 1);
    const bool numeric = std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; });
    return !numeric && std::ranges::all_of(text, fits) && text.find("..") == std::string_view::npos;
}

}  // namespace

std::optional<Endpoint> parse_endpoint(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    Endpoint out;
    const auto digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
    if (error != std::errc{} || end != digits.data() + digits.size() || out.port == 0) return std::nullopt;
    auto host = text.substr(0, colon);
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    out.host = host;
    const auto percent = host.find('%');
    if (const auto address = base::IpAddress::parse(host.substr(0, percent))) {
        if (address->is_v6() != bracketed || address->is_unspecified() || address->is_multicast()) return std::nullopt;
        if (percent != std::string_view::npos) out.zone = host.substr(percent + 1);
        const bool has_scope = address->is_v6() && address->is_link_local();  // without it there is no way there
        if (has_scope ? !is_interface_name(out.zone) : percent != std::string_view::npos) return std::nullopt;
        out.address = address;
        return out;
    }
    if (bracketed || !is_host_name(host)) return std::nullopt;
    return out;
}

EndpointRules read_endpoint(const Table& table, Report& report) {
    refuse_unknown(table, {"in [endpoint]", endpoint_keys}, report);
    EndpointRules out;
    constexpr DurationLimits back{std::chrono::seconds{0}, std::chrono::hours{24}, "0s..86400s"};
    constexpr DurationLimits resolve{std::chrono::seconds{10}, std::chrono::hours{24}, "10s..86400s"};
    if (const auto after = duration_at(table, "fail_back", back, report)) out.fail_back = *after;
    if (const auto every = duration_at(table, "resolve", resolve, report)) out.resolve = *every;
    if (const auto kick = bool_at(table, "kick", report)) out.kick = *kick;
    return out;
}

std::vector<Endpoint> endpoints_at(const Table& table, Report& report) {
    std::vector<Endpoint> out;
    const auto words = words_at(table, "endpoints", report);
    if (words.size() > most_endpoints)
        report.add(words[most_endpoints].place, "endpoints has more than " + std::to_string(most_endpoints));
    for (const auto& word : words) {
        auto endpoint = parse_endpoint(word.text);
        if (endpoint)
            out.push_back(*std::move(endpoint));
        else
            report.add(word.place, "endpoint " + quoted(word.text) +
                                       " must be \"192.0.2.1:51820\", \"[2001:db8::1]:51820\", " +
                                       "\"[fe80::1%eth0]:51820\" or \"name:51820\"");
    }
    return out;
}

void check_endpoint_feeds(const Table& root, const Config& config, Report& report) {
    for_each_feeder(root, [&](const Table& table, bool is_adjacency) {
        if (!is_adjacency) return;  // of an interface: it acts on the peers that have endpoints
        const auto place = place_of_feed(table, feed);
        const auto* endpoints = find(table, "endpoints");
        if (place && endpoints == nullptr)
            report.add(*place, "the feed \"endpoint\" needs endpoints: add endpoints = [\"192.0.2.1:51820\"]");
        if (place || endpoints == nullptr) return;
        if (has_interface_feed(table, config, feed)) return;
        report.add(endpoints->place,
                   "endpoints says nothing without its feed: add feeds = [\"endpoint\"], or remove it");
    });
}

}  // namespace config
