// The doctor's checks of FRR.
#include <doctest/doctest.h>

#include "facts.hpp"

using cli::Severity;
using facts::only_fault;
using facts::process;
using facts::says;
using facts::worst;

namespace {

const std::string ours = "unix:/run/frr/bfddp.sock";

cli::BfddFacts running(std::vector<std::string> arguments) {
    return {{process(7, "bfdd", std::move(arguments))}, std::nullopt, std::nullopt};
}

cli::BfddFacts enabled(const char* options) { return {{}, wgbfd::FrrDaemons{true, options}, std::nullopt}; }

cli::VtyFacts zebra(const char* version) {
    cli::VtyFacts out;
    out.directory = "/run/frr";
    out.version = std::string{version};
    return out;
}

config::Config feeds_link() {
    config::Config out;
    out.interfaces.push_back({"wg0", {"link"}, {}});
    return out;
}

cli::VtyFacts knows(std::vector<frr::InterfaceShown> interfaces) {
    auto out = zebra("FRRouting 8.4.4 (r)");
    out.interfaces = std::move(interfaces);
    return out;
}

}  // namespace

TEST_CASE("--dplaneaddr is read in both spellings") {
    CHECK(cli::data_plane_of({"bfdd", "--dplaneaddr", "unix:/a"}) == "unix:/a");
    CHECK(cli::data_plane_of({"bfdd", "--dplaneaddr=unix:/a", "-d"}) == "unix:/a");
    CHECK(cli::data_plane_of({"bfdd", "--dplaneaddr"}) == "");
    CHECK(!cli::data_plane_of({"bfdd", "-d"}));
    CHECK(!cli::data_plane_of({"bfdd", "--dplaneaddress=unix:/a"}));
}

TEST_CASE("a bfdd that runs without --dplaneaddr is an error, whatever we are configured to do") {
    for (const auto& dataplane : {std::optional<std::string>{}, std::optional{ours}}) {
        const auto fault = only_fault(cli::check_bfdd(running({"bfdd", "-d"}), dataplane));
        CHECK(fault.severity == Severity::error);
        CHECK(says(fault.fix, "--dplaneaddr unix:/run/frr/bfddp.sock"));
        CHECK(says(fault.subject, "7"));
    }
}

TEST_CASE("a bfdd enabled in /etc/frr/daemons without --dplaneaddr is an error; disabled, it is none") {
    CHECK(only_fault(cli::check_bfdd(enabled("\"  --daemon -A 127.0.0.1\""), ours)).severity == Severity::error);
    CHECK(worst(cli::check_bfdd(enabled("\"  -A 127.0.0.1 --dplaneaddr unix:/run/frr/bfddp.sock\""), ours)) ==
          Severity::ok);
    CHECK(worst(cli::check_bfdd({{}, wgbfd::FrrDaemons{false, ""}, {}}, std::nullopt)) == Severity::ok);
    CHECK(worst(cli::check_bfdd({}, std::nullopt)) == Severity::ok);
}

TEST_CASE("a running bfdd's command line counts over the file") {
    auto both = enabled("\"-d\"");
    both.running = running({"bfdd", "--dplaneaddr", ours}).running;
    CHECK(worst(cli::check_bfdd(both, ours)) == Severity::ok);
}

TEST_CASE("bfdd and [frr] bfd_dataplane must name the same place, however it is written") {
    CHECK(worst(cli::check_bfdd(running({"bfdd", "--dplaneaddr", ours}), ours)) == Severity::ok);
    CHECK(worst(cli::check_bfdd(running({"bfdd", "--dplaneaddr=unix:/var/run/frr/bfddp.sock"}), ours)) == Severity::ok);
    CHECK(worst(cli::check_bfdd(running({"bfdd", "--dplaneaddr=ipv4:127.0.0.1"}), "ipv4:127.0.0.1:50700")) ==
          Severity::ok);
    const auto other = only_fault(cli::check_bfdd(running({"bfdd", "--dplaneaddr", "unix:/run/frr/other"}), ours));
    CHECK(other.severity == Severity::error);
    CHECK(says(other.message, "unix:/run/frr/other"));
    CHECK(only_fault(cli::check_bfdd(running({"bfdd", "--dplaneaddr=ipv4:127.0.0.1"}), "ipv4:127.0.0.1:50701"))
              .severity == Severity::error);
}

TEST_CASE("bfdd waits for a data plane and we are not configured: an error that says what to write") {
    const auto fault = only_fault(cli::check_bfdd(running({"bfdd", "--dplaneaddr", ours}), std::nullopt));
    CHECK(fault.severity == Severity::error);
    CHECK(says(fault.fix, "bfd_dataplane = \"unix:/run/frr/bfddp.sock\""));
}

TEST_CASE("bfdd as the client is told to listen instead") {
    const auto fault = only_fault(cli::check_bfdd(running({"bfdd", "--dplaneaddr", "unixc:/run/x"}), ours));
    CHECK(fault.severity == Severity::error);
    CHECK(says(fault.fix, "--dplaneaddr unix:"));
}

TEST_CASE("bfd_dataplane without any bfdd is a warning") {
    const auto fault = only_fault(cli::check_bfdd({}, ours));
    CHECK(fault.severity == Severity::warning);
    CHECK(says(fault.fix, "bfdd=yes"));
}

TEST_CASE("bfdd runs and its socket is not where it should be: an error; not known is none") {
    auto facts = running({"bfdd", "--dplaneaddr", ours});
    facts.socket_exists = false;
    CHECK(only_fault(cli::check_bfdd(facts, ours)).severity == Severity::error);
    facts.socket_exists = true;
    CHECK(worst(cli::check_bfdd(facts, ours)) == Severity::ok);
}

TEST_CASE("an FRR in the window of the 30 s delay is a warning, the releases around it are fine") {
    for (const auto* bad : {"FRRouting 10.4.0 (r)", "FRRouting 10.4.4 (r)", "FRRouting 10.5.0 (r)", "FRRouting 10.5.2"})
        CHECK(only_fault(cli::check_frr_version(zebra(bad))).severity == Severity::warning);
    for (const auto* good :
         {"FRRouting 8.4.4 (r)", "FRRouting 10.3.9", "FRRouting 10.5.3", "FRRouting 10.6.0", "Quagga"})
        CHECK(worst(cli::check_frr_version(zebra(good))) == Severity::ok);
}

TEST_CASE("no FRR is fine; one that was configured and does not answer is a warning") {
    CHECK(worst(cli::check_frr_version({})) == Severity::ok);
    auto facts = zebra("");
    facts.version = tl::unexpected{std::string{"zebra is not running"}};
    CHECK(worst(cli::check_frr_version(facts)) == Severity::ok);
    facts.configured = true;
    CHECK(only_fault(cli::check_frr_version(facts)).severity == Severity::warning);
}

TEST_CASE("link-detect off on an interface that feeds link is an error; elsewhere it is not ours") {
    frr::InterfaceShown wg0{.name = "wg0", .index = {}}, other{.name = "eth0", .index = {}};
    other.link_detection = false;
    CHECK(worst(cli::check_link_detect(knows({wg0, other}), feeds_link())) == Severity::ok);
    wg0.link_detection = false;
    const auto fault = only_fault(cli::check_link_detect(knows({wg0, other}), feeds_link()));
    CHECK(fault.severity == Severity::error);
    CHECK(fault.subject == "wg0");
    CHECK(says(fault.fix, "link-detect"));
    CHECK(cli::check_link_detect(knows({wg0, other}), {}).empty());
}

TEST_CASE("an adjacency's own feed link counts as its interface's") {
    frr::InterfaceShown wg0{.name = "wg0", .index = {}};
    wg0.link_detection = false;
    config::Config config;
    config.adjacencies.push_back(facts::entry(1));
    CHECK(cli::check_link_detect(knows({wg0}), config).empty());
    config.adjacencies.front().feeds = {"link"};
    CHECK(only_fault(cli::check_link_detect(knows({wg0}), config)).severity == Severity::error);
}

TEST_CASE("an interface that feeds link and that zebra does not know, or a zebra that cannot be asked, is a warning") {
    CHECK(only_fault(cli::check_link_detect(knows({}), feeds_link())).severity == Severity::warning);
    auto deaf = zebra("FRRouting 8.4.4 (r)");
    deaf.interfaces = tl::unexpected{std::string{"zebra does not answer within 3 s"}};
    CHECK(only_fault(cli::check_link_detect(deaf, feeds_link())).severity == Severity::warning);
}

namespace {

cli::ZebraFacts zebra_runs(std::vector<std::string> arguments) {
    return {{process(9, "zebra", std::move(arguments))}, std::nullopt, "frr version 8.4.4\nfpm address 127.0.0.1\n"};
}

}  // namespace

TEST_CASE("[frr] fpm wants zebra's module, in any spelling") {
    CHECK(cli::check_fpm(zebra_runs({"zebra"}), std::nullopt).empty());
    for (const auto& arguments : std::vector<std::vector<std::string>>{{"zebra", "-M", "dplane_fpm_nl"},
                                                                       {"zebra", "-Mdplane_fpm_nl", "-d"},
                                                                       {"zebra", "--module=dplane_fpm_nl"},
                                                                       {"zebra", "-M", "dplane_fpm_nl:x"}})
        CHECK(worst(cli::check_fpm(zebra_runs(arguments), "127.0.0.1:2620")) == Severity::ok);
    const auto fault = only_fault(cli::check_fpm(zebra_runs({"zebra", "-M", "fpm", "-d"}), "127.0.0.1:2620"));
    CHECK(fault.severity == Severity::warning);
    CHECK(says(fault.subject, "9"));
    CHECK(says(fault.fix, "-M dplane_fpm_nl"));
    CHECK(says(fault.fix, "'fpm address 127.0.0.1'"));
}

TEST_CASE("a zebra that does not run is judged by /etc/frr/daemons; one that does, by what it was told to connect to") {
    const cli::ZebraFacts good{{}, wgbfd::parse_frr_daemons("zebra_options=\" -A 127.0.0.1 -M dplane_fpm_nl\"\n"), {}};
    CHECK(worst(cli::check_fpm(good, "127.0.0.1:2620")) == Severity::ok);
    const cli::ZebraFacts bad{{}, wgbfd::parse_frr_daemons("zebra_options=\" -A 127.0.0.1\"\n"), {}};
    CHECK(says(only_fault(cli::check_fpm(bad, "127.0.0.1:2620")).message, "without its module"));
    CHECK(says(only_fault(cli::check_fpm({}, "127.0.0.1:2620")).message, "no zebra"));
    auto mute = zebra_runs({"zebra", "-M", "dplane_fpm_nl"});
    mute.running_config = "frr version 8.4.4\n";
    CHECK(says(only_fault(cli::check_fpm(mute, "127.0.0.1:2621")).fix, "'fpm address 127.0.0.1 port 2621'"));
    CHECK(says(only_fault(cli::check_fpm(mute, "[::1]:2620")).fix, "'fpm address ::1'"));
}
