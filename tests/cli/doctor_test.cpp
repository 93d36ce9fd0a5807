// The doctor's checks of the host itself.
#include <doctest/doctest.h>

#include "cli/doctor_gather.hpp"
#include "facts.hpp"

using cli::Severity;
using facts::only_fault;
using facts::process;
using facts::says;
using facts::worst;

TEST_CASE("a host in order has no fault, and each finding that is ok needs no fix") {
    cli::DoctorFacts all;
    all.permission = {.net_admin = true, .net_raw = true, .unreadable = {}};
    all.daemon.run_dir = "/run/wgbfd";
    all.ports = {{3784, false, {}}, {4784, false, {}}};
    all.host = facts::good_host();
    const auto findings = check_all(all);
    CHECK(worst(findings) == Severity::ok);
    CHECK(findings.size() >= 9);
    for (const auto& finding : findings) {
        CAPTURE(finding.check);
        CHECK(!finding.message.empty());
        CHECK(finding.fix.empty());
    }
}

TEST_CASE("each mistake of the configuration is an error of its own, with its place") {
    const auto findings = cli::check_config({"x.toml", {"x.toml:1:1: one", "x.toml:2:5: two"}, {}});
    REQUIRE(findings.size() == 2);
    CHECK(findings[0].severity == Severity::error);
    CHECK(findings[1].message == "x.toml:2:5: two");
    CHECK(worst(cli::check_config({"x.toml", {}, {}})) == Severity::ok);
    CHECK(worst(cli::check_config({})) == Severity::ok);
}

TEST_CASE("a missing capability is an error that names it, and a socket that refuses us another") {
    CHECK(worst(cli::check_permission({true, true, {}})) == Severity::ok);
    CHECK(says(only_fault(cli::check_permission({false, true, {}})).message, "CAP_NET_ADMIN"));
    CHECK(says(only_fault(cli::check_permission({true, false, {}})).message, "CAP_NET_RAW"));
    const auto socket = only_fault(cli::check_permission({true, true, {"/run/frr/bfddp.sock"}}));
    CHECK(socket.severity == Severity::error);
    CHECK(socket.subject == "/run/frr/bfddp.sock");
}

TEST_CASE("a daemon that runs or none at all is fine; a lock whose holder does not answer is an error") {
    cli::DaemonFacts daemon;
    daemon.run_dir = "/run/wgbfd";
    CHECK(worst(check_daemon(daemon)) == Severity::ok);
    daemon.lock_holder = 42;
    daemon.answers = 43;  // guardian and worker
    CHECK(worst(check_daemon(daemon)) == Severity::ok);
    daemon.answers = 0;
    const auto fault = only_fault(check_daemon(daemon));
    CHECK(fault.severity == Severity::error);
    CHECK(says(fault.message, "42"));
    daemon.lock_holder = 0;
    CHECK(says(only_fault(check_daemon(daemon)).message, "cannot see"));
}

TEST_CASE("what a running daemon complains of is a warning") {
    cli::DaemonFacts daemon;
    daemon.answers = 43;
    daemon.problems = {"wg0: no answer in time"};
    CHECK(only_fault(check_daemon(daemon)).severity == Severity::warning);
}

TEST_CASE("what an ended daemon left changed is a warning, but not while a daemon runs and answers for it") {
    cli::DaemonFacts daemon;
    daemon.left_over = {"wg0"};
    const auto fault = only_fault(check_daemon(daemon));
    CHECK(fault.severity == Severity::warning);
    CHECK(fault.subject == "wg0");
    CHECK(says(fault.fix, "wgbfd undo"));
    daemon.answers = 43;
    CHECK(worst(check_daemon(daemon)) == Severity::ok);
}

TEST_CASE("a port held by another process is an error that names it and how it is freed") {
    const auto check = [](std::vector<wgbfd::ProcessInfo> owners) {
        return cli::check_ports({{3784, true, std::move(owners)}}, {}, config::Bind::any);
    };
    const auto bird = only_fault(check({process(12, "bird")}));
    CHECK(bird.severity == Severity::error);
    CHECK(says(bird.message, "bird (pid 12)"));
    CHECK(says(bird.fix, "protocol bfd"));
    CHECK(says(only_fault(check({process(12, "bfdd")})).fix, "--dplaneaddr"));
    CHECK(says(only_fault(check({process(12, "wgbfd")})).fix, "--run-dir"));
    CHECK(says(only_fault(check({process(12, "python3")})).fix, "stop it"));
    CHECK(says(only_fault(check({})).message, "cannot see"));
}

TEST_CASE("lines of FRR's that a running daemon holds would be saved by `write`; an ended one's are left over") {
    cli::DaemonFacts daemon;
    daemon.answers = 43;
    CHECK(worst(check_daemon(daemon)) == Severity::ok);
    daemon.frr_lines = {"wg0's OSPF cost 65535", "the IPv4 weight of neighbour 10.8.0.3 6"};
    const auto fault = only_fault(check_daemon(daemon));
    CHECK(fault.severity == Severity::warning);
    CHECK(fault.subject == "frr-vty");
    CHECK(says(fault.message, "`write`"));
    CHECK(says(fault.message, "wg0's OSPF cost 65535, the IPv4 weight of neighbour 10.8.0.3 6"));
    daemon.answers = 0;
    CHECK(worst(check_daemon(daemon)) == Severity::ok);
}
TEST_CASE("a free port is fine, and so is one that our own daemon holds, alone") {
    const auto found = [](std::vector<wgbfd::ProcessInfo> owners, pid_t answers, std::optional<pid_t> guardian = {}) {
        cli::DaemonFacts daemon;
        daemon.answers = answers;
        daemon.lock_holder = guardian;
        return worst(cli::check_ports({{3784, true, std::move(owners)}}, daemon, config::Bind::any));
    };
    CHECK(worst(cli::check_ports({{3784, false, {}}}, {}, config::Bind::any)) == Severity::ok);
    CHECK(found({process(12, "wgbfd")}, 12) == Severity::ok);
    CHECK(found({process(12, "wgbfd")}, 13) == Severity::error);
    CHECK(found({process(12, "wgbfd"), process(9, "bird")}, 12) == Severity::error);
    CHECK(found({process(12, "wgbfd"), process(11, "wgbfd")}, 12, 11) == Severity::ok);
    CHECK(found({process(12, "wgbfd"), process(11, "wgbfd")}, 12, 0) == Severity::error);
    auto prepared = process(14, "wgbfd");  // the next worker
    prepared.parent = 11;
    CHECK(found({process(12, "wgbfd"), process(11, "wgbfd"), prepared}, 12, 11) == Severity::ok);
}

TEST_CASE("with bind = \"addresses\" a port may be shared") {
    CHECK(worst(cli::check_ports({{3784, true, {process(9, "bird")}}}, {}, config::Bind::addresses)) == Severity::ok);
}

TEST_CASE("strict rp_filter is a warning: the greater of all and the interface's own value counts") {
    auto host = facts::good_host();
    const auto with = [&](int all, int own) {
        host.rp_filter = {{"all", all}, {"wg0", own}};
        return cli::check_rp_filter(host);
    };
    for (const auto& [all, own] : {std::pair{0, 0}, {2, 0}, {0, 2}, {1, 2}, {2, 1}}) {
        CAPTURE(all);
        CAPTURE(own);
        CHECK(worst(with(all, own)) == Severity::ok);
    }
    for (const auto& [all, own] : {std::pair{1, 0}, {0, 1}, {1, 1}}) {
        const auto fault = only_fault(with(all, own));
        CHECK(fault.severity == Severity::warning);
        CHECK(fault.subject == "wg0");
        CHECK(says(fault.fix, "net.ipv4.conf.wg0.rp_filter=2"));
    }
}

TEST_CASE("strict rp_filter on an interface that is not WireGuard's is none of ours") {
    auto host = facts::good_host();
    host.rp_filter["eth0"] = 1;
    CHECK(worst(cli::check_rp_filter(host)) == Severity::ok);
}

TEST_CASE("a device that cannot be read is an error; none at all, one without peers, one that is down a warning") {
    CHECK(worst(cli::check_wireguard(facts::good_host())) == Severity::ok);
    auto host = facts::good_host();
    host.problems = {"wg1: no answer in time: its WireGuard process hangs; restart it"};
    const auto fault = only_fault(cli::check_wireguard(host));
    CHECK(fault.severity == Severity::error);
    CHECK(fault.subject == "wg1");
    CHECK(says(fault.message, "no answer in time"));
    CHECK(only_fault(cli::check_wireguard({})).severity == Severity::warning);
    CHECK(says(only_fault(cli::check_wireguard(facts::host({}))).message, "no peer"));
    host = facts::good_host();
    host.links.front().up = false;
    CHECK(says(only_fault(cli::check_wireguard(host)).fix, "ip link set wg0 up"));
}

TEST_CASE("the holder of a lock is found by device and inode") {
    const char* table =
        "1: POSIX  ADVISORY  WRITE 11 00:1a:77 0 EOF\n"
        "2: FLOCK  ADVISORY  WRITE 22 00:1a:78 0 EOF\n"
        "3: FLOCK  ADVISORY  WRITE 33 00:1a:77 0 EOF\n"
        "4: FLOCK  ADVISORY  WRITE -1 08:01:9 0 EOF\n"
        "broken\n";
    CHECK(cli::lock_holder(table, 0, 0x1a, 77) == 33);
    CHECK(cli::lock_holder(table, 8, 1, 9) == 0);  // in another process namespace
    CHECK(!cli::lock_holder(table, 0, 0x1b, 77));
    CHECK(!cli::lock_holder(table, 0, 0x1a, 79));
    CHECK(!cli::lock_holder("", 0, 0, 0));
}
