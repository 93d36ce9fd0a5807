// Every kind of wrong configuration, each with its line, its column and what to write instead.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "config/parse.hpp"
#include "config/reader.hpp"
#include "parsed.hpp"

namespace {

using Lines = std::vector<std::string>;

const std::string peer_a = "peer = \"" + key_a + "\"\n";
const std::string peer_b = "peer = \"" + key_b + "\"\n";

}  // namespace

TEST_CASE("text that is not TOML gives its one error") {
    CHECK(bad("[probe") == Lines{"f:1:7: not TOML: Error while parsing table header: encountered end-of-file"});
    CHECK(bad("[probe]\ninterval = \n") ==
          Lines{"f:2:12: not TOML: Error while parsing key-value pair: expected value, saw '\\n'"});
    CHECK(bad("[probe]\nmultiplier = 1\nmultiplier = 2\n").size() == 1);
    CHECK(bad("[probe]\nmultiplier = 1\nmultiplier = 2\n")[0].starts_with("f:3:14: not TOML: "));
    CHECK(bad("[probe]\n[quality]\n[probe]\n")[0].starts_with("f:3:"));
    CHECK(bad("# \xff\n")[0].starts_with("f:1:"));
    // A header without a key: toml++ 3.3 asserts here when it is built to.
    for (const auto* text : {"[#", "[[#a]]\n", "[a.#]\n", "[\n", "[a\n]\n", "= 1\n"}) CHECK(bad(text).size() == 1);
    CHECK(bad(std::string{"a = \0", 5}).size() == 1);
}

TEST_CASE("an unknown key names the nearest one, the table it belongs in, or all") {
    CHECK(bad("[probe]\nintervall = \"50ms\"\n") ==
          Lines{"f:2:1: unknown key \"intervall\" in [probe]; did you mean \"interval\"?"});
    CHECK(bad("[probe]\n  colour = 1\n") ==
          Lines{"f:2:3: unknown key \"colour\" in [probe]; known are interval, "
                "multiplier, protocol, padding, require_proof, trust_data, up_delay, bind"});
    CHECK(bad("interval = \"50ms\"\n") ==
          Lines{"f:1:1: unknown key \"interval\" at the top level; it belongs in [probe]"});
    CHECK(bad("[prob]\n") == Lines{"f:1:2: unknown key \"prob\" at the top level; did you mean \"probe\"?"});
    CHECK(bad("[quality]\nmethods = \"off\"\n") ==
          Lines{"f:2:1: unknown key \"methods\" in [quality]; did you mean \"method\"?"});
    CHECK(bad("[frr]\nvtysh = \"/run/frr\"\n") ==
          Lines{"f:2:1: unknown key \"vtysh\" in [frr]; did you mean \"vty\"?"});
    CHECK(bad("[interface.wg0]\nfeed = [\"link\"]\n") ==
          Lines{"f:2:1: unknown key \"feed\" in [interface.wg0]; did you mean \"feeds\"?"});
    CHECK(bad("[[adjacency]]\ninterface = \"wg0\"\n" + peer_a + "bind = \"any\"\n") ==
          Lines{"f:4:1: unknown key \"bind\" in [[adjacency]]; it belongs in [probe]"});
    CHECK(bad("[[session]]\nlocal = \"10.0.0.1\"\nremote = \"10.0.0.2\"\nrequire_proof = true\n") ==
          Lines{"f:4:1: unknown key \"require_proof\" in [[session]]; it belongs in [probe] or [[adjacency]]"});
}

TEST_CASE("nearest: two slips are close, three are another word") {
    using namespace std::string_view_literals;
    constexpr std::string_view known[] = {"multiplier"sv, "bind"sv};
    CHECK(config::nearest("multipler", known) == "multiplier");
    CHECK(config::nearest("mutiplir", known) == "multiplier");
    CHECK(config::nearest("mutplir", known).empty());
    CHECK(config::nearest("bidn", known) == "bind");
    CHECK(config::nearest("", known).empty());
    CHECK(config::nearest(std::string(1'000, 'b'), known).empty());
}

TEST_CASE("a wrong type names the right one") {
    CHECK(bad("[probe]\ninterval = 50\nmultiplier = \"3\"\nrequire_proof = 1\nbind = true\n") ==
          Lines{"f:2:12: interval must be a duration such as \"50ms\", not an integer",
                "f:3:14: multiplier must be an integer from 1 to 255, not a string",
                "f:4:17: require_proof must be true or false, not an integer",
                "f:5:8: bind must be a string, not true or false"});
    CHECK(bad("[probe]\nmultiplier = 3.0\n") ==
          Lines{"f:2:14: multiplier must be an integer from 1 to 255, not a number"});
    CHECK(bad("[probe]\nmultiplier = 1979-05-27\n") ==
          Lines{"f:2:14: multiplier must be an integer from 1 to 255, not a date or time"});
    CHECK(bad("probe = 3\n") == Lines{"f:1:1: probe must be a table: write [probe] once"});
    CHECK(bad("[[frr]]\n") == Lines{"f:1:3: frr must be a table: write [frr] once"});
    CHECK(bad("interface = 1\n") == Lines{"f:1:1: interface must be a table: write [interface.NAME] once"});
    CHECK(bad("[[interface.wg0]]\n") == Lines{"f:1:13: interface \"wg0\" must be a table: write [interface.wg0] once"});
    CHECK(bad("[adjacency]\n") == Lines{"f:1:2: adjacency must be a list of tables: write [[adjacency]] above each"});
    CHECK(bad("session = [1]\n") == Lines{"f:1:1: session must be a list of tables: write [[session]] above each"});
    CHECK(bad("[interface.wg0]\nfeeds = \"link\"\n") ==
          Lines{"f:2:9: feeds must be an array of strings, not a string"});
    CHECK(bad("[interface.wg0]\nunsolicited = [1]\n") ==
          Lines{"f:2:16: unsolicited must be an array of strings alone, not an integer"});
    CHECK(bad("[quality]\nmethod = {}\n") == Lines{"f:2:10: method must be a string, not a table"});
    CHECK(bad("[frr]\nbfd_dataplane = []\nvty = 1\n") ==
          Lines{"f:2:17: bfd_dataplane must be a string, not an array", "f:3:7: vty must be a string, not an integer"});
}

TEST_CASE("[probe] refuses what is out of range") {
    CHECK(bad("[probe]\ninterval = \"1ms\"\nmultiplier = 256\npadding = 1\nbind = \"none\"\n") ==
          Lines{"f:2:12: interval must be 3.3ms..60s, not \"1ms\"",
                "f:3:14: multiplier must be an integer from 1 to 255, not 256",
                "f:4:11: padding must be 0 (none) or 52..65535, the bytes of an IP packet with BFD in it, not 1",
                "f:5:8: bind must be \"any\" or \"addresses\", not \"none\""});
    CHECK(bad("[probe]\ninterval = \"50\"\n") ==
          Lines{"f:2:12: interval must be a duration such as \"50ms\", \"3.3ms\" or \"1s\", not \"50\""});
    CHECK(bad("[probe]\nprotocol = \"ping\"\n") == Lines{"f:2:12: protocol must be \"bfd\" or \"icmp\", not \"ping\""});
    CHECK(bad("[probe]\npadding = \"0\"\n").size() == 1);
    for (const auto* good : {"0", "52", "1420", "65535"})
        CHECK(config::parse(std::string{"[probe]\npadding = "} + good + "\n").has_value());
    for (const auto* wrong : {"-1", "51", "65536", "9223372036854775807"})
        CHECK(bad(std::string{"[probe]\npadding = "} + wrong + "\n").size() == 1);
    const std::string over_v6 =
        "[[adjacency]]\ninterface = \"wg0\"\npeer = \"" + key_a + "\"\naddress = \"fd00::1\"\npadding = ";
    CHECK(bad(over_v6 + "71\n") == Lines{"f:5:11: padding must be 0 (none) or 72..65535 over IPv6, not 71"});
    CHECK(config::parse(over_v6 + "72\n").has_value());
    CHECK(bad("[probe]\nmultiplier = -9223372036854775808\n").size() == 1);
}

TEST_CASE("feeds: known ones alone, each once") {
    CHECK(bad("[interface.wg0]\nfeeds = [\"lnk\", \"frr-bfd\", 3, \"link\", \"link\", \"blackhole\"]\n") ==
          Lines{"f:2:10: unknown feed \"lnk\"; did you mean \"link\"?",
                "f:2:17: \"frr-bfd\" is no feed: set bfd_dataplane in [frr] instead",
                "f:2:28: feeds must be an array of strings alone, not an integer", "f:2:39: feeds lists \"link\" twice",
                "f:2:47: unknown feed \"blackhole\"; known are repair, routes, link, frr-vty, bird-nexthop, "
                "bird-protocol, bird-include, endpoint, hook"});
    CHECK(bad("[[adjacency]]\ninterface = \"wg0\"\n" + peer_a + "feeds = [\"frr-bfd\"]\n") ==
          Lines{"f:4:10: \"frr-bfd\" is no feed: set bfd_dataplane in [frr] instead"});
}

TEST_CASE("frr-vty needs FRR's vty sockets, wherever the feed stands and [frr] too") {
    const std::string message = "the feed \"frr-vty\" needs FRR's vty sockets: write vty = \"/run/frr\" into [frr]";
    CHECK(bad("[interface.wg0]\nfeeds = [\"link\", \"frr-vty\"]\n") == Lines{"f:2:18: " + message});
    CHECK(bad("[[adjacency]]\ninterface = \"wg0\"\n" + peer_a + "feeds = [\"frr-vty\"]\n[frr]\n") ==
          Lines{"f:4:10: " + message});
    CHECK(bad("[interface.wg0]\nfeeds = [\"frr-vty\"]\n[frr]\nvty = \"/run/frr\"\n").empty());
}

TEST_CASE("[interface.X]: a name the kernel can have, prefixes that are prefixes") {
    CHECK(bad("[interface.abcdefghijklmno]\n").empty());
    CHECK(bad("[interface.abcdefghijklmnop]\n") ==
          Lines{"f:1:12: \"abcdefghijklmnop\" is no interface name: 1 to 15 characters without spaces, '/' and ':'"});
    for (const std::string name : {"\"\"", "\"a b\"", "\"a/b\"", "\".\"", "\"..\"", "\"a:b\""}) {
        CAPTURE(name);
        CHECK(bad("[interface." + name + "]\n").size() == 1);
    }
    CHECK(bad("[interface.wg0]\nunsolicited = [\"10.0.0.1/8\", \"x\", \"10.0.0.0/33\", \"2001:db8::1/64\"]\n") ==
          Lines{"f:2:16: unsolicited \"10.0.0.1/8\" has bits beyond its length: write \"10.0.0.0/8\"",
                "f:2:30: unsolicited \"x\" is no prefix such as \"10.8.0.0/24\"",
                "f:2:35: unsolicited \"10.0.0.0/33\" is no prefix such as \"10.8.0.0/24\"",
                "f:2:50: unsolicited \"2001:db8::1/64\" has bits beyond its length: write \"2001:db8::/64\""});
    CHECK(bad("[interface.wg0]\nunsolicited = [\"::/0\"]\nunsolicited_max = 0\n") ==
          Lines{"f:3:19: unsolicited_max must be an integer from 1 to 65535, not 0"});
    CHECK(bad("[interface.wg0]\nunsolicited_max = 3\n") ==
          Lines{"f:2:1: unsolicited_max says nothing without unsolicited: add unsolicited = [prefixes] or remove it"});
}

TEST_CASE("a peer that is left alone can prove nothing") {
    const auto alone = "[[adjacency]]\ninterface = \"wg0\"\n" + peer_a + "probe = false\n";
    CHECK(bad(alone + "require_proof = true\n") ==
          Lines{"f:5:1: require_proof = true and probe = false exclude each other: remove one"});
    CHECK(config::parse(alone + "require_proof = false\n"));
    CHECK(config::parse("[probe]\nrequire_proof = true\n" + alone));
}

TEST_CASE("[[adjacency]] needs its interface and its peer") {
    CHECK(bad("[[adjacency]]\n") == Lines{"f:1:1: [[adjacency]] needs interface", "f:1:1: [[adjacency]] needs peer"});
    CHECK(bad("\n  [[adjacency]]\n" + peer_a) == Lines{"f:2:3: [[adjacency]] needs interface"});
    CHECK(bad("[[adjacency]]\ninterface = \"\"\n" + peer_a) ==
          Lines{"f:2:13: \"\" is no interface name: 1 to 15 characters without spaces, '/' and ':'"});
    const Lines refused{"f:3:8: peer must be a public key as `wg show` prints it: 44 characters of base64"};
    CHECK(bad("[[adjacency]]\ninterface = \"wg0\"\npeer = \"short\"\n") == refused);
    CHECK(bad("[[adjacency]]\ninterface = \"wg0\"\npeer = \"" + key_a.substr(1) + "\"\n") == refused);
}

TEST_CASE("[[adjacency]]: an address is one host's") {
    const auto with = [](const std::string& address) {
        return bad("[[adjacency]]\ninterface = \"wg0\"\n" + peer_a + "address = \"" + address + "\"\n");
    };
    CHECK(with("10.8.0.1/32") == Lines{"f:4:11: address \"10.8.0.1/32\" must be one address, without a prefix length"});
    CHECK(with("fe80::1%wg0") ==
          Lines{"f:4:11: address \"fe80::1%wg0\" must stand without %zone: the interface has its own key"});
    CHECK(with("paris") == Lines{"f:4:11: address \"paris\" is no IPv4 or IPv6 address"});
    for (const auto* address : {"0.0.0.0", "::", "224.0.0.1", "ff02::1"})
        CHECK(with(address) ==
              Lines{"f:4:11: address \"" + std::string{address} + "\" is not the address of one host"});
}

TEST_CASE("names are one word and stand once, over adjacencies and sessions") {
    const auto with = [](const std::string& name) {
        return bad("[[adjacency]]\ninterface = \"wg0\"\n" + peer_a + "name = \"" + name + "\"\n");
    };
    CHECK(with(std::string(64, 'x')).empty());
    CHECK(with(std::string(65, 'x')).size() == 1);
    CHECK(with("") == Lines{"f:4:8: name must be 1 to 64 characters without spaces, not \"\""});
    CHECK(with("a b") == Lines{"f:4:8: name must be 1 to 64 characters without spaces, not \"a b\""});
    CHECK(with("a\\nb") == Lines{"f:4:8: name must be 1 to 64 characters without spaces, not \"a?b\""});
    CHECK(bad("[[adjacency]]\nname = \"a\"\ninterface = \"wg0\"\n" + peer_a +
              "[[adjacency]]\nname = \"a\"\ninterface = \"wg0\"\n" + peer_b +
              "[[session]]\nname = \"a\"\nlocal = \"10.0.0.1\"\nremote = \"10.0.0.2\"\n") ==
          Lines{"f:6:8: duplicate name \"a\": first in line 2", "f:10:8: duplicate name \"a\": first in line 2"});
}

TEST_CASE("one [[adjacency]] a peer and interface, one peer an address") {
    CHECK(bad("[[adjacency]]\ninterface = \"wg0\"\n" + peer_a + "[[adjacency]]\ninterface = \"wg0\"\n" + peer_a) ==
          Lines{"f:6:8: this peer of wg0 has an [[adjacency]] already: first in line 3"});
    CHECK(
        bad("[[adjacency]]\ninterface = \"wg0\"\n" + peer_a + "[[adjacency]]\ninterface = \"wg1\"\n" + peer_a).empty());
    CHECK(bad("[[adjacency]]\ninterface = \"wg0\"\n" + peer_a + "address = \"10.8.0.1\"\n" +
              "[[adjacency]]\ninterface = \"wg0\"\n" + peer_b + "address = \"10.8.0.1\"\n") ==
          Lines{"f:8:11: another peer of wg0 has the address 10.8.0.1: first in line 4"});
}

TEST_CASE("[[session]]: two addresses of one family, and hops that agree") {
    CHECK(bad("[[session]]\nlocal = \"10.0.0.1\"\n") == Lines{"f:1:1: [[session]] needs remote"});
    CHECK(bad("[[session]]\nlocal = \"10.0.0.1\"\nremote = \"::1\"\n") ==
          Lines{"f:3:10: local and remote must be of one family, IPv4 or IPv6"});
    CHECK(bad("[[session]]\nlocal = \"10.0.0.1\"\nremote = \"10.0.0.1\"\n") ==
          Lines{"f:3:10: local and remote must be two addresses"});
    CHECK(bad("[[session]]\nlocal = \"10.0.0.1\"\nremote = \"10.0.0.2\"\nminimum_ttl = 254\n") ==
          Lines{"f:4:1: minimum_ttl needs multihop = true: one hop always requires 255 (RFC 5881 §5)"});
    const std::string multihop = "[[session]]\nlocal = \"10.0.0.1\"\nremote = \"10.0.0.2\"\nmultihop = true\n";
    CHECK(bad(multihop + "minimum_ttl = 256\n") ==
          Lines{"f:5:15: minimum_ttl must be an integer from 1 to 255, not 256"});
    CHECK(bad(multihop + "minimum_ttl = 0\n").size() == 1);
    CHECK(bad(multihop + "minimum_ttl = 1\n").empty());
    CHECK(bad(multihop + "interface = \"eth0\"\n") ==
          Lines{"f:5:1: interface and multihop = true exclude each other: remove one"});
    CHECK(bad("[[session]]\nlocal = \"fe80::1\"\nremote = \"fe80::2\"\n") ==
          Lines{"f:3:10: a link-local address needs its interface: add interface = \"...\""});
    CHECK(bad("[[session]]\nlocal = \"fe80::1\"\nremote = \"fe80::2\"\nmultihop = true\n") ==
          Lines{"f:4:12: a link-local address is never several hops away: remove multihop"});
    CHECK(bad(multihop + "vrf = \"red\"\n").empty());
    CHECK(bad(multihop + multihop + "vrf = \"red\"\n").empty());  // the same addresses elsewhere
    CHECK(bad("[[session]]\nlocal = \"10.0.0.1\"\nremote = \"10.0.0.2\"\nvrf = \"red\"\n") ==
          Lines{"f:4:1: vrf needs multihop = true: of one hop the interface says it"});
    CHECK(bad(multihop + multihop) == Lines{"f:5:1: duplicate [[session]] from 10.0.0.1 to 10.0.0.2: first in line 1"});
}

TEST_CASE("[frr]: the places that bfdd can listen at, the others with the reason") {
    const auto with = [](const std::string& place) { return bad("[frr]\nbfd_dataplane = \"" + place + "\"\n"); };
    for (const std::string type : {"unix", "ipv4", "ipv6"})
        CHECK(with(type + "c:/x") == Lines{"f:2:17: bfd_dataplane \"" + type +
                                           "c:/x\" makes bfdd the client, which fails before FRR 10.1: write \"" +
                                           type + "\" without the c, here and in bfdd's --dplaneaddr"});
    CHECK(with("unix:bfddp.sock") == Lines{"f:2:17: bfd_dataplane \"unix:bfddp.sock\" needs an absolute path: write "
                                           "\"unix:/run/frr/bfddp.sock\""});
    CHECK(with("/run/frr/bfddp.sock") ==
          Lines{"f:2:17: bfd_dataplane \"/run/frr/bfddp.sock\" must start with unix:, ipv4: or ipv6:, as bfdd's "
                "--dplaneaddr does: write \"unix:/run/frr/bfddp.sock\""});
    CHECK(with("unix:/" + std::string(58, 'x'))[0].ends_with(
        "is longer than 63 characters, which bfdd cuts off: choose a shorter path"));
    for (const auto* place : {"ipv4:",
                              "ipv4:localhost",
                              "ipv4:127.0.0.1:",
                              "ipv4:127.0.0.1:0",
                              "ipv4:127.0.0.1:65535",
                              "ipv4:127.0.0.1:65536",
                              "ipv4:127.0.0.1:x",
                              "ipv4:127.0.0.1:-1",
                              "ipv4:::1",
                              "ipv6:::1",
                              "ipv6:[::1]x",
                              "ipv6:[::1]:65535",
                              "ipv6:[127.0.0.1]",
                              "ipv6:[::1",
                              "unix:",
                              "unix:/",
                              "unix",
                              "",
                              "tcp:127.0.0.1",
                              "unix:/a\\u0000b"}) {
        CAPTURE(place);
        CHECK(with(place).size() == 1);
    }
    CHECK(bad("[frr]\nvty = \"run/frr\"\n") ==
          Lines{"f:2:7: vty \"run/frr\" must be an absolute path of at most 90 characters, such as \"/run/frr\""});
    CHECK(bad("[frr]\nvty = \"/" + std::string(89, 'x') + "\"\n").empty());
    CHECK(bad("[frr]\nvty = \"/" + std::string(90, 'x') + "\"\n").size() == 1);
}

TEST_CASE("the probe thread's priority and CPU are numbers that Linux knows") {
    CHECK(bad("[process]\npriority = 100\ncpu = 1024\n") ==
          Lines{"f:2:12: priority must be an integer from 0 to 99, not 100",
                "f:3:7: cpu must be an integer from 0 to 1023, not 1024"});
    CHECK(bad("[process]\npriority = -1\ncpu = -1\n").size() == 2);
    CHECK(bad("[process]\ncpu = \"0\"\n") == Lines{"f:2:7: cpu must be an integer from 0 to 1023, not a string"});
    CHECK(bad("[process]\nnice = 1\n").size() == 1);
}

TEST_CASE("metrics are listened for at an address") {
    CHECK(bad("[metrics]\nlisten = \"localhost:9784\"\n") ==
          Lines{"f:2:10: listen \"localhost:9784\" must be an address of this host, with a port or without: write "
                "\"127.0.0.1:9784\""});
    for (const std::string text : {"", "127.0.0.1:", "127.0.0.1:0", "::1:9784", "[::1", "127.0.0.1:http", ":9784"})
        CHECK(bad("[metrics]\nlisten = \"" + text + "\"\n").size() == 1);
    CHECK(bad("[metrics]\nport = 9784\n").size() == 1);
}

TEST_CASE("fpm must be an address, and not everybody's") {
    CHECK(bad("[frr]\nfpm = \"localhost\"\n") ==
          Lines{"f:2:7: fpm \"localhost\" must be an address of this host, with a port or without: write "
                "\"127.0.0.1:2620\""});
    for (const std::string text : {"", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "::1", "[::1", "127.0.0.1:2620 ",
                                   "unix:/run/fpm", "2620"})
        CHECK(bad("[frr]\nfpm = \"" + text + "\"\n").size() == 1);
    for (const std::string text : {"0.0.0.0", "0.0.0.0:2620", "[::]:2620", "[0::0]"}) {
        CAPTURE(text);
        const auto lines = bad("[frr]\nfpm = \"" + text + "\"\n");
        REQUIRE(lines.size() == 1);
        CHECK(lines[0].find("would take anybody's routes") != std::string::npos);
    }
    CHECK(bad("[frr]\nfpm = 2620\n") == Lines{"f:2:7: fpm must be a string, not an integer"});
}

TEST_CASE("all errors are reported at once, in the order of the file") {
    CHECK(bad("[frr]\nvty = 1\n[[session]]\n[probe]\nmultiplier = 0\n[interface.wg0]\nfeeds = [\"x\"]\nspeed = 1\n") ==
          Lines{"f:2:7: vty must be a string, not an integer", "f:3:1: [[session]] needs local",
                "f:3:1: [[session]] needs remote", "f:5:14: multiplier must be an integer from 1 to 255, not 0",
                "f:7:10: unknown feed \"x\"; known are repair, routes, link, frr-vty, bird-nexthop, bird-protocol, "
                "bird-include, endpoint, hook",
                "f:8:1: unknown key \"speed\" in [interface.wg0]; known are feeds, unsolicited, unsolicited_max"});
}

TEST_CASE("an error about the file as a whole has no place") {
    CHECK(to_string(config::Error{0, 0, "cannot be read"}, "/etc/x") == "/etc/x: cannot be read");
    CHECK(to_string(config::Error{3, 9, "no"}, "/etc/x") == "/etc/x:3:9: no");
}

TEST_CASE("what an error repeats is cut when long, and never in the middle of a character") {
    CHECK(config::quoted("a\x1b[0m\x7f") == "\"a?[0m?\"");
    CHECK(config::quoted(std::string(80, 'x')) == '"' + std::string(80, 'x') + '"');
    CHECK(config::quoted(std::string(81, 'x')) == '"' + std::string(80, 'x') + "...\"");
    CHECK(config::quoted(std::string(79, 'x') + "\xc3\xa9") == '"' + std::string(79, 'x') + "...\"");
}
