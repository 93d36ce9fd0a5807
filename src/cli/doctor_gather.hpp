// Looks at this host for `wgbfd doctor`: files, /proc, netlink, WireGuard, vty sockets. Changes nothing, and takes a
// few seconds at most however much of it hangs.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "cli/doctor_checks.hpp"
#include "cli/options.hpp"
#include "daemon/run_dir.hpp"

namespace cli {

DoctorFacts gather(const Options& options);

// The pieces that gather() is made of.
ConfigFacts gather_config(const Options& options);
DaemonFacts gather_daemon(const wgbfd::RunDir& run_dir);
HostFacts gather_host();
NetworkFacts gather_network(const HostFacts& host, const DaemonFacts& daemon);
BfddFacts gather_bfdd(const config::Config& config);
bool is_there(const std::filesystem::path& path);

// Who holds the lock of the file with this device and inode, by the text of /proc/locks.
std::optional<pid_t> lock_holder(std::string_view proc_locks, unsigned device_major, unsigned device_minor,
                                 std::uint64_t inode);

}  // namespace cli
