// What must be true of this host before the BFD ports are taken: a stock bfdd that starts later would abort.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace wgbfd {

struct ProcessInfo {
    pid_t pid = 0;
    std::string name;  // comm
    std::vector<std::string> arguments;
    pid_t parent = 0;
};

// Processes called `name` in our network namespace.
std::vector<ProcessInfo> processes_named(const std::string& name);

// Who holds a UDP port of our network namespace (IPv4 or IPv6); empty when nobody or somebody unreadable.
std::vector<ProcessInfo> owners_of_udp_port(std::uint16_t port);
bool udp_port_taken(std::uint16_t port);

// Whether FRR's daemons file enables bfdd, and with which options it and zebra (always) start. None: no such file.
struct FrrDaemons {
    bool bfdd = false;
    std::string bfdd_options;
    std::string zebra_options{};
};
std::optional<FrrDaemons> read_frr_daemons(const std::string& path = "/etc/frr/daemons");
FrrDaemons parse_frr_daemons(const std::string& text);

// The reason not to start, with what to change; none when nothing stands in the way. A running bfdd's command line
// counts over the file.
std::optional<std::string> stock_bfdd_in_the_way();

// A bfdd that waits for a data plane nobody gave us the address of: it probes in our stead and disturbs our sessions.
std::optional<std::string> bfdd_left_alone();

// Likewise for BFD's UDP ports: who holds one already.
std::optional<std::string> taken_ports();

}  // namespace wgbfd
