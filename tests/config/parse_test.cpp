#include "config/parse.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <string>

#include "config/reader.hpp"
#include "parsed.hpp"

using namespace std::chrono_literals;

TEST_CASE("an empty file is the default configuration") {
    CHECK(good("") == config::Config{});
    CHECK(good("# nothing\n\n[probe]\n[quality]\n[frr]\n[interface]\n") == config::Config{});
    const auto c = good("");
    CHECK(c.probe.interval == 50ms);
    CHECK(c.probe.multiplier == 3);
    CHECK_FALSE(c.probe.require_proof);
    CHECK_FALSE(c.probe.trust_data);
    CHECK(c.bind == config::Bind::any);
    CHECK_FALSE(c.frr.bfd_dataplane);
}

TEST_CASE("every key of [probe] is read") {
    const auto c = good(
        "[probe]\ninterval='10ms'\nmultiplier=5\nprotocol='icmp'\npadding=1420\nrequire_proof=true\ntrust_data=true\n"
        "bind='addresses'\n[quality]\nmethod='off'\n");
    CHECK(c.probe == config::Probe{.interval = 10ms,
                                   .multiplier = 5,
                                   .require_proof = true,
                                   .trust_data = true,
                                   .protocol = config::Protocol::icmp,
                                   .padding = 1420});
    CHECK(c.bind == config::Bind::addresses);
    CHECK(good("[probe]\nbind='any'\n").bind == config::Bind::any);
}

TEST_CASE("an interface has feeds and unsolicited prefixes, and stays in the order of the file") {
    const auto c = good(
        "[interface.wg9]\nfeeds=['link']\nunsolicited=['10.8.0.0/24','2001:db8::1']\nunsolicited_max=2\n"
        "[interface.wg0]\nunsolicited=[]\n");
    REQUIRE(c.interfaces.size() == 2);
    CHECK(c.interfaces[0].name == "wg9");
    CHECK(c.interfaces[0].feeds == std::vector<std::string>{"link"});
    REQUIRE(c.interfaces[0].unsolicited.size() == 2);
    CHECK(to_string(c.interfaces[0].unsolicited[0]) == "10.8.0.0/24");
    CHECK(to_string(c.interfaces[0].unsolicited[1]) == "2001:db8::1/128");
    CHECK(c.interfaces[0].unsolicited_max == 2);
    CHECK(c.interfaces[1].name == "wg0");
    CHECK(c.interfaces[1].feeds.empty());
    CHECK(c.interfaces[1].unsolicited.empty());
    CHECK(c.interfaces[1].unsolicited_max == 64);
}

TEST_CASE("an interface name may hold a dot when it is quoted") {
    CHECK(good("[interface.'wg.7']\nfeeds=['link']\n").interfaces.at(0).name == "wg.7");
}

TEST_CASE("an adjacency overlays [probe] with its own keys, wherever [probe] stands") {
    const auto c =
        good("[[adjacency]]\nname='paris'\ninterface='wg0'\npeer='" + key_a +
             "'\naddress='10.8.0.1'\nfeeds=['link']\ninterval='20ms'\nprotocol='icmp'\npadding=1280\n"
             "[[adjacency]]\ninterface='wg0'\npeer='" +
             key_b + "'\nprobe=false\nmultiplier=4\nrequire_proof=false\n" + "[[adjacency]]\ninterface='wg1'\npeer='" +
             key_b + "'\n[probe]\nmultiplier=7\nrequire_proof=true\n");
    REQUIRE(c.adjacencies.size() == 3);
    const auto& [paris, second, third] = std::tie(c.adjacencies[0], c.adjacencies[1], c.adjacencies[2]);
    CHECK(paris.name == "paris");
    CHECK(paris.interface == "wg0");
    CHECK(to_base64(paris.peer) == key_a);
    CHECK(paris.address == base::IpAddress::parse("10.8.0.1"));
    CHECK(paris.feeds == std::vector<std::string>{"link"});
    CHECK(paris.probe);
    CHECK(paris.timers == config::Probe{.interval = 20ms,
                                        .multiplier = 7,
                                        .require_proof = true,
                                        .protocol = config::Protocol::icmp,
                                        .padding = 1280});
    CHECK(paris.own_timers);
    CHECK_FALSE(second.name);
    CHECK_FALSE(second.probe);
    CHECK(second.timers == config::Probe{.interval = 50ms, .multiplier = 4, .require_proof = false});
    CHECK(second.own_timers);
    CHECK(third.timers == config::Probe{.interval = 50ms, .multiplier = 7, .require_proof = true});
    CHECK_FALSE(third.own_timers);
}

TEST_CASE("a name may look like the default name of another peer") {
    CHECK(good("[[adjacency]]\nname='wg0/AAAAAAAA'\ninterface='wg1'\npeer='" + key_a + "'\n").adjacencies.size() == 1);
}

TEST_CASE("sessions outside WireGuard are single hop or multihop") {
    const auto c = good(
        "[[session]]\nname='rs'\nlocal='192.0.2.1'\nremote='192.0.2.9'\nmultihop=true\nminimum_ttl=250\n"
        "interval='1s'\nmultiplier=9\n"
        "[[session]]\nlocal='fe80::1'\nremote='fe80::2'\ninterface='eth0'\n"
        "[[session]]\nlocal='192.0.2.1'\nremote='192.0.2.9'\n");
    REQUIRE(c.sessions.size() == 3);
    CHECK(c.sessions[0].name == "rs");
    CHECK(c.sessions[0].multihop);
    CHECK(c.sessions[0].minimum_ttl == 250);
    CHECK(c.sessions[0].timers == config::Probe{.interval = 1s, .multiplier = 9});
    CHECK(c.sessions[1].interface == "eth0");
    CHECK_FALSE(c.sessions[1].multihop);
    CHECK(c.sessions[2].interface.empty());
    CHECK(c.sessions[2].minimum_ttl == 254);
}

TEST_CASE("the probe thread runs as it was started unless told") {
    CHECK(good("").process == config::Process{.priority = 0, .cpu = std::nullopt});
    CHECK(good("[process]\n").process == config::Process{});
    CHECK(good("[process]\npriority = 99\ncpu = 1023\n").process == config::Process{.priority = 99, .cpu = 1023});
    CHECK(good("[process]\npriority = 0\ncpu = 0\n").process == config::Process{.priority = 0, .cpu = 0});
}

TEST_CASE("metrics listen nowhere unless told; their port is 9784 where none is written") {
    const auto listen = [](const std::string& text) {
        return good("[metrics]\nlisten = '" + text + "'\n").metrics.listen;
    };
    CHECK(listen("127.0.0.1") == "127.0.0.1:9784");
    CHECK(listen("0.0.0.0:9100") == "0.0.0.0:9100");
    CHECK(listen("[::]") == "[::]:9784");
    CHECK(!good("[metrics]\n").metrics.listen);
    CHECK(!good("").metrics.listen);
}

TEST_CASE("fpm is an address of this host; its port is zebra's default where none is written") {
    const auto fpm = [](const std::string& text) { return good("[frr]\nfpm = '" + text + "'\n").frr.fpm; };
    CHECK(fpm("127.0.0.1") == "127.0.0.1:2620");
    CHECK(fpm("127.0.0.1:2621") == "127.0.0.1:2621");
    CHECK(fpm("[::1]") == "[::1]:2620");
    CHECK(fpm("[2001:db8::1]:1") == "[2001:db8::1]:1");
    CHECK(!good("[frr]\n").frr.fpm);
}

TEST_CASE("bfd_dataplane takes what bfdd's --dplaneaddr takes in server mode") {
    for (const std::string text :
         {"unix:/run/frr/bfddp.sock", "ipv4:127.0.0.1", "ipv4:127.0.0.1:50700", "ipv4:127.0.0.1:1",
          "ipv4:127.0.0.1:65534", "ipv6:[::1]", "ipv6:[2001:db8::1]:50701"}) {
        CAPTURE(text);
        CHECK(good("[frr]\nbfd_dataplane='" + text + "'\nvty='/run/frr'\n").frr == config::Frr{text, "/run/frr"});
    }
    const auto longest = "unix:/" + std::string(57, 'x');
    REQUIRE(longest.size() == 63);
    CHECK(good("[frr]\nbfd_dataplane='" + longest + "'\n").frr.bfd_dataplane == longest);
    CHECK(bad("[frr]\nbfd_dataplane='" + longest + "x'\n").size() == 1);
}

TEST_CASE("durations are digits, at most one point, and a unit") {
    using config::parse_duration;
    CHECK(parse_duration("50ms") == 50ms);
    CHECK(parse_duration("3.3ms") == 3'300us);
    CHECK(parse_duration("1s") == 1s);
    CHECK(parse_duration("500us") == 500us);
    CHECK(parse_duration("0.5s") == 500ms);
    CHECK(parse_duration("3.300ms") == 3'300us);
    CHECK(parse_duration("3.3000ms") == 3'300us);
    CHECK(parse_duration("1.0us") == 1us);
    CHECK(parse_duration("1.000001s") == 1'000'001us);
    CHECK(parse_duration("999999999s") == 999'999'999s);
    for (const auto* text : {"",         "50",    "ms",        " 50ms",   "50 ms", "50ms ",       "-50ms",
                             "+50ms",    ".5s",   "1.s",       "1..5s",   "1e3us", "50MS",        "50m",
                             "50ns",     "50µs",  "1s500ms",   "0x10ms",  "1,5s",  "9999999999s", "1.0000000000s",
                             "3.3333ms", "0.5us", "3.30001ms", "3.3005ms"}) {
        CAPTURE(text);
        const auto parsed = parse_duration(text);
        // Half a microsecond is finer than the wire can say; 3300.5 us too.
        CHECK_FALSE(parsed.has_value());
    }
}

TEST_CASE("the interval's bounds belong to it, one microsecond beyond does not") {
    CHECK(good("[probe]\ninterval='3.3ms'\n").probe.interval == config::least_interval);
    CHECK(good("[probe]\ninterval='60s'\n").probe.interval == config::greatest_interval);
    CHECK(bad("[probe]\ninterval='3299us'\n").size() == 1);
    CHECK(bad("[probe]\ninterval='60.000001s'\n").size() == 1);
}

TEST_CASE("the multiplier's bounds belong to it, one beyond does not") {
    CHECK(good("[probe]\nmultiplier=1\n").probe.multiplier == 1);
    CHECK(good("[probe]\nmultiplier=255\n").probe.multiplier == 255);
    CHECK(bad("[probe]\nmultiplier=0\n").size() == 1);
    CHECK(bad("[probe]\nmultiplier=256\n").size() == 1);
}

namespace {

std::string example() {
    std::ifstream file{WGBFD_EXAMPLE};
    REQUIRE(file.good());
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("the example configuration changes nothing as it stands") { CHECK(good(example()) == config::Config{}); }

TEST_CASE("the example configuration names every key, and each line of it may be taken in") {
    std::istringstream in{example()};
    std::string text;
    for (std::string line; std::getline(in, line);) {
        const bool commented_out = line.size() > 1 && line[0] == '#' && line[1] != ' ';
        text += (commented_out ? line.substr(1) : line) + "\n";
    }
    const auto c = good(text);
    CHECK(c.probe == config::Probe{});
    CHECK(c.interfaces.size() == 1);
    REQUIRE(c.adjacencies.size() == 1);
    CHECK(c.adjacencies[0].timers == config::Probe{});
    CHECK(c.quality == config::Quality{});
    CHECK(c.damping == policy::DampingRules{});
    CHECK(c.adjacencies[0].group == c.groups.at(0).name);
    CHECK(c.sessions.size() == 2);
    CHECK(c.frr.bfd_dataplane == "unix:/run/frr/bfddp.sock");
    CHECK(c.bird.control == config::Bird{}.control);
    CHECK(c.bird.include_interval == config::Bird{}.include_interval);
    CHECK(c.bird.communities_interval == config::Bird{}.communities_interval);
    for (const auto* key : {"interval",
                            "multiplier",
                            "padding",
                            "protocol",
                            "require_proof",
                            "trust_data",
                            "bind",
                            "method",
                            "feeds",
                            "unsolicited",
                            "unsolicited_max",
                            "name",
                            "interface",
                            "peer",
                            "address",
                            "probe",
                            "local",
                            "remote",
                            "multihop",
                            "minimum_ttl",
                            "prefixes",
                            "mode",
                            "table",
                            "metric",
                            "source",
                            "fail_back_after",
                            "when_down",
                            "keep_on_exit",
                            "rule_priority",
                            "priority",
                            "weight",
                            "source_table",
                            "vrf",
                            "bfd_dataplane",
                            "vty",
                            "fpm",
                            "control",
                            "nexthop_table",
                            "bird_protocol",
                            "include",
                            "local_pref",
                            "dn42_latency",
                            "dn42_loss",
                            "include_interval",
                            "communities_interval",
                            "communities",
                            "up_delay",
                            "degraded",
                            "half_life",
                            "suppress",
                            "reuse",
                            "max",
                            "group",
                            "cost",
                            "quality"}) {
        CAPTURE(key);
        CHECK(text.find(std::string{"\n"}.append(key).append(" = ")) != std::string::npos);
    }
}
