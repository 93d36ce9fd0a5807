// Redirects of several groups at once, whose backups are tunnels inside tunnels: no packet comes round.
#include <doctest/doctest.h>

#include <random>

#include "kernel/allowed_ips.hpp"
#include "kernel/group_host.hpp"

using namespace kernel_test;

namespace {

std::string endpoint_of(unsigned interface) { return "192.0.2." + std::to_string(interface + 1); }

// wgN has one peer, whose endpoint is 192.0.2.(N + 1).
struct Nested : GroupHost {
    void tunnel(unsigned n, std::initializer_list<const char*> allowed, const char* group,
                VerdictState state = VerdictState::up) {
        add(n, static_cast<std::uint8_t>(n + 1), allowed, state, group);
        peers["wg" + std::to_string(n)].front().endpoint = {address(endpoint_of(n).c_str()), 51820};
    }
    kernel::DesiredRepair now() const {
        std::set<adjacency::AdjacencyId> needed;
        for (const auto& one : wanted()) needed.insert(one.id);
        return desired_repair(wanted(), links(), needed, [this](const base::IpAddress& to) {
            const auto at = ways.find(to_string(to));
            return at == ways.end() ? base::IfIndex{} : names.at(at->second).index;
        });
    }
    // The endpoints that pass there.
    std::vector<unsigned> excepted(const char* interface) const {
        std::vector<unsigned> out;
        const auto desired = now();
        for (const auto& filter : desired.interfaces.at(interface).filters)
            for (unsigned n = 0; n < peers.size(); ++n)
                if (filter.to.value == 0 &&
                    filter.matches == kernel::to_destination(prefix((endpoint_of(n) + "/32").c_str())))
                    out.push_back(n);
        return out;
    }
    std::map<std::string, std::string> ways;  // by address: the interface
};

using Numbers = std::vector<unsigned>;

bool matches(const kernel::EgressFilter& filter, std::uint32_t to) {
    return std::ranges::all_of(filter.matches, [&](const kernel::Match& match) {
        const auto word = match.offset == 0 ? 0x45000000U : match.offset == 16 ? to : 0U;
        return (word & match.mask) == match.value;
    });
}

std::uint32_t number(const base::IpAddress& address) {
    std::uint32_t out = 0;
    for (std::size_t i = 0; i < 4; ++i) out = out << 8 | address.bytes[i];
    return out;
}

// Follows a packet's way through tunnels, each putting it into one of its own. False: it takes a redirect twice.
bool ends(const Nested& host, const kernel::DesiredRepair& desired, std::string interface, base::IpAddress to) {
    std::set<std::pair<std::string, std::uint16_t>> taken;
    for (int step = 0; step < 64; ++step) {
        auto at = interface;
        if (const auto repaired = desired.interfaces.find(interface); repaired != desired.interfaces.end())
            for (const auto& filter : repaired->second.filters) {
                if (!matches(filter, number(to))) continue;
                if (filter.to.value != 0 && !taken.emplace(interface, filter.number).second) return false;
                if (filter.to.value != 0) at = "wg" + std::to_string(filter.to.value - 10);
                break;
            }
        const auto& peer = host.peers.at(at).front();
        if (std::ranges::none_of(peer.allowed_ips, [&](const auto& allowed) { return allowed.contains(to); }))
            return true;
        to = peer.endpoint->address;
        const auto way = host.ways.find(to_string(to));
        if (way == host.ways.end()) return true;
        interface = way->second;
    }
    return true;  // round, but by routes alone
}

}  // namespace

TEST_CASE("two groups, each with a backup that the other's dead tunnel carries: neither redirects in a circle") {
    Nested host;
    host.tunnel(0, {"0.0.0.0/0"}, "paris", VerdictState::down);
    host.tunnel(1, {"0.0.0.0/0"}, "paris");
    host.tunnel(2, {"0.0.0.0/0"}, "rome");
    host.tunnel(3, {"0.0.0.0/0"}, "rome");
    CHECK(host.excepted("wg0") == Numbers{1});  // wg3's packets may be saved by wg1
    host.verdict(2).state = VerdictState::down;
    CHECK(host.now().told.at({1}) == "redirected to wg1");
    CHECK(host.now().told.at({3}) == "redirected to wg3");
    CHECK(host.excepted("wg0") == Numbers{1, 3});
    CHECK(host.excepted("wg2") == Numbers{1, 3});
    host.peers["wg2"].front().allowed_ips = {prefix("10.2.0.0/16")};  // it cannot carry wg1
    CHECK(host.excepted("wg0") == Numbers{1});
    CHECK(host.excepted("wg2").empty());
}

TEST_CASE("three groups in a circle: each lets pass what its backup depends on at the far end of it") {
    Nested host;
    host.tunnel(0, {"192.0.2.6/32"}, "paris", VerdictState::down);
    host.tunnel(1, {"192.0.2.6/32"}, "paris");
    host.tunnel(2, {"192.0.2.2/32"}, "rome", VerdictState::down);
    host.tunnel(3, {"192.0.2.2/32"}, "rome");
    host.tunnel(4, {"192.0.2.4/32"}, "oslo");
    host.tunnel(5, {"192.0.2.4/32"}, "oslo");
    CHECK(host.excepted("wg0").empty());
    CHECK(host.excepted("wg2").empty());
    host.verdict(4).state = VerdictState::down;
    CHECK(host.excepted("wg0") == Numbers{5});
    CHECK(host.excepted("wg2") == Numbers{1});
    CHECK(host.excepted("wg4") == Numbers{3});
}

TEST_CASE("a backup inside a live tunnel, which the dead one carries: the outermost packets pass") {
    Nested host;
    host.tunnel(0, {"0.0.0.0/0"}, "paris", VerdictState::down);
    host.tunnel(1, {"0.0.0.0/0"}, "paris");
    host.tunnel(2, {"0.0.0.0/0"}, "");
    CHECK(host.excepted("wg0") == Numbers{1});
    host.ways = {{endpoint_of(1), "wg2"}};
    CHECK(host.excepted("wg0") == Numbers{1, 2});
    host.peers["wg2"].front().allowed_ips = {prefix("10.9.0.0/16")};
    CHECK(host.excepted("wg0") == Numbers{1});
}

TEST_CASE("more endpoints than there is room for: refused, and nothing is redirected without them") {
    Nested host;
    constexpr unsigned last = 249;
    for (unsigned n = 0; n <= last; ++n)
        host.tunnel(n, {"0.0.0.0/0"}, n < 2 ? "paris" : "", n == 0 ? VerdictState::down : VerdictState::up);
    for (unsigned n = 1; n < last; ++n) host.ways[endpoint_of(n)] = "wg" + std::to_string(n + 1);
    const auto desired = host.now();
    CHECK(desired.told.at({1}) == "refused");
    CHECK(desired.interfaces.at("wg0").problems.at(0).find("more addresses, backups") != std::string::npos);
    CHECK_FALSE(desired.interfaces.at("wg0").redirects);
    CHECK(desired.interfaces.at("wg0").filters.empty());
}

TEST_CASE("whatever lies inside whatever: no packet takes a redirect twice") {
    std::mt19937 random{7};
    const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    std::size_t redirects = 0;
    for (int round = 0; round < 2000; ++round) {
        Nested host;
        const char* const groups[] = {"paris", "rome", "oslo"};
        const unsigned count = 2 + below(6);
        for (unsigned n = 0; n < count; ++n) {
            const char* const allowed[] = {"0.0.0.0/0", "192.0.2.0/24", "192.0.2.0/30", "192.0.2.4/30"};
            host.tunnel(n, {allowed[below(2)], allowed[below(4)]}, groups[below(3)],
                        below(2) == 0 ? VerdictState::down : VerdictState::up);
            if (below(4) != 0) host.ways[endpoint_of(n)] = "wg" + std::to_string(below(count));
        }
        const auto desired = host.now();
        for (const auto& [name, repaired] : desired.interfaces) {
            redirects += repaired.redirects ? 1 : 0;
            for (unsigned n = 0; n < count; ++n) CHECK(ends(host, desired, name, address(endpoint_of(n).c_str())));
            CHECK(ends(host, desired, name, address("192.0.2.200")));
        }
    }
    CHECK(redirects > 1000);
}
