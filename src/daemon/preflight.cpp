#include "daemon/preflight.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>

namespace wgbfd {
namespace {

namespace fs = std::filesystem;

// A process may end while its files are read: what cannot be read is empty. (An istreambuf_iterator would throw.)
std::string read_file(const fs::path& path) {
    std::ifstream in{path, std::ios::binary};
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::optional<pid_t> pid_of(const fs::path& entry) {
    const auto name = entry.filename().string();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
    return pid;
}

fs::path link_target(const fs::path& link) {
    std::error_code error;
    return fs::read_symlink(link, error);
}

pid_t parent_of(const fs::path& proc) {
    constexpr std::string_view key = "\nPPid:\t";
    const auto status = read_file(proc / "status");
    const auto at = status.find(key);
    pid_t parent = 0;
    if (at != std::string::npos)
        std::from_chars(status.data() + at + key.size(), status.data() + status.size(), parent);
    return parent;
}

ProcessInfo describe(const fs::path& proc, pid_t pid) {
    ProcessInfo info{.pid = pid, .name = read_file(proc / "comm"), .arguments = {}, .parent = parent_of(proc)};
    while (!info.name.empty() && info.name.back() == '\n') info.name.pop_back();
    std::istringstream arguments{read_file(proc / "cmdline")};
    for (std::string word; std::getline(arguments, word, '\0');) info.arguments.push_back(word);
    return info;
}

template <class Visit>
void each_process(Visit visit) {
    const auto own_namespace = link_target("/proc/self/ns/net");
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{"/proc", error}) {
        const auto pid = pid_of(entry.path());
        if (pid && link_target(entry.path() / "ns/net") == own_namespace) visit(entry.path(), *pid);
    }
}

// Inodes of the sockets bound to `port`, from /proc/net/udp and udp6.
std::set<std::string> inodes_of_udp_port(std::uint16_t port) {
    std::set<std::string> inodes;
    for (const auto* table : {"/proc/self/net/udp", "/proc/self/net/udp6"}) {
        std::ifstream in{table};
        std::string line;
        std::getline(in, line);  // the heading
        while (std::getline(in, line)) {
            std::istringstream fields{line};
            const std::vector<std::string> words{std::istream_iterator<std::string>{fields}, {}};
            if (words.size() < 10) continue;
            const auto colon = words[1].rfind(':');
            unsigned bound = 0;
            std::from_chars(words[1].data() + colon + 1, words[1].data() + words[1].size(), bound, 16);
            if (bound == port) inodes.insert(words[9]);
        }
    }
    return inodes;
}

// FRR's scripts read the file as a shell does.
std::string unquoted(std::string text) {
    std::erase_if(text, [](char c) { return c == '"' || c == '\''; });
    return text;
}

bool has_data_plane(const std::vector<std::string>& arguments) {
    return std::ranges::any_of(arguments, [](const std::string& a) { return a.starts_with("--dplaneaddr"); });
}

}  // namespace

std::vector<ProcessInfo> processes_named(const std::string& name) {
    std::vector<ProcessInfo> found;
    each_process([&](const fs::path& proc, pid_t pid) {
        auto info = describe(proc, pid);
        if (info.name == name) found.push_back(std::move(info));
    });
    return found;
}

bool udp_port_taken(std::uint16_t port) { return !inodes_of_udp_port(port).empty(); }

std::vector<ProcessInfo> owners_of_udp_port(std::uint16_t port) {
    const auto inodes = inodes_of_udp_port(port);
    std::vector<ProcessInfo> owners;
    if (inodes.empty()) return owners;
    each_process([&](const fs::path& proc, pid_t pid) {
        std::error_code error;
        for (fs::directory_iterator fd{proc / "fd", error}, end; !error && fd != end; fd.increment(error)) {
            const auto target = link_target(fd->path()).string();  // "socket:[12345]"
            if (!target.starts_with("socket:[") || !inodes.contains(target.substr(8, target.size() - 9))) continue;
            owners.push_back(describe(proc, pid));
            return;
        }
    });
    return owners;
}

FrrDaemons parse_frr_daemons(const std::string& text) {
    FrrDaemons out;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        const auto first = line.find_first_not_of(" \t");
        if (first == std::string::npos || line[first] == '#') continue;
        line.erase(0, first);
        if (line.starts_with("bfdd=")) out.bfdd = unquoted(line.substr(5)).starts_with("yes");
        if (line.starts_with("bfdd_options=")) out.bfdd_options = line.substr(13);
        if (line.starts_with("zebra_options=")) out.zebra_options = line.substr(14);
    }
    return out;
}

std::optional<FrrDaemons> read_frr_daemons(const std::string& path) {
    std::error_code error;
    if (!fs::exists(path, error)) return std::nullopt;
    return parse_frr_daemons(read_file(path));
}

std::optional<std::string> stock_bfdd_in_the_way() {
    const std::string fix =
        "add --dplaneaddr unix:/run/frr/bfddp.sock to bfdd_options in /etc/frr/daemons, set "
        "[frr] bfd_dataplane to the same address, and restart FRR";
    const auto running = processes_named("bfdd");
    for (const auto& bfdd : running)
        if (!has_data_plane(bfdd.arguments))
            return "bfdd (pid " + std::to_string(bfdd.pid) + ") runs without --dplaneaddr and owns BFD's ports: " + fix;
    if (!running.empty()) return std::nullopt;
    const auto daemons = read_frr_daemons();
    if (daemons && daemons->bfdd && daemons->bfdd_options.find("--dplaneaddr") == std::string::npos)
        return "/etc/frr/daemons enables bfdd without --dplaneaddr, and it would abort when it finds BFD's ports "
               "taken: " +
               fix;
    return std::nullopt;
}

std::optional<std::string> bfdd_left_alone() {
    for (const auto& bfdd : processes_named("bfdd"))
        if (has_data_plane(bfdd.arguments))
            return "bfdd (pid " + std::to_string(bfdd.pid) +
                   ") waits for a data plane, and [frr] bfd_dataplane is not set: peers it is asked for are probed by "
                   "both, and their sessions flap; set it to the address of bfdd's --dplaneaddr";
    return std::nullopt;
}

std::optional<std::string> taken_ports() {
    for (const std::uint16_t port : {std::uint16_t{3784}, std::uint16_t{4784}}) {
        if (!udp_port_taken(port)) continue;
        std::string owners;
        for (const auto& owner : owners_of_udp_port(port))
            owners += (owners.empty() ? "" : ", ") + owner.name + " (pid " + std::to_string(owner.pid) + ")";
        return "UDP port " + std::to_string(port) + " is held by " + (owners.empty() ? "another process" : owners) +
               ": for bfdd add --dplaneaddr to its options, for BIRD remove protocol bfd (or give it strict bind, and "
               "us [probe] bind = \"addresses\"), then start again";
    }
    return std::nullopt;
}

}  // namespace wgbfd
