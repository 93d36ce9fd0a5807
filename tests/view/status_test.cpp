#include "view/status.hpp"

#include <doctest/doctest.h>

#include <set>

#include "rows.hpp"

using namespace rows;
using nlohmann::json;

namespace {

json one(const control::Row& row, const view::Process& process = rows::process()) {
    const auto status = view::status(process, {row});
    REQUIRE(status.at("adjacencies").size() == 1);
    return status.at("adjacencies").at(0);
}

}  // namespace

TEST_CASE("status has every key that scripts may rely on, with its type") {
    const auto of = named(1, "paris");
    const auto wireguard = peer();
    // The shape that is promised, word for word; types are compared, values are not.
    const auto promised = json::parse(R"({"version":"…","uptime_s":1,"worker_restarts":0,
      "probe_loop":{"late_wakes":0,"max_lateness_us":0,"stalls":0,"wakeups_per_s":0,"realtime":false},
      "adjacencies":[{"name":"…","interface":"wg0","peer":"…","local":"10.8.0.0","remote":"10.8.0.1",
        "address_source":"allowed-ips","group":null,"state":"up","cause":null,"since":"2026-01-01T00:00:00.000Z","cost":10,
        "bfd":{"state":"Up","remote_state":"Up","diagnostic":"none","remote_diagnostic":"none","local_discriminator":1,
          "remote_discriminator":2,"tx_interval_us":50000,"rx_interval_us":50000,"detection_time_us":150000,
          "packets_sent":0,"packets_received":0,"ups":1,"downs":0},
        "quality":null,
        "wireguard":{"endpoint":"192.0.2.1:51820","latest_handshake":"…","rx_bytes":0,"tx_bytes":0},
        "sessions":[],"prefixes":7,"failover":{"at":"…","verdict":"down","cause":"detect-timeout","prefixes":7,"moved":7,
          "withdrawn":0,"left":0,"first_us":1,"last_us":2,"to":{"berlin":7},"elsewhere":0,"source":"fpm","exact":true},
        "feeds":{"link":{"told":"up","at":"…"}}}],
      "feeds":{"frr-bfd":{"connected":true,"sessions":1}},
      "routes":{"source":"fpm","routes":7,"refused":0,"refused_nexthops":0,"refused_hops":0,"bytes":448,"resyncs":0,
        "fpm":{"listen":"127.0.0.1:2620","client":"127.0.0.1:40000","problem":null}}})");
    auto process = rows::process();
    process.feeds.push_back({"link", true, "", {{{1}, "up", noon}}});
    process.frr_bfd = view::FrrBfd{true, 1, ""};
    process.routes = {control::RouteSource::fpm, 7, {}, 448, 0, view::Fpm{"127.0.0.1:2620", "127.0.0.1:40000", ""}};
    control::Failover failover;
    failover.cause = policy::Cause::detect_timeout;
    failover.first = failover.last = 1ms;
    failover.to = {{"berlin", 7}};
    auto row = up(of, wireguard);
    row.prefixes = 7;
    row.failover = &failover;
    const auto status = view::status(process, {row});
    const auto same_type = [](const json& a, const json& b) {
        return a.type() == b.type() || (a.is_number_integer() && b.is_number_integer());
    };
    const auto flat = status.flatten();
    const auto keys = promised.flatten();
    for (const auto& [path, value] : keys.items()) {
        CAPTURE(path);
        REQUIRE(flat.contains(path));
        CHECK(same_type(flat[path], value));
    }
}

TEST_CASE("an adjacency that is up shows its session, its peer and its feeds") {
    const auto of = named(1, "paris");
    const auto wireguard = peer();
    probe::SlotCounters counters;
    counters.packets_sent.add(11);
    counters.packets_received.add(12);
    counters.ups.add(2);
    counters.downs.add(1);
    counters.refused.add(3);
    counters.vouched.add(4);
    auto row = up(of, wireguard);
    row.configured = true;
    row.session->counters = &counters;
    auto process = rows::process();
    process.feeds.push_back({"link", true, "", {{{2}, "down", noon}, {{1}, "up", noon + 1s}}});
    const auto shown = one(row, process);
    CHECK(shown.at("name") == "paris");
    CHECK(shown.at("peer") == "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    CHECK(shown.at("address_source") == "allowed-ips");
    CHECK(shown.at("configured") == true);
    CHECK(shown.at("state") == "up");
    CHECK(shown.at("cause").is_null());
    CHECK(shown.at("unresolved").is_null());
    CHECK(shown.at("group").is_null());
    CHECK(shown.at("quality").is_null());
    CHECK(shown.at("since") == "2026-01-01T12:00:00.000Z");
    CHECK(shown.at("cost") == 10);
    CHECK(shown.at("asked_by") == json{"config", "bfdd"});
    CHECK(shown.at("bfd") == json{{"state", "Up"},
                                  {"remote_state", "Up"},
                                  {"diagnostic", "none"},
                                  {"remote_diagnostic", "none"},
                                  {"local_discriminator", 4294967295U},
                                  {"remote_discriminator", 2},
                                  {"tx_interval_us", 50'000},
                                  {"rx_interval_us", 3'300},
                                  {"detection_time_us", 150'000},
                                  {"packets_sent", 11},
                                  {"packets_received", 12},
                                  {"send_failures", 0},
                                  {"refused", 3},
                                  {"extended", 0},
                                  {"vouched", 4},
                                  {"ups", 2},
                                  {"downs", 1}});
    CHECK(shown.at("wireguard") == json{{"endpoint", "192.0.2.1:51820"},
                                        {"latest_handshake", "2026-01-01T11:59:30.000Z"},
                                        {"rx_bytes", 1'000},
                                        {"tx_bytes", 2'000}});
    CHECK(shown.at("feeds") == json{{"link", {{"told", "up"}, {"at", "2026-01-01T12:00:01.000Z"}}}});
}

TEST_CASE("what is not known is null, not missing and not empty") {
    const auto of = named(1, "wg0/AQAAAAAA");
    const auto shown = one(stranger(of));
    for (const auto* key :
         {"local", "remote", "address_source", "group", "bfd", "quality", "wireguard", "prefixes", "failover"}) {
        CAPTURE(key);
        CHECK(shown.at(key).is_null());
    }
    CHECK(shown.at("cause") == "unresolved");
    CHECK(shown.at("unresolved") == "no-candidate");
    CHECK(shown.at("asked_by") == json::array());
    CHECK(shown.at("sessions") == json::array());
    CHECK(shown.at("feeds") == json::object());
    auto wireguard = peer();
    wireguard.endpoint.reset();
    wireguard.latest_handshake.reset();
    const auto silent = one(up(of, wireguard)).at("wireguard");
    CHECK(silent.at("endpoint").is_null());
    CHECK(silent.at("latest_handshake").is_null());
}

TEST_CASE("routes: who tells of them, or nobody; FPM is null where it is not configured") {
    auto process = rows::process();
    CHECK(view::status(process, {}).at("routes") == json{{"source", "none"},
                                                         {"routes", 0},
                                                         {"refused", 0},
                                                         {"refused_nexthops", 0},
                                                         {"refused_hops", 0},
                                                         {"bytes", 0},
                                                         {"resyncs", 0},
                                                         {"complete", false},
                                                         {"fpm", nullptr}});
    process.routes.source = control::RouteSource::kernel;
    process.routes.fpm = view::Fpm{"127.0.0.1:2620", "", "no zebra is connected"};
    CHECK(view::status(process, {}).at("routes").at("source") == "kernel");
    CHECK(view::status(process, {}).at("routes").at("fpm") ==
          json{{"listen", "127.0.0.1:2620"}, {"client", nullptr}, {"problem", "no zebra is connected"}});
}

TEST_CASE("a session outside WireGuard is a row without peer and wireguard") {
    control::Row row;
    row.name = "192.0.2.9%eth0";
    row.source = adjacency::AddressSource::bfdd;
    row.session = session(bfd::State::down);
    const auto shown = one(row);
    CHECK(shown.at("peer").is_null());
    CHECK(shown.at("wireguard").is_null());
    CHECK(shown.at("interface").is_null());
    CHECK(shown.at("feeds") == json::object());
    CHECK(shown.at("address_source") == "bfdd");
    CHECK(shown.at("bfd").at("packets_sent") == 0);  // no slot yet
}

TEST_CASE("further sessions carry their addresses and their askers") {
    const auto of = named(1, "paris");
    const auto wireguard = peer();
    auto row = up(of, wireguard);
    row.further.push_back(session(bfd::State::init));
    row.further[0].key = {{7}, ip("fe80::1"), ip("fe80::2"), false};
    row.further[0].asked_by = {"bfdd"};
    const auto further = one(row).at("sessions");
    REQUIRE(further.size() == 1);
    CHECK(further[0].at("local") == "fe80::1");
    CHECK(further[0].at("remote") == "fe80::2");
    CHECK(further[0].at("asked_by") == json{"bfdd"});
    CHECK(further[0].at("state") == "Init");
    CHECK(further[0].at("detection_time_us") == 150'000);
}

TEST_CASE("each state, diagnostic and cause is written as its word") {
    const auto of = named(1, "paris");
    const auto wireguard = peer();
    auto row = up(of, wireguard);
    row.session->status.state = bfd::State::admin_down;
    row.session->status.diagnostic = bfd::Diagnostic::administratively_down;
    row.session->status.remote_diagnostic = static_cast<bfd::Diagnostic>(31);
    row.verdict = {policy::VerdictState::admin_down, policy::Cause::admin};
    const auto shown = one(row);
    CHECK(shown.at("state") == "admin-down");
    CHECK(shown.at("cause") == "admin");
    CHECK(shown.at("bfd").at("state") == "AdminDown");
    CHECK(shown.at("bfd").at("diagnostic") == "administratively-down");
    CHECK(shown.at("bfd").at("remote_diagnostic") == "reserved");
    std::set<std::string_view> words;
    for (int i = 0; i < 10; ++i) words.insert(to_string(static_cast<policy::Cause>(i)));
    CHECK(words.size() == 10);
    CHECK_FALSE(words.contains("?"));
}

TEST_CASE("the process tells its loop, its feeds and its problems") {
    auto process = rows::process();
    process.worker_restarts = 3;
    process.probe_loop.late_wakes = 1;
    process.probe_loop.max_lateness = 2'345'678ns;
    process.probe_loop.realtime = true;
    process.probe_loop.problems = {"[process] cpu = 7: not there"};
    process.probe_loop.stands_still = true;
    process.probe_loop.standstills = 6;
    process.probe_loop.longest_standstill = 1'500ms;
    process.control_loop = {70, 8, 1'234us};
    process.probe_loop.dropped = {{"ttl", 4}, {"truncated", 0}};
    process.probe_loop.kernel_drops = 5;
    process.feeds.push_back({"link", false, "wg0: not permitted: grant CAP_NET_ADMIN", {}});
    process.frr_bfd = view::FrrBfd{false, 0, "no socket: start bfdd"};
    process.problems = {"wg1: the socket answers nothing"};
    const auto status = view::status(process, {});
    CHECK(status.at("version") == "0.1.0");
    CHECK(status.at("uptime_s") == 90);
    CHECK(status.at("worker_restarts") == 3);
    CHECK(status.at("probe_loop").at("max_lateness_us") == 2'345);
    CHECK(status.at("probe_loop").at("realtime") == true);
    CHECK(status.at("probe_loop").at("dropped") == json{{"ttl", 4}, {"truncated", 0}});
    CHECK(status.at("probe_loop").at("kernel_drops") == 5);
    CHECK(status.at("probe_loop").at("problems") == json{"[process] cpu = 7: not there"});
    CHECK(status.at("probe_loop").at("stands_still") == true);
    CHECK(status.at("probe_loop").at("standstills") == 6);
    CHECK(status.at("probe_loop").at("longest_standstill_us") == 1'500'000);
    CHECK(status.at("control_loop") == json{{"handlers", 70}, {"long_handlers", 8}, {"longest_handler_us", 1'234}});
    CHECK(status.at("feeds").at("link").at("healthy") == false);
    CHECK(status.at("feeds").at("link").at("problem") == "wg0: not permitted: grant CAP_NET_ADMIN");
    CHECK(status.at("feeds").at("frr-bfd") ==
          json{{"connected", false}, {"sessions", 0}, {"problem", "no socket: start bfdd"}});
    CHECK(status.at("problems") == json{"wg1: the socket answers nothing"});
    CHECK(status.at("adjacencies") == json::array());
}

TEST_CASE("a page whose rows come a few at a time is the same status, in text") {
    auto process = rows::process();
    process.problems = {"\xc0\xaf"};
    std::vector<adjacency::Adjacency> of;
    for (std::uint32_t i = 1; i <= 7; ++i) of.push_back(named(i, "peer-\xff" + std::to_string(i)));
    process.feeds.push_back({"link", true, "", {{of[0].id, "up", {}}, {of[4].id, "down", {}}}});
    process.feeds.push_back({"frr-vty", true, "", {{of[4].id, "cost 20", {}}}});
    const auto wireguard = peer();
    std::vector<control::Row> all;
    for (const auto& one : of) all.push_back(up(one, wireguard));
    const auto whole = view::status(process, all);
    CHECK(whole.at("adjacencies")[4].at("feeds").size() == 2);
    CHECK(whole.at("adjacencies")[1].at("feeds").empty());
    view::StatusPage page{process};
    page.add(std::span{all}.first(3));
    page.add({});
    page.add(std::span{all}.subspan(3));
    CHECK(json::parse(std::move(page).take()) == whole);
    CHECK(json::parse(view::StatusPage{process}.take()) == view::status(process, {}));
}

TEST_CASE("frr-bfd is absent when it is not configured") {
    CHECK_FALSE(view::status(process(), {}).at("feeds").contains("frr-bfd"));
}

TEST_CASE("an interface whose name is no UTF-8 cannot break the JSON") {
    auto of = named(1, "w\xff/x");
    of.interface = "w\xc3\xa9\xed\xa0\x80";
    const auto wireguard = peer();
    auto process = rows::process();
    process.problems = {"\xc0\xaf"};
    const auto status = view::status(process, {up(of, wireguard)});
    CHECK_NOTHROW(static_cast<void>(status.dump()));
    CHECK(status.at("adjacencies")[0].at("name") == "w?/x");
}

TEST_CASE("exit status: 0 when all are up, 3 when one that counts is not") {
    const auto paris = named(1, "paris");
    const auto other = named(2, "wg0/AgAAAAAA");
    const auto wireguard = peer();
    const auto status = [](const std::vector<control::Row>& all) { return view::status(process(), all); };
    auto down = up(paris, wireguard);
    down.verdict = {policy::VerdictState::down, policy::Cause::detect_timeout};
    CHECK(view::exit_status(status({}), {}) == 0);
    CHECK(view::exit_status(status({up(paris, wireguard)}), {}) == 0);
    CHECK(view::exit_status(status({up(paris, wireguard), down}), {}) == 3);
    // A stranger does not count, one that somebody configured does.
    CHECK(view::exit_status(status({up(paris, wireguard), stranger(other)}), {}) == 0);
    auto configured = stranger(other);
    configured.configured = true;
    CHECK(view::exit_status(status({up(paris, wireguard), configured}), {}) == 3);
    auto never_up = stranger(other);
    never_up.verdict.cause = policy::Cause::never_up;
    CHECK(view::exit_status(status({never_up}), {}) == 0);
    // Down counts for everybody, and so does admin-down.
    down.name = "wg0/AgAAAAAA";
    CHECK(view::exit_status(status({down}), {}) == 3);
    down.verdict = {policy::VerdictState::admin_down, policy::Cause::admin};
    CHECK(view::exit_status(status({down}), {}) == 3);
}

TEST_CASE("exit status of one adjacency looks at that one alone, and asking for it by name makes it count") {
    const auto paris = named(1, "paris");
    const auto other = named(2, "wg0/AgAAAAAA");
    const auto wireguard = peer();
    const auto status = view::status(process(), {up(paris, wireguard), stranger(other)});
    CHECK(view::exit_status(status, "paris") == 0);
    CHECK(view::exit_status(status, "wg0/AgAAAAAA") == 3);
    CHECK(view::exit_status(status, "london") == 1);
}

TEST_CASE("path_mtu says what passes and what to do; icmp stands where bfd is null") {
    const auto of = named(1, "paris");
    const auto wg = peer();
    auto row = up(of, wg);
    const auto shown = [&] { return view::status(process(), {row}).at("adjacencies").at(0); };
    CHECK(shown().at("path_mtu").is_null());
    CHECK(shown().at("icmp").is_null());
    CHECK(shown().at("far_end").is_null());
    row.far_end = quality::ReversePath::strict;
    CHECK(shown().at("far_end") == nlohmann::json{{"rp_filter", "strict"}});
    row.far_end = quality::ReversePath::open;
    CHECK(shown().at("far_end") == nlohmann::json{{"rp_filter", "open"}});
    CHECK(shown().at("protocol") == "bfd");
    CHECK(shown().at("padding") == 0);
    row.passage = {quality::Fit::whole, 1420, 0};
    CHECK(shown().at("path_mtu") ==
          nlohmann::json{{"asked", 1420}, {"fit", "whole"}, {"largest", 1420}, {"fix", nullptr}});
    row.passage = {quality::Fit::limited, 1420, 0};
    CHECK(shown().at("path_mtu").at("largest").is_null());
    row.passage.largest = 1376;
    CHECK(shown().at("path_mtu") ==
          nlohmann::json{
              {"asked", 1420}, {"fit", "limited"}, {"largest", 1376}, {"fix", "ip link set dev wg0 mtu 1376"}});
    row.session.reset();
    row.padding = 1300;
    row.liveness = control::Liveness{};
    row.liveness->status.state = quality::EchoState::up;
    probe::GaugeCounters counters;
    counters.echoes_sent.add(9);
    row.measuring = &counters;
    CHECK(shown().at("bfd").is_null());
    CHECK(shown().at("protocol") == "icmp");
    CHECK(shown().at("padding") == 1300);
    CHECK(shown().at("icmp") == nlohmann::json{{"state", "Up"},
                                               {"interval_us", 50'000},
                                               {"detection_time_us", 150'000},
                                               {"echoes_sent", 9},
                                               {"answers", 0},
                                               {"ups", 0},
                                               {"downs", 0}});
    const auto text = view::status_text(view::status(process(), {row}), "paris");
    CHECK(text.find("icmp.state: Up\n") != std::string::npos);
    CHECK(text.find("path_mtu.fix: ip link set dev wg0 mtu 1376\n") != std::string::npos);
    CHECK(text.find("far_end.rp_filter: open\n") != std::string::npos);
    CHECK(view::status_text(view::status(process(), {row}), std::nullopt).find("ICMP Up  50ms   150ms") !=
          std::string::npos);
}
