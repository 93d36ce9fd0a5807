#include <doctest/doctest.h>

#include <sstream>

#include "rows.hpp"
#include "view/status.hpp"
#include "view/text.hpp"

using namespace rows;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream in{text};
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
}

}  // namespace

TEST_CASE("the table has a line an adjacency, its columns one below the other") {
    const auto paris = named(1, "paris");
    const auto other = named(2, "wg0/AgAAAAAA");
    const auto wireguard = peer();
    const auto text = view::status_text(view::status(process(), {up(paris, wireguard), stranger(other)}), {});
    CHECK(text ==
          "NAME          STATE    CAUSE       INTERFACE  LOCAL     REMOTE    BFD  TX/RX       DETECT  SINCE\n"
          "paris         up       -           wg0        10.8.0.0  10.8.0.1  Up   50ms/3.3ms  150ms   "
          "2026-01-01T12:00:00Z\n"
          "wg0/AgAAAAAA  unknown  unresolved  wg0        -         -         -    -           -       "
          "2026-01-01T12:00:00Z\n");
}

TEST_CASE("columns stay in line with names that are not ASCII") {
    const auto paris = named(1, "zürich");
    const auto wireguard = peer();
    const auto lines = lines_of(view::status_text(view::status(process(), {up(paris, wireguard)}), {}));
    REQUIRE(lines.size() == 2);
    CHECK(view::width(lines[1].substr(0, lines[1].find(" up "))) == lines[0].find(" STATE"));
}

TEST_CASE("without an adjacency the table says so") {
    CHECK(view::status_text(view::status(process(), {}), {}) == "no adjacencies\n");
}

TEST_CASE("what fails stands below the table") {
    auto process = rows::process();
    process.problems = {"wg1: its socket answers nothing: restart wireguard-go"};
    process.feeds.push_back({"link", false, "wg0: not permitted", {}});
    process.frr_bfd = view::FrrBfd{false, 0, ""};
    CHECK(view::status_text(view::status(process, {}), {}) ==
          "no adjacencies\n"
          "problem: wg1: its socket answers nothing: restart wireguard-go\n"
          "problem: frr-bfd: not connected\n"
          "problem: link: wg0: not permitted\n");
    process = rows::process();
    process.feeds.push_back({"link", true, "", {}});
    process.frr_bfd = view::FrrBfd{true, 4, ""};
    CHECK(view::status_text(view::status(process, {}), {}) == "no adjacencies\n");
}

TEST_CASE("one adjacency is shown whole, a key a line") {
    const auto paris = named(1, "paris");
    const auto wireguard = peer();
    auto row = up(paris, wireguard);
    row.further.push_back(session(bfd::State::down));
    row.prefixes = 12;
    control::Failover failover;
    failover.at = noon - 1h;
    failover.prefixes = failover.moved = 9;
    failover.first = 80ms;
    failover.last = 131ms;
    failover.to = {{"berlin", 9}};
    row.failover = &failover;
    auto process = rows::process();
    process.feeds.push_back({"link", true, "", {{{1}, "up", noon}}});
    const auto text = view::status_text(view::status(process, {row}), "paris");
    for (const auto* line :
         {"name: paris",
          "state: up",
          "cause: -",
          "since: 2026-01-01T12:00:00.000Z",
          "cost: 10",
          "interface: wg0",
          "local: 10.8.0.0",
          "remote: 10.8.0.1",
          "address_source: allowed-ips",
          "configured: no",
          "asked_by: config, bfdd",
          "bfd.state: Up",
          "bfd.remote_state: Up",
          "bfd.diagnostic: none",
          "bfd.local_discriminator: 4294967295",
          "bfd.tx_interval: 50ms",
          "bfd.rx_interval: 3.3ms",
          "bfd.detection_time: 150ms",
          "bfd.downs: 0",
          "wireguard.endpoint: 192.0.2.1:51820",
          "wireguard.latest_handshake: 2026-01-01T11:59:30.000Z",
          "wireguard.rx_bytes: 1000",
          "session.1.state: Down",
          "session.1.asked_by: config, bfdd",
          "prefixes: 12",
          "failover: 2026-01-01T11:00:00.000Z down: 9 of 9 prefixes moved (9 to berlin), 80 to 131 ms "
          "after the verdict",
          "feed.link: up since 2026-01-01T12:00:00.000Z"}) {
        CAPTURE(line);
        const auto lines = lines_of(text);
        CHECK(std::ranges::find(lines, line) != lines.end());
    }
    for (const auto& line : lines_of(text)) CHECK(line.find(": ") != std::string::npos);
}

TEST_CASE("one adjacency without session and peer says so") {
    const auto other = named(2, "wg0/AgAAAAAA");
    const auto lines = lines_of(view::status_text(view::status(process(), {stranger(other)}), "wg0/AgAAAAAA"));
    CHECK(std::ranges::find(lines, "bfd: no session") != lines.end());
    CHECK(std::ranges::find(lines, "wireguard: -") != lines.end());
    CHECK(std::ranges::find(lines, "unresolved: no-candidate") != lines.end());
    CHECK(std::ranges::find(lines, "prefixes: -") != lines.end());
}

TEST_CASE("a name nobody has is answered with where to look") {
    CHECK(view::status_text(view::status(process(), {}), "london") ==
          "no adjacency is named london: `wgbfd status` lists them all\n");
}

TEST_CASE("no name moves the cursor of a terminal") {
    auto of = named(1, "a\x1b[2Jb");
    const auto wireguard = peer();
    for (const auto& name : {std::optional<std::string>{}, std::optional<std::string>{"a\x1b[2Jb"}})
        CHECK(view::status_text(view::status(process(), {up(of, wireguard)}), name).find('\x1b') == std::string::npos);
}

TEST_CASE("intervals are shown in the unit that keeps them short") {
    const auto paris = named(1, "paris");
    const auto wireguard = peer();
    auto row = up(paris, wireguard);
    const auto shown = [&](bfd::Microseconds interval) {
        row.session->status.tx_interval = interval;
        const auto text = view::status_text(view::status(process(), {row}), "paris");
        const auto start = text.find("bfd.tx_interval: ") + 17;
        return text.substr(start, text.find('\n', start) - start);
    };
    CHECK(shown(bfd::Microseconds{0}) == "-");
    CHECK(shown(bfd::Microseconds{999}) == "999us");
    CHECK(shown(bfd::Microseconds{1'000}) == "1ms");
    CHECK(shown(bfd::Microseconds{3'300}) == "3.3ms");
    CHECK(shown(bfd::Microseconds{999'000}) == "999ms");
    CHECK(shown(bfd::Microseconds{1'000'000}) == "1s");
    CHECK(shown(bfd::Microseconds{60'000'000}) == "60s");
    CHECK(shown(bfd::Microseconds{4'294'967'295U}) == "4294.97s");
}
